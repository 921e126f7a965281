"""Pictures must say in words what they show: many readers never load them."""

import re
from collections.abc import Iterator
from typing import Final

from newsletter.checks.rules import Rule
from newsletter.compose.images import Picture
from newsletter.compose.report import CompileReport
from newsletter.model import Finding, Level

__all__ = ["check", "place_of"]

MISSING: Final = Rule("alt-missing", Level.WARNING)
NOT_WORDS: Final = Rule("alt-not-words", Level.WARNING)
LONG: Final = Rule("alt-long", Level.NOTE)

_TELLS_SOMETHING: Final = 200  # CSS pixels; smaller pictures without words pass as decoration
_LONG: Final = 250  # characters; screen readers cannot skip inside an alternative text
_FILE_NAME: Final = re.compile(
    r"\S+\.(?:jpe?g|png|gif|webp|svg|avif|heic)|(?:img|dsc|image|photo|picture|bild|foto)[\s_-]*\d*",
    re.IGNORECASE,
)


def check(report: CompileReport) -> Iterator[Finding]:
    """Look at the alternative texts. ``alt: ""`` in the front matter means: decoration."""
    for picture in report.pictures:
        where = place_of(picture)
        alt = None if picture.alt is None else picture.alt.strip()
        if alt is None or (alt == "" and _forgotten(picture, report.file.body_line)):
            yield MISSING(
                where,
                f"{picture.source} has no alternative text.",
                "Say what it shows: ![Two chairs and a guitar](…), or alt: … under hero.",
            )
        elif _FILE_NAME.fullmatch(alt):
            yield NOT_WORDS(
                where,
                f'"{alt}" does not say what {picture.source} shows.',
                "Say it in words: ![Two chairs and a guitar](…)",
            )
        elif len(alt) > _LONG:
            yield LONG(
                where,
                f"the alternative text of {picture.source} has {len(alt)} characters.",
                "Say the main thing in a sentence, and put the rest into the letter.",
            )


def place_of(picture: Picture) -> str:
    """Return where a picture is asked for: "file:line", or the file."""
    return f"{picture.file}:{picture.line}" if picture.line else picture.file


def _forgotten(picture: Picture, body_line: int) -> bool:
    """Say whether an empty text is an oversight: in Markdown, that of a picture too large for decoration."""
    in_body = picture.line is not None and picture.line >= body_line
    return in_body and (picture.width is None or picture.width >= _TELLS_SOMETHING)
