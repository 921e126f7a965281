"""Undoing an import: whoever it added goes, whoever it changed is as before, from its journal.

Decision: whoever was changed since stays as they are, be it that they left, confirmed, or were edited by
the owner or by a later import. Unsubscribed always wins; and two changes cannot be untangled safely.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Engine, Row, bindparam, delete, func, select, text, update
from sqlalchemy.sql.elements import TextClause

from newsletter.errors import UsageError
from newsletter.store.tables import (
    Instant,
    import_batches,
    import_changes,
    subscriber_fields,
    subscribers,
)

__all__ = ["Batch", "Undone", "batches", "undo_batch"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """One import. counts: rows of the file that were new, updated, unchanged, refused."""

    id: int
    file: str
    source: str
    at: datetime
    counts: Mapping[str, int]
    undone_at: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Undone:
    """What undoing came to, in people. kept: changed since the import and left alone, by their status."""

    batch: Batch
    removed: int
    restored: int
    kept: Mapping[str, int]


def batches(connection: Connection, limit: int | None = None) -> list[Batch]:
    """Return the imports, the newest first."""
    query = select(import_batches).order_by(import_batches.c.id.desc()).limit(limit)
    return [_batch(row) for row in connection.execute(query)]


#: Whom nothing has happened to since the import ``c``: as it left them, and no consent recorded after it.
_UNTOUCHED: Final = """s.status = 'confirmed' AND s.updated_at = :imported_at AND NOT EXISTS (
    SELECT 1 FROM consent_events AS e WHERE e.subscriber_id = s.id AND e.at > :imported_at)"""

_KEPT: Final = f"""SELECT s.status AS status, count(*) AS n FROM import_changes AS c
    JOIN subscribers AS s ON s.id = c.subscriber_id
    WHERE c.batch_id = :batch_id AND NOT ({_UNTOUCHED}) GROUP BY s.status"""  # noqa: S608

_LEAVE_OUT_KEPT: Final = f"""DELETE FROM import_changes
    WHERE batch_id = :batch_id AND NOT EXISTS (
        SELECT 1 FROM subscribers AS s WHERE s.id = import_changes.subscriber_id AND {_UNTOUCHED})"""  # noqa: S608

_REMOVE: Final = """DELETE FROM subscribers WHERE id IN (
    SELECT subscriber_id FROM import_changes WHERE batch_id = :batch_id AND kind = 'new')"""

_TAGS_GIVEN: Final[Mapping[str, str]] = {
    "sqlite": "SELECT given.value, c.subscriber_id FROM import_changes AS c, json_each(c.tags) AS given",
    "postgresql": """SELECT given.value, c.subscriber_id
        FROM import_changes AS c, jsonb_array_elements_text(c.tags) AS given (value)""",
}

_TAKE_TAGS_OFF: Final = """DELETE FROM subscriber_tags WHERE (tag, subscriber_id) IN (
    {given} WHERE c.batch_id = :batch_id AND c.kind = 'updated')"""

_RECORD: Final = """INSERT INTO consent_events (subscriber_id, kind, at, how, source, batch_id)
    SELECT subscriber_id, 'import-undone', :now, 'undo', :source, batch_id FROM import_changes
    WHERE batch_id = :batch_id AND status <> 'confirmed' ORDER BY subscriber_id"""

_RESTORE: Final = """UPDATE subscribers
    SET name = c.name, attributes = c.attributes, status = c.status, updated_at = c.updated_at
    FROM import_changes AS c
    WHERE c.subscriber_id = subscribers.id AND c.batch_id = :batch_id AND c.kind = 'updated'"""


def undo_batch(engine: Engine, batch_id: int, *, now: datetime, dry_run: bool = False) -> Undone:
    """Undo an import in one transaction and say what came of it. The consent log records it.

    dry_run: do it all, say what came of it, and undo that.

    Raises UsageError if there is no such import, it was undone before, or it is older than the journal.
    """
    with engine.connect() as connection, connection.begin() as transaction:
        if connection.dialect.name == "postgresql":  # SQLite has locked others out by now
            connection.exec_driver_sql("LOCK TABLE subscribers IN SHARE ROW EXCLUSIVE MODE")
        batch, new_fields = _find(connection, batch_id)
        values = {"batch_id": batch_id, "imported_at": batch.at}
        kept = {row.status: row.n for row in connection.execute(_timed(_KEPT), values)}
        connection.execute(_timed(_LEAVE_OUT_KEPT), values)
        restored = _count(connection, batch_id, "updated")
        removed = _count(connection, batch_id, "new")
        given = _TAGS_GIVEN[connection.dialect.name]
        only = {"batch_id": batch_id}
        connection.execute(text(_TAKE_TAGS_OFF.format(given=given)), only)
        connection.execute(
            text(_RECORD).bindparams(bindparam("now", type_=Instant)),
            {**only, "now": now, "source": f"the import of {batch.file} was undone"},
        )
        connection.execute(text(_RESTORE), only)
        connection.execute(text(_REMOVE), only)
        connection.execute(delete(import_changes).where(import_changes.c.batch_id == batch_id))
        _drop_unused(connection, new_fields)
        connection.execute(
            update(import_batches).where(import_batches.c.id == batch_id).values(undone_at=now)
        )
        if dry_run:
            transaction.rollback()
    return Undone(batch=batch, removed=removed, restored=restored, kept=dict(sorted(kept.items())))


def _find(connection: Connection, batch_id: int) -> tuple[Batch, Sequence[str]]:
    row = connection.execute(select(import_batches).where(import_batches.c.id == batch_id)).one_or_none()
    hint = "See: newsletter subscribers imports"
    if row is None:
        raise UsageError(f"There is no import {batch_id}.", hint=hint)
    if row.undone_at is not None:
        raise UsageError(f"Import {batch_id} was undone on {row.undone_at:%Y-%m-%d}.", hint=hint)
    journalled = select(import_changes.c.batch_id).where(import_changes.c.batch_id == batch_id).limit(1)
    if connection.scalar(journalled) is None and row.counts.get("new", 0) + row.counts.get("updated", 0):
        raise UsageError(
            f"Nothing is left that import {batch_id} could be undone by: it is from before there was a "
            "journal, or whoever was in it has been forgotten.",
            hint="Restore the backup that was made before it, if nothing else has happened since.",
        )
    return _batch(row), row.new_fields


def _batch(row: Row[Any]) -> Batch:
    return Batch(
        id=row.id, file=row.file, source=row.source, at=row.at, counts=row.counts, undone_at=row.undone_at
    )


def _count(connection: Connection, batch_id: int, kind: str) -> int:
    mine = (import_changes.c.batch_id == batch_id, import_changes.c.kind == kind)
    count: int = connection.execute(
        select(func.count()).select_from(import_changes).where(*mine)
    ).scalar_one()
    return count


def _drop_unused(connection: Connection, names: Sequence[str]) -> None:
    """Forget the custom fields that the import brought, unless somebody has them still."""
    for name in names:
        has = subscribers.c.attributes[name].as_string().is_not(None)
        if connection.scalar(select(subscribers.c.id).where(has).limit(1)) is None:
            connection.execute(delete(subscriber_fields).where(subscriber_fields.c.name == name))


def _timed(statement: str) -> TextClause:
    return text(statement).bindparams(bindparam("imported_at", type_=Instant))
