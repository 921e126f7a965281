"""Issue files: found by name, read, and checked; every complaint names the file and the line.

An issue is ``issues/YYYY-MM-slug.md``: YAML front matter between two ``---`` lines, then Markdown.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Final

from newsletter.compose.budget import MOST_SOURCE
from newsletter.compose.front_matter import read_front_matter
from newsletter.compose.templates import refuse_private
from newsletter.errors import IssueError, UsageError, did_you_mean
from newsletter.settings import Workspace

__all__ = ["Hero", "IssueFile", "find_issue", "read_issue", "slugs"]

_NAME: Final = re.compile(r"(\d{4})-(0[1-9]|1[0-2])-[a-z0-9]+(?:-[a-z0-9]+)*")
_EXAMPLE: Final = "---\ntitle: Rhythm and rest\n---\n\nDear friends, …"


@dataclass(frozen=True, kw_only=True, slots=True)
class Hero:
    """The picture at the head of an issue. alt: None if the owner did not write the key."""

    image: str
    alt: str | None = None
    caption: str = ""
    href: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class IssueFile:
    """An issue as the owner wrote it, nothing rendered yet.

    file: the path from the workspace, for messages; body_line: the body's first line in the file, from 1;
    key_lines: the line of each front matter key (hero's as ``hero.alt``); extra: the free keys.
    language and dir: "" if not given. public: whether it has a page on the web.
    """

    slug: str
    path: Path
    file: str
    title: str
    subject: str
    preheader: str = ""
    template: str = "monthly"
    segment: str = ""
    hero: Hero | None = None
    send_at: str = ""
    author: str = ""
    tags: Sequence[str] = ()
    language: str = ""
    dir: str = ""
    public: bool = True
    extra: Mapping[str, Any] = field(default_factory=dict)
    body: str = field(repr=False)
    body_line: int
    key_lines: Mapping[str, int] = field(default_factory=dict)

    @property
    def date(self) -> date:
        """The first day of the issue's month."""
        return date(int(self.slug[:4]), int(self.slug[5:7]), 1)

    def line_of(self, snippet: str, near: int = 1) -> int | None:
        """Return the line of the file on which the body has the snippet, the nearest to ``near``, or None."""
        lines = enumerate(self.body.split("\n"), self.body_line)
        found = [number for number, line in lines if snippet and snippet in line]
        return min(found, key=lambda number: abs(number - near), default=None)

    def line_with(self, snippet: str) -> int | None:
        """Return the first line of the whole file, front matter included, that has the snippet, or None."""
        lines = enumerate(_read(self.path, self.file).split("\n"), 1)
        return next((number for number, line in lines if snippet in line), None)


def slugs(workspace: Workspace) -> list[str]:
    """Return the slugs of all issues, oldest first."""
    return sorted(path.stem for path in workspace.issues.glob("*.md") if _NAME.fullmatch(path.stem))


def find_issue(workspace: Workspace, ref: str) -> Path:
    """Return the issue file that a slug, a path or "latest" (the highest slug) means.

    Raises UsageError if there is none, with the nearest slug.
    """
    known = slugs(workspace)
    if ref == "latest":
        if not known:
            raise UsageError("There is no issue yet.", hint='Write one: newsletter new "Title"')
        return workspace.issues / f"{known[-1]}.md"
    if ref in known:
        return workspace.issues / f"{ref}.md"
    for path in (Path(ref), workspace.root / ref, workspace.issues / ref):
        if path.suffix == ".md" and path.is_file():
            return path.resolve()
    near = did_you_mean(Path(ref).stem, known)
    some = f"Issues: {', '.join(known[-5:])}." if known else 'Write one: newsletter new "Title"'
    raise UsageError(f'There is no issue "{ref}".{near}', hint=some)


def read_issue(path: Path, root: Path) -> IssueFile:
    """Return the issue in a file. root: the workspace. Raises IssueError with file and line."""
    file = path.resolve().relative_to(root.resolve()).as_posix() if _inside(path, root) else path.name
    if not _NAME.fullmatch(path.stem):
        raise IssueError(
            "The file's name is not an issue's.",
            hint="Call it YYYY-MM-words.md, small letters, digits and hyphens: 2026-11-rhythm-and-rest.md",
            file=file,
        )
    source = _read(path, file)
    refuse_private(source, file)
    front, body, body_line = _split(source, file)
    matter = read_front_matter(front, file)
    known = {key: value for key, value in matter.known.items() if value is not None}
    title = re.sub(r"[ \t\n]+", " ", known.pop("title", "")).strip()  # a no-break space stays
    if not title:
        line = matter.lines.get("title", 2)
        raise IssueError("The issue has no title.", hint="Add a line title: …", file=file, line=line)
    if re.search(r"\{[{%#]", title):
        raise IssueError(
            "The title holds an expression.",
            hint="The title is the same for all readers. Write the expression in subject.",
            file=file,
            line=matter.lines["title"],
        )
    if not body.strip():
        raise IssueError(
            "The issue is empty.", hint="Write it below the second ---.", file=file, line=body_line
        )
    hero = Hero(**known.pop("hero")) if known.get("hero") else None
    subject = str(known.pop("subject", "")).strip() or title
    return IssueFile(
        slug=path.stem,
        path=path,
        file=file,
        title=title,
        subject=subject,
        hero=hero,
        extra=matter.free,
        body=body,
        body_line=body_line,
        key_lines=matter.lines,
        **known,
    )


def _inside(path: Path, root: Path) -> bool:
    return path.resolve().is_relative_to(root.resolve())


def _read(path: Path, file: str) -> str:
    try:
        size = path.stat().st_size
        data = path.read_bytes() if size <= 4 * MOST_SOURCE else b""
    except OSError as error:
        raise IssueError(
            f"The issue cannot be read: {error.strerror}.",
            hint="Check the file's name and permissions.",
            file=file,
        ) from error
    if size > 4 * MOST_SOURCE:
        raise IssueError(
            f"The issue has more than {4 * MOST_SOURCE // 1000:,} kB.",
            hint="An issue is text. Pictures and data belong into files of their own.",
            file=file,
        )
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        raise IssueError(
            "The issue is not UTF-8 text.",
            hint="Save it again, with the encoding UTF-8.",
            file=file,
            line=data.count(b"\n", 0, error.start) + 1,
        ) from error


def _split(source: str, file: str) -> tuple[str, str, int]:
    """Return the front matter, the body, and the line that the body begins on."""
    lines = source.split("\n")
    if lines[0].rstrip() != "---":
        raise IssueError(
            "The issue does not begin with front matter.",
            hint=f"Begin it like this:\n{_EXAMPLE}",
            file=file,
            line=1,
        )
    for number, line in enumerate(lines[1:], 2):
        if line.rstrip() == "---":
            return "\n".join(lines[1 : number - 1]), "\n".join(lines[number:]), number + 1
    raise IssueError(
        "The front matter is not closed.", hint="Write a line --- where the letter begins.", file=file, line=1
    )
