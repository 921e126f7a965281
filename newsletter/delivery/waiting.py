"""A run that waits: for a delivery's next try, for the daily quota, for what comes of the first mails."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Engine

from newsletter.delivery.canary import NO_EVENTS, Canary
from newsletter.delivery.ending import halted, parked, paused, say, stopped
from newsletter.delivery.owners import is_dead
from newsletter.delivery.pacing import Pacer, rest
from newsletter.model import CampaignState
from newsletter.ports import Clock
from newsletter.store import campaigns, deliveries, guard
from newsletter.store.campaigns import Campaign
from newsletter.store.engine import reading
from newsletter.store.tallies import first_sent_until, next_due

__all__ = ["SHORTEST_LISTENING", "Patience"]

SHORTEST_LISTENING: Final = timedelta(seconds=30)  #: to what comes of the first mails, by whoever goes on

_BEAT: Final = timedelta(seconds=60)  # between two steps of the guard's epoch
_LONGEST_WAIT: Final = 5.0  # seconds, after which a waiting run looks again
_SHORTEST_WAIT: Final = 0.1
_QUOTA_LOOK: Final = 60.0  # seconds between two looks while the daily quota is used up
_QUOTA_ASK: Final = timedelta(minutes=10)  # between two questions to the provider then


@dataclass(kw_only=True)
class Patience:
    """Waits for one run. Each wait yields until when it lasts, and raises Stopped when it is told to stop.

    note: what the owner should know about the run.
    """

    engine: Engine
    campaign: Campaign
    clock: Clock
    sleep: Callable[[float], None]
    stop: Callable[[], bool]
    place: guard.Place
    note: str = ""
    next_beat: datetime | None = None

    def beat(self) -> bool:
        """Step the guard's epoch now and then: a backup made during a long send must look old afterwards.

        Return whether it was time to.
        """
        now = self.clock()
        if self.next_beat is not None and now < self.next_beat:
            return False
        if self.next_beat is not None:
            guard.advance_epoch(self.engine, self.place)
        self.next_beat = now + _BEAT
        return True

    def abandon_dead(self) -> int:
        """Make uncertain what dead processes left in flight; return how many deliveries that are."""
        with self.engine.begin() as connection:
            return deliveries.abandon_dead(connection, self.campaign.id, is_dead=is_dead, now=self.clock())

    def seconds_to_wait(self) -> float | None:
        """Say what to do when a claim took nothing: wait so long, or None: the run is over."""
        now = self.clock()
        with reading(self.engine) as connection:
            campaign = campaigns.get_campaign(connection, self.campaign.id)
            due = next_due(connection, self.campaign.id, now)
        if campaign.state is CampaignState.PAUSED:
            raise paused(campaign)
        if campaign.state is not CampaignState.SENDING:
            return None
        if due is not None:  # now, if another process is about to claim it
            return min(max((due - now).total_seconds(), _SHORTEST_WAIT), _LONGEST_WAIT)
        self.abandon_dead()
        with self.engine.begin() as connection:
            # not while another process has calls in flight: the last one finishes
            campaigns.finish(connection, self.campaign.id, self.clock())
        return None

    def for_quota(self, reason: str, pacer: Pacer, *, patient: bool) -> Iterator[datetime]:
        """Wait until the daily quota frees; raise Parked instead unless patient."""
        error = parked(self.engine, self.campaign, reason, now=self.clock())
        if not patient:
            raise error
        self.note = f"the daily quota is used up; goes on about {error.until:%Y-%m-%d %H:%M} UTC"
        asked = self.clock()
        while self.clock() < error.until:
            yield from self.rest(min(_QUOTA_LOOK, (error.until - self.clock()).total_seconds()), error.until)
            self.beat()
            if not self._goes_on():
                break
            if self.clock() - asked >= _QUOTA_ASK:
                asked = self.clock()
                pacer.refresh(at_once=True)
                if not pacer.day_is_over:
                    break
        self.note = ""
        pacer.refresh(at_once=True)
        say(self.engine, self.campaign, "")

    def for_canary(self, canary: Canary, first: bool) -> Iterator[datetime]:
        """Look at what is reported about the mails so far, and wait for it if they are the first.

        The wait counts from when they were sent, whoever waited before; only a last part of it is always
        waited here, in which the provider's events come in. Raises SendError, with the campaign paused, if
        there are too many bounces or complaints.
        """
        until = self._first_are_over(canary) if first else self.clock()
        while True:
            health = canary.health(self.campaign.id)
            if health is None:
                self.note = NO_EVENTS
                return
            self.note = ""
            objection = canary.objection(health)
            if objection is not None:
                raise halted(self.engine, self.campaign, objection)
            left = (until - self.clock()).total_seconds()
            if left <= 0 or not self._goes_on():
                return
            yield from self.rest(min(_LONGEST_WAIT, left), until)

    def _first_are_over(self, canary: Canary) -> datetime:
        with reading(self.engine) as connection:
            sent = first_sent_until(connection, self.campaign.id, canary.size)
        now = self.clock()
        return max((sent or now) + canary.wait, now + min(canary.wait, SHORTEST_LISTENING))

    def rest(self, seconds: float, until: datetime | None = None) -> Iterator[datetime]:
        """Sleep. until: of the whole wait, if this is a part of it."""
        yield until or self.clock() + timedelta(seconds=seconds)
        if not rest(seconds, self.sleep, self.stop):
            raise stopped(self.campaign)

    def _goes_on(self) -> bool:
        """Say whether the campaign is still sending. Raises Stopped if it was paused meanwhile."""
        with reading(self.engine) as connection:
            campaign = campaigns.get_campaign(connection, self.campaign.id)
        if campaign.state is CampaignState.PAUSED:
            raise paused(campaign)
        return campaign.state is CampaignState.SENDING
