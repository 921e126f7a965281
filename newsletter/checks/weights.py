"""Pictures that are too heavy for a phone, or not as large as they are shown.

Composing has already made each picture at most twice as wide as it is shown; what is left is what it
cannot know: moving pictures, templates that show a picture smaller, pictures that are too small.
"""

import io
from collections.abc import Iterator
from typing import Final

from lxml.html import HtmlElement
from PIL import Image as Pillow

from newsletter.checks.page import pixels, style_of
from newsletter.checks.pictures import place_of
from newsletter.checks.rules import Rule
from newsletter.compose.images import Picture
from newsletter.compose.report import CompileReport
from newsletter.model import CompiledIssue, Finding, Image, Level

__all__ = ["HEAVY", "check", "picture_of"]

TOO_HEAVY: Final = Rule("picture-heavy", Level.WARNING)
TOO_HEAVY_ALL: Final = Rule("pictures-heavy", Level.WARNING)
BLURRED: Final = Rule("picture-blurred", Level.WARNING)
WASTEFUL: Final = Rule("picture-wasteful", Level.NOTE)

HEAVY: Final = 200_000  #: bytes of one picture
_ALL: Final = 1_000_000  # bytes of all of them
_WASTEFUL: Final = 2.5  # times as many pixels as are shown; twice is for sharp screens
_WORTH_IT: Final = 50_000  # bytes; a smaller picture is not worth the trouble


def check(issue: CompiledIssue, report: CompileReport, page: HtmlElement) -> Iterator[Finding]:
    """Weigh each picture, and compare its pixels with the width that the page shows it at."""
    shown = _widths(page)
    for image in issue.images:
        picture = picture_of(image, report)
        where = place_of(picture) if picture else "newsletter.toml"
        name = picture.source if picture else image.name
        if len(image.data) > HEAVY:
            yield TOO_HEAVY(
                where,
                f"{name} has {_kilo(len(image.data))}; a phone may take seconds to load it.",
                "Save it as JPEG with less quality, or show fewer moving pictures: 200 kB are enough.",
            )
        width = shown.get(image.src)
        if not width:
            continue
        natural = _pixel_width(image)
        if natural < width:
            yield BLURRED(
                where,
                f"{name} is {natural} pixels wide and shown at {width:.0f}: it looks blurred.",
                f"Use one that is at least {width:.0f}, better {2 * width:.0f} pixels wide.",
            )
        elif natural > _WASTEFUL * width and len(image.data) > _WORTH_IT:
            yield WASTEFUL(
                where,
                f"{name} is {natural} pixels wide and shown at {width:.0f}.",
                f"Save it {2 * width:.0f} pixels wide: it will be lighter, and look the same.",
            )
    total = sum(len(image.data) for image in issue.images)
    if total > _ALL:
        yield TOO_HEAVY_ALL(
            report.where,
            f"the pictures have {_kilo(total)} together; each reader's phone loads all of them.",
            "Take some out or make them smaller: 1 MB is enough for a letter.",
        )


def picture_of(image: Image, report: CompileReport) -> Picture | None:
    """Return what the report knows of a picture that travels; None for the newsletter's logo."""
    size = (len(image.data), _size(image))
    return next((found for found in report.pictures if (found.size, found.pixels) == size), None)


def _widths(page: HtmlElement) -> dict[str, float]:
    """Return the largest width, in CSS pixels, that each picture is shown at, by its address."""
    widths: dict[str, float] = {}
    for element in page.iter("img"):
        asked = element.get("width") or style_of(element).get("width") or ""
        width = pixels(asked, 0) or 0.0
        source = element.get("src") or ""
        widths[source] = max(width, widths.get(source, 0.0))
    return widths


def _size(image: Image) -> tuple[int, int]:
    with Pillow.open(io.BytesIO(image.data)) as opened:
        return opened.size


def _pixel_width(image: Image) -> int:
    return _size(image)[0]


def _kilo(size: int) -> str:
    return f"{size / 1000:.0f} kB" if size < 1_000_000 else f"{size / 1_000_000:.1f} MB"
