"""How many calls are made at once. They hide the provider's latency.

    writer --work--> hands: threads or processes --done--> writer

Decisions
- No call is claimed ahead: at most one for each hand is claimed and not yet recorded. That is what a crash
  leaves uncertain.
- How many: what the rate needs, ceil(calls a second x p95 of a call's seconds) + 1, and 16 at most. More are
  added only while whoever makes them is not at their limit: Python runs one thread of a process at a time,
  and 16 of them send less than two then.
"""

import math
import time
from collections import deque
from typing import Final

from newsletter.delivery.calling import Done, Work
from newsletter.delivery.hands import Hands

__all__ = ["MOST", "Crew"]

MOST: Final = 16  #: calls at a time

_FIRST: Final = 2
_REVIEW_SECONDS: Final = 0.25
_BUSY: Final = 0.75  #: CPU seconds a second, above which more threads do not help
_REMEMBERED: Final = 100  #: calls whose duration is known
_ENOUGH: Final = 5  #: calls, before their durations say anything


class Crew:
    """Calls under way. Used by one thread, the writer."""

    def __init__(self, hands: Hands, *, size: int | None = None) -> None:
        """size: calls at a time; None to adapt to what is measured."""
        self._hands, self._fixed = hands, size
        self.size = size or _FIRST
        self.open = 0  #: calls given out and not come back
        self.letters = 0  #: in those calls
        self._durations: deque[float] = deque(maxlen=_REMEMBERED)
        self._reviewed_at, self._cpu = time.perf_counter(), hands.cpu()

    @property
    def free(self) -> int:
        """How many calls may be claimed."""
        return max(0, self.size - self.open)

    def start(self, work: Work) -> None:
        """Let somebody make a call."""
        self.open += 1
        self.letters += len(work.call.rows)
        self._hands.widen(min(self.size, self.open))
        self._hands.give(work)

    def ended(self, timeout: float) -> list[Done]:
        """Return the calls that ended since; if none, wait for one for so many seconds."""
        found: list[Done] = []
        while self.open:
            ended = self._hands.take(0 if found else timeout)
            if ended is None:
                break
            self.open -= 1
            self.letters -= len(ended.done.work.call.rows)
            self._durations.append(ended.seconds)
            found.append(ended.done)
        return found

    def review(self, rate: float | None, letters: int) -> None:
        """Now and then, make more calls at a time or fewer. rate: recipients a second; letters: in a call."""
        elapsed = time.perf_counter() - self._reviewed_at
        if self._fixed is not None or elapsed < _REVIEW_SECONDS:
            return
        used = self._hands.cpu()
        busy = (used - self._cpu) / elapsed
        self._reviewed_at, self._cpu = time.perf_counter(), used
        needed = self._needed(rate, letters)
        if self.size > needed:
            self.size -= 1
        elif busy < _BUSY:
            self.size = min(needed, self.size + 2)

    def stop(self) -> None:
        """Begin no call any more: those given out and not begun come back at once, undone."""
        self._hands.stop()

    def dismiss(self) -> None:
        """Let everybody go, once their calls are made."""
        self._hands.dismiss()

    def _needed(self, rate: float | None, letters: int) -> int:
        if len(self._durations) < _ENOUGH:
            return _FIRST
        if rate is None:
            return MOST
        p95 = sorted(self._durations)[int(0.95 * (len(self._durations) - 1))]
        return max(_FIRST, min(MOST, math.ceil(rate / letters * p95) + 1))
