"""A process that makes calls for a writer in another one: its loop, and what travels between the two.

Travelling are tuples: a frozen dataclass with slots takes ten times as long to pickle.
"""

import contextlib
import gc
import os
import pickle
import signal
import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from multiprocessing.connection import Connection
from typing import Any

from newsletter.delivery.calling import Caller, Done, Work
from newsletter.errors import NewsletterError
from newsletter.model import DeliveryState, Outcome
from newsletter.store.rows import Call, Claimed, Settled

__all__ = ["READY", "Answer", "Asked", "answered", "asked", "serve"]

READY = "ready"  #: what the process says once it can make calls; an error instead if it cannot

#: A call: its id, until when it is leased, its rows, its people, when it began.
Asked = tuple[str, datetime, list[tuple[int, int, int]], str, float]
#: What became of it: its id, its rows, letters handed over, the gravest outcome, what broke it off.
Answer = tuple[str, list[tuple[Any, ...]], int, Outcome | None, BaseException | None]


def asked(work: Work) -> Asked:
    """Return a call as it travels."""
    call = work.call
    rows = [(row.id, row.subscriber_id, row.attempt) for row in call.rows]
    return call.call_id, call.lease_until, rows, work.people, work.begun


def answered(work: Work, answer: Answer) -> Done:
    """Return what became of a call."""
    _, rows, letters, worst, error = answer
    settled = [
        Settled(
            id=number,
            state=DeliveryState(state),
            reason=reason,
            message_id=message_id,
            not_before=not_before,
            counted=counted,
        )
        for number, state, reason, message_id, not_before, counted in rows
    ]
    return Done(work=work, settled=settled, letters=letters, worst=worst, error=error)


def serve(recipe: Callable[[], Caller], pipe: "Connection[Any, Any]", stopping: Any, writer: int) -> None:
    """Make calls until the pipe ends. stopping: an event; once set, none begins. writer: its process number.

    SIGINT and SIGTERM are the writer's to answer: a terminal and systemd send them to everybody.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    try:
        caller = recipe()
    except BaseException as error:
        with contextlib.suppress(OSError):  # another process has said it already
            pipe.send(_portable(error))
        return
    gc.freeze()  # what is here now stays: no collection need look at it again
    pipe.send(READY)
    _Server(caller, pipe, lambda: bool(stopping.is_set()) or os.getppid() != writer).run()


class _Server:
    """The threads of a process that makes calls. What comes is a call, or how many threads more to have."""

    def __init__(self, caller: Caller, pipe: "Connection[Any, Any]", is_over: Callable[[], bool]) -> None:
        self._caller, self._pipe, self._is_over = caller, pipe, is_over
        self._listening, self._speaking = threading.Lock(), threading.Lock()
        self._threads: list[threading.Thread] = []

    def run(self) -> None:
        """Serve until the pipe ends; calls are seen to their end."""
        with contextlib.suppress(EOFError, OSError):
            self._start(self._pipe.recv())
        while self._threads:
            self._threads.pop().join()

    def _start(self, count: int) -> None:
        for _ in range(count):
            thread = threading.Thread(target=self._work)
            self._threads.append(thread)
            thread.start()

    def _work(self) -> None:
        while (call := self._next()) is not None:
            done = self._caller.hand_over(_work_of(call), self._is_over)
            with self._speaking, contextlib.suppress(OSError):  # nobody is there any more
                self._pipe.send(_answer(done))

    def _next(self) -> Asked | None:
        with self._listening:
            while True:
                try:
                    came: Asked | int = self._pipe.recv()
                except (EOFError, OSError):
                    return None
                if not isinstance(came, int):
                    return came
                self._start(came)


def _work_of(call: Asked) -> Work:
    call_id, lease_until, rows, people, begun = call
    claimed = tuple(
        Claimed(id=number, subscriber_id=subscriber, attempt=attempt) for number, subscriber, attempt in rows
    )
    return Work(
        call=Call(call_id=call_id, lease_until=lease_until, rows=claimed, skipped=0),
        people=people,
        begun=begun,
    )


def _answer(done: Done) -> Answer:
    return done.work.call.call_id, _rows(done.settled), done.letters, done.worst, _portable(done.error)


def _rows(settled: Sequence[Settled]) -> list[tuple[Any, ...]]:
    return [
        (row.id, row.state.value, row.reason, row.message_id, row.not_before, row.counted) for row in settled
    ]


def _portable(error: BaseException | None) -> BaseException | None:
    """Return the error, or one that says its name, if it cannot be pickled."""
    if error is None:
        return None
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301  (our own)
    except Exception:
        return NewsletterError(
            f"{type(error).__name__} in a sender process.", hint="This is a bug: please report it."
        )
    return error
