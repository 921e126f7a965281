"""What a fleet runs on, to be broken: a PostgreSQL server that can be restarted, a cable that can be cut."""

import os
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from newsletter.store.engine import open_engine
from newsletter.store.fleet import live_workers
from tests.databases import PostgresServer, _as_server_user, _binaries, _free_port
from tests.workspaces import Desk


@dataclass(frozen=True)
class RestartableServer:
    """A server of its own, set up as PostgreSQL comes: a commit is on disk."""

    postgres: PostgresServer
    port: int
    _control: Callable[[str, str], None]

    def restart(self) -> None:
        """Throw everybody out, stop, and start again."""
        self._control("restart", "fast")

    @classmethod
    @contextmanager
    def start(cls) -> "Iterator[RestartableServer]":
        """Start it; it is removed in the end."""
        binaries = _binaries()
        assert binaries is not None
        folder, port = Path(tempfile.mkdtemp(prefix="newsletter-fleet-")), _free_port()
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
        data = folder / "data"
        options = f"-c port={port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder}"

        def control(what: str, mode: str) -> None:
            program = (binaries / "pg_ctl", "-D", data, "-l", folder / "log", "-w", "-o", options)
            _as_server_user(*program, *(("-m", mode) if mode else ()), what)

        try:
            _as_server_user(
                binaries / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C"
            )
            control("start", "")
            try:
                yield cls(
                    PostgresServer(f"postgresql+psycopg://postgres@127.0.0.1:{port}/postgres"), port, control
                )
            finally:
                control("stop", "immediate")
        finally:
            shutil.rmtree(folder, ignore_errors=True)


class Cable:
    """A way to a server that can be cut: connections end, and new ones are refused."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._is_cut = False
        self._threads[0].start()

    def __enter__(self) -> "Cable":
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
        self._listener.close()
        for pair in self._pairs:
            for each in pair:
                each.close()

    def cut(self) -> None:
        """End every connection, and refuse more."""
        self._is_cut = True
        for pair in self._pairs:
            _hang_up(pair)

    def mend(self) -> None:
        """Let connections through again."""
        self._is_cut = False

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                if self._is_cut:
                    near.close()
                    continue
                try:
                    far = socket.create_connection(("127.0.0.1", self._target))
                except OSError:
                    near.close()
                    continue
                self._pairs.append((near, far))
                for pair in ((near, far), (far, near)):
                    self._threads.append(threading.Thread(target=_pump, args=pair, daemon=True))
                    self._threads[-1].start()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    _hang_up((source, target))


def _hang_up(pair: tuple[socket.socket, socket.socket]) -> None:
    for each in pair:
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)


def wait_for(what: Callable[[], bool], seconds: float = 60.0) -> None:
    """Return once it is so; fail if it does not come to be."""
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until, "it did not come to be"
        time.sleep(0.05)


def alive(desk: Desk) -> int:
    """Return how many workers have given a sign of life."""
    engine = open_engine(desk.env["NEWSLETTER_DATABASE__URL"])
    try:
        return live_workers(engine)
    finally:
        engine.dispose()
