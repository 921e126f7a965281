"""Exporting the list: CSV that a spreadsheet opens safely and an import reads back exactly, or JSON lines.

CSV: UTF-8 with a mark (Excel wants it), comma, CRLF (RFC 4180); the columns ``columns.OWN``, then the custom
fields in order. JSON: one object a line (JSON Lines), so that a million of them need no memory.
"""

import csv
import gzip
import io
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, TextIO

from sqlalchemy import ColumnElement, Engine

from newsletter.errors import UsageError
from newsletter.people.columns import OWN
from newsletter.people.formulas import disarm
from newsletter.store.engine import reading
from newsletter.store.exports import attribute_names
from newsletter.store.subscribers import Subscriber, list_subscribers

__all__ = ["Format", "as_plain", "export"]

Format = Literal["csv", "json"]


def export(
    engine: Engine, path: Path, condition: ColumnElement[bool], *, form: Format = "csv", replace: bool = False
) -> int:
    """Write the subscribers that a condition holds for to a file (mode 0600); return how many.

    All of one moment. The file appears when it is whole; ``.gz`` is compressed. replace: an older file may
    go.

    Raises UsageError if the file exists and may not be replaced, is none, or cannot be written.
    """
    if path.name == "-" or (path.exists() and not path.is_file()):
        raise UsageError(f"{path} is not a file.", hint="Name a file; it is written for you alone.")
    if path.exists() and not replace:
        raise UsageError(f"{path} exists already.", hint="Choose another name, or add --replace.")
    with _private(path) as file, reading(engine) as connection:
        people = list_subscribers(connection, condition)
        if form == "json":
            return _write_json(file, people)
        return _write_csv(file, people, attribute_names(connection, condition))


def as_plain(person: Subscriber) -> dict[str, Any]:
    """Return a subscriber as JSON values, all that the list itself holds of them."""
    return {
        "email": person.email,
        "status": person.status.value,
        "name": person.name,
        "tags": list(person.tags),
        "attributes": dict(person.attributes),
        "sendable": person.sendable,
        "created_at": person.created_at.isoformat(),
        "updated_at": person.updated_at.isoformat(),
    }


def _write_json(file: TextIO, people: Iterator[Subscriber]) -> int:
    count = 0
    for person in people:
        file.write(json.dumps(as_plain(person), ensure_ascii=False) + "\n")
        count += 1
    return count


def _write_csv(file: TextIO, people: Iterator[Subscriber], fields: Sequence[str]) -> int:
    file.write("\ufeff")
    writer = csv.writer(file)
    writer.writerow([*OWN, *fields])
    count = 0
    for person in people:
        values = (person.attributes.get(name, "") for name in fields)
        cells = [person.email, person.status.value, person.name, ";".join(person.tags), *map(_text, values)]
        writer.writerow([disarm(cell) for cell in cells])
        count += 1
    return count


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


@contextmanager
def _private(path: Path) -> Iterator[TextIO]:
    """Give a text file that only its owner may read, under its name once it is written to its end."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise UsageError(
            f"{path} cannot be written: {error.strerror}.", hint="Check that its folder exists."
        ) from error
    try:
        with os.fdopen(handle, "wb") as raw:
            if path.suffix == ".gz":
                with (
                    gzip.GzipFile(fileobj=raw, mode="wb") as zipped,
                    io.TextIOWrapper(zipped, "utf-8", newline="") as file,
                ):
                    yield file
            else:
                with io.TextIOWrapper(raw, "utf-8", newline="") as file:
                    yield file
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
