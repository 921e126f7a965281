"""Headings are how screen readers find their way: one title, and no level left out (WCAG 2.2, 1.3.1)."""

import re
from collections.abc import Iterator
from typing import Final

from lxml.html import HtmlElement

from newsletter.checks.page import words_of
from newsletter.checks.places import Places
from newsletter.checks.rules import Rule
from newsletter.model import Finding, Level

__all__ = ["check"]

SKIPPED: Final = Rule("heading-skipped", Level.WARNING)
NESTED: Final = Rule("heading-block", Level.NOTE)
SECOND_TITLE: Final = Rule("heading-second-title", Level.WARNING)
EMPTY: Final = Rule("heading-empty", Level.WARNING)

_OWN: Final = re.compile(r"\s*(?:#{1,6}\s|.*<h[1-6]\b|[=-]{3,}\s*$)", re.IGNORECASE)


def check(page: HtmlElement, places: Places) -> Iterator[Finding]:
    """Look at the headings in their order. What the owner did not write as a heading is a note only."""
    level = 0
    titles = 0
    for heading in page.iter("h1", "h2", "h3", "h4", "h5", "h6"):
        words, now = words_of(heading), int(heading.tag[1])
        where = places.words(words)
        if not words:
            yield EMPTY(
                _empty_line(places),
                f"a heading of level {now} has no words.",
                "Write some, or take the heading out.",
            )
            continue
        titles += now == 1
        if now == 1 and titles == 2:
            what = f'"{words[:40]}" is a second title; the issue\'s title is the first.'
            yield SECOND_TITLE(where, what, "Begin sections with ## instead of #.")
        if level and now > level + 1:
            what = f'"{words[:40]}" is a heading of level {now} right after one of level {level}.'
            if _owners(words, places):
                yield SKIPPED(where, what, f"Begin it with {'#' * (level + 1)}.")
            else:
                yield NESTED(where, what, "Put the block into a section that begins with ##.")
        level = now


def _owners(words: str, places: Places) -> bool:
    """Say whether the owner wrote it as a heading, not as a block's title."""
    line = places.line_of_words(words)
    if line is None:
        return False
    following = places.lines[line] if line < len(places.lines) else ""
    return bool(_OWN.match(places.lines[line - 1])) or bool(re.fullmatch(r"\s*(?:=+|-+)\s*", following))


def _empty_line(places: Places) -> str:
    bare = re.compile(r"\s*#{1,6}\s*#*\s*$|.*<h[1-6]\b[^>]*>\s*</h", re.IGNORECASE)
    numbered = enumerate(places.lines, 1)
    return places.at(next((number for number, line in numbered if bare.match(line)), None))
