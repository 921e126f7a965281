"""An import's statements: people are staged in a temporary table, then taken over all at once.

Decision: staging locks nobody out, however long the file takes to read; taking over is a handful of
statements over whole sets, in one transaction, and costs seconds for a million people.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from json.encoder import encode_basestring
from typing import Any

from sqlalchemy import Connection, Engine, Table, insert, select, update

from newsletter.store.engine import let_write, staging
from newsletter.store.forgetting import Fingerprints, forgotten_hashes, require
from newsletter.store.import_statements import (
    Fates,
    decide,
    fates,
    keep_before,
    rows,
    tags,
    temporary,
    write,
)
from newsletter.store.subscribers import remember_fields
from newsletter.store.tables import import_batches, subscriber_fields

__all__ = ["Fates", "StagedRow", "Staging", "open_staging"]


@dataclass(frozen=True, slots=True)
class StagedRow:
    """A person of the file. line: unique in the file. doubt: why not to take them if they are new, or ""."""

    line: int
    email: str
    email_key: str
    sendable: bool
    name: str
    attributes: dict[str, str]
    tags: Sequence[str]
    doubt: str = ""


@contextmanager
def open_staging(engine: Engine) -> Iterator["Staging"]:
    """Give an empty staging area, which is gone afterwards."""
    with staging(engine) as connection:
        temporary.create_all(connection, checkfirst=False)
        try:
            yield Staging(connection)
        finally:
            connection.rollback()
            let_write(connection, False)  # what is done is done: no waiting for other writers
            for table in temporary.tables:
                connection.exec_driver_sql(f"DROP TABLE IF EXISTS {table}")
            connection.commit()


class Staging:
    """People on their way into the list. First ``add`` them all, then ``take_over`` once."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, people: Sequence[StagedRow]) -> None:
        """Stage a few thousand people."""
        self._bulk(
            rows,
            ("line", "email", "email_key", "sendable", "name", "attributes", "doubt"),
            [
                (p.line, p.email, p.email_key, int(p.sendable), p.name, _encode(p.attributes), p.doubt)
                for p in people
            ],
        )
        self._bulk(tags, ("line", "tag"), [(p.line, tag) for p in people for tag in p.tags])

    def take_over(
        self,
        *,
        file: str,
        source: str,
        fields: Sequence[str],
        fingerprints: Fingerprints | None,
        unreadable: int,
        now: datetime,
        dry_run: bool,
    ) -> Fates:
        """Add and update people in one transaction, with one consent event for each who is newly confirmed.

        Who unsubscribed, complained, bounced, is suppressed or forgotten is refused and stays as they are. A
        pending person becomes confirmed. Empty cells change nothing; tags are only ever added. How everybody
        was before is journalled, for ``store.undoing``. unreadable: rows of the file that were not staged.
        dry_run: do it all, say what came of it, and undo it.

        Raises ConfigError if people asked to be forgotten and there are no fingerprints to know them by.
        """
        connection = self._connection
        connection.exec_driver_sql("CREATE INDEX import_rows_key ON import_rows (email_key, line)")
        connection.exec_driver_sql("CREATE INDEX import_tags_line ON import_tags (line)")
        if connection.dialect.name == "postgresql":  # it plans temporary tables as if they were tiny
            connection.exec_driver_sql("ANALYZE import_rows")
            connection.exec_driver_sql("ANALYZE import_tags")
        connection.commit()
        let_write(connection, True)
        with connection.begin() as transaction:
            if connection.dialect.name == "postgresql":  # SQLite has locked others out by now
                connection.exec_driver_sql("LOCK TABLE subscribers IN SHARE ROW EXCLUSIVE MODE")
            decide(connection, _forgotten_test(connection, fingerprints))
            known = set(connection.scalars(select(subscriber_fields.c.name)))
            batch_id = connection.execute(
                insert(import_batches)
                .values(file=file, source=source, at=now, new_fields=sorted(set(fields) - known))
                .returning(import_batches.c.id)
            ).scalar_one()
            before = keep_before(connection, batch_id)
            write(connection, source=source, batch_id=batch_id, before=before, now=now)
            remember_fields(connection, fields)
            result = fates(connection, batch_id)
            connection.execute(
                update(import_batches)
                .where(import_batches.c.id == batch_id)
                .values(
                    counts={
                        "new": result.new,
                        "updated": result.updated,
                        "unchanged": result.unchanged,
                        "refused": len(result.refused) + unreadable,
                    }
                )
            )
            if dry_run:
                transaction.rollback()
        return result

    def _bulk(self, table: Table, columns: Sequence[str], values: Sequence[Sequence[object]]) -> None:
        """Insert by the driver's fastest way: this is where the time of a large import goes."""
        if not values:
            return
        names = ", ".join(columns)
        if self._connection.dialect.name == "postgresql":
            driver: Any = self._connection.connection.driver_connection
            with driver.cursor() as cursor, cursor.copy(f"COPY {table.name} ({names}) FROM STDIN") as copy:
                for row in values:
                    copy.write_row(row)
        else:
            marks = ", ".join("?" * len(columns))
            self._connection.exec_driver_sql(
                f"INSERT INTO {table.name} ({names}) VALUES ({marks})",  # noqa: S608
                [tuple(row) for row in values],
            )


def _forgotten_test(
    connection: Connection, fingerprints: Fingerprints | None
) -> Callable[[str], bool] | None:
    """Return whether an email_key is that of somebody who asked to be forgotten; None if nobody did."""
    hashes = forgotten_hashes(connection)
    if not hashes:
        return None
    known = require(fingerprints)
    return lambda key: not hashes.isdisjoint(known(key))


def _encode(attributes: dict[str, str]) -> str:
    """Return what json.dumps would, in a quarter of the time: keys are identifiers, values text."""
    return "{" + ",".join([f'"{key}":{encode_basestring(value)}' for key, value in attributes.items()]) + "}"
