"""A worker's shares: deliver for a while, then see to it that there is a next share, until all is done.

    held? -> deliver for 45 s -> put the next one        share 0 meanwhile: one for each live worker

A share that fails is put again, later each time; after some tries its campaign is paused, with the reason,
and the owner is told by mail.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final, Protocol, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, OperationalError

from newsletter import pipeline
from newsletter.delivery import planning
from newsletter.delivery.owners import this_process
from newsletter.delivery.pacing import Parked
from newsletter.delivery.progress import Progress
from newsletter.delivery.tending import untended
from newsletter.delivery.writing import LEASE
from newsletter.due.news import News
from newsletter.due.telling import tell_trouble
from newsletter.errors import NewsletterError, SendError, Stopped
from newsletter.fleet.metrics import Figures, Result
from newsletter.model import CampaignState
from newsletter.people.segments import audience_of
from newsletter.store import campaigns, fleet
from newsletter.store.campaigns import UNDER_WAY, Campaign
from newsletter.store.engine import reading
from newsletter.store.shares import Share, fill, put
from newsletter.wiring import Services

__all__ = ["TRIES", "Say", "Shares", "Way", "put_again", "tell_halted"]

TRIES: Final = 5  #: failures of a share, one after the other, after which its campaign is paused

_LOOK: Final = timedelta(seconds=5)  # for new workers
_HELD: Final = 2.0  # seconds until the next look
_IN_FLIGHT: Final = 5.0  # while only calls of others are left
_LONGEST_PARK: Final = 600.0
_PATIENCE: Final = timedelta(seconds=30)  # that the database may be away between two shares

T = TypeVar("T")


class Say(Protocol):
    """Writes a line of the log: ``newsletter.daemon.log.Log.line``."""

    def __call__(self, event: str, *, level: str = "info", **fields: object) -> None:
        """Write what happened."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Way:
    """How a worker delivers. calls: to the provider at a time, None for what the rate needs. share: how long
    at a time, longer than ``waiting.SHORTEST_LISTENING``. processes, lease: as for ``pipeline.deliver``.
    """

    calls: int | None = None
    processes: int | None = None
    lease: timedelta = LEASE
    share: timedelta = timedelta(seconds=45)


def put_again(
    connection: Connection, share: Share, campaign: Campaign, why: str, say: Say, *, seconds: float = 0.0
) -> NewsletterError | None:
    """Put a share that failed again, or pause its campaign if it has failed too often. why: a sentence.

    Returns what the owner is to be told after the commit (``tell_halted``), None if it is not paused.
    """
    tries = share.tries + 1
    if tries < TRIES:
        put(connection, replace(share, tries=tries), seconds=seconds or 2.0**tries)
        say("failed", level="warning", issue=campaign.slug, slot=share.slot, tries=tries, text=why)
        return None
    reason = f"its shares failed {TRIES} times in a row: {why.rstrip('.')}"
    if not campaigns.move(connection, campaign.id, to=CampaignState.PAUSED, since=UNDER_WAY, reason=reason):
        return None
    return SendError(
        f"{campaign.slug} is paused: {reason}.",
        hint=f"Mend that, then go on: newsletter resume {campaign.slug}",
    )


def tell_halted(services: Services, campaign: Campaign, error: NewsletterError, say: Say) -> None:
    """Log that a fault paused a campaign, and tell the owner by mail, once for each fault."""
    say("halted", level="error", issue=campaign.slug, text=str(error))

    def report(news: News) -> None:
        if news.what != "halted":
            level = "warning" if news.warning else "info"
            say(news.what, level=level, issue=news.issue, text=news.text)

    news = News(what="halted", issue=campaign.slug, text=str(error), warning=True)
    tell_trouble(services, f"campaign {campaign.id}", news, error, report)


class Shares:
    """The shares of one worker. Several threads may do some at a time, of one campaign each.

    interrupted: whether a stop ended one before its end. shaken: set when the database failed one.
    handing_over: ends those under way, which are put again, while the worker connects to the database anew.
    """

    def __init__(
        self, services: Services, way: Way, stop: threading.Event, say: Say, figures: Figures
    ) -> None:
        self._services, self._way, self._stop, self._say = services, way, stop, say
        self._figures = figures
        self._busy: set[int] = set()
        self._lock = threading.Lock()
        self.interrupted = False
        self.shaken = threading.Event()
        self.handing_over = threading.Event()

    def do(self, share: Share) -> None:
        """Do a share, and put the next one. Raises what the database raises when it stays away."""
        try:
            with self._figures.under_way():
                result = self._do(share)
        except DBAPIError:
            self._figures.ended("failed")
            self.shaken.set()
            raise
        self._figures.ended(result)

    def _do(self, share: Share) -> Result:
        campaign = self._campaign(share)
        if campaign.state not in UNDER_WAY:
            return "waits" if campaign.is_open else "finished"
        if self._is_held(share):
            self._put(share, _HELD)
            return "held"
        share = replace(share, held_by="")
        with self._alone_here(campaign) as alone:
            if not alone:
                self._put(share, _HELD)
                return "held"
            return self._attempt(share, campaign)

    def _attempt(self, share: Share, campaign: Campaign) -> Result:
        try:
            self._deliver(share, campaign)
        except Parked as error:
            self._say("waits", issue=campaign.slug, text=str(error), until=error.until)
            if share.slot == 0:
                left = (error.until - self._services.clock()).total_seconds()
                self._put(replace(share, tries=0), min(max(left, _HELD), _LONGEST_PARK))
            return "waits"
        except Stopped as error:
            return self._after_stop(share, error)
        except DBAPIError:
            self._say("failed", level="warning", issue=campaign.slug, text="The database was away.")
            self.shaken.set()
            self._put(share, _HELD)
            return "failed"
        except Exception as error:  # whatever it is must not be tried for ever
            return self._after_failure(share, error)
        return self._after_end(share)

    def _deliver(self, share: Share, campaign: Campaign) -> None:
        services, way = self._services, self._way
        if campaign.state is CampaignState.PLANNING:
            who = audience_of(services.settings, campaign.segment)
            campaign = planning.plan(services.engine, campaign.id, audience=who, clock=services.clock)
        look = services.clock()
        ends = look + way.share

        def stop() -> bool:
            return self._stop.is_set() or self.handing_over.is_set() or services.clock() >= ends

        steps = pipeline.deliver(
            services,
            campaign,
            stop=stop,
            threads=way.calls,
            processes=way.processes,
            lease=way.lease,
            own=True,
        )
        before: Progress | None = None
        for step in steps:
            self._figures.settled(before or step, step)
            before, now = step, services.clock()
            if share.slot == 0 and now >= look and self._invites(step):
                look = now + _LOOK
                with services.engine.begin() as connection:
                    fill(connection, campaign.id, fleet.live_workers(services.engine))

    def _invites(self, step: Progress) -> bool:
        """Return whether others may take part: not while the first mails go alone."""
        alone = self._services.settings.safety.canary if self._services.settings.sender.kind == "ses" else -1
        return step.queued > 0 and step.sent > alone

    def _after_stop(self, share: Share, error: Stopped) -> Result:
        """Our time is over, this worker stops, or the campaign was paused."""
        campaign = self._campaign(share)
        if campaign.state is CampaignState.PAUSED:
            self._say("waits", issue=campaign.slug, text=str(error))
            return "waits"
        if campaign.state is not CampaignState.SENDING:
            return "finished"
        result: Result = "interrupted" if self._stop.is_set() else "share"
        self.interrupted = self.interrupted or result == "interrupted"
        self._say(result, issue=campaign.slug, slot=share.slot)
        # workers that have gone need no share of their own any more
        if share.slot == 0 or share.slot < fleet.live_workers(self._services.engine):
            self._put(replace(share, tries=0), 0.0)
        return result

    def _after_failure(self, share: Share, error: Exception) -> Result:
        campaign = self._campaign(share)
        known = isinstance(error, NewsletterError)
        halted: NewsletterError | None = error if isinstance(error, SendError) else None
        if campaign.state in UNDER_WAY:
            # nobody knows what the text of an unexpected error holds
            why = str(error) if known else f"unexpected {type(error).__name__}"
            with self._services.engine.begin() as connection:
                halted = put_again(connection, share, campaign, why, self._say)
        if halted is None:
            return "failed"
        tell_halted(self._services, campaign, halted, self._say)
        return "halted"

    def _after_end(self, share: Share) -> Result:
        """Nothing is queued: all is done, or the last calls are in flight elsewhere."""
        campaign = self._campaign(share)
        if campaign.state is CampaignState.FINISHED:
            self._say("finished", issue=campaign.slug, slot=share.slot)
        elif campaign.state is CampaignState.SENDING and share.slot == 0:
            self._put(replace(share, tries=0), _IN_FLIGHT)
        return "finished"

    def _is_held(self, share: Share) -> bool:
        services = self._services
        if not share.held_by:
            return False
        with reading(services.engine) as connection:
            if fleet.tended_by(connection, share.campaign_id) != share.held_by:
                return False
        free = {number for number, _ in untended(services.engine, this_process(), services.clock)}
        return share.campaign_id not in free

    @contextmanager
    def _alone_here(self, campaign: Campaign) -> Iterator[bool]:
        """Give whether this worker does no other share of the campaign: another worker should have it."""
        with self._lock:
            alone = campaign.id not in self._busy
            self._busy.add(campaign.id)
        try:
            yield alone
        finally:
            if alone:
                self._busy.discard(campaign.id)

    def _campaign(self, share: Share) -> Campaign:
        def look() -> Campaign:
            with reading(self._services.engine) as connection:
                return campaigns.get_campaign(connection, share.campaign_id)

        return self._patiently(look)

    def _put(self, share: Share, seconds: float) -> None:
        def work() -> None:
            with self._services.engine.begin() as connection:
                put(connection, share, seconds=seconds)

        self._patiently(work)

    def _patiently(self, work: Callable[[], T]) -> T:
        """Do it again while the database is away, for a while."""
        until = self._services.clock() + _PATIENCE
        while True:
            try:
                return work()
            except DBAPIError as error:
                away = error.connection_invalidated or isinstance(error, OperationalError)
                if not away or self._services.clock() >= until:
                    raise
            self._services.sleep(1.0)
