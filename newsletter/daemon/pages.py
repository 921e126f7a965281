"""The web pages in the daemon's own process, served by a thread."""

import os
import socket
import threading
from collections.abc import Callable
from typing import Final

import uvicorn

from newsletter.errors import UsageError
from newsletter.web.app import web_app
from newsletter.wiring import Services

__all__ = ["Pages"]

_LONGEST_ANSWER: Final = 20  # seconds that requests in progress have at the end


class Pages:
    """A server of the pages. Made and listening when this returns; ``start`` answers."""

    def __init__(
        self, services: Services, host: str, port: int, metrics: Callable[[], tuple[bytes, str]]
    ) -> None:
        """port: 0 for a free one.

        Raises UsageError if the port is taken, ConfigError or IssueError if the pages cannot work as set up.
        """
        app = web_app(services, metrics=metrics)
        try:
            self._listener = socket.create_server((host, port))
        except OSError as error:
            raise UsageError(
                f"Port {port} on {host} cannot be used: {os.strerror(error.errno or 0)}.",
                hint="Choose another with --port.",
            ) from error
        self.address = f"http://{host}:{self._listener.getsockname()[1]}"  #: where it listens
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,  # addresses of pages are keys, and are not written anywhere
            proxy_headers=False,  # [web] trusted_proxies says whom to believe
            server_header=False,
            lifespan="off",
            timeout_graceful_shutdown=_LONGEST_ANSWER,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, name="pages", daemon=True)

    @property
    def alive(self) -> bool:
        """Whether it still answers."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Answer from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Answer what has been asked, and end."""
        self._server.should_exit = True
        self._thread.join(_LONGEST_ANSWER + 5)

    def _run(self) -> None:
        self._server.run(sockets=[self._listener])
