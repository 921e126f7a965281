"""How far a run has come. Counted from rows at the start and the end, and now and then in between."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Engine

from newsletter.model import CampaignState, DeliveryState
from newsletter.ports import Clock
from newsletter.store.campaigns import get_campaign
from newsletter.store.engine import reading
from newsletter.store.rows import Settled
from newsletter.store.tallies import tally

__all__ = ["Meter", "Progress"]

_RECOUNT: Final = timedelta(seconds=30)
_RECOUNT_SHARE: Final = 100  # counting a million rows takes a while: at most a hundredth of the run


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """A campaign's deliveries by state, as far as this process knows.

    sending: in flight, here or in another process. rate: recipients a second at present, None for no
    limit. waiting_until: set while nothing can be done before that time. note: what the owner should know.
    """

    state: CampaignState
    total: int
    sent: int
    failed: int
    skipped: int
    uncertain: int
    queued: int
    sending: int
    rate: float | None = None
    waiting_until: datetime | None = None
    note: str = ""

    @property
    def done(self) -> int:
        """Deliveries with which nothing more will happen by itself."""
        return self.sent + self.failed + self.skipped + self.uncertain

    @property
    def remaining(self) -> int:
        """Deliveries that are still to be made or are being made."""
        return self.queued + self.sending

    @property
    def detail(self) -> str:
        """What is out of the ordinary, in words; "" if nothing is."""
        words = [
            f"{count} {name}"
            for count, name in (
                (self.failed, "failed"),
                (self.skipped, "skipped"),
                (self.uncertain, "uncertain"),
            )
            if count
        ]
        if self.waiting_until is not None:
            words.append("waiting to try again")
        if self.note:
            words.append(self.note)
        return ", ".join(words)


class Meter:
    """Keeps the figures between counts: a count of every row is too dear for every call."""

    def __init__(self, engine: Engine, campaign_id: int, clock: Clock) -> None:
        self._engine, self._campaign_id, self._clock = engine, campaign_id, clock
        self.recount()

    def recount(self) -> None:
        """Take the figures from the rows."""
        began = self._clock()
        with reading(self._engine) as connection:
            campaign = get_campaign(connection, self._campaign_id)
            rows = tally(connection, self._campaign_id)
        self._state, self._total = campaign.state, rows.total
        self._counts = Counter(
            {
                DeliveryState.QUEUED: rows.queued,
                DeliveryState.SENDING: rows.sending,
                DeliveryState.SENT: rows.sent,
                DeliveryState.FAILED: rows.failed,
                DeliveryState.UNCERTAIN: rows.uncertain,
                DeliveryState.SKIPPED: sum(rows.skipped.values()),
            }
        )
        ended = self._clock()
        self._next_count = ended + max(_RECOUNT, _RECOUNT_SHARE * (ended - began))

    @property
    def sent(self) -> int:
        """Deliveries that are sent."""
        return self._counts[DeliveryState.SENT]

    @property
    def queued(self) -> int:
        """Deliveries that are queued or in flight here."""
        return max(0, self._counts[DeliveryState.QUEUED])

    def add(self, settled: Sequence[Settled], skipped: int = 0) -> None:
        """Take in what became of a call's rows, which were queued before; recount when it is time."""
        if self._clock() >= self._next_count:
            self.recount()
            return
        self._counts[DeliveryState.QUEUED] -= len(settled) + skipped
        self._counts[DeliveryState.SKIPPED] += skipped
        self._counts.update([row.state for row in settled])

    def show(self, *, rate: float | None, waiting_until: datetime | None = None, note: str = "") -> Progress:
        """Return the figures as they are known now."""
        counts = self._counts
        return Progress(
            state=self._state,
            total=self._total,
            sent=counts[DeliveryState.SENT],
            failed=counts[DeliveryState.FAILED],
            skipped=counts[DeliveryState.SKIPPED],
            uncertain=counts[DeliveryState.UNCERTAIN],
            queued=max(0, counts[DeliveryState.QUEUED]),
            sending=counts[DeliveryState.SENDING],
            rate=rate,
            waiting_until=waiting_until,
            note=note,
        )
