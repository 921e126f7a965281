"""How far something outside has been read, such as a mailbox: kept with what was learnt from it.

In the same database on purpose: one that is restored from a backup reads again what it has forgotten.
"""

from sqlalchemy import Connection, select

from newsletter.store.tables import meta

__all__ = ["bookmark", "set_bookmark"]


def bookmark(connection: Connection, name: str) -> str:
    """Return the bookmark of this name, "" if there is none yet."""
    return connection.scalar(select(meta.c.value).where(meta.c.key == name)) or ""


def set_bookmark(connection: Connection, name: str, place: str) -> None:
    """Keep a bookmark. name: at most 32 characters."""
    connection.execute(meta.delete().where(meta.c.key == name))
    connection.execute(meta.insert().values(key=name, value=place))
