"""HTTP/1.1 on asyncio, one request at a time per connection, and the ways to break it.

A request that has come in is worked on to its end even if the client is gone: SES would, too.
"""

import asyncio
import json
import socket
import struct
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast

__all__ = ["Answer", "Connection", "Request", "error_answer", "json_answer"]

_LIMIT: Final = 64 * 1024 * 1024  # bytes of a body: more than the largest message SES takes
_REASONS: Final[Mapping[int, str]] = {200: "OK", 400: "Bad Request", 403: "Forbidden", 404: "Not Found"}


@dataclass(slots=True)
class Request:
    """headers: names in lower case. path: without the query, which is apart, as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    query: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"

    def head(self, length: int | None = None) -> bytes:
        """Return the head. length: what to announce, if not the truth."""
        lines = [
            f"HTTP/1.1 {self.status} {_REASONS.get(self.status, 'Status')}",
            f"Content-Type: {self.content_type}",
            f"Content-Length: {len(self.body) if length is None else length}",
            f"x-amzn-RequestId: {uuid.UUID(int=_next_id())}",
            *(f"{name}: {value}" for name, value in self.headers.items()),
        ]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def json_answer(content: Any, status: int = 200) -> Answer:
    """Return an answer in JSON."""
    return Answer(status, json.dumps(content).encode())


def error_answer(status: int, code: str, message: str) -> Answer:
    """Return an error as SES puts it: the code in a header, the message in the body."""
    body = json.dumps({"message": message}).encode()
    return Answer(status, body, {"x-amzn-ErrorType": code} if code else {})


class Connection(asyncio.Protocol):
    """One client's connection. gone: done when it is closed, by whomever."""

    def __init__(
        self, serve: "Callable[[Request, Connection], Awaitable[None]]", connections: set[Any]
    ) -> None:
        self._serve, self._connections = serve, connections
        self._received = bytearray()
        self._task: asyncio.Task[None] | None = None
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Of asyncio."""
        self._transport = cast(asyncio.Transport, transport)
        self._connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Of asyncio."""
        self._connections.discard(self)
        if not self.gone.done():
            self.gone.set_result(None)

    def data_received(self, data: bytes) -> None:
        """Of asyncio."""
        self._received += data
        self._next()

    def send(self, answer: Answer) -> None:
        """Answer."""
        if not self._transport.is_closing():
            self._transport.write(answer.head() + answer.body)

    async def drip(self, answer: Answer, seconds: float) -> None:
        """Answer byte by byte, with a pause after each."""
        for byte in answer.head() + answer.body:
            if self._transport.is_closing():
                return
            self._transport.write(bytes([byte]))
            await asyncio.sleep(seconds)

    def send_half(self, answer: Answer) -> None:
        """Announce the whole answer, send half of its body, and close."""
        if not self._transport.is_closing():
            self._transport.write(answer.head() + answer.body[: len(answer.body) // 2])
        self.close()

    def close(self) -> None:
        """Close: a FIN, after what was written."""
        self._transport.close()

    def reset(self) -> None:
        """Close with a RST."""
        if not self._transport.is_closing():
            raw: socket.socket = self._transport.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()

    def _next(self) -> None:
        """Start on the next request if it is complete and none is being worked on."""
        if self._task is not None or self._transport.is_closing():
            return
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            return
        method, path, headers = _read_head(bytes(self._received[:end]))
        length = headers.get("content-length", "0")
        if not method or not length.isdecimal() or int(length) > _LIMIT or "transfer-encoding" in headers:
            self._received.clear()
            self.send(error_answer(400, "SerializationException", "Not a request that is understood here."))
            self.close()
            return
        total = end + 4 + int(length)
        if len(self._received) < total:
            if headers.pop("expect", "").lower() == "100-continue" and len(self._received) == end + 4:
                self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            return
        path, _, query = path.partition("?")
        request = Request(method, path, headers, bytes(self._received[end + 4 : total]), query)
        del self._received[:total]
        self._task = asyncio.get_running_loop().create_task(self._work(request))

    async def _work(self, request: Request) -> None:
        try:
            await self._serve(request, self)
        finally:
            self._task = None
        if request.headers.get("connection", "").lower() == "close":
            self.close()
        self._next()


def _read_head(head: bytes) -> tuple[str, str, dict[str, str]]:
    """Return method ("" if there is none), path and headers."""
    first, *lines = head.decode("latin-1").split("\r\n")
    method, _, rest = first.partition(" ")
    path, _, version = rest.partition(" ")
    if not version.startswith("HTTP/1."):
        return "", "", {}
    headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    return method, path, headers


_ids = [uuid.uuid4().int]


def _next_id() -> int:
    _ids[0] = (_ids[0] + 1) % (1 << 128)
    return _ids[0]
