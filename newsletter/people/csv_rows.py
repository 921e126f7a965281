"""Reading a CSV file as people make them: any of five encodings, four delimiters, broken quotes.

Yields rows with the line they begin on. Never more than a record is in memory, and no fault of the
file gives a traceback: it is a row with a problem, or a UsageError for the file as a whole.
"""

import codecs
import csv
import gzip
import io
import itertools
import re
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from newsletter.errors import UsageError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer as Buffer

__all__ = ["CsvRow", "CsvRows", "open_csv"]

#: Told how many bytes have been read since it was told before.
Watch = Callable[[int], None]

_DELIMITERS = (",", ";", "\t", "|")
_LONGEST_CELL = 131_072  # the csv module's own limit
_LONGEST_LINE = 4_000_000  # characters; what follows them is not kept in memory
_AS_CSV = 'In Excel or Numbers choose "Save as… CSV UTF-8".'


@dataclass(frozen=True, slots=True)
class CsvRow:
    """One record. line: its first physical line, from 1. problem: why the cells cannot be trusted, or ""."""

    line: int
    cells: list[str]
    problem: str = ""


class CsvRows:
    """The rows of a file, from the first. encoding: that it is read in, as Python calls it."""

    def __init__(self, rows: Iterator[CsvRow], encoding: str) -> None:
        self._rows = rows
        self.encoding = encoding

    def __iter__(self) -> Iterator[CsvRow]:
        return self._rows

    def __next__(self) -> CsvRow:
        return next(self._rows)


@contextmanager
def open_csv(path: Path, watch: Watch | None = None, *, encoding: str = "") -> Iterator[CsvRows]:
    """Give the rows of a CSV file, which may be gzipped (``.gz``); empty rows are left out.

    watch: told of bytes of the file as they are read, some 64 kB at a time.

    encoding: as Python calls it; "" finds out: UTF-8 with or without a mark, UTF-16 with a mark, otherwise
    Windows-1252 or Latin-1. Delimiters: comma, semicolon, tab or bar, whichever the first line has most of.

    Raises UsageError, also while iterating, if the file is not readable text.
    """
    encoding = _known(encoding) if encoding else ""
    if path.exists() and not path.is_file() and not path.is_dir():  # a pipe gives its text but once
        raise UsageError(f"{path} is not a file.", hint="Save the text to a file first: it is read twice.")
    try:
        encoding = encoding or _encoding(path)
        with _binary(path, watch) as raw, io.TextIOWrapper(raw, encoding, newline="") as text:
            yield CsvRows(_rows(text), encoding)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UsageError(f"{path} is not a whole gzip file.", hint="Copy or compress it again.") from error
    except UnicodeError as error:
        raise UsageError(f"{path} is not text in {encoding}.", hint=_AS_CSV) from error
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read: {error.strerror or error}.", hint="Check the name of the file."
        ) from error


class _Watched(io.FileIO):
    """A file that tells how many bytes are read from it."""

    def __init__(self, path: Path, watch: Watch) -> None:
        super().__init__(path)
        self._watch = watch

    def readinto(self, buffer: "Buffer", /) -> int:
        """Read, and tell."""
        count = super().readinto(buffer)
        self._watch(count)
        return count


@contextmanager
def _binary(path: Path, watch: Watch | None = None) -> Iterator[BinaryIO]:
    with io.BufferedReader(_Watched(path, watch), 1 << 16) if watch else path.open("rb") as file:
        if path.suffix == ".gz":
            with gzip.GzipFile(fileobj=file) as unzipped:
                yield io.BufferedReader(unzipped)
        else:
            yield file


def _known(encoding: str) -> str:
    """Return the encoding's name. Raises UsageError if it is none of text."""
    try:
        "a".encode(encoding)
        return codecs.lookup(encoding).name
    except (LookupError, ValueError) as error:
        raise UsageError(
            f"{encoding!r} is no encoding that we know.",
            hint="Write for example utf-8, windows-1252, windows-1250, mac-roman or shift-jis.",
        ) from error


def _encoding(path: Path) -> str:
    """Return the first encoding that all of the file can be read in. Reads it once, a piece at a time."""
    with _binary(path) as file:
        start = file.read(4)
        if start[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            return "utf-16"
        if start.startswith(b"PK\x03\x04") or start == b"\xd0\xcf\x11\xe0":
            raise UsageError(f"{path} is a spreadsheet, not a CSV file.", hint=_AS_CSV)
    for encoding in ("utf-8-sig", "cp1252"):
        decoder = codecs.getincrementaldecoder(encoding)()
        with _binary(path) as file:
            try:
                while piece := file.read(1 << 16):
                    decoder.decode(piece)
                decoder.decode(b"", final=True)
            except UnicodeDecodeError:
                continue
            return encoding
    return "latin-1"


class _Lines:
    """The lines of a file, of which the last record's can be read again. A line without end is cut."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines  #: of at most _LONGEST_LINE characters: the rest of a longer one comes next
        self._again: deque[str] = deque()
        self.record: list[str] = []  #: the lines read since the record began

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        if self._again:
            line = self._again.popleft()
        else:
            line = next(self._lines)
            if len(line) == _LONGEST_LINE:
                self._skip_rest(line)
        self.record.append(line)
        return line

    def _skip_rest(self, piece: str) -> None:
        while piece[-1] not in "\r\n":
            piece = next(self._lines, "\n")

    def begin(self) -> None:
        """Begin a record: what was read before is done with."""
        self.record.clear()

    def keep_first(self) -> None:
        """Give up the record: all its lines but the first are read again."""
        self._again.extendleft(reversed(self.record[1:]))
        del self.record[1:]


def _rows(text: io.TextIOWrapper) -> Iterator[CsvRow]:
    skipped = 0
    start: list[str] = []
    pieces = iter(partial(text.readline, _LONGEST_LINE), "")
    for first in pieces:
        if not skipped and not start and first[:4].lower() == "sep=":
            skipped = 1  # Excel's own mark, which says the delimiter; the header shows it as well
            continue
        start.append(first)
        if not first.isspace():
            break
    header = re.sub(r'"[^"]*"', "", start[-1] if start else "")
    lines = _Lines(itertools.chain(start, pieces))
    reader = csv.reader(lines, delimiter=max(_DELIMITERS, key=header.count), strict=True)
    line = skipped + 1
    while True:
        lines.begin()
        problem = ""
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            # a quote that is not closed swallows what follows it: only its own line is given up
            lines.keep_first()
            cells, problem = [], _plain(str(error))
        if not problem and "\0" in "".join(lines.record):
            problem = "there is a NUL character in it"
        if not problem and len(lines.record[0]) == _LONGEST_LINE:
            problem = f"the line is longer than {_LONGEST_LINE:,} characters"
        if problem or "".join(cells).strip():
            yield CsvRow(line, cells, problem)
        line += len(lines.record)


def _plain(message: str) -> str:
    if "unexpected end" in message:
        return "a quote is opened and never closed"
    if "field larger" in message:
        return f"a cell is longer than {_LONGEST_CELL} characters; perhaps a quote is not closed"
    return "the quotes in it do not match"
