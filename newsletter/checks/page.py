"""The finished HTML as a tree, with every branch in it, and the styles that its elements carry."""

import functools
import re
from collections.abc import Iterator, Mapping
from typing import Final

import tinycss2
from lxml.html import HtmlElement, document_fromstring

from newsletter.checks.residuals import GAP, every_branch
from newsletter.model import CompiledIssue

__all__ = ["hidden", "pixels", "read_page", "style_of", "styles", "words_of"]

_INVISIBLE: Final = re.compile("[\\s\u200b-\u200f\u034f\u00ad\ufeff]+")
_LENGTH: Final = re.compile(r"([\d.]+)(px|pt|em|rem|%)?")
_NOTHING: Final = frozenset({"0", "0px"})


def read_page(issue: CompiledIssue) -> HtmlElement:
    """Return the root of the HTML part; ``GAP`` stands for each value. Comments for Outlook are comments."""
    return document_fromstring(every_branch(issue.html))


def style_of(element: HtmlElement) -> Mapping[str, str]:
    """Return the declarations of an element's style attribute, names in lower case."""
    return styles(element.get("style") or "")


@functools.lru_cache(maxsize=4096)
def styles(text: str) -> Mapping[str, str]:
    """Return declarations by name, values as written, without ``!important``; the last of a name counts."""
    found = tinycss2.parse_blocks_contents(text, skip_comments=True, skip_whitespace=True)
    declarations = (item for item in found if item.type == "declaration")
    return {item.lower_name: tinycss2.serialize(item.value).strip() for item in declarations}


def hidden(element: HtmlElement) -> bool:
    """Say whether nobody sees the element: not shown, or decoration that is hidden from screen readers."""
    style = style_of(element)
    return (
        style.get("display") == "none"
        or style.get("visibility") == "hidden"
        or style.get("opacity") in _NOTHING
        or element.get("aria-hidden") == "true"
    )


def pixels(length: str, parent: float) -> float | None:
    """Return a CSS length in pixels; parent: what 1em or 100% is. None for what cannot be told.

    >>> pixels("1.5em", 16), pixels("12pt", 16), pixels("inherit", 16)
    (24.0, 16.0, None)
    """
    found = _LENGTH.fullmatch(length.strip().lower())
    if not found or found[1].count(".") > 1 or found[1] == ".":
        return None
    unit = {"px": 1.0, None: 1.0, "pt": 4 / 3, "em": parent, "rem": 16.0, "%": parent / 100}[found[2]]
    return float(found[1]) * unit


def words_of(element: HtmlElement) -> str:
    """Return what a reader hears of an element: its text, the alt texts in it, its title or label."""

    def parts(inside: HtmlElement) -> Iterator[str]:
        yield inside.text or ""
        if inside.tag == "img":
            yield inside.get("alt") or inside.get("title") or ""
        for child in inside:
            if isinstance(child.tag, str):
                yield from parts(child)
            yield child.tail or ""

    named = (element.get("aria-label"), element.get("title"))
    text = "".join(parts(element)) or next((name for name in named if name), "")
    return " ".join(_INVISIBLE.sub(" ", text).replace(GAP, "…").split())
