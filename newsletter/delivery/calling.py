"""One call to the provider: press the letters, send exactly once, say where each row goes.

In any thread, and in processes that have no ledger: claiming and recording is ``delivery.writing``.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from newsletter.delivery.outcomes import gravest, settle
from newsletter.errors import NewsletterError
from newsletter.model import DeliveryState, Letter, Outcome, OutcomeKind, Person
from newsletter.ports import Clock, Sender
from newsletter.store.rows import Call, Claimed, Settled, read_people

__all__ = ["Caller", "Done", "LettersPress", "Work", "lost", "undone"]

_UNKNOWN: Final = Outcome(kind=OutcomeKind.UNKNOWN, reason="the sender did not say what became of it")


class LettersPress(Protocol):
    """Makes one person's letter: ``newsletter.personal.press.Press``. Threads share it."""

    def letter(self, person: Person, tags: Mapping[str, str]) -> Letter:
        """Return the letter. Whatever it raises fails this person's delivery, and no other."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Work:
    """A call that is claimed. people: as ``read_people`` takes them. begun: in the time of the pace."""

    call: Call
    people: str
    begun: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Done:
    """A call that ended: where its rows go, and what broke it off, if anything.

    letters: handed over together. worst: the outcome with the gravest effect on the run, if there was any.
    """

    work: Work
    settled: Sequence[Settled]
    letters: int = 0
    worst: Outcome | None = None
    error: BaseException | None = None


def undone(work: Work, error: BaseException | None = None) -> Done:
    """Return a call as one that was not begun: its rows go back to the queue."""
    return Done(work=work, settled=[_back(row) for row in work.call.rows], error=error)


def lost(work: Work) -> Done:
    """Return a call as one whose maker is gone: nobody knows what left."""
    now = work.call.lease_until  # when this was does not matter: an unknown outcome sets no next try
    rows = work.call.rows
    gone = Outcome(kind=OutcomeKind.UNKNOWN, reason="the process that sent it ended without saying")
    return Done(
        work=work,
        settled=[settle(row, gone, letters=len(rows), now=now) for row in rows],
        letters=len(rows),
        worst=gone,
    )


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Makes calls, in any thread."""

    campaign_key: str
    sender: Sender
    press: LettersPress
    clock: Clock

    def hand_over(self, work: Work, stopping: Callable[[], bool]) -> Done:
        """Press the letters and send them, once; return where each row goes, and what the provider said.

        Never raises. If anything but a letter breaks off, Ctrl-C too, the rows are queued again if nothing
        had been sent, else uncertain. stopping: the call has not begun and is not to: its rows go back.
        """
        call = work.call
        if stopping():
            return undone(work)
        try:
            letters, settled = self._letters(call, read_people(work.people))
            in_time = self.clock() < call.lease_until
        except BaseException as error:
            return undone(work, error)
        rows = [row for row in call.rows if row.id in letters]
        if not rows:
            return Done(work=work, settled=settled)
        if not in_time or stopping():  # this computer slept: others may think us dead by now
            return Done(work=work, settled=settled + [_back(row) for row in rows])
        outcomes: Sequence[Outcome] = []
        broken: BaseException | None = None
        try:
            outcomes = self.sender.send([letters[row.id] for row in rows])
        except BaseException as error:
            broken = error
        if len(outcomes) != len(rows):
            outcomes = [_UNKNOWN] * len(rows)
        now = self.clock()
        settled += [
            settle(row, outcome, letters=len(rows), now=now)
            for row, outcome in zip(rows, outcomes, strict=True)
        ]
        return Done(work=work, settled=settled, letters=len(rows), worst=gravest(outcomes), error=broken)

    def _letters(self, call: Call, people: Mapping[int, Person]) -> tuple[dict[int, Letter], list[Settled]]:
        letters: dict[int, Letter] = {}
        settled: list[Settled] = []
        for row in call.rows:
            if row.id not in people:
                reason = "the subscriber was removed a moment before"
                settled.append(Settled(id=row.id, state=DeliveryState.FAILED, reason=reason))
                continue
            tags = {"campaign": self.campaign_key, "delivery": str(row.id), "attempt": str(row.attempt)}
            try:
                letters[row.id] = self.press.letter(people[row.id], tags)
            except Exception as error:  # one person's data must not stop the others
                reason = f"the letter could not be made: {_in_words(error)}"
                settled.append(Settled(id=row.id, state=DeliveryState.FAILED, reason=reason))
        return letters, settled


def _back(row: Claimed) -> Settled:
    return Settled(id=row.id, state=DeliveryState.QUEUED, counted=False)


def _in_words(error: Exception) -> str:
    """Return what went wrong, without an address; of errors that are not ours the name only."""
    if not isinstance(error, NewsletterError):
        return type(error).__name__
    return re.sub(r"\S+@\S+", "(address)", str(error))
