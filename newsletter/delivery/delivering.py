"""Delivering: calls to the provider, one after the other, until nothing is queued any more.

    stop? -> pace -> claim (committed) -> press letters -> send, exactly once -> record -> effects

Decisions.
- Any number of processes may deliver one campaign: the claim decides who has a row.
- A stop ends the run before the next claim; a call in flight is always seen to its end.
- A campaign that another process paused or cancelled is noticed at the next claim, which takes nothing.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Final

from sqlalchemy import Engine

from newsletter.delivery.calling import Caller, LettersPress
from newsletter.delivery.outcomes import Breaker, gravest
from newsletter.delivery.owners import is_dead, this_process
from newsletter.delivery.pacing import Pacer, Parked, rest
from newsletter.delivery.progress import Meter, Progress
from newsletter.errors import SendError, Stopped, UsageError
from newsletter.model import CampaignState, Effect, Outcome
from newsletter.ports import Clock, Sender
from newsletter.store import campaigns, deliveries, guard
from newsletter.store.campaigns import Campaign
from newsletter.store.deliveries import Settled
from newsletter.store.engine import reading
from newsletter.store.tallies import next_due, oldest_sent

__all__ = ["deliver"]

_BEAT: Final = timedelta(seconds=60)  # between two steps of the guard's epoch
_LONGEST_WAIT: Final = 5.0  # seconds, after which a waiting run looks again
_SHORTEST_WAIT: Final = 0.1
_DAY: Final = timedelta(hours=24)
_QUOTA_UNKNOWN: Final = timedelta(hours=1)  # until the next try, when others used the quota up


def deliver(
    engine: Engine,
    campaign_id: int,
    *,
    sender: Sender,
    press: LettersPress,
    clock: Clock,
    stop: Callable[[], bool],
    sleep: Callable[[float], None] = time.sleep,
    place: guard.Place | None = None,
) -> Iterator[Progress]:
    """Deliver what is queued, yielding how far it is after each call; ends when nothing is left to do.

    stop: asked before each claim and while waiting. place: default: where this database is used.

    Raises Stopped when stopped or paused, Parked (a Stopped) when the daily quota is used up, SendError
    when the provider refuses the account or nothing gets through (the campaign is paused then), ConfigError
    when this is a restored copy of the database, UsageError when the campaign is not planned yet.
    """
    with reading(engine) as connection:
        campaign = campaigns.get_campaign(connection, campaign_id)
    if campaign.state is CampaignState.PLANNING:
        raise UsageError(
            f"The audience of {campaign.slug} is not planned to its end.",
            hint=f"Go on: newsletter resume {campaign.slug}",
        )
    if campaign.state is CampaignState.PAUSED:
        raise _paused(campaign)
    if campaign.state in (CampaignState.FINISHED, CampaignState.CANCELLED):
        yield Meter(engine, campaign_id, clock).show(rate=None)
        return
    place = place or guard.here(engine)
    guard.check_home(engine, place)
    guard.advance_epoch(engine, place)
    caller = Caller(
        engine=engine,
        campaign=campaign,
        sender=sender,
        press=press,
        clock=clock,
        sleep=sleep,
        owner=this_process(),
    )
    try:
        yield from _Run(caller, stop, place).steps()
    finally:
        guard.advance_epoch(engine, place)


class _Run:
    """One process delivering one campaign that is ``sending``."""

    def __init__(self, caller: Caller, stop: Callable[[], bool], place: guard.Place) -> None:
        self._caller, self._stop, self._place = caller, stop, place
        self._engine, self._campaign, self._clock = caller.engine, caller.campaign, caller.clock
        self._pacer = Pacer(
            caller.sender.allowance,
            max_batch=caller.sender.max_batch,
            clock=caller.clock,
            sleep=caller.sleep,
        )
        self._breaker = Breaker()
        self._next_beat = self._clock() + _BEAT

    def steps(self) -> Iterator[Progress]:
        """Deliver; yield at the start, after each call and while waiting."""
        self._abandon_dead()
        if self._campaign.reason:
            self._say("")
        meter = Meter(self._engine, self._campaign.id, self._clock)
        yield meter.show(rate=self._pacer.rate)
        while True:
            self._beat()
            wanted = 0 if self._stop() else self._pacer.take(self._stop)
            if not wanted:
                raise self._stopped() if self._stop() else self._parked("The daily quota is used up")
            call, people = self._caller.claim(wanted)
            self._pacer.give_back(wanted - len(call.rows))
            if call.rows:
                settled, outcomes = self._caller.hand_over(call, people)
                written = self._caller.write(call, settled)
                meter.add(settled, call.skipped)
                if written < len(settled):
                    meter.recount()
                self._take_effect(settled, outcomes)
            elif call.skipped:
                meter.add([], call.skipped)
            else:
                wait = self._seconds_to_wait()
                if wait is None:
                    break
                until = self._clock() + timedelta(seconds=wait)
                yield meter.show(rate=self._pacer.rate, waiting_until=until)
                rest(wait, self._caller.sleep, self._stop)
                continue
            yield meter.show(rate=self._pacer.rate)
        meter.recount()
        yield meter.show(rate=self._pacer.rate)

    def _take_effect(self, settled: Sequence[Settled], outcomes: Sequence[Outcome]) -> None:
        """Do to the run what the outcomes of a call ask for. They are recorded already."""
        worst = gravest(outcomes)
        if worst is not None and worst.effect is Effect.HALT:
            raise self._halted(f"The provider refuses to send: {worst.reason}")
        if worst is not None and worst.effect is Effect.PARK:
            raise self._parked(worst.reason or "The daily quota is used up")
        if worst is not None and worst.effect is Effect.SLOW:
            self._pacer.slow()
        elif worst is not None and worst.effect is Effect.SPLIT and len(outcomes) > 1:
            self._pacer.split(len(outcomes))
        else:
            self._pacer.join()
        reason = self._breaker.note(settled)
        if reason is not None:
            raise self._halted(f"Nothing gets through: {reason}")

    def _seconds_to_wait(self) -> float | None:
        """Say what to do when a claim took nothing: wait so long, or None: the run is over."""
        now = self._clock()
        with reading(self._engine) as connection:
            campaign = campaigns.get_campaign(connection, self._campaign.id)
            due = next_due(connection, self._campaign.id, now)
        if campaign.state is CampaignState.PAUSED:
            raise _paused(campaign)
        if campaign.state is not CampaignState.SENDING:
            return None
        if due is not None:  # now, if another process is about to claim it
            return min(max((due - now).total_seconds(), _SHORTEST_WAIT), _LONGEST_WAIT)
        self._abandon_dead()
        with self._engine.begin() as connection:
            # not while another process has calls in flight: the last one finishes
            campaigns.finish(connection, self._campaign.id, self._clock())
        return None

    def _abandon_dead(self) -> None:
        with self._engine.begin() as connection:
            deliveries.abandon_dead(connection, self._campaign.id, is_dead=is_dead, now=self._clock())

    def _beat(self) -> None:
        """Step the guard's epoch now and then: a backup made during a long send must look old afterwards."""
        if self._clock() >= self._next_beat:
            guard.advance_epoch(self._engine, self._place)
            self._next_beat = self._clock() + _BEAT

    def _say(self, reason: str) -> None:
        with self._engine.begin() as connection:
            campaigns.set_reason(connection, self._campaign.id, reason)

    # -- ends that are not the end ----------------------------------------------------------------

    def _stopped(self) -> Stopped:
        return Stopped(
            f"The send of {self._campaign.slug} was stopped before its end; nothing is lost.",
            hint=f"Go on: newsletter resume {self._campaign.slug}",
        )

    def _halted(self, reason: str) -> SendError:
        with self._engine.begin() as connection:
            campaigns.move(
                connection,
                self._campaign.id,
                to=CampaignState.PAUSED,
                since=[CampaignState.SENDING],
                reason=reason,
            )
        return SendError(
            f"{reason.rstrip('.')}. The send of {self._campaign.slug} is paused; the rest is still queued.",
            hint=f"Mend that, then go on: newsletter resume {self._campaign.slug}",
        )

    def _parked(self, reason: str) -> Parked:
        """The quota counts the last 24 hours: it frees as fast as it was used, from the first mail on."""
        now = self._clock()
        with reading(self._engine) as connection:
            oldest = oldest_sent(connection, self._campaign.id, now - _DAY)
        until = now + _QUOTA_UNKNOWN if oldest is None else oldest + _DAY
        when = f"{until:%Y-%m-%d %H:%M} UTC"
        reason = reason.rstrip(".")
        self._say(f"{reason}; goes on about {when}")
        return Parked(
            f"{reason}. The rest can go from about {when}.",
            hint=f"Then: newsletter resume {self._campaign.slug}",
            until=until,
        )


def _paused(campaign: Campaign) -> Stopped:
    why = f": {campaign.reason.rstrip('.')}" if campaign.reason else ""
    return Stopped(
        f"The send of {campaign.slug} is paused{why}.", hint=f"Go on: newsletter resume {campaign.slug}"
    )
