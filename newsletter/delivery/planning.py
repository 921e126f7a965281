"""Planning: a campaign's audience is frozen into the ledger, once; a crash half-way is gone on from."""

import time
from collections.abc import Callable
from typing import Final

from sqlalchemy import ColumnElement, Connection, Engine
from sqlalchemy.exc import DBAPIError

from newsletter.delivery.owners import is_dead
from newsletter.errors import NewsletterError, UsageError
from newsletter.model import CampaignState, CompiledIssue
from newsletter.ports import Clock
from newsletter.store import campaigns, deliveries
from newsletter.store.campaigns import Campaign
from newsletter.store.engine import reading
from newsletter.store.freezing import Counts, forecast, freeze_chunk

__all__ = ["CHUNK", "Counts", "begin", "plan", "preview_plan"]

CHUNK: Final = 10_000  #: subscribers a transaction: a tenth of a second, so that other writers get their turn

_TRIES = 20
_CONFLICT = ("40001", "40P01")  # PostgreSQL: serialization failure, deadlock; meant to be tried again


def begin(
    engine: Engine,
    issue: CompiledIssue,
    *,
    segment: str,
    clock: Clock,
    also: Callable[[Connection, Campaign], None] | None = None,
) -> Campaign:
    """Return the campaign of this issue to this segment: a new one, ``planning``, or the one there is.

    A new one freezes the content, and that nobody who subscribes later belongs. A cancelled one does not
    count: there will be another, which skips whoever had the issue. also: done in the same transaction, so
    that both happen or neither; when it raises, no campaign is made.

    Raises UsageError if another campaign of the issue is open, or a cancelled one still has calls in flight.
    """
    with engine.begin() as connection:
        campaign = _find_or_create(connection, issue, segment, clock)
        if also is not None:
            also(connection, campaign)
        return campaign


def plan(
    engine: Engine,
    campaign_id: int,
    *,
    audience: ColumnElement[bool],
    clock: Clock,
    chunk: int = CHUNK,
) -> Campaign:
    """Make the delivery rows that are still missing, and return the campaign, then ``sending``.

    Goes on where a killed process left off; a campaign that is planned is returned as it stands, and so
    is one that was paused meanwhile. audience: a condition on ``subscribers``. chunk: subscribers a
    transaction.

    Raises UsageError if the campaign was cancelled.
    """
    while True:
        with reading(engine) as connection:
            campaign = campaigns.get_campaign(connection, campaign_id)
        if campaign.state is not CampaignState.PLANNING:
            break
        _step(engine, campaign, audience, clock=clock, chunk=chunk)
    if campaign.state is CampaignState.CANCELLED:
        raise UsageError(
            f"The send of {campaign.slug} to {campaign.segment or 'everyone'} was cancelled.",
            hint=f"Begin a new one, which skips whoever had it: newsletter send {campaign.slug}",
        )
    return campaign


def _find_or_create(connection: Connection, issue: CompiledIssue, segment: str, clock: Clock) -> Campaign:
    campaign = campaigns.find_campaign(connection, issue.slug, segment)
    if campaign is not None:
        return campaign
    _settle_cancelled(connection, issue.slug, clock)
    try:
        return campaigns.create_campaign(connection, issue, segment=segment, now=clock())
    except UsageError:
        # another process may have made the very same one in between
        campaign = campaigns.find_campaign(connection, issue.slug, segment)
        if campaign is None:
            raise
        return campaign


def _settle_cancelled(connection: Connection, slug: str, clock: Clock) -> None:
    """See to it that nothing of a cancelled campaign is in flight: who has the issue must be known."""
    for number in campaigns.cancelled_in_flight(connection, slug):
        deliveries.abandon_dead(connection, number, is_dead=is_dead, now=clock())
    if campaigns.cancelled_in_flight(connection, slug):
        raise UsageError(
            f"Mail of the cancelled send of {slug} is still on its way.",
            hint="Try again in a minute: by then it is known who has it.",
        )


def preview_plan(engine: Engine, slug: str, *, audience: ColumnElement[bool]) -> Counts:
    """Return how many people planning would queue, and skip for which reason. Changes nothing."""
    with reading(engine) as connection:
        return forecast(connection, slug, audience)


def _step(
    engine: Engine, campaign: Campaign, audience: ColumnElement[bool], *, clock: Clock, chunk: int
) -> None:
    """Plan one more chunk, or declare the campaign planned. Harmless if another process got there first."""

    def work(connection: Connection) -> None:
        if campaign.planned:
            campaigns.move(
                connection,
                campaign.id,
                to=CampaignState.SENDING,
                since=[CampaignState.PLANNING],
                now=clock(),
            )
        else:
            freeze_chunk(connection, campaign, audience, size=chunk, now=clock())

    _in_one_moment(engine, work)


def _in_one_moment(engine: Engine, work: Callable[[Connection], None]) -> None:
    """Run work in a transaction that sees one moment; again, if another transaction disturbed it."""
    for turn in range(_TRIES):
        try:
            with engine.connect() as plain:
                connection = plain
                if engine.dialect.name == "postgresql":
                    connection = plain.execution_options(isolation_level="REPEATABLE READ")
                with connection.begin():
                    work(connection)
            return
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) not in _CONFLICT:
                raise
            time.sleep(0.01 * turn)
    raise NewsletterError(
        "Planning was disturbed by another process again and again.",
        hint="Let the other process plan; then run the same command again.",
    )
