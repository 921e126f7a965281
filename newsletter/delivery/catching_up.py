"""``catch-up``: a finished send goes on for those whom it did not reach."""

from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError

from newsletter.errors import UsageError
from newsletter.model import CampaignState
from newsletter.ports import Clock
from newsletter.store import campaigns
from newsletter.store.campaigns import Campaign
from newsletter.store.catching_up import reopen

__all__ = ["catch_up", "refuse_unfinished"]


def refuse_unfinished(campaign: Campaign) -> None:
    """Raise UsageError if the campaign may still reach somebody by itself, or was given up."""
    if campaign.state is not CampaignState.FINISHED:
        raise UsageError(
            f"The send of {campaign.slug} is {campaign.state}, not finished.",
            hint=f"Let it end first: newsletter resume {campaign.slug}",
        )


def catch_up(engine: Engine, campaign: Campaign, *, joined: bool, clock: Clock) -> Campaign:
    """Open a finished campaign again for those who did not get it and may be mailed now; return it.

    joined: also for those who subscribed since. Nothing is mailed yet: plan it to its end and deliver it.
    Raises UsageError if the campaign is not finished, or another one of the issue is open.
    """
    refuse_unfinished(campaign)
    try:
        with engine.begin() as connection:
            reopen(connection, campaign.id, joined=joined, now=clock())
            return campaigns.get_campaign(connection, campaign.id)
    except IntegrityError as error:
        raise UsageError(
            f"Another send of {campaign.slug} is open; one goes at a time.",
            hint="Let that one end first. See: newsletter status",
        ) from error
