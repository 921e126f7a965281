"""Whatever goes wrong while an issue is composed, as the owner can use it: where, what, how to mend it.

A fault is shown in the page, with the lines of the owner's own source around it; never a traceback.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy.exc import DBAPIError

from newsletter.errors import ConfigError, IssueError, NewsletterError
from newsletter.settings import SETTINGS_FILE
from newsletter.store.faults import explain

__all__ = ["Fault", "SourceLine", "excerpt", "fault_of", "place"]

_AROUND: Final = 2  #: lines shown before and after the one that is meant
_LONGEST: Final = 240  #: characters of a source line on screen
_SETTINGS: Final = re.compile(rf"(?s)({re.escape(SETTINGS_FILE)})(?::(\d+))?: (.*)")


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceLine:
    """A line of a file, from 1. here: it is the one that is meant."""

    number: int
    text: str
    here: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """Why there is nothing to show. file: from the workspace, "" if it is about none; line: from 1."""

    what: str
    mend: str
    file: str = ""
    line: int | None = None
    source: Sequence[SourceLine] = ()

    @property
    def where(self) -> str:
        """The place as editors and terminals write it: "issues/2026-11-x.md:12"."""
        return f"{self.file}:{self.line}" if self.line else self.file


def fault_of(error: Exception, root: Path) -> Fault:
    """Return an error in words. root: the workspace, for the source line."""
    if isinstance(error, DBAPIError):
        error = explain(error) or error
    file, line, what = "", None, str(error)
    if isinstance(error, IssueError):
        file, line, what = error.file or "", error.line, error.what
    elif isinstance(error, ConfigError) and (found := _SETTINGS.match(what)):
        file, line, what = found[1], int(found[2]) if found[2] else None, found[3]
    elif not isinstance(error, NewsletterError):
        # a database's own text may hold an address, and is left out
        inside = type(error).__module__.startswith("sqlalchemy")
        what = f"Unexpected {type(error).__name__}{' in the database' if inside else f': {error}'}."
    mend = error.hint if isinstance(error, NewsletterError) else "This is a fault of ours: please report it."
    return Fault(what=what, mend=mend, file=file, line=line, source=excerpt(root, file, line))


def place(where: str) -> tuple[str, int | None]:
    """Return file and line of a finding's ``where``.

    >>> place("issues/2026-11-rest.md:12"), place("subject")
    (('issues/2026-11-rest.md', 12), ('subject', None))
    """
    found = re.fullmatch(r"(.+):(\d+)", where)
    return (found[1], int(found[2])) if found else (where, None)


def excerpt(root: Path, file: str, line: int | None, around: int = _AROUND) -> Sequence[SourceLine]:
    """Return a line of one of the owner's own files with its neighbours; nothing for any other file."""
    if not file or not line:
        return ()
    home, path = root.resolve(), (root / file).resolve()
    owned = (home / SETTINGS_FILE, home / "issues", home / "templates")
    if not any(path.is_relative_to(place) for place in owned):
        return ()
    try:
        lines = path.read_text("utf-8-sig", "replace").splitlines()
    except OSError:
        return ()
    shown = range(max(1, line - around), min(len(lines), line + around) + 1)
    return [SourceLine(number=n, text=lines[n - 1][:_LONGEST], here=n == line) for n in shown]
