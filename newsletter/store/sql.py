"""What SQLite and PostgreSQL share but SQLAlchemy spells by dialect, or by itself would spell differently."""

import json
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

__all__ = ["insert_or_ignore", "to_json"]


def insert_or_ignore(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """Return an INSERT that leaves a row alone which is already there (by any unique constraint)."""
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table).on_conflict_do_nothing()
    return sqlite.insert(table).on_conflict_do_nothing()


def to_json(value: Any) -> str:
    """Return JSON as SQLite's own functions write it, "é" and not an escape: equal values are equal texts."""
    return json.dumps(value, ensure_ascii=False)
