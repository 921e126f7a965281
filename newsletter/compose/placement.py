"""Refuses, before MJML runs, tokens where MJML or a mail program could not cope with them.

MJML would drop them silently, compute a width from them, or put them where a mail program reads CSS.
The owner is told which field or condition it is, and where they wrote it.
"""

import re
from typing import Final

from newsletter.compose.markup import NUMERIC, Place, scan
from newsletter.compose.slots import Kind, Slot, Slots
from newsletter.errors import IssueError

__all__ = ["place_tokens", "refuse_place"]

#: The attributes of MJML elements that are copied into the message as they are.
_COPIED: Final = frozenset({"href", "src", "alt", "title", "name", "aria-label"})
#: Elements that hold other elements. A condition may stand between these, a value may not.
_STRUCTURE: Final = frozenset({"mj-body", "mj-wrapper", "mj-section", "mj-group", "mj-column", "mj-hero"})
#: Elements whose direct content must look like a comment to survive MJML.
_AS_COMMENT: Final = frozenset({"mj-social", "mj-navbar", "mj-accordion"})
#: Elements that show text.
_CONTENT: Final = frozenset(
    {
        "mj-text", "mj-button", "mj-title", "mj-preview", "mj-raw", "mj-table", "mj-navbar-link",
        "mj-social-element", "mj-accordion-title", "mj-accordion-text",
    }
)  # fmt: skip


def place_tokens(mjml: str, slots: Slots) -> str:
    """Return the MJML with its tokens in a form that survives. Raises IssueError for an impossible place."""
    written, position = [], 0
    for place in scan(mjml, slots):
        refuse_place(place, mjml)
        if place.where == "attribute" and place.tag.startswith("mj-") and place.attribute not in _COPIED:
            raise _error(
                place.slot,
                f"in {place.attribute} of <{place.tag}>",
                "MJML works with that value when the issue is compiled, before there is a reader.",
            )
        if place.where == "text" and _needs_comment(place):
            written += [mjml[position : place.start], f"<!--{mjml[place.start : place.end]}-->"]
            position = place.end
    return "".join(written) + mjml[position:]


def refuse_place(place: Place, text: str) -> None:
    """Raise IssueError if a token stands in CSS, a script, a comment, a number or between attributes."""
    slot = place.slot
    if place.where == "css":
        where = "in a style attribute" if place.attribute else f"in <{place.tag}>"
        raise _error(
            slot, where, "Mail programs read CSS there; show different elements by a condition instead."
        )
    if place.where == "script":
        raise _error(slot, "in a script", "Mail programs run no scripts.")
    if place.where == "tag":
        raise _error(
            slot, f"among the attributes of <{place.tag}>", "Put it inside the quotes of one attribute."
        )
    if place.where == "attribute" and place.attribute in NUMERIC:
        raise _error(
            slot, f"in {place.attribute} of <{place.tag}>", "A number must stand there, the same for all."
        )
    if place.where == "comment" and not _alone_in_comment(text, place):
        raise _error(slot, "in an HTML comment", "Delete the comment or write it as {# … #}.")


def _alone_in_comment(text: str, place: Place) -> bool:
    before, after = text[: place.start].rstrip(), text[place.end :].lstrip()
    return place.slot.kind is not Kind.VALUE and before.endswith("<!--") and after.startswith("-->")


def _needs_comment(place: Place) -> bool:
    """Say whether a token in text must become a comment. Raises IssueError where no token can be."""
    parent = place.parents[-1] if place.parents else ""
    if parent in _CONTENT:
        return False
    if place.slot.kind is Kind.VALUE:
        raise _error(place.slot, f"directly in <{parent or 'mjml'}>", "Put it inside an <mj-text>.")
    if parent in _STRUCTURE:
        return False
    if parent in _AS_COMMENT:
        return True
    raise _error(
        place.slot, f"directly in <{parent or 'mjml'}>", "MJML drops it there; put it around the element."
    )


def _error(slot: Slot, where: str, hint: str) -> IssueError:
    what = slot.definition.expression
    shown = str(slot) if what is not None else f"A condition's {{% {slot.definition.code()} %}}"
    return slot.error(f"{shown} cannot stand {where}.", hint=re.sub(r"\s+", " ", hint))
