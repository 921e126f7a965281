"""Ends of a run that are not the end of its campaign: stopped, paused, halted, parked; it can be resumed."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Engine

from newsletter.delivery.pacing import Parked
from newsletter.errors import SendError, Stopped
from newsletter.model import CampaignState, Effect
from newsletter.store import campaigns
from newsletter.store.campaigns import Campaign
from newsletter.store.engine import reading
from newsletter.store.tallies import oldest_sent

__all__ = ["Ending", "halted", "parked", "paused", "say", "stopped"]

_DAY: Final = timedelta(hours=24)
_QUOTA_UNKNOWN: Final = timedelta(hours=1)  # until the next try, when others used the quota up


@dataclass(frozen=True, kw_only=True, slots=True)
class Ending:
    """What a run comes to once its calls in flight have ended. effect: HALT or PARK."""

    effect: Effect
    reason: str


def say(engine: Engine, campaign: Campaign, reason: str) -> None:
    """Write why a campaign waits; "" for: it does not."""
    with engine.begin() as connection:
        campaigns.set_reason(connection, campaign.id, reason)


def stopped(campaign: Campaign) -> Stopped:
    """Return the error of a run that was told to stop."""
    return Stopped(
        f"The send of {campaign.slug} was stopped before its end; nothing is lost.",
        hint=f"Go on: newsletter resume {campaign.slug}",
    )


def paused(campaign: Campaign) -> Stopped:
    """Return the error of a run whose campaign is paused. campaign: as it is now."""
    why = f": {campaign.reason.rstrip('.')}" if campaign.reason else ""
    return Stopped(
        f"The send of {campaign.slug} is paused{why}.", hint=f"Go on: newsletter resume {campaign.slug}"
    )


def halted(engine: Engine, campaign: Campaign, reason: str) -> SendError:
    """Pause the campaign, and return the error that says why."""
    with engine.begin() as connection:
        campaigns.move(
            connection,
            campaign.id,
            to=CampaignState.PAUSED,
            since=[CampaignState.SENDING],
            reason=reason,
        )
    return SendError(
        f"{reason.rstrip('.')}. The send of {campaign.slug} is paused; the rest is still queued.",
        hint=f"Mend that, then go on: newsletter resume {campaign.slug}",
    )


def parked(engine: Engine, campaign: Campaign, reason: str, *, now: datetime) -> Parked:
    """Say in the campaign that it waits for the daily quota; return the error that says until when.

    The quota counts the last 24 hours: it frees as fast as it was used, from the first mail on.
    """
    with reading(engine) as connection:
        oldest = oldest_sent(connection, campaign.id, now - _DAY)
    until = now + _QUOTA_UNKNOWN if oldest is None else oldest + _DAY
    when = f"{until:%Y-%m-%d %H:%M} UTC"
    reason = reason.rstrip(".")
    say(engine, campaign, f"{reason}; goes on about {when}")
    return Parked(
        f"{reason}. The rest can go from about {when}.",
        hint=f"Then: newsletter resume {campaign.slug}",
        until=until,
    )
