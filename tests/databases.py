"""Real databases for tests: an SQLite file and, started once a session, a PostgreSQL server.

Import the fixtures into a conftest.py: ``from tests.databases import database_url, engine, postgres_server``.
A test that takes ``engine`` or ``database_url`` runs on both databases. Where no PostgreSQL is installed
its half is skipped, loudly; with CI or NEWSLETTER_TEST_ALL set it fails instead.
"""

import os
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine
from sqlalchemy.pool import NullPool

from newsletter.store.engine import migrate, open_engine

__all__ = ["PostgresServer", "database_url", "engine", "postgres_server"]

_TEMPLATE = "newsletter_template"


@dataclass(frozen=True)
class PostgresServer:
    """A running server. admin_url: a database that nobody uses, to make and drop others from."""

    admin_url: str

    def url(self, name: str) -> str:
        """Return the URL of a database on the server."""
        return self.admin_url.rsplit("/", 1)[0] + f"/{name}"

    def create(self, *, template: str | None = None) -> str:
        """Make a database with a name of its own, as a copy of template if given; return the name."""
        name = f"test_{secrets.token_hex(6)}"
        self.run(
            f'CREATE DATABASE "{name}"' + (f' TEMPLATE "{template}" STRATEGY FILE_COPY' if template else "")
        )
        return name

    def drop(self, name: str) -> None:
        """Drop a database, whoever is connected to it."""
        self.run(f'DROP DATABASE "{name}" WITH (FORCE)')

    def run(self, statement: str) -> None:
        """Run one statement outside any transaction."""
        admin = create_engine(self.admin_url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            connection.exec_driver_sql(statement)


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """A PostgreSQL server of our own on a free loopback port, stopped and removed at the end."""
    binaries = _binaries()
    if binaries is None:
        message = "PostgreSQL is not installed (no initdb in /usr/lib/postgresql/*/bin or on PATH)"
        if os.environ.get("CI") or os.environ.get("NEWSLETTER_TEST_ALL"):
            pytest.fail(f"{message}, and nothing may be skipped here.")
        pytest.skip(f"NOT TESTED ON POSTGRESQL: {message}.")
    # not under pytest's own folder: that one is closed to the user that the server runs as
    folder = Path(tempfile.mkdtemp(prefix="newsletter-pg-"))
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
    data, port = folder / "data", _free_port()
    options = (
        f"-c port={port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} "
        "-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=100 "
        "-c shared_buffers=32MB -c autovacuum=off"
    )
    try:
        _as_server_user(
            binaries / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"
        )
        _as_server_user(
            binaries / "pg_ctl", "-D", data, "-l", folder / "log", "-w", "-t", "60", "-o", options, "start"
        )
        try:
            server = PostgresServer(f"postgresql+psycopg://postgres@127.0.0.1:{port}/postgres")
            server.run(f'CREATE DATABASE "{_TEMPLATE}"')
            engine = open_engine(server.url(_TEMPLATE))
            migrate(engine)
            engine.dispose()
            yield server
        finally:
            _as_server_user(binaries / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database: on SQLite a file that does not exist yet."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'newsletter.db'}"
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    name = server.create()
    yield server.url(name)
    server.drop(name)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """An engine on a database with all tables and no rows."""
    if request.param == "sqlite":
        opened = open_engine(f"sqlite:///{tmp_path / 'newsletter.db'}")
        migrate(opened)
        yield opened
        opened.dispose()
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    name = server.create(template=_TEMPLATE)
    opened = open_engine(server.url(name))
    yield opened
    opened.dispose()
    server.drop(name)


def _binaries() -> Path | None:
    """The folder of the newest installed server's programs."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if versions:
        return versions[-1].parent
    found = shutil.which("initdb")
    return None if found is None else Path(found).resolve().parent


def _as_server_user(*command: str | Path) -> None:
    """Run one of PostgreSQL's programs; it refuses root, which therefore becomes the user postgres."""
    become = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    # the server keeps the output open: a pipe would never end
    with tempfile.TemporaryFile("w+") as output:
        done = subprocess.run(
            [*become, *map(str, command)], stdout=output, stderr=output, cwd="/", check=False
        )
        if done.returncode:
            output.seek(0)
            raise RuntimeError(f"{command[0]} failed:\n{output.read()}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
