"""What any worker does for the fleet now and then: take up the shares of dead workers, and lost campaigns."""

from sqlalchemy import Connection, func, select

from newsletter.delivery.owners import this_process
from newsletter.delivery.tending import untended
from newsletter.errors import NewsletterError
from newsletter.fleet.shares import Say, put_again, tell_halted
from newsletter.store import campaigns, fleet
from newsletter.store.campaigns import Campaign
from newsletter.store.shares import QUEUE, Share, give, in_hand
from newsletter.wiring import Services

__all__ = ["look_around"]


def look_around(services: Services, stalled_after: float, say: Say) -> None:
    """Put again what dead workers had, and begin a share of each campaign that nobody looks after.

    One worker at a time does this; others that come meanwhile do nothing. stalled_after: seconds without a
    sign of life, after which a worker counts as dead.
    """
    halted: list[tuple[Campaign, NewsletterError]] = []
    with services.engine.begin() as connection:
        lock = func.pg_try_advisory_xact_lock(func.hashtext("newsletter.fleet.tending"))
        if not connection.execute(select(lock)).scalar_one():
            return
        for number, arguments in fleet.stalled(connection, QUEUE, stalled_after):
            fleet.drop_job(connection, number)
            halted += _take_up(connection, Share.read(arguments), say)
    for campaign, error in halted:
        tell_halted(services, campaign, error, say)
    lost = untended(services.engine, this_process(), services.clock)
    if lost:
        with services.engine.begin() as connection:
            for number, _ in lost:
                if not in_hand(connection, number):
                    give(connection, Share(campaign_id=number), services.clock())


def _take_up(connection: Connection, share: Share, say: Say) -> list[tuple[Campaign, NewsletterError]]:
    """A worker may have died of the share itself, so that counts as a failure; unless it put the next one.

    Returns the campaign and why, if it is paused for that.
    """
    try:
        campaign = campaigns.get_campaign(connection, share.campaign_id)
    except LookupError:
        return []
    if not campaign.is_open or share.lock in fleet.locks_in_use(connection, QUEUE):
        return []
    why = "The worker that had it gave no sign of life"
    error = put_again(connection, share, campaign, why, say, seconds=0.01)
    return [] if error is None else [(campaign, error)]
