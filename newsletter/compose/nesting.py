"""Conditions and loops must open and close at the same level, or whoever they hide gets broken HTML.

Looked at twice on the finished page: as most mail programs see it, and as Outlook sees it, with its
conditional comments unwrapped.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from lxml import etree
from lxml.html import HtmlElement, document_fromstring

from newsletter.compose.slots import CLOSERS, OPENERS, Kind, Slot, Slots

__all__ = ["check_parents", "groups"]

_MSO_ONLY: Final = re.compile(r"<!--\[if (?!!)[^\]]*\]>(.*?)<!\[endif\]-->", re.DOTALL)
_NOT_MSO: Final = re.compile(r"<!--\[if !mso[^\]]*\]>(?:<!-->)?(.*?)(?:<!--)?<!\[endif\]-->", re.DOTALL)


def groups(found: Sequence[Slot]) -> list[list[int]]:
    """Return, for each condition or loop, the positions of its tokens: open, else …, close.

    Values are passed over. Raises IssueError, naming the condition, if they do not nest.
    """
    closed: list[list[int]] = []
    opened: list[list[int]] = []
    for position, slot in enumerate(found):
        if slot.kind is Kind.VALUE:
            continue
        if slot.kind in OPENERS:
            opened.append([position])
            continue
        wanted = {CLOSERS[slot.kind]} if slot.kind in CLOSERS else OPENERS
        if not opened or found[opened[-1][0]].kind not in wanted:
            culprit = found[opened[-1][0]] if opened else slot
            raise _lost(culprit)
        opened[-1].append(position)
        if slot.kind in CLOSERS:
            closed.append(opened.pop())
    if opened:
        raise _lost(found[opened[-1][0]])
    return closed


def _lost(slot: Slot) -> Exception:
    return slot.error(
        f"Only a part of this condition or loop is left in the message: {slot}.",
        hint="The template must show all of it: every piece of kind raw and what they enclose, in order.",
    )


def check_parents(html: str, slots: Slots) -> None:
    """Raise IssueError if a condition or loop opens inside one element and closes inside another."""
    outlook = _MSO_ONLY.sub(r"\1", _NOT_MSO.sub("", html))
    for view in (html, outlook):
        places = list(_places(document_fromstring(view), slots))
        for group in groups([slot for slot, _, _ in places]):
            opening, parent, name = places[group[0]]
            for position in group[1:]:
                _, other_parent, other_name = places[position]
                if other_parent is not parent:
                    kind = "loop" if opening.kind is Kind.FOR else "condition"
                    raise opening.error(
                        f"{opening} opens inside <{name}> and goes on inside <{other_name}>.",
                        hint=f"Put both ends of the {kind} on lines of their own, around whole paragraphs, "
                        "list items or sections.",
                    )


def _places(root: HtmlElement, slots: Slots) -> Iterator[tuple[Slot, object, str]]:
    """Yield the block tokens in document order with what they stand in; not those in attributes."""
    # text in an Outlook comment is matched only by text in another one under the same element
    comments: dict[HtmlElement, object] = {}
    walk = etree.iterwalk(root, events=("start", "end", "comment"))
    for event, element in walk:
        above = element.getparent()
        if event == "comment":
            alone = slots.only_blocks.fullmatch(element.text or "")
            holder = above if alone else comments.setdefault(above, object())
            yield from _blocks(element.text, holder, "an Outlook comment", slots)
        elif event == "start" and isinstance(element.tag, str):
            yield from _blocks(element.text, element, element.tag, slots)
            continue
        elif event == "start":
            continue
        if above is not None:
            yield from _blocks(element.tail, above, above.tag, slots)


def _blocks(text: str | None, holder: object, name: str, slots: Slots) -> Iterator[tuple[Slot, object, str]]:
    for slot in slots.find(text) if text else ():
        if slot.kind is not Kind.VALUE:
            yield slot, holder, name
