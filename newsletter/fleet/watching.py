"""A send that workers do: given to them together with the campaign, and looked on at until it is over."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Final

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from newsletter.delivery.ending import paused
from newsletter.delivery.owners import this_process
from newsletter.delivery.pacing import rest
from newsletter.delivery.progress import Meter, Progress
from newsletter.due.enlisting import workers
from newsletter.errors import Stopped
from newsletter.model import CampaignState
from newsletter.store import campaigns, fleet, tending
from newsletter.store.campaigns import Campaign
from newsletter.store.shares import Share, give, put_first
from newsletter.wiring import Services

__all__ = ["LEFT", "given_to_workers", "watch"]

#: What is said at Ctrl-C.
LEFT: Final = "The workers go on; this only stops looking on. To stop them: newsletter pause ISSUE"

_LOOK: Final = 1.0  # seconds between two counts, or more: counting may take a twentieth of the time
_COUNTING: Final = 20
_PATIENCE: Final = timedelta(seconds=60)  # with a database that is away

Also = Callable[[Connection, Campaign], None]


def given_to_workers(services: Services, also: Also) -> Also:
    """Return what belongs to a new campaign (``pipeline.start``): ``also``, and its first share, if there are
    workers. That share waits until this process looks after the campaign no longer, or is dead.
    """
    if not workers(services):
        return also

    def both(connection: Connection, campaign: Campaign) -> None:
        also(connection, campaign)
        put_first(connection, Share(campaign_id=campaign.id, held_by=this_process()))

    return both


def watch(services: Services, campaign: Campaign, *, stop: Callable[[], bool]) -> Iterator[Progress]:
    """Let the workers send a campaign; yield how far all of them are, until it is over.

    Raises Stopped when stop() said so (the workers go on), when the campaign is paused, or when no worker is
    left.
    """
    _let_go(services, campaign)
    clock = services.clock
    seen = served = clock()
    meter: Meter | None = None
    while True:
        began = clock()
        try:
            if meter is None:
                meter = Meter(services.engine, campaign.id, clock)
            else:
                meter.glance()
            progress = meter.show(rate=None, note=meter.campaign.reason)
            served = clock() if workers(services) else served
            seen = clock()
        except OperationalError:
            if clock() - seen > _PATIENCE:
                raise
        else:
            yield progress
            if progress.state is CampaignState.PAUSED:
                raise paused(meter.campaign)
            if progress.state not in campaigns.OPEN:
                return
            if (clock() - served).total_seconds() > fleet.ALIVE:
                raise Stopped(
                    f"No worker is left to send {campaign.slug}; nothing is lost.",
                    hint=f"Start one: newsletter worker. Or from here: newsletter resume {campaign.slug}",
                )
        if not rest(max(_LOOK, _COUNTING * (clock() - began).total_seconds()), services.sleep, stop):
            with services.engine.begin() as connection:  # a scheduler tells the end instead
                give(connection, Share(campaign_id=campaign.id), clock())
            raise Stopped(
                f"You look on no longer; the workers go on with {campaign.slug}.",
                hint=f"newsletter status --watch; to stop them: newsletter pause {campaign.slug}",
            )


def _let_go(services: Services, campaign: Campaign) -> None:
    with services.engine.begin() as connection:
        tending.let_go(connection, campaign.id, this_process())
        put_first(connection, Share(campaign_id=campaign.id), at_once=True)
