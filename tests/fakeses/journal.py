"""The accepted log: one JSON line per accepted recipient, on disk before the answer leaves.

    {"ts": 1764000000.25, "call": 17, "operation": "SendBulkEmail", "address": "ada@example.org",
     "message_id": "…", "tags": {"delivery": "42", …}, "headers": {"List-Unsubscribe": "…"},
     "content": {"subject": "…", "html": "…", "text": "…"}}

Each call is one write, so nothing is kept in memory, and SIGKILL loses nothing that was answered. fsync is
against power failure; calls that arrive together share one. content is there only when mails are rendered;
"failed" says why a mail that SES took will never be sent.
"""

import asyncio
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["Journal", "read_lines"]


class Journal:
    """path: None keeps no log."""

    def __init__(self, path: Path | None, *, fsync: bool) -> None:
        """A line that a killed predecessor left unfinished is cut off: its call was never answered."""
        self.path, self._fsync = path, fsync
        self._durable: asyncio.Future[None] | None = None
        self._file = -1
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            content = path.read_bytes()
            os.ftruncate(self._file, content.rfind(b"\n") + 1)

    def write(self, lines: Sequence[Mapping[str, Any]]) -> None:
        """Add lines."""
        if self._file < 0 or not lines:
            return
        data = memoryview(("\n".join(map(_encode, lines)) + "\n").encode())
        while data:
            data = data[os.write(self._file, data) :]

    async def durable(self) -> None:
        """Return once all that was written is on disk."""
        if self._file < 0 or not self._fsync:
            return
        if self._durable is None:
            loop = asyncio.get_running_loop()
            self._durable = loop.create_future()
            loop.call_soon(self._sync, self._durable)
        await self._durable

    def _sync(self, waiting: "asyncio.Future[None]") -> None:
        self._durable = None
        try:
            os.fsync(self._file)
        except OSError as error:
            waiting.set_exception(error)
        else:
            waiting.set_result(None)

    def clear(self) -> None:
        """Forget everything."""
        if self._file >= 0:
            os.ftruncate(self._file, 0)

    def close(self) -> None:
        """Write no more."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


_encode = json.JSONEncoder(separators=(",", ":")).encode


def read_lines(data: bytes) -> list[dict[str, Any]]:
    """Return the finished lines of a log."""
    return [json.loads(line) for line in data[: data.rfind(b"\n") + 1].splitlines()]
