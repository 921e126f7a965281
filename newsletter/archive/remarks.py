"""Replies as pages show them: plain text, whose web addresses become links that vouch for nothing."""

import html
import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import nh3

from newsletter.personal.values import clean
from newsletter.store.replies import Reply

__all__ = ["Remark", "as_html", "links_in", "plain", "remark"]

#: A web address in a text; what ends a sentence after it is not a part of it.
_ADDRESS: Final = re.compile(r"https?://[^\s<>\"'`{}\[\]|\\^]{2,400}(?<![.,;:!?)…])", re.IGNORECASE)
#: Marks that turn the direction of the text behind them around, and other characters that nobody sees.
_INVISIBLE: Final = re.compile(
    "[\u00ad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb]"
)
_REL: Final = "nofollow ugc noopener"
_DEAD: Final = re.compile(rf'<a rel="{_REL}">(.*?)</a>')  # nh3 takes away what is no address after all
_MOST_MARKS: Final = 3  #: accents on one letter; more of them climb over the lines above


@dataclass(frozen=True, kw_only=True, slots=True)
class Remark:
    """One reply, ready to be shown. html: safe."""

    name: str
    html: str
    at: datetime


def plain(text: str) -> str:
    """Return what somebody typed, without what nobody can see: line ends are "\\n", at most one line empty.

    >>> plain("One\\r\\n\\r\\n\\r\\n\\u202eTwo ")
    'One\\n\\nTwo'
    """
    text = unicodedata.normalize("NFC", _INVISIBLE.sub("", clean(text)))
    kept: list[str] = []
    marks = 0
    for letter in text:
        marks = marks + 1 if unicodedata.combining(letter) else 0
        if marks <= _MOST_MARKS:
            kept.append(letter)
    lines = [line.rstrip() for line in "".join(kept).split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def links_in(text: str) -> int:
    """Return how many web addresses stand in a text."""
    return len(re.findall(r"https?://|www\.|\[url", text, re.IGNORECASE))


def as_html(text: str) -> str:
    """Return a reply's paragraphs as HTML; nothing in it is markup but our own.

    >>> as_html("<b> http://a.example/.")
    '<p>&lt;b&gt; <a href="http://a.example/" rel="nofollow ugc noopener">http://a.example/</a>.</p>'
    """
    paragraphs = [_linked(paragraph).replace("\n", "<br>") for paragraph in text.split("\n\n")]
    made = nh3.clean(
        "".join(f"<p>{paragraph}</p>" for paragraph in paragraphs),
        tags={"a", "br", "p"},
        attributes={"a": {"href"}},
        url_schemes={"http", "https"},
        link_rel=_REL,
    )
    return _DEAD.sub(r"\1", made)


def remark(reply: Reply) -> Remark:
    """Return a reply as it is shown."""
    return Remark(name=reply.name, html=as_html(reply.body), at=reply.at)


def _linked(text: str) -> str:
    parts, position = [], 0
    for found in _ADDRESS.finditer(text):
        address = html.escape(found[0])
        parts += [html.escape(text[position : found.start()]), f'<a href="{address}">{address}</a>']
        position = found.end()
    return "".join(parts) + html.escape(text[position:])
