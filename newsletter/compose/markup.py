"""Where in a piece of HTML or MJML the tokens stand: in text, in which attribute of which tag, in CSS.

A scanner, not a parser: what premailer and MJML write is well-formed, and what stands in conditional
comments for Outlook must be looked at as well, which no HTML parser does.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from newsletter.compose.slots import Slot, Slots

__all__ = ["CONDITIONAL", "NUMERIC", "URL_ATTRIBUTES", "Place", "scan"]

#: Attributes that hold an address.
URL_ATTRIBUTES: Final = frozenset(
    {"href", "src", "action", "formaction", "background", "cite", "poster", "data", "longdesc", "xlink:href"}
)
#: Attributes that hold a number or a list of addresses, where a reader's text would break the layout.
NUMERIC: Final = frozenset(
    {
        "border", "cellpadding", "cellspacing", "colspan", "height", "hspace", "rowspan", "size", "span",
        "srcset", "start", "tabindex", "vspace", "width",
    }
)  # fmt: skip
#: Comments that Outlook reads as markup: ``<!--[if mso]>``, ``<!--[if !mso]><!-->``, ``<![endif]-->``.
CONDITIONAL: Final = r"<!--\[if[^\]]*\]>(?:<!-->)?|(?:<!--)?<!\[endif\](?:--)?>"

_MARKUP: Final = re.compile(
    rf"(?P<conditional>{CONDITIONAL})"
    r"|(?P<comment><!--.*?(?:-->|\Z))"
    r"|<!(?P<doctype>[^>]*)>"
    r"|</(?P<end>[a-zA-Z][\w:-]*)[^>]*>"
    r"""|<(?P<name>[a-zA-Z][\w:-]*)(?P<attributes>(?:[^"'>]++|"[^"]*+"|'[^']*+')*+)>""",
    re.DOTALL,
)
_ATTRIBUTE: Final = re.compile(r"""([^\s=/"'>]+)\s*=\s*("[^"]*"|'[^']*'|[^\s"'>]+)""")
_RAW: Final = frozenset({"style", "script", "mj-style"})


@dataclass(frozen=True, slots=True)
class Place:
    """One token's place. start, end: in the whole text; value_start, value_end: of the attribute's value.

    tag: the tag it is an attribute of, or the raw element or comment it is inside. parents: the MJML
    elements around it, outermost first.
    """

    slot: Slot
    where: Literal["text", "attribute", "tag", "css", "script", "comment"]
    start: int
    end: int
    tag: str = ""
    attribute: str = ""
    value_start: int = 0
    value_end: int = 0
    parents: tuple[str, ...] = ()


def scan(text: str, slots: Slots) -> Iterator[Place]:
    """Yield the place of each token in the text, in order."""
    parents: list[str] = []
    position = 0
    while found := _MARKUP.search(text, position):
        yield from _plain(text, position, found.start(), "text", slots, parents)
        position = found.end()
        if found["comment"] is not None:
            yield from _plain(text, found.start(), found.end(), "comment", slots, parents)
        elif found["end"]:
            name = found["end"].lower()
            while name in parents and parents.pop() != name:
                pass
        elif found["name"]:
            name = found["name"].lower()
            yield from _attributes(text, found, slots, parents)
            if found["attributes"].endswith("/"):
                continue
            if name.startswith("mj"):
                parents.append(name)
            if name in _RAW:
                end = re.compile(rf"</{name}\s*>", re.IGNORECASE).search(text, position)
                stop = end.start() if end else len(text)
                where: Literal["css", "script"] = "script" if name == "script" else "css"
                yield from _plain(text, position, stop, where, slots, parents, tag=name)
                position = stop
    yield from _plain(text, position, len(text), "text", slots, parents)


def _plain(
    text: str,
    start: int,
    end: int,
    where: Literal["text", "css", "script", "comment"],
    slots: Slots,
    parents: list[str],
    tag: str = "",
) -> Iterator[Place]:
    if text.find(slots.opening, start, end) < 0:
        return
    around = tuple(parents)
    for token in slots.pattern.finditer(text, start, end):
        yield Place(slots.slot(token), where, token.start(), token.end(), tag=tag, parents=around)


def _attributes(text: str, found: re.Match[str], slots: Slots, parents: list[str]) -> Iterator[Place]:
    start, end = found.span("attributes")
    if text.find(slots.opening, start, end) < 0:
        return
    name, around = found["name"].lower(), tuple(parents)
    values = [match for match in _ATTRIBUTE.finditer(text, start, end) if slots.pattern.search(match[2])]
    for token in slots.pattern.finditer(text, start, end):
        for match in values:
            if match.start(2) <= token.start() < match.end(2):
                quoted = match[2][0] in "\"'"
                attribute = match[1].lower()
                inside = (match.start(2) + quoted, match.end(2) - quoted)
                where: Literal["attribute", "css", "script"] = (
                    "css" if attribute == "style" else "script" if attribute.startswith("on") else "attribute"
                )
                yield Place(
                    slots.slot(token), where, token.start(), token.end(), name, attribute, *inside, around
                )
                break
        else:
            yield Place(slots.slot(token), "tag", token.start(), token.end(), tag=name, parents=around)
