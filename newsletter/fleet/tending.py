"""What any worker does for the fleet now and then: take up the shares of dead workers, and lost campaigns."""

from dataclasses import fields
from typing import Final

from sqlalchemy import Connection, func, select

from newsletter.delivery.owners import this_process
from newsletter.delivery.tending import untended
from newsletter.fleet.jobs import QUEUE, Share, put_first
from newsletter.fleet.shares import Say, put_again
from newsletter.store import campaigns, fleet
from newsletter.wiring import Services

__all__ = ["look_around"]

_ARGUMENTS: Final = frozenset(field.name for field in fields(Share))


def look_around(services: Services, stalled_after: float, say: Say) -> None:
    """Put again what dead workers had, and begin a share of each campaign that nobody looks after.

    One worker at a time does this; others that come meanwhile do nothing. stalled_after: seconds without a
    sign of life, after which a worker counts as dead.
    """
    with services.engine.begin() as connection:
        lock = func.pg_try_advisory_xact_lock(func.hashtext("newsletter.fleet.tending"))
        if not connection.execute(select(lock)).scalar_one():
            return
        for number, arguments in fleet.stalled(connection, QUEUE, stalled_after):
            fleet.drop_job(connection, number)
            _take_up(connection, Share(**{key: arguments[key] for key in _ARGUMENTS & arguments.keys()}), say)
    lost = untended(services.engine, this_process(), services.clock)
    if lost:
        with services.engine.begin() as connection:
            for number, _ in lost:
                put_first(connection, Share(campaign_id=number))


def _take_up(connection: Connection, share: Share, say: Say) -> None:
    """A worker may have died of the share itself, so that counts as a failure; unless it put the next one."""
    try:
        campaign = campaigns.get_campaign(connection, share.campaign_id)
    except LookupError:
        return
    if campaign.is_open and share.lock not in fleet.locks_in_use(connection, QUEUE):
        why = "The worker that had it gave no sign of life"
        put_again(connection, share, campaign, why, say, seconds=0.01)
