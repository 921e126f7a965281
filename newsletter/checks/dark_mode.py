"""What dark mode may spoil: a page that does not say it is ready for it, dark drawings without a ground."""

import io
from collections.abc import Iterator
from typing import Final

from lxml.html import HtmlElement
from PIL import Image as Pillow
from PIL import ImageStat

from newsletter.checks.pictures import place_of
from newsletter.checks.rules import Rule
from newsletter.checks.weights import picture_of
from newsletter.compose.report import CompileReport
from newsletter.model import CompiledIssue, Finding, Image, Level

__all__ = ["check"]

NOT_STATED: Final = Rule("dark-mode-not-stated", Level.NOTE)
DARK_PICTURE: Final = Rule("dark-mode-picture", Level.NOTE)

_THUMB: Final = 64  # pixels; enough to judge a picture by
_CLEAR: Final = 0.15  # share of a picture that must be see-through
_DARK: Final = 70  # of 255, mean brightness of what is not; dark mode's ground is at about 30


def check(issue: CompiledIssue, report: CompileReport, page: HtmlElement) -> Iterator[Finding]:
    """Look for the ``color-scheme`` meta element, and at pictures with transparent parts."""
    stated = {(meta.get("name") or "").lower(): meta.get("content") or "" for meta in page.iter("meta")}
    if "dark" not in stated.get("color-scheme", ""):
        yield NOT_STATED(
            f"templates/{report.file.template}/layout.mjml.j2",
            "the page does not say that it can be dark; some programs then turn its colours round.",
            'Add to <mj-head>: <mj-raw><meta name="color-scheme" content="light dark" /></mj-raw>',
        )
    for image in issue.images:
        if image.content_type == "image/png" and _disappears(image):
            picture = picture_of(image, report)
            yield DARK_PICTURE(
                place_of(picture) if picture else "newsletter.toml",
                f"{picture.source if picture else image.name} is dark on a transparent ground: "
                "it is hardly seen in dark mode.",
                "Give it a light ground, or a light edge around its dark parts.",
            )


def _disappears(image: Image) -> bool:
    """Say whether what can be seen of a picture is dark, with nothing behind it."""
    with Pillow.open(io.BytesIO(image.data)) as opened:
        if not opened.has_transparency_data:
            return False
        small = opened.convert("RGBA").resize((_THUMB, _THUMB), Pillow.Resampling.BOX)
    solid = small.getchannel("A").point(lambda alpha: 255 * (alpha > 127))
    share = ImageStat.Stat(solid).mean[0] / 255
    if share == 0 or 1 - share < _CLEAR:
        return False
    return bool(ImageStat.Stat(small.convert("RGB").convert("L"), mask=solid).mean[0] < _DARK)
