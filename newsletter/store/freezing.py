"""Freezing an audience: subscribers become delivery rows, a range of ids at a time.

One chunk is one transaction. It moves ``planned_through`` and ``candidates`` together with the rows, so
that a kill at any point leaves whole chunks only. ``candidates`` is counted from the subscribers, the rows
are made by another statement: the accounts compare the two.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    and_,
    case,
    exists,
    func,
    literal,
    literal_column,
    select,
    update,
)

from newsletter.model import DeliveryState
from newsletter.store import received
from newsletter.store.campaigns import Campaign, refuse_compacted
from newsletter.store.deliveries import WHY_NOT
from newsletter.store.sql import insert_or_ignore
from newsletter.store.tables import Instant, campaigns, deliveries, subscribers

__all__ = ["ALREADY_HAD_IT", "Counts", "forecast", "freeze_chunk", "refuse_unknowable"]

ALREADY_HAD_IT = "already-had-it"  #: reason: an earlier campaign of the issue reached them, or may have


@dataclass(frozen=True, kw_only=True, slots=True)
class Counts:
    """What planning would make: how many would be queued, and how many skipped for which reason."""

    queued: int
    skipped: dict[str, int]

    @property
    def candidates(self) -> int:
        """Everyone in the audience."""
        return self.queued + sum(self.skipped.values())

    def describe_skipped(self) -> str:
        """Return the skipped in words, such as "3 pending, 1 suppressed"; "none" if nobody is."""
        return ", ".join(f"{count} {reason}" for reason, count in sorted(self.skipped.items())) or "none"

    def as_dict(self) -> dict[str, object]:
        """Return the figures as JSON values."""
        return {"candidates": self.candidates, "queued": self.queued, "skipped": dict(self.skipped)}


def forecast(connection: Connection, slug: str, audience: ColumnElement[bool]) -> Counts:
    """Return what planning this issue for this audience now would make. Reads only.

    Raises UsageError if nobody knows any more who had the issue, or one that the audience asks about.
    """
    refuse_unknowable(connection, slug, audience)
    why = _why_not(connection, slug, own=None).label("why")
    people = select(why).select_from(subscribers).where(audience).subquery()
    rows = connection.execute(select(people.c.why, func.count()).group_by(people.c.why)).all()
    counts: dict[str, int] = {row[0]: row[1] for row in rows}
    return Counts(queued=counts.pop("", 0), skipped=dict(sorted(counts.items())))


def refuse_unknowable(connection: Connection, slug: str, audience: ColumnElement[bool]) -> None:
    """Raise UsageError if nobody knows any more who had the issue, or one that the audience asks about."""
    refuse_compacted(connection, slug)
    received.refuse_unknowable(connection, audience)


def freeze_chunk(
    connection: Connection, campaign: Campaign, audience: ColumnElement[bool], *, size: int, now: datetime
) -> bool:
    """Make the rows of the next ``size`` subscribers; return whether the campaign still stood as given.

    On PostgreSQL the transaction must be REPEATABLE READ, so that the count and the rows are of one moment.
    Raises UsageError as ``forecast`` does.
    """
    refuse_unknowable(connection, campaign.slug, audience)
    low = campaign.planned_through
    ids = (
        select(subscribers.c.id)
        .where(subscribers.c.id > low, subscribers.c.id <= campaign.ceiling)
        .order_by(subscribers.c.id)
        .limit(size + 1)  # one more, to know whether any are left after this chunk
        .subquery()
    )
    found, highest = connection.execute(select(func.count(), func.max(ids.c.id))).one()
    if found <= size:
        chunk = and_(subscribers.c.id > low, subscribers.c.id <= campaign.ceiling)
        high = campaign.ceiling
    else:
        chunk = and_(subscribers.c.id > low, subscribers.c.id < highest)
        high = highest - 1
    mine = and_(
        campaigns.c.id == campaign.id, campaigns.c.state == "planning", campaigns.c.planned_through == low
    )
    # somebody who was removed and added again while we plan has a new number, but has a row by address
    rowless = ~exists().where(
        deliveries.c.campaign_id == campaign.id, deliveries.c.email_key == subscribers.c.email_key
    )
    people = select(func.count()).select_from(subscribers).where(chunk, audience, rowless)
    advance = (
        update(campaigns)
        .where(mine)
        .values(planned_through=high, candidates=campaigns.c.candidates + people.scalar_subquery())
    )
    if connection.execute(advance).rowcount != 1:
        return False
    why = _why_not(connection, campaign.slug, own=campaign.id)
    rows = (
        select(
            literal(campaign.id, Integer),
            subscribers.c.id,
            subscribers.c.email_key,
            case((why == "", DeliveryState.QUEUED.value), else_=DeliveryState.SKIPPED.value),
            why,
            literal(now, Instant),
        )
        .select_from(subscribers)
        .where(chunk, audience)
        .order_by(subscribers.c.id)
    )
    columns = ["campaign_id", "subscriber_id", "email_key", "state", "reason", "updated_at"]
    connection.execute(insert_or_ignore(connection, deliveries).from_select(columns, rows))
    return True


def _why_not(connection: Connection, slug: str, *, own: int | None) -> ColumnElement[str]:
    """SQL: why this subscriber is not mailed, '' if they are. own: the campaign that is being planned.

    Whoever may have had the issue counts as having had it, an uncertain delivery too. Matched by
    address, not by subscriber: the number of a removed subscriber can come to belong to another person.
    """
    consent: ColumnElement[str] = literal_column(f"({WHY_NOT})")
    query = select(campaigns.c.id).where(campaigns.c.slug == slug)
    earlier = [number for number in connection.execute(query).scalars() if number != own]
    if not earlier:
        return consent
    had_it = exists().where(
        deliveries.c.campaign_id.in_(earlier),
        deliveries.c.email_key == subscribers.c.email_key,
        deliveries.c.state.not_in([DeliveryState.SKIPPED.value, DeliveryState.FAILED.value]),
    )
    return case((consent != "", consent), (had_it, ALREADY_HAD_IT), else_="")
