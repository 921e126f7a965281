"""Giving a person tags, and taking them off."""

from collections.abc import Sequence
from typing import Literal

from sqlalchemy import Engine, update

from newsletter.errors import UsageError
from newsletter.people.addresses import address_key
from newsletter.people.naming import tag_name
from newsletter.ports import Clock
from newsletter.store.subscribers import add_tags, find_id, remove_tags
from newsletter.store.tables import subscribers

__all__ = ["change_tags"]


def change_tags(
    engine: Engine, email: str, tags: Sequence[str], change: Literal["add", "remove"], *, clock: Clock
) -> int:
    """Give a subscriber tags, or take them off; return how many that changed. Consent is not touched.

    Raises UsageError if the address or a tag is not valid, or there is no such subscriber.
    """
    key = address_key(email)
    try:
        names = [tag_name(tag) for tag in tags]
    except ValueError as error:
        raise UsageError(f"A tag cannot be used: {error}.", hint="Write a word, such as families.") from error
    now = clock()
    with engine.begin() as connection:
        id_ = find_id(connection, key)
        if id_ is None:
            raise UsageError(
                "There is no subscriber with this address.", hint="See: newsletter subscribers list"
            )
        changed = (add_tags if change == "add" else remove_tags)(connection, id_, names)
        if changed:
            connection.execute(update(subscribers).where(subscribers.c.id == id_).values(updated_at=now))
    return changed
