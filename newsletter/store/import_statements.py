"""The statements by which a staged import becomes subscribers; the order of them is in ``imports``."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    and_,
    case,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)

from newsletter.store.sql import insert_or_ignore
from newsletter.store.tables import (
    Id,
    Instant,
    Json,
    consent_events,
    subscriber_tags,
    subscribers,
    suppressions,
)

__all__ = ["Fates", "decide", "fates", "rows", "tags", "temporary", "write"]

temporary = MetaData()
rows = Table(
    "import_rows",
    temporary,
    Column("line", Integer, nullable=False),
    Column("email", String(320), nullable=False),
    Column("email_key", String(320), nullable=False),
    Column("sendable", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("attributes", Json, nullable=False),
    Column("subscriber_id", Id, nullable=True),  # who it is, if known before
    Column("fate", String(16), nullable=True),  # None: new
    prefixes=["TEMPORARY"],
)
tags = Table(
    "import_tags",
    temporary,
    Column("line", Integer, nullable=False),
    Column("tag", String(64), nullable=False),
    prefixes=["TEMPORARY"],
)
_REFUSED = ("duplicate", "suppressed", "unsubscribed", "bounced", "complained")


@dataclass(frozen=True, kw_only=True, slots=True)
class Fates:
    """What became of the staged rows. refused: (line, why) in the order of lines, why one of _REFUSED."""

    new: int
    updated: int
    unchanged: int
    refused: Sequence[tuple[int, str]]
    batch_id: int


def decide(connection: Connection) -> None:
    """Give each staged row its fate; rows without one are new people."""
    earlier = rows.alias("earlier")
    connection.execute(
        update(rows)
        .where(
            select(literal(1))
            .where(earlier.c.email_key == rows.c.email_key, earlier.c.line < rows.c.line)
            .exists()
        )
        .values(fate="duplicate")
    )
    connection.execute(
        update(rows)
        .where(rows.c.fate.is_(None), rows.c.email_key == suppressions.c.email_key)
        .values(fate="suppressed")
    )
    connection.execute(
        update(rows)
        .where(rows.c.fate.is_(None), rows.c.email_key == subscribers.c.email_key)
        .values(
            subscriber_id=subscribers.c.id,
            fate=case((subscribers.c.status.in_(_REFUSED), subscribers.c.status), else_="known"),
        )
    )
    missing_tag = (
        select(tags.c.tag)
        .where(
            tags.c.line == rows.c.line,
            ~select(subscriber_tags.c.tag)
            .where(
                subscriber_tags.c.tag == tags.c.tag,
                subscriber_tags.c.subscriber_id == rows.c.subscriber_id,
            )
            .correlate(rows, tags)
            .exists(),
        )
        .correlate(rows)
        .exists()
    )
    _, more_attributes = _merged(connection)
    connection.execute(
        update(rows)
        .where(
            rows.c.fate == "known",
            rows.c.subscriber_id == subscribers.c.id,
            or_(_other_name(), more_attributes, subscribers.c.status == "pending", missing_tag),
        )
        .values(fate="updated")
    )


def write(connection: Connection, *, source: str, batch_id: int, now: datetime) -> None:
    """Write new people, consent, changes and tags, in this order: consent looks at who is still pending."""
    copied = ("email", "email_key", "sendable", "name", "attributes")
    instant = literal(now, Instant)
    connection.execute(
        insert(subscribers).from_select(
            [*copied, "status", "created_at", "updated_at"],
            select(*(rows.c[name] for name in copied), literal("confirmed"), instant, instant)
            .where(rows.c.fate.is_(None))
            .order_by(rows.c.line),
        )
    )
    newly_confirmed = or_(
        rows.c.fate.is_(None), and_(rows.c.fate == "updated", subscribers.c.status == "pending")
    )
    connection.execute(
        insert(consent_events).from_select(
            ["subscriber_id", "kind", "at", "how", "source", "batch_id"],
            select(
                subscribers.c.id,
                literal("imported"),
                instant,
                literal("import"),
                literal(source),
                literal(batch_id, Id),
            )
            .join_from(rows, subscribers, subscribers.c.email_key == rows.c.email_key)
            .where(newly_confirmed)
            .order_by(rows.c.line),
        )
    )
    both, _ = _merged(connection)
    connection.execute(
        update(subscribers)
        .where(rows.c.fate == "updated", rows.c.subscriber_id == subscribers.c.id)
        .values(
            name=case((rows.c.name != "", rows.c.name), else_=subscribers.c.name),
            attributes=both,
            status="confirmed",
            updated_at=instant,
        )
    )
    connection.execute(
        insert_or_ignore(connection, subscriber_tags).from_select(
            ["tag", "subscriber_id"],
            select(tags.c.tag, subscribers.c.id)
            .join_from(tags, rows, rows.c.line == tags.c.line)
            .join(subscribers, subscribers.c.email_key == rows.c.email_key)
            .where(or_(rows.c.fate.is_(None), rows.c.fate == "updated")),
        )
    )


def fates(connection: Connection, batch_id: int) -> Fates:
    """Count the fates."""
    counts = {
        row[0]: row[1] for row in connection.execute(select(rows.c.fate, func.count()).group_by(rows.c.fate))
    }
    refused = connection.execute(
        select(rows.c.line, rows.c.fate).where(rows.c.fate.in_(_REFUSED)).order_by(rows.c.line)
    )
    return Fates(
        new=counts.get(None, 0),
        updated=counts.get("updated", 0),
        unchanged=counts.get("known", 0),
        refused=[(row[0], row[1]) for row in refused],
        batch_id=batch_id,
    )


def _other_name() -> ColumnElement[bool]:
    return and_(rows.c.name != "", rows.c.name != subscribers.c.name)


def _merged(connection: Connection) -> tuple[ColumnElement[Any], ColumnElement[bool]]:
    """Return a subscriber's attributes with those of the row laid over, and whether that changes any."""
    old, new = subscribers.c.attributes, rows.c.attributes
    if connection.dialect.name == "postgresql":
        both = old.op("||", return_type=Json)(new)
        return both, both != old
    patched = func.json_patch(old, new, type_=Json)
    # json() writes the old ones the way json_patch does, so that only real changes differ
    return patched, patched != func.json(old, type_=Json)
