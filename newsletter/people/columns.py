"""The first line of a CSV file: which column is what, by its usual names or as the owner says.

A file that begins with the columns of our own export (``OWN``) is read back exactly: nothing is guessed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from newsletter.errors import UsageError, did_you_mean
from newsletter.people.csv_rows import CsvRow
from newsletter.people.naming import BUILT_IN, field_name, one_line

__all__ = ["OWN", "SKIP", "Columns", "read_columns"]

#: The first columns of an export, in this order; custom fields follow.
OWN = ("email", "status", "name", "tags")

#: What a column is mapped to that is to be left out.
SKIP = "-"

#: What people call the columns we know, the likeliest first, as ``field_name`` spells them.
_EMAIL = (
    *("email", "e_mail", "email_address", "e_mail_address", "mail", "mail_address"),
    *("e_mail_adresse", "email_adresse", "emailadresse", "mailadresse", "e_mail_1_value", "address"),
)
_NAME = ("name", "full_name", "fullname")
_FIRST = ("first_name", "firstname", "vorname", "given_name", "forename")
_LAST = ("last_name", "lastname", "nachname", "family_name", "surname")
_TAGS = ("tags", "tag")


@dataclass(frozen=True, slots=True)
class Columns:
    """Where in a row the known columns are (None: there is none), and the custom ones by name.

    own: the file is an export of ours.
    """

    email: int
    name: int | None
    first: int | None
    last: int | None
    tags: int | None
    status: int | None
    custom: Sequence[tuple[str, int]]
    width: int
    own: bool = False
    read_as: Sequence[tuple[str, str]] = ()  #: what each is called in the file, and what it is; "-": left out


def read_columns(path: Path, header: CsvRow | None, mapping: Mapping[str, str] | None = None) -> Columns:
    """Return what the columns of a file are.

    mapping: a column as the file calls it -> the field that it is, or "-" to leave it out.

    Raises UsageError if the line cannot be read, two columns have one name, a mapped column is not there, or
    none holds addresses.
    """
    if header is None:
        raise UsageError(f"{path} is empty.", hint="The first line must name the columns, one of them email.")
    if header.problem:
        raise UsageError(
            f"{path}:{header.line}: the first line cannot be read: {header.problem}.",
            hint='Is it UTF-16? Save the file as "CSV UTF-8", or try --encoding utf-16-le.'
            if "NUL" in header.problem
            else "The first line must name the columns, one of them email.",
        )
    cells = list(header.cells)
    while cells and not cells[-1].strip():  # a delimiter at the end of each line makes an empty last column
        cells.pop()
    if tuple(cells[: len(OWN)]) == OWN and not mapping:
        own = [(name, place) for place, name in enumerate(cells) if place >= len(OWN)]
        same = [(name, name) for name in cells]
        return Columns(0, 2, None, None, 3, 1, own, len(cells), own=True, read_as=same)
    names = _names(path, header.line, cells, mapping or {})
    known = {
        "email": _first(names, _EMAIL),
        "name": _first(names, _NAME),
        "first": _first(names, _FIRST),
        "last": _first(names, _LAST),
        "tags": _first(names, _TAGS),
        "status": _first(names, ("status",)),
    }
    email = known["email"]
    if email is None:
        # a file without a header has people in its first line: they are not shown
        shown = ", ".join("(an address)" if "@" in cell else one_line(cell)[:40] for cell in cells)
        raise UsageError(
            f"{path}:{header.line}: there is no column of addresses. The columns are: {shown}.",
            hint="The first line must name the columns; call the one with the addresses email, or add "
            '--map "COLUMN=email".',
        )
    taken = {place for what, place in known.items() if what != "status"}
    custom = [
        (f"{name}_field" if name in BUILT_IN else name, place)
        for place, name in enumerate(names)
        if place not in taken and name != SKIP
    ]
    for name, place in (("first_name", known["first"]), ("last_name", known["last"])):
        if place is not None and name not in dict(custom):
            custom.append((name, place))
    return Columns(
        email,
        known["name"],
        known["first"],
        known["last"],
        known["tags"],
        known["status"],
        custom,
        len(names),
        read_as=_read_as(cells, known, custom),
    )


def _read_as(
    cells: Sequence[str], known: Mapping[str, int | None], custom: Sequence[tuple[str, int]]
) -> list[tuple[str, str]]:
    meant = {place: name for name, place in custom}
    meant |= {place: what for what, place in known.items() if place is not None and place not in meant}
    return [
        ("(an address)" if "@" in cell else one_line(cell)[:40], meant.get(place, SKIP))
        for place, cell in enumerate(cells)
    ]


def _names(path: Path, line: int, cells: Sequence[str], mapping: Mapping[str, str]) -> list[str]:
    """Return the columns' names, those that the mapping gives first of all."""
    by_column = {_column_name(column, 0): field for column, field in mapping.items()}
    names = [_column_name(cell, number) for number, cell in enumerate(cells, start=1)]
    for column in mapping:
        if _column_name(column, 0) not in names:
            shown = [one_line(cell) for cell in cells if "@" not in cell]
            raise UsageError(
                f"{path}:{line}: there is no column {column!r}.{did_you_mean(column, shown)}",
                hint=f"The columns are: {', '.join(cell[:40] for cell in shown)}.",
            )
    names = [_mapped(by_column[name]) if name in by_column else name for name in names]
    for number, name in enumerate(names):
        if name != SKIP and name in names[:number]:
            raise UsageError(
                f"{path}:{line}: two columns are called {name}.",
                hint='Rename one of them, or leave it out with --map "COLUMN=-".',
            )
    return names


def _mapped(field: str) -> str:
    if field.strip() == SKIP:
        return SKIP
    try:
        return field_name(field)
    except ValueError as error:
        raise UsageError(
            f"A column cannot be mapped to {field!r}: {error}.",
            hint='Write it like --map "Kontakt=email", or --map "Notes=-" to leave a column out.',
        ) from error


def _column_name(cell: str, number: int) -> str:
    try:
        return field_name(cell)
    except ValueError:
        return f"column_{number}"


def _first(names: Sequence[str], aliases: Sequence[str]) -> int | None:
    return next((names.index(alias) for alias in aliases if alias in names), None)
