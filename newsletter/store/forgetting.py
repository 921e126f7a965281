"""Erasing a person, and knowing them again by a keyed hash that nobody can turn back into an address.

What stays: a suppression, the ledger's rows and the provider's events, all under ``hmac:…``
(``tokens.Tokens.fingerprints``) instead of the address; of events only what happened and when. What goes:
everything else, on SQLite also from the file's freed pages.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from sqlalchemy import Connection, Engine, delete, func, insert, select, update

from newsletter.errors import ConfigError
from newsletter.store.replies import erase_replies
from newsletter.store.subscribers import Suppression, find_id
from newsletter.store.tables import (
    campaigns,
    consent_events,
    deliveries,
    events,
    import_changes,
    signups,
    subscriber_tags,
    subscribers,
    suppressions,
)

__all__ = [
    "FORGOTTEN",
    "Fingerprints",
    "any_forgotten",
    "erase",
    "erasing",
    "find_forgotten",
    "forgotten_hashes",
    "require",
]

FORGOTTEN = "forgotten"  #: reason of a suppression whose email_key is a hash

#: Returns the keyed hashes of an email_key, newest secret first: ``tokens.Tokens.fingerprints``.
Fingerprints = Callable[[str], Sequence[str]]


def any_forgotten(connection: Connection) -> bool:
    """Return whether anybody has asked to be forgotten."""
    query = select(suppressions.c.email_key).where(suppressions.c.reason == FORGOTTEN).limit(1)
    return connection.scalar(query) is not None


def find_forgotten(connection: Connection, key: str, fingerprints: Fingerprints | None) -> Suppression | None:
    """Return the suppression of somebody who asked to be forgotten, or None if this is nobody such.

    Raises ConfigError if there are such people, but no fingerprints to know them by.
    """
    if not any_forgotten(connection):
        return None
    query = select(suppressions).where(suppressions.c.email_key.in_(require(fingerprints)(key)))
    row = connection.execute(query).first()
    return None if row is None else Suppression(reason=row.reason, at=row.at, detail=row.detail)


def forgotten_hashes(connection: Connection) -> frozenset[str]:
    """Return the hashes of all who asked to be forgotten."""
    query = select(suppressions.c.email_key).where(suppressions.c.reason == FORGOTTEN)
    return frozenset(connection.scalars(query))


def require(fingerprints: Fingerprints | None) -> Fingerprints:
    """Return the fingerprints, once they are needed. Raises ConfigError if there are none."""
    if fingerprints is None:
        raise ConfigError(
            "People have asked to be forgotten, and cannot be told from others without the secret.",
            hint="Set NEWSLETTER_SECRET, or put the file subscribers/secret back.",
        )
    return fingerprints


@contextlib.contextmanager
def erasing(engine: Engine) -> Iterator[Connection]:
    """Give a connection for ``erase``; once it is over, SQLite's file does not hold what was deleted."""
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA secure_delete = ON")
        yield connection
    if engine.dialect.name == "sqlite":
        _empty_the_log(engine)


def _empty_the_log(engine: Engine) -> None:
    """Move SQLite's write-ahead log, which holds old pages, into the file. A reader may delay it."""
    raw = engine.raw_connection()
    try:
        cursor = raw.cursor()
        cursor.execute("PRAGMA busy_timeout = 1000")
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    finally:
        raw.invalidate()  # its time-out is not that of the others


def erase(connection: Connection, key: str, fingerprint: str, now: datetime) -> dict[str, int]:
    """Erase who has this email_key, also if they are not on the list; return how many rows that were.

    By table; deliveries and events are not deleted but stand under the hash from now on, events without
    what they said. A letter that is queued for them is skipped by its claim ("forgotten").
    """
    erased: dict[str, int] = {}
    id_ = find_id(connection, key)
    erased["replies"] = erase_replies(connection, key, id_)
    if id_ is not None:
        for table in (subscriber_tags, consent_events, signups, import_changes):
            mine = table.c.subscriber_id == id_
            erased[table.name] = connection.scalar(select(func.count()).select_from(table).where(mine)) or 0
            connection.execute(delete(table).where(mine))
        erased["subscribers"] = connection.execute(
            delete(subscribers).where(subscribers.c.id == id_)
        ).rowcount
    erased["suppressions"] = connection.execute(
        delete(suppressions).where(suppressions.c.email_key == key)
    ).rowcount
    # campaign by campaign: there is no index on the address alone
    mailed = connection.scalars(
        update(deliveries)
        .where(deliveries.c.campaign_id.in_(select(campaigns.c.id)), deliveries.c.email_key == key)
        .values(email_key=fingerprint)
        .returning(deliveries.c.id)
    ).all()
    erased["deliveries"] = len(mailed)
    erased["events"] = connection.execute(
        update(events)
        # an event may name the mailbox that theirs forwards to, or nobody
        .where((events.c.email_key == key) | events.c.delivery_id.in_(mailed))
        .values(email_key=fingerprint, detail="", link="", raw=None)
    ).rowcount
    known = select(suppressions.c.email_key).where(suppressions.c.email_key == fingerprint)
    if connection.scalar(known) is None:
        connection.execute(insert(suppressions).values(email_key=fingerprint, reason=FORGOTTEN, at=now))
    return {name: count for name, count in erased.items() if count}
