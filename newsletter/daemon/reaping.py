"""What process 1 of a container has to do besides its work: wait for processes that others left behind.

A process whose parent dies becomes a child of process 1; when it ends and nobody waits for it, it stays in
the table of processes for ever. Our own children are waited for by whoever started them, at once; so a child
that has been dead for a while is nobody's.
"""

import contextlib
import os
import time
from collections.abc import Callable
from typing import Final

import psutil

__all__ = ["Reaper"]

_PATIENCE: Final = 20.0  # seconds
_EVERY: Final = 5.0


class Reaper:
    """Waits for orphans that have ended."""

    def __init__(
        self, *, patience: float = _PATIENCE, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._patience, self._monotonic = patience, monotonic
        self._dead: dict[int, float] = {}  # and when that was seen first
        self._next = 0.0

    def look(self) -> list[int]:
        """Wait for children that have been dead for a while; return their numbers. Cheap if called often."""
        now = self._monotonic()
        if now < self._next:
            return []
        self._next = now + min(_EVERY, self._patience)
        dead = {child.pid for child in psutil.Process().children() if _is_zombie(child)}
        self._dead = {pid: self._dead.get(pid, now) for pid in dead}
        old = [pid for pid, seen in self._dead.items() if now - seen >= self._patience]
        for pid in old:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
        return old


def _is_zombie(process: psutil.Process) -> bool:
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False
