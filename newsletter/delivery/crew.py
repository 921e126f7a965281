"""The sender threads. They hide the provider's latency: each makes one call at a time, and nothing else.

    writer --work--> thread, thread, ... --done--> writer

Decisions
- No call is claimed ahead: at most one for each thread is claimed and not yet recorded. That is what a crash
  leaves uncertain.
- How many: what the rate needs, ceil(calls a second x p95 of a call's seconds) + 1, and 16 at most. More are
  added only while this process is not at its limit: Python runs one thread at a time, and 16 of them send
  less than two then.
- The threads are daemons: leaving at once means now, not after a call's timeout.
"""

import math
import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from newsletter.delivery.calling import Done, Work

__all__ = ["MOST", "Crew"]

MOST: Final = 16  #: threads

_FIRST: Final = 2
_REVIEW_SECONDS: Final = 0.25
_BUSY: Final = 0.75  #: CPU seconds a second, above which more threads do not help
_REMEMBERED: Final = 100  #: calls whose duration is known
_ENOUGH: Final = 5  #: calls, before their durations say anything


class Crew:
    """Threads that make calls. Used by one thread, the writer."""

    def __init__(self, make_call: Callable[[Work, Callable[[], bool]], Done], *, threads: int | None) -> None:
        """make_call: must not raise. threads: None to adapt to what is measured."""
        self._make_call, self._fixed = make_call, threads
        self.size = threads or _FIRST
        self.open = 0  #: calls given out and not come back
        self.letters = 0  #: in those calls
        self._inbox: queue.SimpleQueue[Work | None] = queue.SimpleQueue()
        self._outbox: queue.SimpleQueue[tuple[Done, float]] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._stopping = threading.Event()
        self._durations: deque[float] = deque(maxlen=_REMEMBERED)
        self._reviewed_at, self._cpu = time.perf_counter(), time.process_time()

    @property
    def free(self) -> int:
        """How many calls may be claimed."""
        return max(0, self.size - self.open)

    def start(self, work: Work) -> None:
        """Let a thread make a call."""
        while len(self._threads) < min(self.size, self.open + 1):
            thread = threading.Thread(target=self._run, name=f"sender-{len(self._threads) + 1}", daemon=True)
            self._threads.append(thread)
            thread.start()
        self.open += 1
        self.letters += len(work.call.rows)
        self._inbox.put(work)

    def ended(self, timeout: float) -> list[Done]:
        """Return the calls that ended since; if none, wait for one for so many seconds."""
        found: list[Done] = []
        while self.open:
            try:
                done, seconds = self._outbox.get(timeout=0 if found else timeout)
            except queue.Empty:
                break
            self.open -= 1
            self.letters -= len(done.work.call.rows)
            self._durations.append(seconds)
            found.append(done)
        return found

    def review(self, rate: float | None, letters: int) -> None:
        """Now and then, take on threads or let one go. rate: recipients a second; letters: in a call."""
        elapsed = time.perf_counter() - self._reviewed_at
        if self._fixed is not None or elapsed < _REVIEW_SECONDS:
            return
        busy = (time.process_time() - self._cpu) / elapsed
        self._reviewed_at, self._cpu = time.perf_counter(), time.process_time()
        needed = self._needed(rate, letters)
        if self.size > needed:
            self.size -= 1
        elif busy < _BUSY:
            self.size = min(needed, self.size + 2)

    def stop(self) -> None:
        """Begin no call any more: those given out and not begun come back at once, undone."""
        self._stopping.set()

    def dismiss(self) -> None:
        """Let the threads end, when they have made their calls."""
        for _ in self._threads:
            self._inbox.put(None)

    def _needed(self, rate: float | None, letters: int) -> int:
        if len(self._durations) < _ENOUGH:
            return _FIRST
        if rate is None:
            return MOST
        p95 = sorted(self._durations)[int(0.95 * (len(self._durations) - 1))]
        return max(_FIRST, min(MOST, math.ceil(rate / letters * p95) + 1))

    def _run(self) -> None:
        while (work := self._inbox.get()) is not None:
            began = time.perf_counter()
            done = self._make_call(work, self._stopping.is_set)
            self._outbox.put((done, time.perf_counter() - began))
