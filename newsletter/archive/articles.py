"""The body of an issue as a page or a feed shows it: for nobody in particular, without scripts and trackers.

Only what text needs is kept (nh3). How it looks is the style sheet's, so that pages can forbid the rest.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import nh3
from lxml.html import HtmlElement, fragment_fromstring, tostring

from newsletter.model import Person, Residual
from newsletter.personal.fill import FILL_HTML, FILL_PLAIN, context_for
from newsletter.personal.values import clean

__all__ = ["for_anybody", "plain_words", "read_body", "text_for_anybody", "with_pictures", "written"]

_ATTRIBUTES: Final = {
    **{tag: set(names) for tag, names in nh3.ALLOWED_ATTRIBUTES.items()},
    "*": {"class", "id", "dir", "lang", "title"},
    "a": {"href", "hreflang"},
    "img": {"src", "alt", "width", "height"},
    "ol": {"start", "reversed", "type"},
    "th": {"align", "colspan", "rowspan", "scope"},
    "td": {"align", "colspan", "rowspan"},
}
_SCHEMES: Final = {"http", "https", "mailto", "tel", "sms", "cid"}
_BLOCKS: Final = frozenset(
    {
        "blockquote", "br", "dd", "div", "dl", "dt", "figcaption", "figure", "h1", "h2", "h3", "h4", "h5",
        "h6", "hr", "li", "ol", "p", "pre", "table", "td", "th", "tr", "ul",
    }
)  # fmt: skip
_APART: Final = "\x1f"  # in no text: nothing that is filled in has control characters
_ENDS: Final = tuple(".!?:;,…")
_DEAD: Final = frozenset({"", "#"})
_REMOTE: Final = re.compile(r"https?://", re.IGNORECASE)

#: Somebody of whom nothing is known: defaults are shown, and what is for a tag is not.
_ANYBODY: Final = Person(id=0, email="")


class _NoLinks:
    """The links of nobody: there is nothing to leave, to choose, or to be known by."""

    def unsubscribe_url(self, subscriber_id: int) -> str:
        return ""

    def preferences_url(self, subscriber_id: int) -> str:
        return ""

    def web_view_url(self, subscriber_id: int) -> str:
        return ""


def for_anybody(residual: Residual) -> str:
    """Return HTML, filled for somebody of whom nothing is known, and made harmless.

    Raises IssueError if it cannot be read.
    """
    filled = FILL_HTML.template(residual).render(_context())
    return nh3.clean(
        clean(filled),
        attributes=_ATTRIBUTES,
        link_rel=None,
        url_schemes=_SCHEMES,
        clean_content_tags={"script", "style", "title", "noscript", "iframe", "object", "template"},
    )


def text_for_anybody(residual: Residual) -> str:
    """Return text on one line, filled in the same way. Raises IssueError as ``for_anybody`` does."""
    return " ".join(clean(FILL_PLAIN.template(residual).render(_context())).split())


def _context() -> Mapping[str, Any]:
    return context_for(_ANYBODY, _NoLinks())


def read_body(html: str) -> HtmlElement:
    """Return the body as a tree: links that lead nowhere are words, the page's title is the one ``h1``."""
    root = fragment_fromstring(html, create_parent="div")
    for link in list(root.iter("a")):
        if link.get("href", "").strip() in _DEAD:
            link.drop_tag()
    for heading in root.iter("h1"):
        heading.tag = "h2"
    return root


def with_pictures(
    html: str,
    attributes: Callable[[str], Mapping[str, str] | None],
    address: Callable[[str], str] = lambda href: href,
) -> HtmlElement:
    """Return the body with its pictures and links as somebody shows them.

    attributes: what an ``img`` gets besides, by its address in the mail; None for one of the web, which stays
    unless it is as small as those that only count readers. address: what becomes of a link's address.
    """
    root = read_body(html)
    for image in list(root.iter("img")):
        found = attributes(image.get("src", ""))
        if found is not None:
            for name, value in found.items():
                image.set(name, value)
        elif not _REMOTE.match(image.get("src", "")) or _counts_readers(image):
            image.drop_tree()
    for link in root.iter("a"):
        link.set("href", address(link.get("href", "")))
    return root


def written(root: HtmlElement) -> str:
    """Return the HTML inside a tree."""
    parts = [tostring(child, encoding="unicode", method="html") for child in root]
    return ((root.text or "") + "".join(parts)).strip()


def plain_words(root: HtmlElement) -> str:
    """Return the text of a tree on one line, for searching in it, with dots between its blocks."""
    blocks = [" ".join(block.split()) for block in "".join(_texts(root)).split(_APART)]
    words = ""
    for block in filter(None, blocks):
        words += f"{' ' if words.endswith(_ENDS) else ' · '}{block}" if words else block
    return words


def _texts(element: HtmlElement) -> Iterator[str]:
    apart = _APART if element.tag in _BLOCKS else ""
    yield apart
    if isinstance(element.tag, str):
        yield element.text or ""
        for child in element:
            yield from _texts(child)
            yield child.tail or ""
    yield apart


def _counts_readers(image: HtmlElement) -> bool:
    return any(image.get(side, "").strip() in {"0", "1"} for side in ("width", "height"))
