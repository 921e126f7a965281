"""What the terms of the segment language mean, as conditions on ``tables.subscribers``."""

import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any

from sqlalchemy import ColumnElement, Float, and_, func, literal, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from newsletter.people.naming import field_name, tag_name
from newsletter.store.received import received
from newsletter.store.tables import subscriber_tags, subscribers

__all__ = ["OPERATORS", "field", "received", "subscribed", "tag"]

OPERATORS = ("!=", "<=", ">=", "=", "<", ">", "~")  #: of a field; the longer ones first

_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")


def tag(name: str) -> ColumnElement[bool]:
    """Return who has a tag. Raises ValueError, with the reason, if it cannot be one."""
    has = select(subscriber_tags.c.subscriber_id).where(subscriber_tags.c.tag == tag_name(name))
    return subscribers.c.id.in_(has)


def field(name: str, operator: str, value: str) -> ColumnElement[bool]:
    """Return whose field compares so with a value; ~ is "contains". Who has no such field has it empty.

    < and > compare numbers with numbers and dates (2026-01-31) with dates; other texts are on neither side.
    Raises ValueError, with the reason, if this cannot be asked.
    """
    known = field_name(name)
    if known == "tags":
        raise ValueError("tags are asked for with tag:name")
    if known == "email":
        column: ColumnElement[Any] = subscribers.c.email_key
        value = value.lower()
    elif known == "name":
        column = subscribers.c.name
    else:
        # who has no such field counts as having it empty: otherwise `not field:…` would leave them out
        column = func.coalesce(subscribers.c.attributes[known].as_string(), "")
    if operator == "=":
        return column == value
    if operator == "!=":
        return column != value
    if operator == "~":
        if not value:
            raise ValueError("~ needs a text to look for, as in field:city~ber")
        return column.icontains(value, autoescape=True)
    if _NUMBER.fullmatch(value):
        number: ColumnElement[Any] = _Number(column)
        return func.coalesce(number.op(operator)(literal(float(value))), False)
    if _DATE.fullmatch(value):
        _date(value)
        return and_(column.like("____-__-__%"), column.op(operator)(value))
    raise ValueError(
        f"{operator} compares numbers and dates, as in field:since>2020 or field:born<1990-01-31"
    )


def subscribed(when: str, day: str, zone: tzinfo) -> ColumnElement[bool]:
    """Return who has been on the list since before a day, or since after it; when: "before" or "after".

    zone: where the day is meant. Raises ValueError, with the reason, if it is no day.
    """
    first = _date(day)
    if when == "before":
        return subscribers.c.created_at < _midnight(first, zone)
    return subscribers.c.created_at >= _midnight(first + timedelta(days=1), zone)


def _date(text: str) -> date:
    if not _DATE.fullmatch(text):
        raise ValueError(f"{text!r} is not a date such as 2026-01-31")
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"there is no day {text}") from None


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)


class _Number(FunctionElement[float]):
    """A text column as a number, NULL where the text is none. The cast alone would fail or give 0."""

    inherit_cache = True
    type = Float()


@compiles(_Number, "postgresql")
def _on_postgresql(element: _Number, compiler: SQLCompiler, **options: Any) -> str:
    column = compiler.process(element.clauses, **options)
    return f"CASE WHEN {column} ~ '^-?[0-9]+(\\.[0-9]+)?$' THEN CAST({column} AS DOUBLE PRECISION) END"


@compiles(_Number, "sqlite")
def _on_sqlite(element: _Number, compiler: SQLCompiler, **options: Any) -> str:
    # the LIMIT keeps SQLite from working the column out anew for each test
    column = compiler.process(element.clauses, **options)
    bad = ("*[^-0-9.]*", "?*-*", "*.*.*", ".*", "-.*", "*.")
    odd = " AND ".join(["v GLOB '*[0-9]*'", *(f"v NOT GLOB '{pattern}'" for pattern in bad)])
    return (
        "(SELECT CASE WHEN v = '' THEN NULL "  # noqa: S608  (the column is SQLAlchemy's own text)
        "WHEN v NOT GLOB '*[^0-9]*' THEN CAST(v AS REAL) "  # nearly all, in one test
        f"WHEN {odd} THEN CAST(v AS REAL) END FROM (SELECT {column} AS v LIMIT 1))"
    )
