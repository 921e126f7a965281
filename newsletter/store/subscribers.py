"""Queries about people. Nothing here changes consent: that is ``newsletter.people``."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, func, select, true

from newsletter.model import Person, SubscriberStatus
from newsletter.store.received import refuse_unknowable
from newsletter.store.rows import on_the_wire
from newsletter.store.sql import insert_or_ignore
from newsletter.store.tables import (
    consent_events,
    subscriber_fields,
    subscriber_tags,
    subscribers,
    suppressions,
)

__all__ = [
    "ConsentEvent",
    "Subscriber",
    "SubscriberHistory",
    "Suppression",
    "add_tags",
    "counts",
    "find_id",
    "find_suppression",
    "known_fields",
    "list_subscribers",
    "load_people",
    "remember_fields",
    "remove_tags",
    "show",
]

_BUILT_IN_FIELDS = frozenset({"email", "name", "first_name", "last_name", "tags"})
#: Well under the 32,766 parameters that SQLite takes in one statement.
_PER_STATEMENT = 10_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Subscriber:
    """One row of the list. sendable: False if SES cannot mail the address."""

    id: int
    email: str
    status: SubscriberStatus
    name: str
    tags: Sequence[str]
    attributes: Mapping[str, Any]
    sendable: bool
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class ConsentEvent:
    """One line of the proof of consent. kind: added, imported, confirmed, unsubscribed, …"""

    kind: str
    at: datetime
    how: str
    source: str
    ip: str
    text_version: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Suppression:
    """Why an address is never mailed again. reason: bounce, complaint, owner, forgotten."""

    reason: str
    at: datetime
    detail: str


@dataclass(frozen=True, kw_only=True, slots=True)
class SubscriberHistory:
    """All that is known of one person. consent: oldest first."""

    subscriber: Subscriber
    consent: Sequence[ConsentEvent]
    suppression: Suppression | None


def load_people(connection: Connection, ids: Sequence[int]) -> dict[int, Person]:
    """Return what templates may know about some subscribers, by id; ids that are gone are left out.

    Person.email is what goes on the wire: an internationalised domain in its ASCII form.
    """
    people: dict[int, Person] = {}
    for start in range(0, len(ids), _PER_STATEMENT):
        some = ids[start : start + _PER_STATEMENT]
        tags = _tags_of(connection, some)
        rows = connection.execute(
            select(
                subscribers.c.id,
                subscribers.c.email,
                subscribers.c.email_key,
                subscribers.c.name,
                subscribers.c.attributes,
            ).where(subscribers.c.id.in_(some))
        )
        for id_, email, key, name, attributes in rows:
            people[id_] = Person(
                id=id_,
                email=on_the_wire(email, key),
                name=name,
                attributes=attributes,
                tags=tags.get(id_, ()),
            )
    return people


def known_fields(connection: Connection) -> set[str]:
    """Return the names that ``subscriber`` may have in a template: the built-in and the custom fields."""
    return {*_BUILT_IN_FIELDS, *connection.scalars(select(subscriber_fields.c.name))}


def remember_fields(connection: Connection, names: Sequence[str]) -> None:
    """Add names to the known custom fields; those already known are left."""
    if names:
        connection.execute(
            insert_or_ignore(connection, subscriber_fields), [{"name": name} for name in names]
        )


def add_tags(connection: Connection, subscriber_id: int, tags: Sequence[str]) -> int:
    """Give a subscriber some tags; return how many were new. Tags are normalised by the caller."""
    new = set(tags) - set(_tags_of(connection, [subscriber_id]).get(subscriber_id, ()))
    if new:
        connection.execute(
            insert_or_ignore(connection, subscriber_tags),
            [{"tag": tag, "subscriber_id": subscriber_id} for tag in sorted(new)],
        )
    return len(new)


def remove_tags(connection: Connection, subscriber_id: int, tags: Sequence[str]) -> int:
    """Take tags off a subscriber; return how many they had."""
    mine = (subscriber_tags.c.subscriber_id == subscriber_id, subscriber_tags.c.tag.in_(list(tags)))
    return connection.execute(delete(subscriber_tags).where(*mine)).rowcount


def counts(connection: Connection) -> dict[SubscriberStatus, int]:
    """Return how many subscribers have each status, also the statuses that nobody has."""
    query = select(subscribers.c.status, func.count()).group_by(subscribers.c.status)
    found: dict[str, int] = {row[0]: row[1] for row in connection.execute(query)}
    return {status: found.get(status, 0) for status in SubscriberStatus}


def find_id(connection: Connection, key: str) -> int | None:
    """Return the id of the subscriber with this email_key, or None."""
    return connection.scalar(select(subscribers.c.id).where(subscribers.c.email_key == key))


def list_subscribers(
    connection: Connection,
    condition: ColumnElement[bool] | None = None,
    *,
    after: int = 0,
    page: int = 1000,
) -> Iterator[Subscriber]:
    """Yield subscribers in the order of their ids, a page in memory at a time.

    condition: on ``tables.subscribers``; None is all. after: the id to begin behind. Raises UsageError if the
    condition asks about an issue of which nobody can tell any more who had it.
    """
    if condition is not None:
        refuse_unknowable(connection, condition)
    query = (
        select(subscribers)
        .where(true() if condition is None else condition)
        .order_by(subscribers.c.id)
        .limit(page)
    )
    while True:
        rows = connection.execute(query.where(subscribers.c.id > after)).all()
        tags = _tags_of(connection, [row.id for row in rows])
        for row in rows:
            yield _subscriber(row, tags.get(row.id, []))
        if len(rows) < page:
            return
        after = rows[-1].id


def show(connection: Connection, key: str) -> SubscriberHistory | None:
    """Return one person with the proof of consent, or None if there is no subscriber with this email_key."""
    row = connection.execute(select(subscribers).where(subscribers.c.email_key == key)).one_or_none()
    if row is None:
        return None
    events = connection.execute(
        select(consent_events).where(consent_events.c.subscriber_id == row.id).order_by(consent_events.c.id)
    )
    return SubscriberHistory(
        subscriber=_subscriber(row, _tags_of(connection, [row.id]).get(row.id, [])),
        consent=[
            ConsentEvent(
                kind=event.kind,
                at=event.at,
                how=event.how,
                source=event.source,
                ip=event.ip,
                text_version=event.text_version,
            )
            for event in events
        ],
        suppression=find_suppression(connection, key),
    )


def find_suppression(connection: Connection, key: str) -> Suppression | None:
    """Return why an address is never mailed, or None if it may be. It may belong to no subscriber."""
    row = connection.execute(select(suppressions).where(suppressions.c.email_key == key)).one_or_none()
    return None if row is None else Suppression(reason=row.reason, at=row.at, detail=row.detail)


def _tags_of(connection: Connection, ids: Sequence[int]) -> dict[int, list[str]]:
    tags: dict[int, list[str]] = defaultdict(list)
    rows = connection.execute(
        select(subscriber_tags.c.subscriber_id, subscriber_tags.c.tag)
        .where(subscriber_tags.c.subscriber_id.in_(ids))
        .order_by(subscriber_tags.c.subscriber_id, subscriber_tags.c.tag)
    )
    for subscriber_id, tag in rows:
        tags[subscriber_id].append(tag)
    return tags


def _subscriber(row: Row[Any], tags: Sequence[str]) -> Subscriber:
    return Subscriber(
        id=row.id,
        email=row.email,
        status=SubscriberStatus(row.status),
        name=row.name,
        tags=tags,
        attributes=row.attributes,
        sendable=bool(row.sendable),
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
