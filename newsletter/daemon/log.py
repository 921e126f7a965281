"""The log of a daemon: one line an event, ``key=value`` or JSON. No addresses, no secrets, no tracebacks.

at=2026-12-01T08:00:00Z level=info event=started issue=2026-12-winter-songs candidates=1204
"""

import contextlib
import json
import logging
import re
import threading
from datetime import datetime
from typing import Final, TextIO

from newsletter.ports import Clock
from newsletter.senders.outcomes import without_addresses

__all__ = ["Log", "capture_logging"]

_PLAIN: Final = re.compile(r"[^\s\"=]+")
_LEVELS: Final = {"DEBUG": "info", "INFO": "info", "WARNING": "warning"}


class Log:
    """Writes lines. Several threads may share it; a reader who has gone away stops nothing."""

    def __init__(self, stream: TextIO, clock: Clock, *, as_json: bool = False) -> None:
        self._stream, self._clock, self._json = stream, clock, as_json
        self._lock = threading.Lock()

    def line(self, event: str, *, level: str = "info", **fields: object) -> None:
        """Write one line. Fields that are None or "" are left out."""
        given = {key: _value(value) for key, value in fields.items() if value is not None and value != ""}
        at = self._clock().strftime("%Y-%m-%dT%H:%M:%SZ")
        line = {"at": at, "level": level, "event": event, **given}
        text = json.dumps(line, ensure_ascii=False) if self._json else _pairs(line)
        with self._lock, contextlib.suppress(OSError, ValueError):  # ValueError: the stream is closed
            self._stream.write(text + "\n")
            self._stream.flush()


def capture_logging(log: Log) -> None:
    """Send what libraries and the pages log, from warnings upwards, to the same place."""
    handler = _Handler(log)
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    # a round that takes longer than its interval is a send, and no fault
    logging.getLogger("apscheduler.scheduler").setLevel(logging.ERROR)


class _Handler(logging.Handler):
    def __init__(self, log: Log) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        level = _LEVELS.get(record.levelname, "error")
        kind = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else ""
        self._log.line("log", level=level, source=record.name, text=record.getMessage(), error=kind)


def _value(value: object) -> object:
    if isinstance(value, bool | int | float):
        return value
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    return without_addresses(str(value))


def _pairs(line: dict[str, object]) -> str:
    return " ".join(f"{key}={_quoted(value)}" for key, value in line.items())


def _quoted(value: object) -> str:
    text = str(value)
    return text if _PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=False)
