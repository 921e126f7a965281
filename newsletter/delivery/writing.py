"""The writer: records the calls that ended and claims new ones, in one transaction that is on disk."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError

from newsletter.delivery.calling import Done, Work
from newsletter.delivery.pacing import Budget, Pacer
from newsletter.delivery.steering import CANCELLED
from newsletter.model import DeliveryState, Effect
from newsletter.ports import Clock
from newsletter.store import deliveries
from newsletter.store.campaigns import Campaign, is_cancelled
from newsletter.store.rows import Call
from newsletter.store.tallies import people_of_call

__all__ = ["LEASE", "Turn", "Writer"]

LEASE: Final = timedelta(minutes=10)  #: a claim older than this belongs to a process that is gone or stuck

_RETRIES: Final = 5
_FROM_THE_FRONT: Final = timedelta(seconds=10)


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


@dataclass
class Mark:
    """Where in the queue this process is: its next claim begins there, and at the front now and then.

    PostgreSQL keeps what was claimed in the index until the next VACUUM, and walks past all of it: with ten
    million people, a claim from the front takes ten times as long (bench/ledger).
    """

    at: int = 0
    front_at: datetime | None = None

    def begin(self, now: datetime) -> None:
        """Go to the front if it is time to: there is what came back to the queue."""
        if self.front_at is None or now >= self.front_at:
            self.at, self.front_at = 0, now + _FROM_THE_FRONT


@dataclass(frozen=True, kw_only=True)
class Writer:
    """Writes one process's calls of one campaign into the ledger. Only one thread may use it."""

    engine: Engine
    campaign: Campaign
    pacer: Pacer
    clock: Clock
    sleep: Callable[[float], None]
    owner: str
    lease: timedelta = LEASE
    mark: Mark = field(default_factory=Mark)

    def turn(self, ended: Sequence[Done], *, calls: int, room: int | None = None) -> Turn:
        """Record the calls that ended and claim up to so many new ones: one commit, on disk on return.

        room: the most deliveries to claim, None for no limit. If the database is away, what ended is written
        with patience, and nothing is claimed.
        """
        attempted: list[str] = []
        try:
            with self.engine.begin() as connection:
                deliveries.make_ready(connection)
                written = self._record(connection, ended)
                claimed = self._claim(connection, calls, room, attempted) if calls else Turn()
        except OperationalError:
            self.mark.at = 0  # perhaps nothing was claimed
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
            deliveries.make_ready(connection)
            deliveries.undo_claims(connection, self.campaign.id, undo, self.clock())
            return self._record(connection, ended)

    def _record(self, connection: Connection, ended: Sequence[Done]) -> int:
        if not ended:
            return 0
        now = self.clock()
        fates = {done.work.call.call_id: done.settled for done in ended}
        written = deliveries.record_calls(connection, fates, now)
        if any(row.state is DeliveryState.QUEUED for done in ended for row in done.settled):
            self.mark.at = 0
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
        self.mark.begin(now)
        while len(attempted) < calls:
            size = budget.size if room is None else min(budget.size, max(room, 0))
            if size < 1 or (left is not None and left < size):
                break
            call = self._take(connection, size, now, attempted)
            if call.rows:
                claimed.append(call)
            else:
                skipped += call.skipped
            if left is not None:
                left -= len(call.rows)
            if room is not None:
                room -= len(call.rows)
            short = len(call.rows) + call.skipped < size
            dry = short and not self.mark.at
            if dry:
                break
            self.mark.at = 0 if short else call.rows[-1].id if call.rows else self.mark.at
        self.pacer.spend(connection, budget, sum(len(call.rows) for call in claimed))
        begun = budget.pace.at if budget.pace is not None else now.timestamp()
        work = [
            Work(call=call, people=people_of_call(connection, [row.id for row in call.rows]), begun=begun)
            for call in claimed
        ]
        return Turn(work=work, skipped=skipped, budget=budget, dry=dry)

    def _take(self, connection: Connection, size: int, now: datetime, attempted: list[str]) -> Call:
        attempted.append(uuid.uuid4().hex)
        return deliveries.claim(
            connection,
            self.campaign.id,
            limit=size,
            owner=self.owner,
            call_id=attempted[-1],
            lease_until=now + self.lease,
            now=now,
            since=self.mark.at,
        )

    def _skip_if_cancelled(self, connection: Connection) -> None:
        """What comes back to a campaign that was cancelled meanwhile would be queued for ever."""
        if is_cancelled(connection, self.campaign.id):
            deliveries.skip_queued(connection, self.campaign.id, CANCELLED, self.clock())
