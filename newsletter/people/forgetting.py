"""Forgetting a person: everything about them goes but a keyed hash, so that no import brings them back."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, select

from newsletter.errors import ConsentError
from newsletter.people.addresses import address_key
from newsletter.ports import Clock
from newsletter.store.engine import reading
from newsletter.store.forgetting import (
    Fingerprints,
    any_forgotten,
    erase,
    erasing,
    find_forgotten,
    forgotten_hashes,
)
from newsletter.store.tables import subscribers

__all__ = ["Fingerprints", "Forgotten", "forget", "forget_again", "refuse_forgotten"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Forgotten:
    """What forgetting came to: rows by table. deliveries are kept under a hash, all others are gone."""

    rows: Mapping[str, int]

    @property
    def on_the_list(self) -> bool:
        """Whether the person was a subscriber."""
        return "subscribers" in self.rows


def forget(
    engine: Engine, email: str, *, fingerprints: Fingerprints, clock: Clock, dry_run: bool = False
) -> Forgotten:
    """Erase a person everywhere in the database; keep a suppression under a keyed hash of the address.

    fingerprints: ``Tokens.fingerprints``. Somebody who is not on the list can be forgotten, too: they
    cannot be added or imported then. Repeating it is harmless. dry_run: say what would go, change nothing.
    Backups made before, and mail in the local mailbox, are not touched.

    Raises UsageError if the text is no address.
    """
    key = address_key(email)
    fingerprint = fingerprints(key)[0]
    with erasing(engine) as connection:
        rows = erase(connection, key, fingerprint, clock())
        if dry_run:
            connection.rollback()
        else:
            connection.commit()
    return Forgotten(rows=rows)


def forget_again(engine: Engine, *, fingerprints: Fingerprints, clock: Clock) -> int:
    """Erase whoever asked to be forgotten and is on the list all the same, and return how many those were.

    A backup from before brings them back.
    """
    with reading(engine) as connection:
        if not any_forgotten(connection):
            return 0
        hashes = forgotten_hashes(connection)
        keys = connection.scalars(select(subscribers.c.email_key))
        found = [key for key in keys if not hashes.isdisjoint(fingerprints(key))]
    with erasing(engine) as connection:
        for key in found:
            erase(connection, key, fingerprints(key)[0], clock())
        connection.commit()
    return len(found)


def refuse_forgotten(connection: Connection, key: str, fingerprints: Fingerprints | None) -> None:
    """Raise ConsentError if who has this email_key asked to be forgotten; ConfigError if nobody can tell."""
    if find_forgotten(connection, key, fingerprints) is not None:
        raise ConsentError(
            "This person has asked to be forgotten and is never mailed again.",
            hint="Write to them yourself, outside the newsletter, if you must.",
        )
