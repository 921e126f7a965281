"""Each part of each message must let its reader leave (RFC 2369; the law of most countries)."""

from collections.abc import Iterator
from typing import Final

from lxml.html import HtmlElement, document_fromstring

from newsletter.checks.page import hidden, words_of
from newsletter.checks.residuals import GAP, always_shows, every_branch
from newsletter.checks.rules import Rule
from newsletter.model import CompiledIssue, Finding, Level, Residual

__all__ = ["check"]

MISSING: Final = Rule("unsubscribe-missing", Level.ERROR)
CONDITIONAL: Final = Rule("unsubscribe-conditional", Level.ERROR)
NO_LINK: Final = Rule("unsubscribe-no-link", Level.ERROR)

_NAME: Final = "unsubscribe_url"
_MARK: Final = f"{GAP}unsubscribe"


def check(issue: CompiledIssue, template: str) -> Iterator[Finding]:
    """Look for the unsubscribe link in the HTML and in the plain text. template: the issue's own, a name."""
    for part, file, residual in (
        ("html", "layout.mjml.j2", issue.html),
        ("text", "layout.txt.j2", issue.text),
    ):
        where = f"templates/{template}/{file}"
        if part not in issue.uses_unsubscribe:
            yield MISSING(
                where,
                f"there is no unsubscribe link in the {part} part.",
                "Put {{ unsubscribe_url }} into that file, outside of any condition.",
            )
        elif not always_shows(residual, _NAME):
            yield CONDITIONAL(
                where,
                f"some readers get no unsubscribe link in the {part} part: it depends on a condition.",
                "Put {{ unsubscribe_url }} outside of any {% if %} and {% for %}.",
            )
        elif part == "html" and not _is_link(residual):
            yield NO_LINK(
                where,
                "the unsubscribe address is in the HTML, but not as a link that can be seen.",
                'Write <a href="{{ unsubscribe_url }}">Unsubscribe</a>.',
            )


def _is_link(residual: Residual) -> bool:
    """Say whether the address is that of a link with words which is shown."""
    page = document_fromstring(every_branch(residual, lambda code: _MARK if _NAME in code else ""))
    return any(
        _MARK in (link.get("href") or "") and words_of(link) and not _unseen(link) for link in page.iter("a")
    )


def _unseen(element: HtmlElement) -> bool:
    return hidden(element) or any(hidden(parent) for parent in element.iterancestors())
