"""Finished text with tokens -> residual: the same text with expressions that wait for one person.

Each value is written for the place where it stands: HTML escapes by itself when filled; an address at the
start of a link goes through ``safe_url``, later in a link through ``urlencode``.
"""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Final, Literal

from newsletter.compose.markup import URL_ATTRIBUTES, Place, scan
from newsletter.compose.nesting import groups
from newsletter.compose.placement import refuse_place
from newsletter.compose.slots import CLOSERS, OPENERS, Kind, Slot, Slots
from newsletter.compose.templates import PRIVATE
from newsletter.errors import IssueError
from newsletter.model import Residual
from newsletter.personal.fill import DELIMITERS

__all__ = ["html_residual", "text_residual"]

_Url = Literal["start", "inside", "unclear"]
#: The end of a literal that an address has begun in.
_IN_ADDRESS: Final = re.compile(r"(?:https?://|mailto:)\S*\Z")


def html_residual(html: str, slots: Slots) -> Residual:
    """Return the residual of an HTML page. Raises IssueError for a token in an impossible place."""
    places = list(scan(html, slots))
    filters: dict[int, str] = {}
    for value in _attribute_values(places):
        groups([place.slot for place in value])  # a condition may not leave its attribute
        if value[0].attribute in URL_ATTRIBUTES:
            filters |= _url_filters(html, value)
    writer = _Writer(html, slots)
    for place in places:
        refuse_place(place, html)
        start, end = place.start, place.end
        if place.where == "comment":  # a block token dressed as a comment, for MJML's sake
            start, end = html.rindex("<!--", 0, start), html.index("-->", end) + 3
        writer.add(place.slot, start, end, filters.get(place.start, ""))
    return writer.residual()


def text_residual(text: str, slots: Slots) -> Residual:
    """Return the residual of plain text; a line that holds nothing but conditions leaves no empty line."""
    line = re.compile(rf"^[ \t]*((?:{slots.block_pattern.pattern}[ \t]*)+)\n", re.MULTILINE)
    text = line.sub(lambda found: found[1].replace(" ", "").replace("\t", ""), text)
    writer = _Writer(text, slots)
    for token in slots.pattern.finditer(text):
        slot = slots.slot(token)
        line_so_far = text[text.rfind("\n", 0, token.start()) + 1 : token.start()]
        in_address = _IN_ADDRESS.search(line_so_far)
        urlencoded = slot.kind is Kind.VALUE and in_address
        writer.add(slot, token.start(), token.end(), "urlencode" if urlencoded else "")
    return writer.residual()


class _Writer:
    """Writes literals and statements in order; names the constants as they come."""

    def __init__(self, text: str, slots: Slots) -> None:
        self._text, self._slots, self._position = text, slots, 0
        self._parts: list[str] = []
        self._found: list[Slot] = []
        self._constants: dict[str, str] = {}  # JSON to name

    def add(self, slot: Slot, start: int, end: int, then: str) -> None:
        """Write the literal up to start, and the slot for start to end; then: a last filter."""
        self._literal(self._text[self._position : start])
        self._position = end
        self._found.append(slot)
        names = {}
        for name, captured in zip(slot.definition.captures, slot.captured, strict=True):
            constant = self._constants.setdefault(captured.value, f"const_{len(self._constants)}")
            names[name] = f"({constant}|safe)" if captured.markup else constant
        code = slot.definition.code(names)
        if slot.kind is Kind.VALUE:
            opened, closed = DELIMITERS["variable_start_string"], DELIMITERS["variable_end_string"]
            self._parts.append(f"{opened} {f'({code})|{then}' if then else code} {closed}")
        else:
            opened, closed = DELIMITERS["block_start_string"], DELIMITERS["block_end_string"]
            self._parts.append(f"{opened} {code} {closed}")

    def residual(self) -> Residual:
        """Return what was written. Raises IssueError if conditions do not nest or a token was damaged."""
        self._literal(self._text[self._position :])
        groups(self._found)
        constants = {name: json.loads(value) for value, name in self._constants.items()}
        return Residual(source="".join(self._parts), constants=constants)

    def _literal(self, text: str) -> None:
        if self._slots.remains.search(text):
            raise IssueError(
                "A filter has changed or cut a text that holds a reader's field.",
                hint="Templates must not use upper, truncate, replace and the like on texts from the issue.",
            )
        if PRIVATE.search(text):
            raise IssueError(
                "The issue contains one of the invisible characters U+E000 to U+E002.",
                hint="Delete it; it usually comes from an icon font. Use an emoji or a picture.",
            )
        self._parts.append(text)


def _attribute_values(places: Sequence[Place]) -> Iterator[list[Place]]:
    """Yield the tokens of each attribute value."""
    by_value: dict[int, list[Place]] = {}
    for place in places:
        if place.where == "attribute":
            by_value.setdefault(place.value_start, []).append(place)
    yield from by_value.values()


def _url_filters(html: str, value: Sequence[Place]) -> dict[int, str]:
    """Return, by the start of its token, the filter for each value in an address.

    Raises IssueError where a value is at the start of the address for some readers only.
    """
    filters: dict[int, str] = {}
    state: _Url = "start"
    opened: list[tuple[_Url, list[_Url]]] = []  # the state before, and at the ends of earlier branches
    else_seen: list[bool] = []
    position = value[0].value_start
    for place in value:
        if html[position : place.start].strip():
            state = "inside"
        position = place.end
        kind = place.slot.kind
        if kind is Kind.VALUE:
            if state == "unclear":
                raise place.slot.error(
                    f"{place.slot} begins a link's address for some readers and continues it for others.",
                    hint="Write the whole address in each branch of the condition.",
                )
            filters[place.start] = "safe_url" if state == "start" else "urlencode"
            state = "inside"
        elif kind in OPENERS:
            opened.append((state, []))
            else_seen.append(False)
            # a second round of a loop continues what the first one wrote
            state = "unclear" if kind is Kind.FOR and state == "start" else state
        elif kind in CLOSERS:
            before, ends = opened.pop()
            # without an else, nothing may have been written
            states = {state, *ends} if else_seen.pop() else {state, *ends, before}
            state = states.pop() if len(states) == 1 else "unclear"
        else:
            else_seen[-1] = kind is Kind.ELSE
            opened[-1][1].append(state)
            state = opened[-1][0]
    return filters
