"""Leaving the list: once is enough, and nobody but the person can undo it."""

from typing import Literal

from sqlalchemy import Engine, insert, select, update

from newsletter.model import SubscriberStatus
from newsletter.people.addresses import address_key
from newsletter.people.naming import one_line
from newsletter.ports import Clock
from newsletter.store.subscribers import find_id
from newsletter.store.tables import consent_events, subscribers

__all__ = ["unsubscribe"]


def unsubscribe(
    engine: Engine, who: str | int, *, how: str, source: str = "", ip: str = "", clock: Clock
) -> Literal["unsubscribed", "already", "unknown"]:
    """Take a person off the list at once; return what that changed. Repeating it is harmless.

    who: an address or a subscriber's id. how: cli, one-click, mailto, … source: in words.
    "already" also for who complained: that is stronger, and stays. "unknown": there is no such
    subscriber (any more), so nobody will be mailed.

    Raises UsageError if who is a text that is no address.
    """
    now = clock()
    with engine.begin() as connection:
        id_ = who if isinstance(who, int) else find_id(connection, address_key(who))
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
            known = connection.scalar(select(subscribers.c.id).where(subscribers.c.id == id_))
            return "unknown" if known is None else "already"
        connection.execute(
            insert(consent_events).values(
                subscriber_id=id_, kind="unsubscribed", at=now, how=how, source=one_line(source), ip=ip
            )
        )
    return "unsubscribed"
