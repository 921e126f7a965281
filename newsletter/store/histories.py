"""A person's traces in the ledger, in what the provider reported and in the imports."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, literal_column, select

from newsletter.model import CampaignState, DeliveryState, EventKind
from newsletter.store.deliveries import WHY_NOT
from newsletter.store.tables import (
    campaigns,
    consent_events,
    deliveries,
    events,
    import_batches,
    import_changes,
    signups,
    subscribers,
)

__all__ = [
    "EventTrace",
    "ImportTrace",
    "LedgerTrace",
    "deliveries_to",
    "events_about",
    "imports_of",
    "key_in_ledger",
    "rest_of",
    "why_not_today",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class LedgerTrace:
    """What became of one campaign for one person. at: of the last change; reason: why skipped or failed."""

    issue: str
    segment: str
    campaign_state: CampaignState
    delivery: int
    state: DeliveryState
    reason: str
    attempts: int
    message_id: str
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportTrace:
    """An import that a person was in. undone_at: when the import was undone, None if it was not.

    before: how the person was before it, as kept for undoing it; None if new, unchanged or undone.
    """

    batch: int
    file: str
    source: str
    at: datetime
    undone_at: datetime | None
    before: Mapping[str, Any] | None


def deliveries_to(connection: Connection, keys: Sequence[str]) -> list[LedgerTrace]:
    """Return what the ledger says of whoever has one of these email_keys (or hashes), oldest first."""
    query = (
        select(deliveries, campaigns.c.slug, campaigns.c.segment, campaigns.c.state.label("campaign_state"))
        .join_from(campaigns, deliveries, deliveries.c.campaign_id == campaigns.c.id)
        .where(deliveries.c.email_key.in_(keys))
        .order_by(deliveries.c.id)
    )
    return [
        LedgerTrace(
            issue=row.slug,
            segment=row.segment,
            campaign_state=CampaignState(row.campaign_state),
            delivery=row.id,
            state=DeliveryState(row.state),
            reason=row.reason,
            attempts=row.attempt,
            message_id=row.message_id or "",
            at=row.updated_at,
        )
        for row in connection.execute(query)
    ]


@dataclass(frozen=True, kw_only=True, slots=True)
class EventTrace:
    """What the provider reported about one mail. delivery: None if it names none of ours.

    bounce: hard, soft, reply or "". machine: whether a program opened or clicked.
    """

    delivery: int | None
    kind: EventKind
    at: datetime
    bounce: str
    detail: str
    link: str
    machine: bool
    message_id: str


def events_about(
    connection: Connection, keys: Sequence[str], delivery_ids: Sequence[int]
) -> list[EventTrace]:
    """Return what was reported about whoever has one of these email_keys, or their deliveries, in order."""
    query = (
        select(events)
        .where(events.c.email_key.in_(keys) | events.c.delivery_id.in_(delivery_ids))
        .order_by(events.c.at, events.c.id)
    )
    return [
        EventTrace(
            delivery=row.delivery_id,
            kind=EventKind(row.kind),
            at=row.at,
            bounce=row.bounce,
            detail=row.detail,
            link=row.link,
            machine=bool(row.machine),
            message_id=row.message_id,
        )
        for row in connection.execute(query)
    ]


def key_in_ledger(connection: Connection, subscriber_id: int) -> str | None:
    """Return the email_key (or hash) of whom the newest delivery to this number went to, None if none did."""
    query = (
        select(deliveries.c.email_key)
        .where(
            deliveries.c.campaign_id.in_(select(campaigns.c.id)), deliveries.c.subscriber_id == subscriber_id
        )
        .order_by(deliveries.c.id.desc())
        .limit(1)
    )
    return connection.scalar(query)


def imports_of(connection: Connection, subscriber_id: int) -> list[ImportTrace]:
    """Return the imports that added or changed a subscriber, oldest first."""
    by_consent = select(consent_events.c.batch_id).where(consent_events.c.subscriber_id == subscriber_id)
    change = import_changes
    query = (
        select(import_batches, change.c.kind, change.c.name, change.c.attributes, change.c.status)
        .outerjoin_from(
            import_batches,
            change,
            (change.c.batch_id == import_batches.c.id) & (change.c.subscriber_id == subscriber_id),
        )
        .where(change.c.kind.is_not(None) | import_batches.c.id.in_(by_consent))
        .order_by(import_batches.c.id)
    )
    return [
        ImportTrace(
            batch=row.id,
            file=row.file,
            source=row.source,
            at=row.at,
            undone_at=row.undone_at,
            before={"name": row.name, "status": row.status, "attributes": row.attributes}
            if row.kind == "updated"
            else None,
        )
        for row in connection.execute(query)
    ]


def rest_of(connection: Connection, subscriber_id: int) -> dict[str, Any]:
    """Return what else is kept of a subscriber, as JSON values: time zone, break, a sign-up that waits."""
    query = (
        select(subscribers.c.tz, subscribers.c.paused_until, signups.c.name, signups.c.at)
        .outerjoin_from(subscribers, signups, signups.c.subscriber_id == subscribers.c.id)
        .where(subscribers.c.id == subscriber_id)
    )
    row = connection.execute(query).one()
    return {
        "tz": row.tz,
        "paused_until": row.paused_until.isoformat() if row.paused_until else None,
        "signup": {"name": row.name, "at": row.at.isoformat()} if row.at else None,
    }


def why_not_today(connection: Connection, subscriber_id: int) -> str:
    """Return why a subscriber would be skipped by a campaign that began now, "" if they would be mailed."""
    why: ColumnElement[str] = literal_column(f"({WHY_NOT})")
    query = select(why).select_from(subscribers).where(subscribers.c.id == subscriber_id)
    reason: str = connection.execute(query).scalar_one()
    return reason
