"""What composing found odd but could do all the same."""

from collections.abc import Iterator, Sequence

from newsletter.compose.report import Remark
from newsletter.model import Finding, Level

__all__ = ["check"]


def check(remarks: Sequence[Remark]) -> Iterator[Finding]:
    """Pass each remark on as a warning."""
    for remark in remarks:
        yield Finding(
            level=Level.WARNING,
            check="layout",
            where=f"{remark.file}:{remark.line}",
            what=remark.what,
            mend=remark.hint,
        )
