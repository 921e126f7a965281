"""HTML that a person wrote -> markup that MJML can read.

MRML wants XML-like markup: closed tags, quoted attributes, no bare ``<``. lxml reads anything; what it
understood is written out again. Comments, processing instructions and control characters are dropped.
"""

import html
import re
from collections.abc import Callable, Iterator
from typing import Final

from lxml.html import HtmlElement, fragment_fromstring

__all__ = ["text_content", "tidy_html"]

_VOID: Final = frozenset(
    {
        "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source",
        "track", "wbr",
    }
)  # fmt: skip
_RAW: Final = frozenset({"style", "script"})
_NAME: Final = re.compile(r"[A-Za-z_][\w:.-]*")
_UNREADABLE: Final = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]|<\\?.*?>", re.DOTALL
)


def tidy_html(source: str, image: Callable[[HtmlElement], None] | None = None) -> str:
    """Return the HTML well-formed, void elements closed (``<br />``).

    image: called with each ``img`` element, to change its attributes in place.
    """
    root = _read(source)
    if image is not None:
        for element in root.iter("img"):
            image(element)
    return "".join(_inside(root))


def text_content(source: str) -> str:
    """Return the text of a piece of HTML; ``<br>`` breaks the line.

    >>> text_content("<p>One<br>two &amp; <b>three</b>")
    'One\\ntwo & three'
    """
    root = _read(source)
    for element in root.iter("br"):
        element.tail = "\n" + (element.tail or "")
    for element in list(root.iter("style", "script")):
        element.drop_tree()
    return str(root.text_content()).strip()


def _read(source: str) -> HtmlElement:
    return fragment_fromstring(_UNREADABLE.sub("", source), create_parent="div")


def _inside(element: HtmlElement) -> Iterator[str]:
    if element.text:
        yield element.text if element.tag in _RAW else html.escape(element.text, quote=False)
    for child in element:
        if isinstance(child.tag, str):
            yield from _whole(child)
        if child.tail:
            yield html.escape(child.tail, quote=False)


def _whole(element: HtmlElement) -> Iterator[str]:
    if not _NAME.fullmatch(element.tag):
        yield from _inside(element)
        return
    attributes = "".join(
        f' {name}="{html.escape(value, quote=True)}"'
        for name, value in element.items()
        if _NAME.fullmatch(name)
    )
    if element.tag in _VOID:
        yield f"<{element.tag}{attributes} />"
        return
    yield f"<{element.tag}{attributes}>"
    yield from _inside(element)
    yield f"</{element.tag}>"
