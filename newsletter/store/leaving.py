"""Taking people off the list: for whatever hears that somebody wants to go."""

from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, func, insert, select, update

from newsletter.model import SubscriberStatus
from newsletter.store.histories import key_in_ledger
from newsletter.store.sql import insert_or_ignore
from newsletter.store.subscribers import find_id
from newsletter.store.tables import consent_events, subscribers

__all__ = ["Left", "confirmed_at", "find_or_bring_back", "take_off"]

Left = Literal["unsubscribed", "already", "unknown"]


def take_off(
    connection: Connection, who: int | None, *, how: str, source: str = "", ip: str = "", now: datetime
) -> Left:
    """Mark a subscriber as unsubscribed and note it in the proof of consent; return what that changed.

    who: the subscriber's id, None if nobody was found. "already" also for who complained: that is stronger,
    and stays. source: in words, on one line.
    """
    if who is None:
        return "unknown"
    left = connection.scalar(
        update(subscribers)
        .where(
            subscribers.c.id == who,
            subscribers.c.status.not_in([SubscriberStatus.UNSUBSCRIBED, SubscriberStatus.COMPLAINED]),
        )
        .values(status=SubscriberStatus.UNSUBSCRIBED, updated_at=now)
        .returning(subscribers.c.id)
    )
    if left is None:
        return "already"
    connection.execute(
        insert(consent_events).values(
            subscriber_id=who, kind="unsubscribed", at=now, how=how, source=source, ip=ip
        )
    )
    return "unsubscribed"


def find_or_bring_back(connection: Connection, number: int, now: datetime) -> int | None:
    """Return the row of who has, or in the ledger had, this number; None if nobody had, or was forgotten.

    Somebody who was mailed under this number and is not on the list any more, because an import was undone,
    gets a row again, to leave by.
    """
    if connection.scalar(select(subscribers.c.id).where(subscribers.c.id == number)) is not None:
        return number
    key = key_in_ledger(connection, number)
    if key is None or "@" not in key:
        return None
    connection.execute(
        insert_or_ignore(connection, subscribers).values(
            email=key,
            email_key=key,
            sendable=int(key.isascii()),
            status=SubscriberStatus.PENDING,
            created_at=now,
            updated_at=now,
        )
    )
    return find_id(connection, key)


def confirmed_at(connection: Connection, subscriber_id: int) -> datetime | None:
    """Return when a person last confirmed a sign-up of their own, None if they never did."""
    at: datetime | None = connection.scalar(
        select(func.max(consent_events.c.at)).where(
            consent_events.c.subscriber_id == subscriber_id, consent_events.c.kind == "confirmed"
        )
    )
    return at
