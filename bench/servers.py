"""What a send talks to while it is measured: a sink in its own process, and a database with fsync."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import MappingProxyType
from typing import Final

import psutil
from sqlalchemy import Engine, text

#: As docs/fleet.md advises for a PostgreSQL server that has some gigabytes of memory for this.
SERVER: Final = {
    "shared_buffers": "1GB",
    "max_wal_size": "8GB",
    "checkpoint_timeout": "15min",
    "autovacuum_vacuum_cost_limit": "2000",
}

ROOT = Path(__file__).resolve().parent.parent


@contextmanager
def sink(rate: float = 100_000.0, latency: float = 0.0) -> Iterator[str]:
    """Start an endpoint (``bench.sink``) and give its address."""
    command = [sys.executable, "-m", "bench.sink", f"--rate={rate}", f"--latency={latency}"]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as started:
        assert started.stdin and started.stdout
        try:
            yield started.stdout.readline().strip()
        finally:
            started.stdin.close()


@contextmanager
def database(kind: str, folder: Path, settings: Mapping[str, str] = MappingProxyType({})) -> Iterator[str]:
    """Give the URL of an empty database: a file, or a PostgreSQL server of our own.

    settings: of the server, where it is not to be set up as it comes.
    """
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'newsletter.db'}"
        return
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if not found:
        raise SystemExit("PostgreSQL is not installed (no initdb in /usr/lib/postgresql/*/bin).")
    binaries = found[-1].parent
    # the server does not run as root, who therefore becomes the user postgres, and cannot see our folder
    home = Path(tempfile.mkdtemp(prefix="newsletter-bench-"))
    become = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    if become:
        shutil.chown(home, "postgres", "postgres")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    def run(*command: str | Path) -> None:
        with (folder / "postgresql.log").open("ab") as log:  # not a pipe: the server keeps it open
            subprocess.run([*become, *map(str, command)], stdout=log, stderr=log, cwd="/", check=True)

    own = {"port": str(port), "listen_addresses": "127.0.0.1", "unix_socket_directories": str(home)}
    options = " ".join(f"-c {name}={value}" for name, value in {**settings, **own}.items())
    try:
        run(
            binaries / "initdb",
            "-D",
            home / "data",
            "-U",
            "postgres",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C",
        )
        run(binaries / "pg_ctl", "-D", home / "data", "-l", home / "log", "-w", "-o", options, "start")
        try:
            yield f"postgresql://postgres@127.0.0.1:{port}/postgres"
        finally:
            run(binaries / "pg_ctl", "-D", home / "data", "-m", "fast", "-w", "stop")
    finally:
        shutil.rmtree(home, ignore_errors=True)


def server_cpu(engine: Engine) -> float:
    """Return the CPU seconds so far of the PostgreSQL server's processes that live, on this computer."""
    with engine.connect() as connection:
        number = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
    used = 0.0
    server = psutil.Process(number).parent()
    for each in server.children() if server else []:
        with suppress(psutil.NoSuchProcess):
            used += sum(each.cpu_times()[:2])
    return used
