"""How far a run has come. Counted from rows at the start and the end, and now and then in between.

Meter     of the whole campaign: for whoever sends it alone, or looks on
OwnMeter  of one run among many: never reads the whole campaign
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Engine

from newsletter.model import CampaignState, DeliveryState
from newsletter.ports import Clock
from newsletter.store.campaigns import OPEN, get_campaign
from newsletter.store.engine import reading
from newsletter.store.rows import Settled
from newsletter.store.tallies import open_deliveries, queued_at_most, sent_at_most, tally

__all__ = ["Meter", "OwnMeter", "Progress"]

_RECOUNT: Final = timedelta(seconds=30)
_OWN_LOOK: Final = timedelta(seconds=15)
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
    """Keeps the figures between counts: a count of every row is too dear for every call.

    campaign: as it was when it was last looked at.
    """

    def __init__(self, engine: Engine, campaign_id: int, clock: Clock) -> None:
        self._engine, self._campaign_id, self._clock = engine, campaign_id, clock
        self._counts: Counter[DeliveryState] = Counter()
        self._total = 0
        self.recount()

    def recount(self) -> None:
        """Take the figures from the rows."""
        began = self._clock()
        with reading(self._engine) as connection:
            campaign = get_campaign(connection, self._campaign_id)
            rows = tally(connection, self._campaign_id)
        self.campaign, self._total = campaign, rows.total
        self._counts = Counter(rows.by_state())
        ended = self._clock()
        self._dear = _RECOUNT_SHARE * (ended - began)
        self._counted_at = ended

    def glance(self) -> None:
        """Take from the rows what is open, and everything now and then; for onlookers, who add nothing.

        Between two counts, what is settled counts as sent if it was not failed or skipped at the last one.
        """
        if self._clock() >= self._counted_at + self._dear:
            self.recount()
            return
        with reading(self._engine) as connection:
            campaign = get_campaign(connection, self._campaign_id)
            found = open_deliveries(connection, self._campaign_id)
        if campaign.state not in OPEN:
            self.recount()
            return
        self.campaign, self._total = campaign, campaign.candidates
        settled = self._total - found.queued - found.sending - found.uncertain
        others = self._counts[DeliveryState.FAILED] + self._counts[DeliveryState.SKIPPED]
        self._counts[DeliveryState.QUEUED] = found.queued
        self._counts[DeliveryState.SENDING] = found.sending
        self._counts[DeliveryState.UNCERTAIN] = found.uncertain
        self._counts[DeliveryState.SENT] = max(0, settled - others)

    @property
    def total(self) -> int:
        """All deliveries."""
        return self._total

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
        if self._clock() >= self._counted_at + max(_RECOUNT, self._dear):
            self.recount()
            return
        self._counts[DeliveryState.QUEUED] -= len(settled) + skipped
        self._counts[DeliveryState.SKIPPED] += skipped
        self._counts.update([row.state for row in settled])

    def show(self, *, rate: float | None, waiting_until: datetime | None = None, note: str = "") -> Progress:
        """Return the figures as they are known now."""
        counts = self._counts
        return Progress(
            state=self.campaign.state,
            total=self.total,
            sent=self.sent,
            failed=counts[DeliveryState.FAILED],
            skipped=counts[DeliveryState.SKIPPED],
            uncertain=counts[DeliveryState.UNCERTAIN],
            queued=self.queued,
            sending=counts[DeliveryState.SENDING],
            rate=rate,
            waiting_until=waiting_until,
            note=note,
        )


class OwnMeter(Meter):
    """What this run does, and of the campaign only whether the first mails are sent and anything is queued.

    sent begins with what was sent before, up to ``most``; queued is 0 or 1; total is what is known.
    """

    def __init__(self, engine: Engine, campaign_id: int, clock: Clock, *, most: int) -> None:
        with reading(engine) as connection:
            self._before = sent_at_most(connection, campaign_id, most)
        super().__init__(engine, campaign_id, clock)

    def recount(self) -> None:
        """Look whether anything is queued."""
        with reading(self._engine) as connection:
            self.campaign = get_campaign(connection, self._campaign_id)
            self._any_queued = queued_at_most(connection, self._campaign_id, 1)
        self._counted_at = self._clock()

    @property
    def total(self) -> int:
        """What is known."""
        return self._before + self._counts.total() + self._any_queued

    @property
    def sent(self) -> int:
        """Deliveries that are sent, here or first."""
        return self._before + super().sent

    @property
    def queued(self) -> int:
        """1 if anything is queued."""
        return self._any_queued

    def add(self, settled: Sequence[Settled], skipped: int = 0) -> None:
        """Take in what became of a call's rows."""
        self._counts[DeliveryState.SKIPPED] += skipped
        self._counts.update([row.state for row in settled if row.state is not DeliveryState.QUEUED])
        if self._clock() >= self._counted_at + _OWN_LOOK:
            self.recount()
