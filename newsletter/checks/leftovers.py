"""What was meant to be replaced before anybody reads it: placeholders, dead links, filler text."""

import re
from collections.abc import Iterator
from typing import Final

from newsletter.checks.residuals import literal_text
from newsletter.model import CompiledIssue, Finding, Level

__all__ = ["check"]

#: What it is, what it looks like, in readable text.
_PLACEHOLDERS: Final = (
    ("a template tag that was not filled in", re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)),
    ("a Mailchimp merge tag", re.compile(r"\*?\|[A-Z][A-Z0-9_:]*\|\*?")),
    ("a merge tag of another tool", re.compile(r"%%?[A-Z_]{3,}%%?|\[\[[^\[\]\n]{1,40}\]\]|%[a-z]+_?name%")),
    ("filler text", re.compile(r"\blorem ipsum\b", re.IGNORECASE)),
    ("a note to yourself", re.compile(r"\b(?:TODO|FIXME|TBD|XXX)\b")),
)
_EMPTY_LINK: Final = re.compile(r"""<a\b[^>]*\bhref=(["'])\s*#?\s*\1""", re.IGNORECASE)
_INVISIBLE: Final = re.compile(
    r"<(style|script|title)\b.*?</\1>|<!--.*?-->|<[^>]+>", re.DOTALL | re.IGNORECASE
)


def check(issue: CompiledIssue, where: str) -> Iterator[Finding]:
    """Look through subject and text part (which holds all that is written) and the links of the HTML."""
    parts = {
        "subject": literal_text(issue.subject, "x"),
        "text": literal_text(issue.text, "x"),
        "HTML": _INVISIBLE.sub(" ", literal_text(issue.html, "x")),
    }
    seen: set[str] = set()
    for part, content in parts.items():
        for what, pattern in _PLACEHOLDERS:
            for match in pattern.finditer(content):
                shown = " ".join(match[0].split())[:40]
                if shown not in seen:
                    seen.add(shown)
                    yield Finding(
                        level=Level.ERROR,
                        check="leftovers",
                        where=where,
                        what=f'{what} is left in the {part}: "{shown}".',
                        mend="Replace it, or take it out.",
                    )
    if empty := len(_EMPTY_LINK.findall(literal_text(issue.html, "x"))):
        yield Finding(
            level=Level.ERROR,
            check="leftovers",
            where=where,
            what=f"{empty} link(s) lead nowhere.",
            mend="Give each link an address: [text](https://…).",
        )
