"""Importing a CSV file: every good row gets in, every bad one is named by its line with the reason."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Literal

from sqlalchemy import Engine

from newsletter.errors import UsageError
from newsletter.people.addresses import parse_address
from newsletter.people.columns import Columns, read_columns
from newsletter.people.csv_rows import CsvRow, open_csv
from newsletter.people.doubts import is_role, likely_meant
from newsletter.people.formulas import rearm
from newsletter.people.naming import one_line, tag_name
from newsletter.ports import Clock
from newsletter.store.forgetting import Fingerprints
from newsletter.store.imports import StagedRow, open_staging

__all__ = ["ImportResult", "Progress", "RowProblem", "import_csv", "look_at"]

_CHUNK = 500  # few enough that Python's garbage collector has little to look through
_REASONS = {
    "duplicate": "the same address stands further up in the file",
    "suppressed": "the address is suppressed: mail to it came back, or its owner complained",
    "forgotten": "this person has asked to be forgotten",
    "unsubscribed": "this person has unsubscribed; only they can come back",
    "bounced": "mail to this address came back: the mailbox does not exist",
    "complained": "this person has reported the newsletter as spam",
    "role": "this is an office's address, not a person's; to take it, add --allow-role",
}
#: What a column "status" may say that keeps a person out; "cleaned" is Mailchimp's word for bounced.
_STATUS = {
    "unsubscribed": "unsubscribed",
    "complained": "complained",
    "bounced": "bounced",
    "cleaned": "bounced",
    "pending": "pending",
}
_TAKEN = ("confirmed", "subscribed", "")

#: Told what is under way, "reading" or "writing", and how many bytes of the file have been read since.
Progress = Callable[[Literal["reading", "writing"], int], None]


@dataclass(frozen=True, slots=True)
class RowProblem:
    """A row that was not taken. line: the physical line it begins on, from 1. reason: holds no address.

    kind: invalid, role, typo, duplicate, suppressed, forgotten, pending or a status that keeps people out.
    """

    line: int
    reason: str
    kind: str = field(default="invalid", compare=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportResult:
    """What an import came to, in rows. refused: in the order of lines. batch_id: None after a dry run.

    samples: the first few lines of "new", "updated" and "unchanged". columns: as the file calls them, and
    what each was read as. encoding: that the file was read in.
    """

    new: int
    updated: int
    unchanged: int
    refused: Sequence[RowProblem]
    batch_id: int | None
    samples: Mapping[str, Sequence[int]] = field(default_factory=dict)
    columns: Sequence[tuple[str, str]] = ()
    encoding: str = ""

    @property
    def refused_by_kind(self) -> dict[str, int]:
        """How many rows were refused for each kind of reason, the commonest first."""
        return dict(Counter(problem.kind for problem in self.refused).most_common())


def look_at(path: Path, mapping: Mapping[str, str] | None = None, *, encoding: str = "") -> Columns:
    """Return what the columns of a file are; import nothing. Raises UsageError as ``import_csv`` does."""
    with open_csv(path, encoding=encoding) as rows:
        return read_columns(path, next(rows, None), mapping)


def import_csv(  # noqa: PLR0913  (options of one command)
    engine: Engine,
    path: Path,
    *,
    source: str,
    tags: Sequence[str] = (),
    mapping: Mapping[str, str] | None = None,
    encoding: str = "",
    allow_role: bool = False,
    allow_typos: bool = False,
    fingerprints: Fingerprints | None = None,
    progress: Progress | None = None,
    clock: Clock,
    dry_run: bool = False,
) -> ImportResult:
    """Import subscribers from a CSV file (also ``.gz``) as confirmed, all good rows in one transaction.

    source: in words, where their consent came from; kept as the proof. tags: given to all of them.
    The first line names the columns: email, name, first_name, last_name, tags (separated by ; or ,) and
    common other spellings; each other column becomes a custom field. mapping: says so for a column, ahead of
    its name; "-" leaves it out. Who is known already is updated: empty cells change nothing. Who left,
    complained, bounced or was forgotten is refused whatever the file says; likewise whom the file itself
    calls unsubscribed, bounced, complained or pending in a column "status".
    encoding: of the file; "" finds out.
    allow_role, allow_typos: take new people with an office's address, or a domain that looks mistyped.
    fingerprints: ``Tokens.fingerprints``; needed once anybody asked to be forgotten.
    dry_run: say what would happen and change nothing.

    Raises UsageError if the file cannot be read or has no column of addresses.
    """
    tell = progress or (lambda _what, _bytes: None)
    extra = [_tag(tag) for tag in tags]
    with (
        open_staging(engine) as area,
        open_csv(path, lambda count: tell("reading", count), encoding=encoding) as rows,
    ):
        reader = _Reader(read_columns(path, next(rows, None), mapping), extra, allow_role, allow_typos)
        people = reader.people(rows)
        while chunk := list(islice(people, _CHUNK)):
            area.add(chunk)
        tell("writing", 0)
        fates = area.take_over(
            file=path.name,
            source=one_line(source),
            fields=[name for name, _ in reader.columns.custom if not reader.unused(name)],
            fingerprints=fingerprints,
            unreadable=len(reader.problems),
            now=clock(),
            dry_run=dry_run,
        )
    problems = reader.problems + [
        RowProblem(line, _REASONS.get(why) or reader.typos[line], why) for line, why in fates.refused
    ]
    return ImportResult(
        new=fates.new,
        updated=fates.updated,
        unchanged=fates.unchanged,
        refused=sorted(problems, key=lambda problem: problem.line),
        batch_id=None if dry_run else fates.batch_id,
        samples=fates.samples,
        columns=reader.columns.read_as,
        encoding=rows.encoding,
    )


def _tag(text: str) -> str:
    try:
        return tag_name(text)
    except ValueError as error:
        raise UsageError(f"A tag cannot be used: {error}.", hint="Write a word, such as families.") from error


class _Refused(ValueError):  # noqa: N818
    """A row that is not taken, for a reason of this kind."""

    def __init__(self, reason: str, kind: str) -> None:
        super().__init__(reason)
        self.kind = kind


class _Reader:
    """Makes people of rows, and remembers what is wrong with the others."""

    def __init__(self, columns: Columns, extra: Sequence[str], allow_role: bool, allow_typos: bool) -> None:
        self.columns = columns
        self.problems: list[RowProblem] = []
        self.typos: dict[int, str] = {}  #: the reason, by line: for new people only
        self._extra = extra
        self._allow_role, self._allow_typos = allow_role, allow_typos
        self._status_is_custom = False

    def people(self, rows: Iterator[CsvRow]) -> Iterator[StagedRow]:
        """Yield the rows that can be taken; the others become problems."""
        for row in rows:
            try:
                yield self._person(row)
            except _Refused as refused:
                self.problems.append(RowProblem(row.line, str(refused), refused.kind))
            except ValueError as error:
                self.problems.append(RowProblem(row.line, str(error)))

    def unused(self, name: str) -> bool:
        """Return whether a custom column was never one: a "status" that only said who is subscribed."""
        return name == "status" and not self.columns.own and not self._status_is_custom

    def _person(self, row: CsvRow) -> StagedRow:
        """Return the person of a row. Raises ValueError, with the reason."""
        if row.problem:
            raise ValueError(row.problem)
        columns, cells = self.columns, row.cells
        if len(cells) > columns.width and any(cell.strip() for cell in cells[columns.width :]):
            raise ValueError(f"the row has {len(cells)} cells, the first line has {columns.width}")
        if len(cells) < columns.width:
            cells = cells + [""] * (columns.width - len(cells))
        address = parse_address(rearm(cells[columns.email].strip()))
        keep_status = self._may_be_taken(cells)
        name = one_line(rearm(cells[columns.name].strip())) if columns.name is not None else ""
        if not name and (columns.first is not None or columns.last is not None):
            parts = [
                rearm(cells[place].strip()) for place in (columns.first, columns.last) if place is not None
            ]
            name = one_line(" ".join(parts))
        tags: Sequence[str] = self._extra
        if columns.tags is not None and cells[columns.tags]:
            words = rearm(cells[columns.tags].strip()).replace(";", ",").split(",")
            tags = [*self._extra, *(tag_name(word) for word in words if word.strip())]
        attributes = {
            key: rearm(value)
            for key, place in columns.custom
            if (value := cells[place].strip()) and (keep_status or place != columns.status)
        }
        return StagedRow(
            row.line,
            address.email,
            address.key,
            address.sendable,
            name,
            attributes,
            tags,
            self._doubt(row.line, address.key),
        )

    def _may_be_taken(self, cells: Sequence[str]) -> bool:
        """Look at what the file says of the person's consent; return whether that is a field like others."""
        if self.columns.status is None:
            return True
        said = cells[self.columns.status].strip().lower()
        if said in _STATUS:
            raise _Refused(f"the file says of this person: {said}", _STATUS[said])
        if said in _TAKEN:
            return False
        if self.columns.own:
            raise ValueError("the status is none that we know")
        self._status_is_custom = True
        return True

    def _doubt(self, line: int, key: str) -> str:
        if not self._allow_role and is_role(key):
            return "role"
        if not self._allow_typos:
            domain = key.rpartition("@")[2]
            meant = likely_meant(domain)
            if meant:
                self.typos[line] = f"{domain} is probably {meant}; to take it as it is, add --allow-typos"
                return "typo"
        return ""
