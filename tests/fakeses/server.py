"""Runs the endpoint: in this process until a signal or the end of its input, or in a thread."""

import asyncio
import os
import signal
import threading
from collections.abc import Callable

from tests.fakeses.protocol import Connection
from tests.fakeses.service import Service

__all__ = ["ServerThread", "run"]


async def _listen(service: Service, port: int) -> asyncio.Server:
    loop = asyncio.get_running_loop()
    return await loop.create_server(
        lambda: Connection(service.serve, service.connections), "127.0.0.1", port, backlog=1024
    )


def _port(server: asyncio.Server) -> int:
    port: int = server.sockets[0].getsockname()[1]
    return port


def run(service: Service, port: int, *, listening: Callable[[int], None], until_eof: bool = False) -> None:
    """Serve on the loopback address until SIGTERM or SIGINT.

    listening: told the port once connections are taken. until_eof: stop, too, when standard input ends, which
    it does when whoever started us is gone.
    """

    async def main() -> None:
        loop, stop = asyncio.get_running_loop(), asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        server = await _listen(service, port)
        if until_eof:
            threading.Thread(target=_wait_for_eof, args=(loop, stop), daemon=True).start()
        listening(_port(server))
        await stop.wait()
        server.close()
        service.close()

    asyncio.run(main())


def _wait_for_eof(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    while os.read(0, 4096):  # not sys.stdin: its lock would be held at the exit
        pass
    loop.call_soon_threadsafe(stop.set)


class ServerThread:
    """Serves in a thread from start to stop. Raises OSError if the port is taken."""

    def __init__(self, service: Service, port: int = 0) -> None:
        self.service = service
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._failure: OSError | None = None
        self.port = port
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main()), name="fakeses", daemon=True)
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """Stop serving; return when it has."""
        if self._loop is not None and self._stop is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(10)

    async def _main(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        try:
            server = await _listen(self.service, self.port)
        except OSError as error:
            self._failure = error
            self._ready.set()
            return
        self.port = _port(server)
        self._ready.set()
        await self._stop.wait()
        server.close()
        self.service.close()
        await asyncio.sleep(0)  # closed connections say good-bye
