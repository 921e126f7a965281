"""Leaving the list: once is enough, and nobody but the person can undo it."""

from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, Engine, insert, select, update

from newsletter.model import SubscriberStatus
from newsletter.people.addresses import address_key
from newsletter.people.naming import one_line
from newsletter.ports import Clock
from newsletter.store.histories import key_in_ledger
from newsletter.store.sql import insert_or_ignore
from newsletter.store.subscribers import find_id
from newsletter.store.tables import consent_events, subscribers

__all__ = ["unsubscribe"]


def unsubscribe(
    engine: Engine, who: str | int, *, how: str, source: str = "", ip: str = "", clock: Clock
) -> Literal["unsubscribed", "already", "unknown"]:
    """Take a person off the list at once; return what that changed. Repeating it is harmless.

    who: an address or a subscriber's id. how: cli, one-click, mailto, … source: in words.
    "already" also for who complained: that is stronger, and stays. "unknown": there is no such
    subscriber and never was, or they were forgotten, so nobody will be mailed. Somebody who was mailed under
    this number and is not on the list any more, because an import was undone, leaves all the same: it is
    their address that leaves, whatever number it has now.

    Raises UsageError if who is a text that is no address.
    """
    now = clock()
    with engine.begin() as connection:
        id_ = _find(connection, who, now) if isinstance(who, int) else find_id(connection, address_key(who))
        if id_ is None:
            return "unknown"
        left = connection.scalar(
            update(subscribers)
            .where(
                subscribers.c.id == id_,
                subscribers.c.status.not_in([SubscriberStatus.UNSUBSCRIBED, SubscriberStatus.COMPLAINED]),
            )
            .values(status=SubscriberStatus.UNSUBSCRIBED, updated_at=now)
            .returning(subscribers.c.id)
        )
        if left is None:
            return "already"
        connection.execute(
            insert(consent_events).values(
                subscriber_id=id_, kind="unsubscribed", at=now, how=how, source=one_line(source), ip=ip
            )
        )
    return "unsubscribed"


def _find(connection: Connection, number: int, now: datetime) -> int | None:
    """Return the row of who has, or in the ledger had, this number; None if nobody had, or was forgotten."""
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
