"""Each part of a message must let its reader leave (RFC 2369; the law of most countries)."""

from collections.abc import Iterator

from newsletter.model import CompiledIssue, Finding, Level

__all__ = ["check"]


def check(issue: CompiledIssue, where: str) -> Iterator[Finding]:
    """Look for the unsubscribe link in the HTML and in the plain text."""
    for part, file in (("html", "layout.mjml.j2"), ("text", "layout.txt.j2")):
        if part not in issue.uses_unsubscribe:
            yield Finding(
                level=Level.ERROR,
                check="unsubscribe",
                where=where,
                what=f"there is no unsubscribe link in the {part} part.",
                mend=f"Put {{{{ unsubscribe_url }}}} into {file} of its template, outside of any condition.",
            )
