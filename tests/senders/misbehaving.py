"""A real HTTP server in a thread that answers, or fails to answer, as it is told; and counts requests."""

import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

__all__ = ["Act", "Misbehaving", "answer", "close", "error", "hang", "misbehaving", "reset", "short"]

Act = Callable[["_Handler"], None]


class Misbehaving(ThreadingHTTPServer):
    """act: what to do with each request. requests: (path, JSON body) of each. connections: peers' ports."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.act: Act = answer({"MessageId": "m-1"})
        self.requests: list[tuple[str, Mapping[str, Any]]] = []
        self.connections: list[int] = []
        self.released = threading.Event()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: breaking connections is what this server is for."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Misbehaving

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.requests.append((self.path, json.loads(body) if body else {}))
        self.server.connections.append(self.client_address[1])
        self.server.act(self)

    do_GET = do_POST  # noqa: N815 (the parent's naming)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the parent's name)
        """Say nothing."""


@contextmanager
def misbehaving() -> Iterator[Misbehaving]:
    """Run a server until the block ends."""
    server = Misbehaving()
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.02))
    thread.start()
    try:
        yield server
    finally:
        server.released.set()
        server.shutdown()
        thread.join()
        server.server_close()


def answer(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Act:
    """Answer with JSON, or with bytes as they are."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()

    def act(handler: _Handler) -> None:
        handler.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)

    return act


def error(status: int, code: str = "", message: str = "") -> Act:
    """Answer with an error as SES does: the code in a header, the text in the body."""
    return answer({"message": message}, status, {"x-amzn-ErrorType": code} if code else None)


def hang(handler: _Handler) -> None:
    """Take the request and never answer."""
    handler.server.released.wait(10)
    handler.close_connection = True


def close(handler: _Handler) -> None:
    """Take the request, then close the connection."""
    handler.connection.shutdown(socket.SHUT_RDWR)
    handler.close_connection = True


def reset(handler: _Handler) -> None:
    """Take the request, then reset the connection."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.rfile.close()
    handler.wfile.close()
    handler.connection.close()
    handler.close_connection = True


def short(handler: _Handler) -> None:
    """Announce a longer body than the one that comes."""
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", "500")
    handler.end_headers()
    handler.wfile.write(b'{"MessageId": "m')
    handler.wfile.flush()
    close(handler)
