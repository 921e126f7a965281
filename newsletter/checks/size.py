"""Gmail cuts a message whose HTML is over 102 KB, and hides the unsubscribe link with the rest."""

from collections.abc import Iterator
from typing import Final

from newsletter.checks.residuals import literal_text, slot_count
from newsletter.model import CompiledIssue, Finding, Level

__all__ = ["CLIPPED", "NEAR", "check"]

CLIPPED: Final = 102 * 1024  #: bytes of UTF-8 HTML, before quoted-printable
NEAR: Final = 90 * 1024
_VALUE: Final = 120  # bytes a filled-in value may take: a long name, or a signed link


def check(issue: CompiledIssue, where: str) -> Iterator[Finding]:
    """Measure the largest message anybody may get: every branch on, every value long."""
    size = len(literal_text(issue.html).encode()) + _VALUE * slot_count(issue.html)
    if size >= CLIPPED or size >= NEAR:
        yield Finding(
            level=Level.ERROR if size >= CLIPPED else Level.WARNING,
            check="size",
            where=where,
            what=f"the HTML may reach {size / 1024:.0f} KB; Gmail cuts messages at 102 KB.",
            mend="Shorten the issue: move the longest section to your website and link to it.",
        )
