"""What compiling found out, for the checks: fields, pictures, links, and things that may look odd."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from lxml.html import document_fromstring

from newsletter.compose.images import Picture
from newsletter.compose.issue_file import IssueFile
from newsletter.compose.pictures import Pictures
from newsletter.compose.slots import FieldUse, Kind, Slot, Slots

__all__ = ["CompileReport", "Link", "Remark", "make_report", "used_fields"]

_COLUMN_AFTER: Final = re.compile(
    r"\s*(?:<!--\[if[^\]]*\]>\s*<td\b[^>]*>\s*<!\[endif\]-->\s*)?<div\b[^>]*\bmj-column-"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """A link in the HTML part. href: with expressions as the owner wrote them; waits: whether it has any.

    text: what is shown, a picture's alt text included. line: in the issue file, None if a template wrote it.
    """

    href: str
    text: str
    waits: bool
    line: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Remark:
    """Something that compiles but may look odd. file, line: what it is about."""

    what: str
    hint: str
    file: str
    line: int


@dataclass(frozen=True, kw_only=True, slots=True)
class CompileReport:
    """What the checks want to know about an issue besides the compiled issue itself."""

    file: IssueFile
    field_uses: Sequence[FieldUse]
    pictures: Sequence[Picture]
    links: Sequence[Link]
    warnings: Sequence[Remark]

    @property
    def where(self) -> str:
        """The issue file's path from the workspace, as messages name it."""
        return self.file.file


def make_report(
    issue: IssueFile, slots: Slots, pictures: Pictures, subject: str, page: str, text: str
) -> CompileReport:
    """Return the report on a finished issue. subject, page, text: with tokens."""
    uses = [use for slot in _all_shown(slots, subject, page, text) for use in slot.definition.uses]
    return CompileReport(
        file=issue,
        field_uses=sorted(set(uses), key=lambda use: (use.file, use.line, use.name, use.has_default)),
        pictures=list(pictures.facts),
        links=list(_links(issue, slots, page)),
        warnings=list(_remarks(slots, page)),
    )


def used_fields(slots: Slots, *parts: str) -> tuple[list[str], list[str]]:
    """Return the fields that the parts use, and those that have a default wherever they are used; sorted."""
    uses = [use for slot in _all_shown(slots, *parts) for use in slot.definition.uses]
    bare = {use.name for use in uses if not use.has_default}
    names = sorted({use.name for use in uses})
    return names, [name for name in names if name not in bare]


def _all_shown(slots: Slots, *parts: str) -> Iterator[Slot]:
    for part in parts:
        yield from slots.find(part)


def _links(issue: IssueFile, slots: Slots, page: str) -> Iterator[Link]:
    for element in document_fromstring(page).iter("a"):
        raw = element.get("href")
        if raw is None:
            continue
        alts = [str(image.get("alt") or "") for image in element.iter("img")]
        text = " ".join([slots.readable("".join(map(str, element.itertext()))), *alts]).split()
        waits = bool(slots.pattern.search(raw))
        literal = max(slots.pattern.sub("\0", raw).split("\0")) if waits else raw
        line = issue.line_of(literal) if literal.strip() else None
        yield Link(href=slots.readable(raw), text=" ".join(text), waits=waits, line=line)


def _remarks(slots: Slots, page: str) -> Iterator[Remark]:
    for token in slots.pattern.finditer(page):
        slot = slots.slot(token)
        if slot.kind in {Kind.IF, Kind.FOR} and _COLUMN_AFTER.match(page, token.end()):
            yield Remark(
                what=f"{slot} hides a column; the others keep their width, so a gap remains.",
                hint="Put the condition around the whole section; give the others a section of their own.",
                file=slot.definition.file,
                line=slot.definition.line,
            )
