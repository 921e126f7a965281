"""Leaving the list: once is enough, and nobody but the person can undo it."""

from sqlalchemy import Engine

from newsletter.people.addresses import address_key
from newsletter.people.naming import one_line
from newsletter.ports import Clock
from newsletter.store.leaving import Left, find_or_bring_back, take_off
from newsletter.store.subscribers import find_id

__all__ = ["unsubscribe"]


def unsubscribe(
    engine: Engine, who: str | int, *, how: str, source: str = "", ip: str = "", clock: Clock
) -> Left:
    """Take a person off the list at once; return what that changed. Repeating it is harmless.

    who: an address or a subscriber's id. how: cli, one-click, … source: in words.
    "already" also for who complained: that is stronger, and stays. "unknown": there is no such
    subscriber and never was, or they were forgotten, so nobody will be mailed. Somebody who was mailed under
    this number and is not on the list any more, because an import was undone, leaves all the same: it is
    their address that leaves, whatever number it has now.

    Raises UsageError if who is a text that is no address.
    """
    now = clock()
    with engine.begin() as connection:
        if isinstance(who, int):
            id_ = find_or_bring_back(connection, who, now)
        else:
            id_ = find_id(connection, address_key(who))
        return take_off(connection, id_, how=how, source=one_line(source), ip=ip, now=now)
