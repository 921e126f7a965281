"""Sign-ups that wait for their confirmation, and who asks how often.

A sign-up is one row a person: a newer one takes the place of the older, whose link then does nothing.
How often somebody may ask is one number a key ("generic cell rate algorithm"): the time at which all that
was asked is paid off. It is in the database, so that several processes share it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, delete, exists, insert, select, update

from newsletter.model import SubscriberStatus
from newsletter.store.sql import insert_or_ignore
from newsletter.store.tables import consent_events, request_limits, signups, subscribers

__all__ = [
    "Often",
    "SignUp",
    "admit",
    "close",
    "find",
    "forget_limits",
    "forget_older",
    "put",
]

_KEPT: Final = 3600.0  # seconds; by then nobody is between looking at a row and writing it


@dataclass(frozen=True, kw_only=True, slots=True)
class SignUp:
    """One that waits. code: stands in the link that confirms it. name: as the person wrote it, or ""."""

    code: str
    at: datetime
    name: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Often:
    """How often something may be asked: so many times at once, and then once every so many seconds."""

    times: int
    seconds: float


def put(connection: Connection, subscriber_id: int, signup: SignUp) -> None:
    """Let a sign-up wait, in the place of an older one of the same person."""
    connection.execute(delete(signups).where(signups.c.subscriber_id == subscriber_id))
    connection.execute(
        insert(signups).values(subscriber_id=subscriber_id, code=signup.code, at=signup.at, name=signup.name)
    )


def find(connection: Connection, subscriber_id: int) -> SignUp | None:
    """Return the sign-up that waits, None if there is none or the person has left since they asked."""
    left_since = exists(select(consent_events.c.id)).where(
        consent_events.c.subscriber_id == signups.c.subscriber_id,
        consent_events.c.kind == "unsubscribed",
        consent_events.c.at > signups.c.at,
    )
    row = connection.execute(
        select(signups).where(signups.c.subscriber_id == subscriber_id, ~left_since)
    ).one_or_none()
    return None if row is None else SignUp(code=row.code, at=row.at, name=row.name)


def close(connection: Connection, subscriber_id: int) -> None:
    """End the waiting of a person's sign-up."""
    connection.execute(delete(signups).where(signups.c.subscriber_id == subscriber_id))


def forget_older(connection: Connection, before: datetime) -> int:
    """Forget sign-ups from before an instant, and the people who never confirmed; return how many people.

    People who were known before they signed up, such as those who had left, stay as they are.
    """
    old = select(signups.c.subscriber_id).where(signups.c.at < before)
    gone = connection.execute(
        delete(subscribers).where(
            subscribers.c.status == SubscriberStatus.PENDING.value, subscribers.c.id.in_(old)
        )
    ).rowcount
    connection.execute(delete(signups).where(signups.c.at < before))
    return gone


def forget_limits(connection: Connection, now: datetime) -> None:
    """Forget what was asked and is long paid off."""
    connection.execute(delete(request_limits).where(request_limits.c.until < now.timestamp() - _KEPT))


def admit(connection: Connection, asked: Mapping[str, Often], now: datetime) -> set[str]:
    """Count one request under each key; return the keys that have asked too often. Those are not counted.

    Keys are hashes: at most 64 characters, and nobody can tell whose they are.
    """
    at = now.timestamp()
    refused: set[str] = set()
    for key in sorted(asked):  # always in this order: two requests never wait for each other
        often = asked[key]
        connection.execute(insert_or_ignore(connection, request_limits), [{"key": key, "until": at}])
        until = connection.execute(
            select(request_limits.c.until).where(request_limits.c.key == key).with_for_update()
        ).scalar_one()
        if until - at > (often.times - 1) * often.seconds:
            refused.add(key)
            continue
        connection.execute(
            update(request_limits)
            .where(request_limits.c.key == key)
            .values(until=max(until, at) + often.seconds)
        )
    return refused
