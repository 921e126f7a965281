"""Pictures must say in words what they show: many readers never load them."""

from collections.abc import Iterator, Sequence

from newsletter.compose.images import Picture
from newsletter.model import Finding, Level

__all__ = ["check"]


def check(pictures: Sequence[Picture], where: str) -> Iterator[Finding]:
    """Look for pictures without an alternative text. ``alt: ""`` in the front matter means: decoration."""
    for picture in pictures:
        if picture.alt is None:
            yield Finding(
                level=Level.WARNING,
                check="pictures",
                where=f"{where}:{picture.line}" if picture.line else where,
                what=f"{picture.source} has no alternative text.",
                mend='Say what it shows: ![Two chairs and a guitar](…); alt: "" if it is mere decoration.',
            )
