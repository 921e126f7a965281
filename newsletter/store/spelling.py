"""Statements for reports, where SQLite and PostgreSQL spell the same thing differently."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, bindparam, text
from sqlalchemy.sql.elements import TextClause

__all__ = ["by_span", "of_campaigns", "spelt"]

_SPELLINGS: Final[Mapping[str, Mapping[str, str]]] = {
    "sqlite": {
        "find": "instr",
        "most": "max",
        "seconds": "CAST(strftime('%s', {0}) AS INTEGER)",
        "hour": "substr({0}, 1, 13)",
    },
    "postgresql": {
        "find": "strpos",
        "most": "greatest",
        "seconds": "CAST(floor(extract(epoch FROM {0})) AS BIGINT)",
        "hour": "to_char({0} AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24')",
    },
}


def spelt(connection: Connection, statement: str, *, at: str = "at") -> str:
    """Return a statement with what is in braces as this database spells it. at: the column of an instant.

    {bucket}: the number, from 0, of the span of ``:width`` seconds after ``:start`` that ``at`` lies in; what
    is earlier, because clocks differ, lies in the first. {hour}: its hour in UTC, as "2026-11-02 12".
    {domain}: of ``email_key``, "" of somebody forgotten. {find}: the function that finds a text in another.
    """
    spelling = _SPELLINGS[connection.dialect.name]
    seconds, find = spelling["seconds"].format(at), spelling["find"]
    return statement.format(
        find=find,
        hour=spelling["hour"].format(at),
        bucket=f"{spelling['most']}(({seconds} - :start) / :width, 0)",
        domain=f"CASE WHEN {find}(email_key, '@') = 0 THEN '' "
        f"ELSE substr(email_key, {find}(email_key, '@') + 1) END",
    )


def of_campaigns(statement: str) -> TextClause:
    """Return a statement that is about ``:campaigns``, a list of their numbers."""
    return text(statement).bindparams(bindparam("campaigns", expanding=True))


def by_span(
    connection: Connection, statement: str, campaign_id: int, start: datetime, width: int
) -> dict[int, int]:
    """Run a spelt statement that gives ``bucket`` and ``n``; return the counts by bucket, in order."""
    values = {"campaign": campaign_id, "start": int(start.timestamp()), "width": width}
    rows = connection.execute(text(statement), values)
    return dict(sorted((row.bucket, row.n) for row in rows))
