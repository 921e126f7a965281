"""What was done once and is not to be done again: what the owner was told, which backup was made."""

from datetime import datetime

from sqlalchemy import Connection, select

from newsletter.store.sql import insert_or_ignore
from newsletter.store.tables import notices

__all__ = ["claim", "give_back", "noted", "noted_at"]


def claim(connection: Connection, key: str, at: datetime) -> bool:
    """Note that something is done now; return whether it was not noted before. Of many, one gets True."""
    insert = insert_or_ignore(connection, notices).values(key=key, at=at).returning(notices.c.key)
    return connection.execute(insert).one_or_none() is not None


def noted_at(connection: Connection, key: str) -> datetime | None:
    """Return when something was noted, None if it was not."""
    found: datetime | None = connection.execute(
        select(notices.c.at).where(notices.c.key == key)
    ).scalar_one_or_none()
    return found


def noted(connection: Connection, prefix: str) -> list[str]:
    """Return the keys that are noted and begin like this."""
    query = select(notices.c.key).where(notices.c.key.startswith(prefix, autoescape=True))
    return list(connection.execute(query).scalars())


def give_back(connection: Connection, key: str) -> bool:
    """Note that it was not done after all, so that somebody tries again; return whether it was noted."""
    return connection.execute(notices.delete().where(notices.c.key == key)).rowcount == 1
