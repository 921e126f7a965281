"""What was meant to be replaced before anybody reads it: placeholders, filler text, notes to oneself."""

import re
from collections.abc import Iterator
from typing import Final

from newsletter.checks.places import Places
from newsletter.checks.residuals import every_branch
from newsletter.checks.rules import Rule
from newsletter.model import CompiledIssue, Finding, Level

__all__ = ["check"]

PLACEHOLDER: Final = Rule("placeholder", Level.ERROR)

#: What it is, what it looks like, in readable text.
_PLACEHOLDERS: Final = (
    ("a template tag that was not filled in", re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)),
    ("a Mailchimp merge tag", re.compile(r"\*?\|[A-Z][A-Z0-9_:]*\|\*?")),
    ("a merge tag of another tool", re.compile(r"%%?[A-Z_]{3,}%%?|\[\[[^\[\]\n]{1,40}\]\]|%[a-z]+_?name%")),
    ("filler text", re.compile(r"\blorem ipsum\b", re.IGNORECASE)),
    ("a note to yourself", re.compile(r"\b(?:TODO|FIXME|TBD|XXX)\b")),
)
#: In HTML only: Markdown that did not become a link, as for ``file:``, which Markdown does not link to.
_MARKDOWN: Final = ("Markdown", re.compile(r"!?\[[^\[\]\n]{1,80}\]\([^()\s]{1,200}\)"))
_CODE: Final = re.compile(r"<(code|pre)\b.*?</\1>", re.DOTALL)
_INVISIBLE: Final = re.compile(
    r"<(style|script|title)\b.*?</\1>|<!--.*?-->|<[^>]+>", re.DOTALL | re.IGNORECASE
)


def check(issue: CompiledIssue, places: Places) -> Iterator[Finding]:
    """Look through subject and text part (which holds all that is written) and what the HTML shows."""
    parts = {
        "subject": every_branch(issue.subject, "x"),
        "text": every_branch(issue.text, "x"),
        "HTML": _INVISIBLE.sub(" ", _CODE.sub(" ", every_branch(issue.html, "x"))),
    }
    seen: set[str] = set()
    for part, content in parts.items():
        for what, pattern in (*_PLACEHOLDERS, _MARKDOWN) if part == "HTML" else _PLACEHOLDERS:
            for match in pattern.finditer(content):
                shown = " ".join(match[0].split())[:40]
                if shown not in seen:
                    seen.add(shown)
                    where = places.key("subject", "title") if part == "subject" else places.snippet(shown)
                    yield PLACEHOLDER(
                        where,
                        f'{what} is left in the {part}: "{shown}".',
                        "Replace it, or take it out.",
                    )
