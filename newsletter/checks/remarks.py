"""What composing found odd but could do all the same."""

from collections.abc import Iterator, Sequence
from typing import Final

from newsletter.checks.rules import Rule
from newsletter.compose.report import Remark
from newsletter.model import Finding, Level

__all__ = ["check"]

LAYOUT: Final = Rule("layout", Level.WARNING)


def check(remarks: Sequence[Remark]) -> Iterator[Finding]:
    """Pass each remark on as a warning."""
    for remark in remarks:
        yield LAYOUT(f"{remark.file}:{remark.line}", remark.what, remark.hint)
