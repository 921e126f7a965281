"""One call to the provider: claim (committed), press letters, send exactly once, record.

Writer.turn        one thread: records the calls that ended and claims new ones, in one transaction
Caller.hand_over   sender threads: presses the letters and sends them; never touches the ledger
"""

import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Protocol

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError

from newsletter.delivery.outcomes import gravest, settle
from newsletter.delivery.pacing import Budget, Pacer
from newsletter.delivery.steering import CANCELLED
from newsletter.errors import NewsletterError
from newsletter.model import DeliveryState, Effect, Letter, Outcome, OutcomeKind, Person
from newsletter.ports import Clock, Sender
from newsletter.store import deliveries
from newsletter.store.campaigns import Campaign, is_cancelled
from newsletter.store.deliveries import Call, Claimed, Settled
from newsletter.store.tallies import people_of_call, read_people

__all__ = ["LEASE", "Caller", "Done", "LettersPress", "Turn", "Work", "Writer", "lost", "undone"]

LEASE: Final = timedelta(minutes=10)  #: a claim older than this belongs to a process that is gone or stuck

_RETRIES: Final = 5
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Turn:
    """What one transaction did.

    work: calls to make now. skipped: rows that may no longer be mailed, where a claim found nobody else.
    written: rows recorded. budget: None if nothing was to be claimed. dry: nothing more is due.
    """

    work: Sequence[Work] = ()
    skipped: int = 0
    written: int = 0
    budget: Budget | None = None
    dry: bool = False


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


@dataclass(frozen=True, kw_only=True)
class Writer:
    """Writes one process's calls of one campaign into the ledger. Only one thread may use it."""

    engine: Engine
    campaign: Campaign
    pacer: Pacer
    clock: Clock
    sleep: Callable[[float], None]
    owner: str

    def turn(self, ended: Sequence[Done], *, calls: int, room: int | None = None) -> Turn:
        """Record the calls that ended and claim up to so many new ones: one commit, on disk on return.

        room: the most deliveries to claim, None for no limit. If the database is away, what ended is written
        with patience, and nothing is claimed.
        """
        attempted: list[str] = []
        try:
            with self.engine.begin() as connection:
                deliveries.commit_on_disk(connection)
                written = self._record(connection, ended)
                claimed = self._claim(connection, calls, room, attempted) if calls else Turn()
        except OperationalError:
            self.sleep(0.2)
            return Turn(written=self.write(ended, undo=attempted))
        return Turn(
            work=claimed.work,
            skipped=claimed.skipped,
            written=written,
            budget=claimed.budget,
            dry=claimed.dry,
        )

    def write(self, ended: Sequence[Done], *, undo: Sequence[str] = ()) -> int:
        """Record what became of calls; return how many rows were still theirs to settle.

        Tries hard when the database is away: what is lost here has to be called uncertain later. undo: calls
        that were perhaps claimed, and are not made.
        """
        if not ended and not undo:
            return 0
        for turn in range(_RETRIES):
            try:
                return self._write_once(ended, undo)
            except OperationalError:
                self.sleep(0.2 * 2**turn)
        return self._write_once(ended, undo)

    def _write_once(self, ended: Sequence[Done], undo: Sequence[str]) -> int:
        with self.engine.begin() as connection:
            deliveries.undo_claims(connection, self.campaign.id, undo, self.clock())
            return self._record(connection, ended)

    def _record(self, connection: Connection, ended: Sequence[Done]) -> int:
        if not ended:
            return 0
        now = self.clock()
        fates = {done.work.call.call_id: done.settled for done in ended}
        written = deliveries.record_calls(connection, fates, now)
        if any(row.state is DeliveryState.QUEUED for done in ended for row in done.settled):
            self._skip_if_cancelled(connection)
        throttled = [
            done.work.begun for done in ended if done.worst is not None and done.worst.effect is Effect.SLOW
        ]
        if throttled:
            self.pacer.slow(connection, max(throttled))
        return written

    def _claim(self, connection: Connection, calls: int, room: int | None, attempted: list[str]) -> Turn:
        budget = self.pacer.open(connection)
        now = self.clock()
        left = budget.recipients
        if room is not None:
            left = room if left is None else min(left, room)
        claimed: list[Call] = []
        skipped, dry = 0, False
        for _ in range(calls):
            size = budget.size if room is None else min(budget.size, max(room, 0))
            if size < 1 or (left is not None and left < size):
                break
            attempted.append(uuid.uuid4().hex)
            call = deliveries.claim(
                connection,
                self.campaign.id,
                limit=size,
                owner=self.owner,
                call_id=attempted[-1],
                lease_until=now + LEASE,
                now=now,
            )
            if call.rows:
                claimed.append(call)
            else:
                skipped += call.skipped
            if left is not None:
                left -= len(call.rows)
            if room is not None:
                room -= len(call.rows)
            dry = len(call.rows) + call.skipped < size
            if dry:
                break
        self.pacer.spend(connection, budget, sum(len(call.rows) for call in claimed))
        begun = budget.pace.at if budget.pace is not None else now.timestamp()
        work = [
            Work(call=call, people=people_of_call(connection, [row.id for row in call.rows]), begun=begun)
            for call in claimed
        ]
        return Turn(work=work, skipped=skipped, budget=budget, dry=dry)

    def _skip_if_cancelled(self, connection: Connection) -> None:
        """What comes back to a campaign that was cancelled meanwhile would be queued for ever."""
        if is_cancelled(connection, self.campaign.id):
            deliveries.skip_queued(connection, self.campaign.id, CANCELLED, self.clock())


def _back(row: Claimed) -> Settled:
    return Settled(id=row.id, state=DeliveryState.QUEUED, counted=False)


def _in_words(error: Exception) -> str:
    """Return what went wrong, without an address; of errors that are not ours the name only."""
    if not isinstance(error, NewsletterError):
        return type(error).__name__
    return re.sub(r"\S+@\S+", "(address)", str(error))
