"""Text that is hard to read on what is behind it (WCAG 2.2, 1.4.3): 4.5:1, and 3:1 for large text.

Looks at the inlined HTML as a light-mode program shows it. Text over a background picture is passed over:
what is behind it cannot be told.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from lxml.html import HtmlElement

from newsletter.checks.colours import (
    Colour,
    background,
    contrast,
    hexadecimal,
    laid_over,
    read_colour,
    readable,
)
from newsletter.checks.page import hidden, pixels, style_of
from newsletter.checks.places import Places
from newsletter.checks.residuals import GAP
from newsletter.checks.rules import Rule
from newsletter.model import Finding, Level

__all__ = ["check"]

LOW: Final = Rule("contrast", Level.WARNING)

_BLACK: Final[Colour] = (0.0, 0.0, 0.0, 1.0)
_WHITE: Final[Colour] = (1.0, 1.0, 1.0, 1.0)
_LINK: Final[Colour] = (0.0, 0.0, 238 / 255, 1.0)  # what programs give a link that has no colour
_LARGE: Final = 24.0  # CSS pixels: 18 point
_LARGE_BOLD: Final = 18.66  # CSS pixels: 14 point
_INVISIBLE: Final = 2.0  # CSS pixels; smaller text is there for machines
_BOLD: Final = frozenset({"b", "strong", "th", "h1", "h2", "h3", "h4", "h5", "h6"})
_SIZES: Final = {"h1": 32.0, "h2": 24.0, "h3": 18.72, "h4": 16.0, "h5": 13.28, "h6": 10.72, "small": 13.33}


@dataclass(frozen=True, slots=True)
class _Look:
    """How text looks at one point of the page. paper: None where a picture is behind it."""

    ink: Colour = _BLACK
    paper: Colour | None = _WHITE
    size: float = 16.0
    bold: bool = False

    @property
    def wanted(self) -> float:
        """The contrast that is enough."""
        return 3.0 if self.size >= _LARGE or (self.bold and self.size >= _LARGE_BOLD) else 4.5


def check(page: HtmlElement, places: Places) -> Iterator[Finding]:
    """Look at each text of the page; one finding for each pair of colours."""
    found: dict[tuple[str, str], tuple[str, float, str]] = {}
    for text, look in _texts(page, _Look()):
        if look.paper is None or look.size < _INVISIBLE:
            continue
        ink = laid_over(look.ink, look.paper)
        ratio = contrast(ink, look.paper)
        if ratio < look.wanted:
            pair = (hexadecimal(ink), hexadecimal(look.paper))
            better = hexadecimal(readable(ink, look.paper, look.wanted))
            found.setdefault(pair, (text, ratio, better))
    for (ink_shown, paper_shown), (text, ratio, better) in found.items():
        words = " ".join(max(text.split(GAP), key=len).split())
        shown = f'"{words[:40]}"' if words else "a reader's field"
        yield LOW(
            places.words(words),
            f"{shown} is hard to read: {ink_shown} on {paper_shown} has a contrast of {ratio:.1f}:1.",
            f"Use {better} or a stronger colour: 4.5:1 is needed, 3:1 for large text.",
        )


def _texts(element: HtmlElement, around: _Look) -> Iterator[tuple[str, _Look]]:
    """Yield each text that can be seen and its look."""
    if element.tag in {"head", "script", "style", "title"} or hidden(element):
        return
    look = _look(element, around)
    if _has_words(element.text):
        yield element.text or "", look
    for child in element:
        if isinstance(child.tag, str):
            yield from _texts(child, look)
        if _has_words(child.tail):
            yield child.tail or "", look


def _has_words(text: str | None) -> bool:
    return bool(text) and any(character.isalnum() or character == GAP for character in text or "")


def _look(element: HtmlElement, around: _Look) -> _Look:
    style = style_of(element)
    tag = str(element.tag)
    ink = read_colour(style.get("color", "") or (element.get("color") if tag == "font" else "") or "")
    if ink is None:
        inherits = style.get("color") == "inherit" or tag != "a" or not element.get("href")
        ink = around.ink if inherits else _LINK
    return replace(
        around,
        ink=ink,
        paper=_paper(element, style, around.paper),
        size=pixels(style.get("font-size", ""), around.size) or _default_size(tag, style, around),
        bold=_bold(style.get("font-weight", ""), tag, around),
    )


def _default_size(tag: str, style: Mapping[str, str], around: _Look) -> float:
    zero = pixels(style.get("font-size", ""), around.size)  # 0 is falsy, and a size
    if zero is not None:
        return zero
    return around.size if "font-size" in style else _SIZES.get(tag, around.size)


def _bold(weight: str, tag: str, around: _Look) -> bool:
    if weight.isdigit():
        return int(weight) >= 700
    if weight in {"bold", "bolder"}:
        return True
    if weight in {"normal", "lighter"}:
        return False
    return around.bold or tag in _BOLD


def _paper(element: HtmlElement, style: Mapping[str, str], below: Colour | None) -> Colour | None:
    """Return what is behind the text of an element."""
    colour, picture = background(style.get("background", ""))
    if style.get("background-image", "none") not in {"none", "initial"} or element.get("background"):
        picture = True
    if picture:
        return None
    colour = read_colour(style.get("background-color", "")) or colour
    if colour is None and "background" not in style and "background-color" not in style:
        colour = read_colour(element.get("bgcolor") or "")
    if colour is None or colour[3] == 0:
        return below
    if colour[3] == 1:
        return colour
    return None if below is None else laid_over(colour, below)
