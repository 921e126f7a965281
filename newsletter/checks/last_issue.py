"""What was left from the issue before: its month, its subject, its paragraphs."""

import calendar
import re
from collections.abc import Iterator, Sequence
from typing import Final

from newsletter.checks.places import Places
from newsletter.checks.rules import Rule
from newsletter.compose.context import issue_names
from newsletter.compose.issue_file import IssueFile, read_issue, slugs
from newsletter.errors import IssueError
from newsletter.model import Finding, Level
from newsletter.settings import Workspace

__all__ = ["check", "earlier_issues"]

MONTH: Final = Rule("last-month", Level.WARNING)
YEAR: Final = Rule("last-year", Level.WARNING)
SUBJECT: Final = Rule("subject-again", Level.WARNING)
PREHEADER: Final = Rule("preheader-again", Level.WARNING)
PARAGRAPHS: Final = Rule("paragraphs-again", Level.NOTE)

_LONG: Final = 120  # characters; a shorter paragraph may well be the same each month
_BETWEEN: Final = ("#", ":::", "{%", "---")  # begins a line that belongs to no paragraph
_KEYS: Final = ("title", "subject", "preheader")


def earlier_issues(workspace: Workspace, file: IssueFile) -> list[IssueFile]:
    """Return the issues before this one that can be read, newest first."""
    found: list[IssueFile] = []
    for slug in reversed(slugs(workspace)):
        if slug < file.slug:
            try:
                found.append(read_issue(workspace.issues / f"{slug}.md", workspace.root))
            except IssueError:
                continue  # it is not the issue that is being checked
    return found


def check(places: Places, earlier: Sequence[IssueFile], language: str) -> Iterator[Finding]:
    """Compare the issue with those before it. earlier: newest first."""
    file = places.file
    for past in earlier:
        if _plain(past.subject) == _plain(file.subject):
            where = places.key("subject", "title")
            yield SUBJECT(where, f"{past.slug} had the same subject.", "Say what is new in this one.")
            break
    if not earlier:
        return
    last = earlier[0]
    if file.preheader and _plain(last.preheader) == _plain(file.preheader):
        where = places.key("preheader")
        yield PREHEADER(where, f"{last.slug} had the same preheader.", "Write one for this issue.")
    yield from _dates(places, last, language)
    yield from _paragraphs(places, last)


def _dates(places: Places, last: IssueFile, language: str) -> Iterator[Finding]:
    file = places.file
    for key in _KEYS:
        text = getattr(file, key)
        if key not in file.key_lines:
            continue
        old, now = _months(last, language), _months(file, language)
        if (found := _named(text, old - now)) and not _named(text, now):
            yield MONTH(
                places.key(key),
                f'the {key} says "{found}", the month of the issue before ({last.slug}).',
                "Change it if it was left over.",
            )
        years = (str(last.date.year), str(file.date.year))
        if years[0] != years[1] and _named(text, {years[0]}) and not _named(text, {years[1]}):
            yield YEAR(
                places.key(key),
                f"the {key} says {years[0]}, the year of the issue before ({last.slug}).",
                "Change it if it was left over.",
            )


def _months(issue: IssueFile, language: str) -> set[str]:
    """Return the name of an issue's month in the language of the newsletter's pages, and in English."""
    shown = str(issue_names(issue, language)["month"]).rpartition(" ")[0]
    return {shown, calendar.month_name[issue.date.month]}


def _named(text: str, words: set[str]) -> str:
    """Return the first of the words that the text has as a word of its own, else "".

    As written, so that "we may sing" names no month.
    """
    for word in sorted(words):
        if re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text):
            return word
    return ""


def _paragraphs(places: Places, last: IssueFile) -> Iterator[Finding]:
    old = {text for _, text in _long_ones(last)}
    lines = [line for line, text in _long_ones(places.file) if text in old]
    if lines:
        shown = ", ".join(map(str, lines))
        count = "a long paragraph is" if len(lines) == 1 else f"{len(lines)} long paragraphs are"
        yield PARAGRAPHS(
            places.at(lines[0]),
            f"{count} the same as in {last.slug} (line {shown}).",
            "Write them anew if they were left over.",
        )


def _long_ones(issue: IssueFile) -> Iterator[tuple[int, str]]:
    """Yield the first line and the words of each long paragraph."""
    paragraph: list[str] = []
    first = issue.body_line
    for number, line in enumerate([*issue.body.split("\n"), ""], issue.body_line):
        if line.strip() and not line.lstrip().startswith(_BETWEEN):
            first = first if paragraph else number
            paragraph.append(line)
        elif paragraph:
            plain = _plain(" ".join(paragraph))
            if len(plain) > _LONG:
                yield first, plain
            paragraph = []


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()
