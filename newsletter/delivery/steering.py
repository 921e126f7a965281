"""What the owner may do to a campaign: pause it, let it go on, cancel it.

Each is one transaction. Whoever is sending notices at the next claim.
"""

from sqlalchemy import Connection, Engine

from newsletter.errors import UsageError
from newsletter.model import CampaignState
from newsletter.ports import Clock
from newsletter.store import campaigns, deliveries
from newsletter.store.campaigns import Campaign

__all__ = ["CANCELLED", "cancel", "pause", "resume"]

CANCELLED = "cancelled"  #: the reason of deliveries that were queued when their campaign was cancelled


def pause(engine: Engine, campaign_id: int, *, reason: str) -> Campaign:
    """Pause a campaign that is being planned or sent, and return it. Raises UsageError if it is over."""
    with engine.begin() as connection:
        campaigns.move(
            connection,
            campaign_id,
            to=CampaignState.PAUSED,
            since=campaigns.UNDER_WAY,
            reason=reason,
        )
        return _open(connection, campaign_id, "paused")


def resume(engine: Engine, campaign_id: int, *, clock: Clock) -> Campaign:
    """Let a paused campaign go on, and return it; one that is not paused stays as it is.

    Its state is ``sending``, or ``planning`` again if not everybody has a row yet. Raises UsageError if it
    is cancelled.
    """
    with engine.begin() as connection:
        campaign = campaigns.get_campaign(connection, campaign_id)
        if campaign.planned:  # by its rows; a process may have died before it could say so
            since = [CampaignState.PAUSED, CampaignState.PLANNING]
            campaigns.move(connection, campaign_id, to=CampaignState.SENDING, since=since, now=clock())
        else:
            since = [CampaignState.PAUSED]
            campaigns.move(connection, campaign_id, to=CampaignState.PLANNING, since=since, now=clock())
        campaign = campaigns.get_campaign(connection, campaign_id)
        return (
            campaign
            if campaign.state is CampaignState.FINISHED
            else _open(connection, campaign_id, "resumed")
        )


def cancel(engine: Engine, campaign_id: int, *, clock: Clock) -> int:
    """Give a campaign up: skip what is queued and return how many that were.

    Calls in flight are not called back. Raises UsageError if it is finished or cancelled already.
    """
    with engine.begin() as connection:
        _open(connection, campaign_id, "cancelled")
        now = clock()
        campaigns.move(connection, campaign_id, to=CampaignState.CANCELLED, since=campaigns.OPEN, now=now)
        return deliveries.skip_queued(connection, campaign_id, CANCELLED, now)


def _open(connection: Connection, campaign_id: int, verb: str) -> Campaign:
    campaign = campaigns.get_campaign(connection, campaign_id)
    if campaign.state not in campaigns.OPEN:
        raise UsageError(
            f"The send of {campaign.slug} is {campaign.state}; it cannot be {verb}.",
            hint=f"See what became of it: newsletter status {campaign.slug}",
        )
    return campaign
