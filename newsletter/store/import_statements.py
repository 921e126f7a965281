"""The statements by which a staged import becomes subscribers; the order of them is in ``imports``."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Integer,
    MetaData,
    Select,
    String,
    Table,
    Text,
    and_,
    case,
    distinct,
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
    import_changes,
    subscriber_tags,
    subscribers,
    suppressions,
)

__all__ = ["SAMPLE", "Fates", "decide", "fates", "keep_before", "rows", "tags", "temporary", "write"]

SAMPLE = 5  #: how many lines are named as a sample of those that were taken

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
    Column("doubt", String(16), nullable=False),  # why not to take them if they are new, or ""
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
_LEFT = ("unsubscribed", "bounced", "complained")
_TAKEN = {
    "new": rows.c.fate.is_(None),
    "updated": rows.c.fate == "updated",
    "unchanged": rows.c.fate == "known",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Fates:
    """What became of the staged rows.

    samples: the first lines of "new", "updated" and "unchanged". refused: (line, why) in the order of lines;
    why: duplicate, suppressed, forgotten, unsubscribed, bounced, complained, or the row's own doubt.
    """

    new: int
    updated: int
    unchanged: int
    samples: Mapping[str, Sequence[int]]
    refused: Sequence[tuple[int, str]]
    batch_id: int


def decide(connection: Connection, is_forgotten: Callable[[str], bool] | None) -> None:
    """Give each staged row its fate; rows without one are new people.

    is_forgotten: whether an email_key is that of somebody who asked to be forgotten; None if nobody did.
    """
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
            fate=case((subscribers.c.status.in_(_LEFT), subscribers.c.status), else_="known"),
        )
    )
    if is_forgotten is not None:
        _refuse(connection, "forgotten", is_forgotten)
    connection.execute(
        update(rows).where(rows.c.fate.is_(None), rows.c.doubt != "").values(fate=rows.c.doubt)
    )
    missing_tag = _missing(select(tags.c.tag)).exists()
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


def _missing(query: Select[Any]) -> Select[Any]:
    """Return the query over a row's tags for those that its subscriber does not have yet."""
    has = (
        select(subscriber_tags.c.tag)
        .where(subscriber_tags.c.tag == tags.c.tag, subscriber_tags.c.subscriber_id == rows.c.subscriber_id)
        .correlate(rows, tags)
    )
    return query.where(tags.c.line == rows.c.line, ~has.exists()).correlate(rows)


def _refuse(connection: Connection, fate: str, is_meant: Callable[[str], bool]) -> None:
    """Give a fate to those that a function of the email_key picks, which a database cannot run.

    Also to people who are known: somebody who was forgotten may have asked to come back, and is pending.
    """
    undecided = or_(rows.c.fate.is_(None), rows.c.fate == "known")
    new = select(rows.c.line, rows.c.email_key).where(undecided).execution_options(yield_per=10_000)
    lines = [line for line, key in connection.execute(new) if is_meant(key)]
    for start in range(0, len(lines), 10_000):
        some = rows.c.line.in_(lines[start : start + 10_000])
        connection.execute(update(rows).where(some).values(fate=fate))


def keep_before(connection: Connection, batch_id: int) -> int:
    """Journal how the people are who will change. Return the highest number of a subscriber so far."""
    new_tags = distinct(tags.c.tag)
    gathered: ColumnElement[Any]
    if connection.dialect.name == "postgresql":
        gathered = func.coalesce(func.jsonb_agg(new_tags), literal([], Json))
    else:
        gathered = func.json_group_array(new_tags)
    before = (subscribers.c.name, subscribers.c.attributes, subscribers.c.status, subscribers.c.updated_at)
    connection.execute(
        insert(import_changes).from_select(
            ["subscriber_id", "batch_id", "kind", *(column.name for column in before), "tags"],
            select(
                subscribers.c.id,
                literal(batch_id, Id),
                literal("updated"),
                *before,
                _missing(select(gathered)).scalar_subquery(),
            )
            .join_from(rows, subscribers, subscribers.c.id == rows.c.subscriber_id)
            .where(rows.c.fate == "updated")
            .order_by(subscribers.c.id),
        )
    )
    newest: int = connection.execute(select(func.coalesce(func.max(subscribers.c.id), 0))).scalar_one()
    return newest


def write(connection: Connection, *, source: str, batch_id: int, before: int, now: datetime) -> None:
    """Write new people, consent, changes and tags, in this order: consent looks at who is still pending.

    before: the highest number of a subscriber so far; nobody else may add any meanwhile.
    """
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
    connection.execute(
        insert(import_changes).from_select(
            ["subscriber_id", "batch_id", "kind"],
            select(subscribers.c.id, literal(batch_id, Id), literal("new"))
            .where(subscribers.c.id > before)
            .order_by(subscribers.c.id),
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
        select(rows.c.line, rows.c.fate).where(rows.c.fate.not_in(["updated", "known"])).order_by(rows.c.line)
    )
    samples = {
        name: connection.scalars(select(rows.c.line).where(taken).order_by(rows.c.line).limit(SAMPLE)).all()
        for name, taken in _TAKEN.items()
    }
    return Fates(
        new=counts.get(None, 0),
        updated=counts.get("updated", 0),
        unchanged=counts.get("known", 0),
        samples=samples,
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
