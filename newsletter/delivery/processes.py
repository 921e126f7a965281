"""Calls made by other processes: pressing and talking to the provider on every core.

    writer: claim, record --Work--> process: press, send --settled, outcomes--> writer

Decisions
- The ledger stays with one writer: a process is given calls that are claimed and on disk, and never opens the
  database.
- A process that dies leaves its calls ``uncertain`` at once: nobody knows what left. The others go on.
- A process that has lost its writer begins no call: its rows may be called uncertain at any moment.
- Started afresh ("spawn"), not forked: a fork would share sockets and locks of threads. It costs a second,
  so that only sends are made this way that take longer in one process (``worth_processes``).
"""

import atexit
import contextlib
import multiprocessing
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Final

import psutil

from newsletter.delivery.calling import Caller, Work, lost, undone
from newsletter.delivery.hands import Ended
from newsletter.delivery.serving import Answer, Asked, answered, asked, serve
from newsletter.errors import NewsletterError
from newsletter.ports import Form

__all__ = ["MANY", "ProcessHands", "worth_processes"]

#: Mails a second of one process, in round figures (bench/send), and what it takes to start others.
_ONE_PROCESS: Final = {"bulk": 4000.0, "raw": 300.0}
_START_SECONDS: Final = 3.0
MANY: Final = round(_START_SECONDS * max(_ONE_PROCESS.values()))  #: mails that are worth others in any form
_LONGEST_START: Final = 60.0  # seconds
_LONGEST_END: Final = 2.0


def worth_processes(form: Form, rate: float | None, mails: int) -> int:
    """Return how many processes should send so many mails, 0 if this one does as well alone.

    rate: mails a second that the provider grants, None for no limit.

    >>> worth_processes("bulk", 200.0, 1_000_000), worth_processes("bulk", 90_000.0, 5_000)
    (0, 0)
    """
    one = _ONE_PROCESS[form]
    wanted = 2.0 * one if rate is None else rate
    if wanted <= one or mails / one < _START_SECONDS:
        return 0
    return min(_cores(), 1 + int(wanted / one))


def _cores() -> int:
    """Return how many cores this process may use; macOS has no affinity to ask for."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass
class _Hand:
    """One process, as the writer sees it. given: calls that it has, by call id."""

    process: BaseProcess
    pipe: "Connection[Any, Any]"
    given: dict[str, tuple[Work, float]] = field(default_factory=dict)
    width: int = 0


class ProcessHands:
    """Processes that make calls (``delivery.hands.Hands``)."""

    def __init__(self, recipe: Callable[[], Caller], *, processes: int) -> None:
        """recipe: makes the caller in each process; pickled. Returns when all are ready.

        Raises what the recipe raises, and NewsletterError if a process does not start.
        """
        context = multiprocessing.get_context("spawn")
        self._stopping = context.Event()
        self._hands: list[_Hand] = []
        self._ready: list[Ended] = []
        atexit.register(self.dismiss)  # else Python waits for them, and they for us
        try:
            for number in range(processes):
                ours, theirs = context.Pipe()
                process = context.Process(
                    target=serve,
                    args=(recipe, theirs, self._stopping, os.getpid()),
                    name=f"newsletter-sender-{number + 1}",
                    daemon=True,
                )
                process.start()
                theirs.close()
                self._hands.append(_Hand(process=process, pipe=ours))
            for hand in self._hands:
                _await_start(hand)
        except BaseException:
            self.dismiss()
            raise

    @property
    def processes(self) -> list[int]:
        """The numbers of those that live, as far as is known."""
        return [hand.process.pid for hand in self._hands if hand.process.pid is not None]

    def widen(self, count: int) -> None:
        """Spread so many calls at a time over the processes."""
        for number, hand in enumerate(self._hands):
            wanted = len(range(number, count, len(self._hands)))
            if wanted > hand.width:
                self._tell(hand, wanted - hand.width)
                hand.width = wanted

    def give(self, work: Work) -> None:
        """Give a call to the process that has the fewest; undone at once if none is left."""
        if not self._hands:
            error = NewsletterError(
                "Every process that sends has ended unexpectedly.",
                hint="The system's log may say why (out of memory?). Then: newsletter resume ISSUE",
            )
            self._ready.append(Ended(done=undone(work, error), seconds=0.0))
            return
        hand = min(self._hands, key=lambda each: len(each.given))
        hand.given[work.call.call_id] = (work, time.perf_counter())
        self._tell(hand, asked(work))

    def take(self, timeout: float) -> Ended | None:
        """Return a call that ended."""
        if not self._ready and self._hands:
            pipes = {hand.pipe: hand for hand in self._hands}
            for pipe in wait(list(pipes), timeout):
                self._receive(pipes[pipe])  # type: ignore[index]
        return self._ready.pop(0) if self._ready else None

    def cpu(self) -> float:
        """Return what the busiest of them used."""
        return max((_cpu(hand.process) for hand in self._hands), default=0.0)

    def stop(self) -> None:
        """Begin no call any more."""
        self._stopping.set()

    def dismiss(self) -> None:
        """Close the pipes: each process ends when its call is made."""
        for hand in self._hands:
            hand.pipe.close()
        for hand in self._hands:
            hand.process.join(_LONGEST_END)
        self._hands.clear()
        atexit.unregister(self.dismiss)

    def _tell(self, hand: _Hand, what: Asked | int) -> None:
        with contextlib.suppress(OSError):  # it is gone: its pipe says so at the next look
            hand.pipe.send(what)

    def _receive(self, hand: _Hand) -> None:
        try:
            answer: Answer = hand.pipe.recv()
        except (EOFError, OSError):
            self._lose(hand)
            return
        work, began = hand.given.pop(answer[0])
        self._ready.append(Ended(done=answered(work, answer), seconds=time.perf_counter() - began))

    def _lose(self, hand: _Hand) -> None:
        """A process ended without saying what became of its calls."""
        hand.pipe.close()
        self._hands.remove(hand)
        for work, began in hand.given.values():
            self._ready.append(Ended(done=lost(work), seconds=time.perf_counter() - began))


def _await_start(hand: _Hand) -> None:
    if not hand.pipe.poll(_LONGEST_START):
        raise NewsletterError("A sender process does not start.", hint="Is this computer out of memory?")
    try:
        said = hand.pipe.recv()
    except EOFError as error:
        raise NewsletterError(
            "A sender process ended while it started.", hint="Is this computer out of memory?"
        ) from error
    if isinstance(said, BaseException):
        raise said


def _cpu(process: BaseProcess) -> float:
    try:
        times = psutil.Process(process.pid).cpu_times()
    except psutil.Error:
        return 0.0
    return float(times.user + times.system)
