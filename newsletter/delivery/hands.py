"""Who makes the calls: threads of this process. Each makes one call at a time, and nothing else.

The other kind are processes (``delivery.processes``). Both are driven by a ``Crew``, from one thread.
"""

import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from newsletter.delivery.calling import Done, Work

__all__ = ["Ended", "Hands", "MakeCall", "ThreadHands"]

#: Makes a call; must not raise. The second argument says whether a call that has not begun is not to begin.
MakeCall = Callable[[Work, Callable[[], bool]], Done]


@dataclass(frozen=True, kw_only=True, slots=True)
class Ended:
    """A call that ended. seconds: what it took."""

    done: Done
    seconds: float


class Hands(Protocol):
    """Makes calls beside the thread that asks for them."""

    def widen(self, count: int) -> None:
        """Be able to make so many calls at a time."""
        ...

    def give(self, work: Work) -> None:
        """Begin a call."""
        ...

    def take(self, timeout: float) -> Ended | None:
        """Return a call that ended; wait for one for so many seconds at most."""
        ...

    def cpu(self) -> float:
        """Return the CPU seconds used so far by the busiest process that makes calls."""
        ...

    def stop(self) -> None:
        """Begin no call any more: those given out and not begun come back at once, undone."""
        ...

    def dismiss(self) -> None:
        """Let everybody go once their calls are made."""
        ...


class ThreadHands:
    """Threads. They are daemons: leaving at once means now, not after a call's timeout."""

    def __init__(self, make_call: MakeCall) -> None:
        self._make_call = make_call
        self._inbox: queue.SimpleQueue[Work | None] = queue.SimpleQueue()
        self._outbox: queue.SimpleQueue[Ended] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._stopping = threading.Event()

    def widen(self, count: int) -> None:
        """Start threads up to so many."""
        while len(self._threads) < count:
            thread = threading.Thread(target=self._run, name=f"sender-{len(self._threads) + 1}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def give(self, work: Work) -> None:
        """Let a thread make the call."""
        self._inbox.put(work)

    def take(self, timeout: float) -> Ended | None:
        """Return a call that ended."""
        try:
            return self._outbox.get(timeout=timeout)
        except queue.Empty:
            return None

    def cpu(self) -> float:
        """Return what this process used."""
        return time.process_time()

    def stop(self) -> None:
        """Begin no call any more."""
        self._stopping.set()

    def dismiss(self) -> None:
        """Let the threads end."""
        for _ in self._threads:
            self._inbox.put(None)

    def _run(self) -> None:
        while (work := self._inbox.get()) is not None:
            began = time.perf_counter()
            done = self._make_call(work, self._stopping.is_set)
            self._outbox.put(Ended(done=done, seconds=time.perf_counter() - began))
