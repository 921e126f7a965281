"""One call to the provider: claim (committed), press letters, send exactly once, record.

Only ``claim`` and ``write`` touch the ledger, and ``hand_over`` only the provider, so that sender threads
with one writer can come between them.
"""

import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Protocol

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError

from newsletter.delivery.outcomes import settle
from newsletter.delivery.steering import CANCELLED
from newsletter.errors import NewsletterError
from newsletter.model import DeliveryState, Letter, Outcome, OutcomeKind, Person
from newsletter.ports import Clock, Sender
from newsletter.store import deliveries
from newsletter.store.campaigns import Campaign, is_cancelled
from newsletter.store.deliveries import Call, Claimed, Settled
from newsletter.store.tallies import people_of_call

__all__ = ["LEASE", "Caller", "LettersPress"]

LEASE: Final = timedelta(minutes=10)  #: a claim older than this belongs to a process that is gone or stuck

_RETRIES: Final = 5
_UNKNOWN: Final = Outcome(kind=OutcomeKind.UNKNOWN, reason="the sender did not say what became of it")


class LettersPress(Protocol):
    """Makes one person's letter: ``newsletter.personal.press.Press``."""

    def letter(self, person: Person, tags: Mapping[str, str]) -> Letter:
        """Return the letter. Whatever it raises fails this person's delivery, and no other."""
        ...


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Makes the calls of one process for one campaign."""

    engine: Engine
    campaign: Campaign
    sender: Sender
    press: LettersPress
    clock: Clock
    sleep: Callable[[float], None]
    owner: str

    def claim(self, limit: int) -> tuple[Call, dict[int, Person]]:
        """Claim up to so many deliveries and return them with their people; on disk on return."""
        now = self.clock()
        with self.engine.begin() as connection:
            call = deliveries.claim(
                connection,
                self.campaign.id,
                limit=limit,
                owner=self.owner,
                call_id=uuid.uuid4().hex,
                lease_until=now + LEASE,
                now=now,
            )
            people = people_of_call(connection, call.call_id, [row.id for row in call.rows])
        return call, people

    def hand_over(self, call: Call, people: Mapping[int, Person]) -> tuple[list[Settled], Sequence[Outcome]]:
        """Press the letters and send them, once; return where each row goes, and what the provider said.

        If anything but a letter breaks off, Ctrl-C too, the rows are recorded first: queued if nothing had
        been sent, else uncertain.
        """
        try:
            letters, settled = self._letters(call, people)
        except BaseException:
            self.write(call, [_back(row) for row in call.rows])
            raise
        rows = [row for row in call.rows if row.id in letters]
        if not rows:
            return settled, []
        if self.clock() >= call.lease_until:  # this computer slept: others may think us dead by now
            return settled + [_back(row) for row in rows], []
        try:
            outcomes = self.sender.send([letters[row.id] for row in rows])
        except BaseException:
            now = self.clock()
            self.write(call, settled + [settle(row, _UNKNOWN, letters=len(rows), now=now) for row in rows])
            raise
        if len(outcomes) != len(rows):
            outcomes = [_UNKNOWN] * len(rows)
        now = self.clock()
        settled += [
            settle(row, outcome, letters=len(rows), now=now)
            for row, outcome in zip(rows, outcomes, strict=True)
        ]
        return settled, outcomes

    def write(self, call: Call, settled: Sequence[Settled]) -> int:
        """Record what became of a call's rows; return how many were still this call's to settle.

        Tries hard when the database is away: what is lost here has to be called uncertain later.
        """
        for turn in range(_RETRIES):
            try:
                return self._write_once(call, settled)
            except OperationalError:
                self.sleep(0.2 * 2**turn)
        return self._write_once(call, settled)

    def _write_once(self, call: Call, settled: Sequence[Settled]) -> int:
        with self.engine.begin() as connection:
            now = self.clock()
            written = deliveries.record(connection, call.call_id, settled, now)
            if any(row.state is DeliveryState.QUEUED for row in settled):
                self._skip_if_cancelled(connection)
            return written

    def _skip_if_cancelled(self, connection: Connection) -> None:
        """What comes back to a campaign that was cancelled meanwhile would be queued for ever."""
        if is_cancelled(connection, self.campaign.id):
            deliveries.skip_queued(connection, self.campaign.id, CANCELLED, self.clock())

    def _letters(self, call: Call, people: Mapping[int, Person]) -> tuple[dict[int, Letter], list[Settled]]:
        letters: dict[int, Letter] = {}
        settled: list[Settled] = []
        for row in call.rows:
            if row.id not in people:
                reason = "the subscriber was removed a moment before"
                settled.append(Settled(id=row.id, state=DeliveryState.FAILED, reason=reason))
                continue
            tags = {"campaign": self.campaign.key, "delivery": str(row.id), "attempt": str(row.attempt)}
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
