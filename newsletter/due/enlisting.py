"""Workers, where there are any (PostgreSQL): what is due is left to them, and the ledger says how it ended.

    campaign made + first share put -> planned, backed up -> given -(finished, paused, cancelled)-> told, once

Decisions
- A scheduler that gave a campaign away goes on with its rounds. It takes a campaign back when nobody looks
  after it and no worker is alive any more.
- A note in the ledger says that the end is still to be told. Whoever takes it away tells it: any scheduler.
- A halt is told to the owner by the worker that was refused (``fleet.shares``): it knows the reason and hint.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from newsletter.delivery.ending import paused
from newsletter.due.news import News, Tally
from newsletter.model import CampaignState
from newsletter.reporting.accounting import accounts
from newsletter.store import campaigns, fleet, shares, tending
from newsletter.store.campaigns import Campaign
from newsletter.store.engine import reading
from newsletter.store.shares import Share
from newsletter.wiring import Services

__all__ = [
    "Relief",
    "give_when_let_go",
    "hand_over",
    "keep",
    "leave_alone",
    "tell_end",
    "tell_given",
    "workers",
]

_LOOK: Final = timedelta(seconds=5)


def workers(services: Services) -> int:
    """Return how many workers have given a sign of life lately; 0 on SQLite."""
    return fleet.live_workers(services.engine)


def give_when_let_go(services: Services, owner: str) -> Callable[[Connection, Campaign], None]:
    """Return what gives a new campaign to the workers in the transaction that makes it, if there are any.

    They begin when ``owner`` looks after it no longer, or is dead.
    """
    live = workers(services)

    def also(connection: Connection, campaign: Campaign) -> None:
        if live:
            shares.give(connection, Share(campaign_id=campaign.id, held_by=owner), services.clock())

    return also


def leave_alone(services: Services, campaign_id: int, owner: str) -> bool:
    """Return whether workers have an untended campaign in hand; one that waits for ``owner`` is not."""
    with reading(services.engine) as connection:
        if fleet.tended_by(connection, campaign_id) == owner:
            return False
        return shares.in_hand(connection, campaign_id)


def hand_over(services: Services, campaign: Campaign, owner: str, tally: Tally) -> bool:
    """Leave a campaign to the workers; return False if there is none."""
    live = workers(services)
    if not live:
        return False
    with services.engine.begin() as connection:
        tending.let_go(connection, campaign.id, owner)
        shares.give(connection, Share(campaign_id=campaign.id), services.clock(), at_once=True)
    many = "a worker" if live == 1 else f"{live} workers"
    text = f"{campaign.slug} is given to {many}."
    tally(News(what="given", issue=campaign.slug, text=text, fields={"workers": live}))
    return True


def keep(services: Services, campaign: Campaign) -> None:
    """Send it ourselves, and tell the end ourselves: no worker is there."""
    if services.engine.dialect.name != "postgresql":
        return
    with services.engine.begin() as connection:
        shares.forget_given(connection, campaign.id)


class Relief:
    """Whether workers have come while a scheduler sends. Cheap if asked often."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._possible = services.engine.dialect.name == "postgresql"
        self._next: datetime = services.clock() + _LOOK
        self.came = False

    def __call__(self) -> bool:
        """Look now and then."""
        now = self._services.clock()
        if self._possible and not self.came and now >= self._next:
            self._next = now + _LOOK
            self.came = workers(self._services) > 0
        return self.came


def tell_given(services: Services, tally: Tally) -> None:
    """Say how campaigns ended, or why they wait, that were left to the workers; each once, by one of many."""
    if services.engine.dialect.name != "postgresql":
        return
    with reading(services.engine) as connection:
        numbers = shares.given(connection)
    for number in numbers:
        with reading(services.engine) as connection:
            campaign = campaigns.get_campaign(connection, number)
        if campaign.state in campaigns.UNDER_WAY:
            continue
        with services.engine.begin() as connection:
            if not shares.forget_given(connection, number):
                continue
        if campaign.state is CampaignState.PAUSED:
            error = paused(campaign)
            tally(News(what="waits", issue=campaign.slug, text=str(error)))
            tally.errors.append(error)
        else:
            tell_end(services, campaign, tally)


def tell_end(services: Services, campaign: Campaign, tally: Tally) -> None:
    """Say what a send came to."""
    figures = accounts(services.engine, campaign.id)
    counts = {
        "sent": figures.sent,
        "failed": figures.failed,
        "skipped": sum(figures.skipped.values()),
        "uncertain": figures.uncertain,
    }
    text = f"{campaign.slug}: {figures.sent:,} of {figures.candidates:,} sent."
    if figures.uncertain:
        text += f" {figures.uncertain:,} uncertain: newsletter resolve {campaign.slug}"
    tally.uncertain += figures.uncertain
    tally(
        News(
            what="finished",
            issue=campaign.slug,
            text=text,
            fields={"state": figures.state, "candidates": figures.candidates, **counts},
            warning=not figures.balances or figures.uncertain > 0,
        )
    )
