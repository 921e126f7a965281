"""Pictures must say in words what they show: many readers never load them."""

from collections.abc import Iterator
from typing import Final

from newsletter.compose.images import Picture
from newsletter.compose.report import CompileReport
from newsletter.model import Finding, Level

__all__ = ["check"]

_TELLS_SOMETHING: Final = 200  # CSS pixels; smaller pictures without words pass as decoration


def check(report: CompileReport) -> Iterator[Finding]:
    """Look for pictures without an alternative text. ``alt: ""`` in the front matter means: decoration."""
    for picture in report.pictures:
        if picture.alt is None or (picture.alt == "" and _forgotten(picture, report.file.body_line)):
            yield Finding(
                level=Level.WARNING,
                check="pictures",
                where=f"{picture.file}:{picture.line}" if picture.line else picture.file,
                what=f"{picture.source} has no alternative text.",
                mend="Say what it shows: ![Two chairs and a guitar](…), or alt: … under hero.",
            )


def _forgotten(picture: Picture, body_line: int) -> bool:
    """Say whether an empty text is an oversight: in Markdown, that of a picture too large for decoration."""
    in_body = picture.line is not None and picture.line >= body_line
    return in_body and (picture.width is None or picture.width >= _TELLS_SOMETHING)
