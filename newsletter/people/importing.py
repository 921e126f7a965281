"""Importing a CSV file: every good row gets in, every bad one is named by its line with the reason."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from sqlalchemy import Engine

from newsletter.errors import UsageError
from newsletter.people.addresses import parse_address
from newsletter.people.csv_rows import CsvRow, open_csv
from newsletter.people.naming import BUILT_IN, field_name, one_line, tag_name
from newsletter.ports import Clock
from newsletter.store.imports import StagedRow, open_staging

__all__ = ["ImportResult", "RowProblem", "import_csv"]

#: What people call the columns we know, the likeliest first, as ``field_name`` spells them.
_EMAIL = ("email", "e_mail", "email_address", "e_mail_address", "mail", "mail_address", "address")
_NAME = ("name", "full_name", "fullname")
_FIRST = ("first_name", "firstname", "vorname", "given_name", "forename")
_LAST = ("last_name", "lastname", "nachname", "family_name", "surname")
_TAGS = ("tags", "tag")

_CHUNK = 5000
_REASONS = {
    "duplicate": "the same address stands further up in the file",
    "suppressed": "the address is suppressed: mail to it came back, or its owner complained",
    "unsubscribed": "this person has unsubscribed; only they can come back",
    "bounced": "mail to this address came back: the mailbox does not exist",
    "complained": "this person has reported the newsletter as spam",
}


@dataclass(frozen=True, slots=True)
class RowProblem:
    """A row that was not taken. line: the physical line it begins on, from 1. reason: holds no address."""

    line: int
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportResult:
    """What an import came to, in rows. refused: in the order of lines. batch_id: None after a dry run."""

    new: int
    updated: int
    unchanged: int
    refused: Sequence[RowProblem]
    batch_id: int | None


@dataclass(frozen=True, slots=True)
class _Columns:
    """Where in a row the known columns are (None: there is none), and the custom ones by name."""

    email: int
    name: int | None
    first: int | None
    last: int | None
    tags: int | None
    custom: Sequence[tuple[str, int]]
    width: int


def import_csv(
    engine: Engine,
    path: Path,
    *,
    source: str,
    tags: Sequence[str] = (),
    clock: Clock,
    dry_run: bool = False,
) -> ImportResult:
    """Import subscribers from a CSV file (also ``.gz``) as confirmed, all good rows in one transaction.

    source: in words, where their consent came from; kept as the proof. tags: given to all of them.
    The first line names the columns: email, name, first_name, last_name, tags (separated by ; or ,) and
    common other spellings; each other column becomes a custom field. Who is known already is updated:
    empty cells change nothing. Who left, complained or bounced is refused whatever the file says.
    dry_run: say what would happen and change nothing.

    Raises UsageError if the file cannot be read or has no column of addresses.
    """
    problems: list[RowProblem] = []
    extra = [_tag(tag) for tag in tags]
    with open_staging(engine) as area, open_csv(path) as rows:
        columns = _columns(path, next(rows, None))
        people = _people(rows, columns, extra, problems)
        while chunk := list(islice(people, _CHUNK)):
            area.add(chunk)
        fates = area.take_over(
            file=path.name,
            source=one_line(source),
            fields=[name for name, _ in columns.custom],
            now=clock(),
            dry_run=dry_run,
        )
    problems += [RowProblem(line, _REASONS[why]) for line, why in fates.refused]
    return ImportResult(
        new=fates.new,
        updated=fates.updated,
        unchanged=fates.unchanged,
        refused=sorted(problems, key=lambda problem: problem.line),
        batch_id=None if dry_run else fates.batch_id,
    )


def _tag(text: str) -> str:
    try:
        return tag_name(text)
    except ValueError as error:
        raise UsageError(f"A tag cannot be used: {error}.", hint="Write a word, such as families.") from error


def _columns(path: Path, header: CsvRow | None) -> _Columns:
    if header is None:
        raise UsageError(f"{path} is empty.", hint="The first line must name the columns, one of them email.")
    if header.problem:
        raise UsageError(
            f"{path}:{header.line}: the first line cannot be read: {header.problem}.",
            hint="The first line must name the columns, one of them email.",
        )
    cells = header.cells
    while cells and not cells[-1].strip():  # a delimiter at the end of each line makes an empty last column
        cells = cells[:-1]
    names = [_column_name(cell, number) for number, cell in enumerate(cells, start=1)]
    for number, name in enumerate(names):
        if name in names[:number]:
            raise UsageError(
                f"{path}:{header.line}: two columns are called {name}.", hint="Rename one of them."
            )
    known = {
        "email": _first(names, _EMAIL),
        "name": _first(names, _NAME),
        "first": _first(names, _FIRST),
        "last": _first(names, _LAST),
        "tags": _first(names, _TAGS),
    }
    email = known["email"]
    if email is None:
        # a file without a header has people in its first line: they are not shown
        shown = ", ".join("(an address)" if "@" in cell else one_line(cell)[:40] for cell in cells)
        raise UsageError(
            f"{path}:{header.line}: there is no column of addresses. The columns are: {shown}.",
            hint="The first line must name the columns; call the one with the addresses email.",
        )
    custom = [
        (f"{name}_field" if name in BUILT_IN else name, place)
        for place, name in enumerate(names)
        if place not in known.values()
    ]
    for name, place in (("first_name", known["first"]), ("last_name", known["last"])):
        if place is not None and name not in dict(custom):
            custom.append((name, place))
    return _Columns(email, known["name"], known["first"], known["last"], known["tags"], custom, len(names))


def _column_name(cell: str, number: int) -> str:
    try:
        return field_name(cell)
    except ValueError:
        return f"column_{number}"


def _first(names: Sequence[str], aliases: Sequence[str]) -> int | None:
    return next((names.index(alias) for alias in aliases if alias in names), None)


def _people(
    rows: Iterator[CsvRow], columns: _Columns, extra: Sequence[str], problems: list[RowProblem]
) -> Iterator[StagedRow]:
    """Yield the rows that can be taken; add the others to problems."""
    for row in rows:
        try:
            yield _person(row, columns, extra)
        except ValueError as error:
            problems.append(RowProblem(row.line, str(error)))


def _person(row: CsvRow, columns: _Columns, extra: Sequence[str]) -> StagedRow:
    """Return the person of a row. Raises ValueError, with the reason."""
    if row.problem:
        raise ValueError(row.problem)
    cells = row.cells
    if len(cells) > columns.width and any(cell.strip() for cell in cells[columns.width :]):
        raise ValueError(f"the row has {len(cells)} cells, the first line has {columns.width}")
    if len(cells) < columns.width:
        cells = cells + [""] * (columns.width - len(cells))
    address = parse_address(cells[columns.email])
    name = one_line(cells[columns.name]) if columns.name is not None else ""
    if not name and (columns.first is not None or columns.last is not None):
        parts = (cells[place] for place in (columns.first, columns.last) if place is not None)
        name = one_line(" ".join(parts))
    tags: Sequence[str] = extra
    if columns.tags is not None and cells[columns.tags]:
        words = cells[columns.tags].replace(";", ",").split(",")
        tags = [*extra, *(tag_name(word) for word in words if word.strip())]
    attributes = {key: value for key, place in columns.custom if (value := cells[place].strip())}
    return StagedRow(row.line, address.email, address.key, address.sendable, name, attributes, tags)
