"""The blocks that an owner writes between ``:::`` lines, read from markdown-it's tokens.

::: button            ::: callout Title       ::: event Title       ::: columns     ::: signature Name
[Label](https://…)    Text                    When: …               Left            Text, and a picture
:::                   :::                     Where: …              ---             :::
                      ::: quote Author        Text                  Right
                      :::                     :::                   :::
"""

import copy
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from markdown_it.token import Token

from newsletter.compose.markdown import blocks

__all__ = ["NAMES", "Container", "Event", "lines_of", "read_container", "read_event", "with_lines"]

NAMES: Final = ("button", "callout", "columns", "event", "quote", "signature")
#: What an event's first lines may begin with.
_LABELS: Final = {
    "when": "when", "wann": "when", "quand": "when", "cuándo": "when", "quando": "when",
    "where": "where", "wo": "where", "où": "where", "dónde": "where", "dove": "where",
    "מתי": "when", "איפה": "where", "היכן": "where", "متى": "when", "أين": "where",
}  # fmt: skip
_LABELLED: Final = re.compile(r"\s*(\w+)\s*:\s*")
_BY: Final = re.compile(r"\s*(?:—|–|--)\s*")


@dataclass(frozen=True, slots=True)
class Container:
    """One container. name: its first word; title: the rest of that line; inside: the tokens between."""

    name: str
    title: str
    inside: Sequence[Token]
    line: int  #: of its first line, in the rendered Markdown, from 1

    def columns(self) -> list[list[Token]]:
        """Return the columns: parted by ``---``, or each a container of its own (``::: column``)."""
        found: list[list[Token]] = [[]]
        for block in blocks(self.inside):
            if block[0].type == "hr":
                found.append([])
            elif block[0].type == "container_block_open" and block[0].info.split()[0] == "column":
                found += [list(block[1:-1]), []]
            else:
                found[-1] += block
        return [column for column in found if column]


@dataclass(frozen=True, slots=True)
class Event:
    """What an event says. when, where: plain text, "" if not given; shown: these lines as written."""

    when: str
    where: str
    shown: Sequence[str]
    rest: Sequence[Token]


def read_container(block: Sequence[Token]) -> Container:
    """Return the container that a block of tokens is; a quote's last line may name its author."""
    words = block[0].info.strip().split(maxsplit=1)
    name, title = words[0], words[1] if len(words) > 1 else ""
    inside: Sequence[Token] = block[1:-1]
    if name == "quote" and not title:
        title, inside = _author(inside)
    return Container(name, title, inside, (block[0].map or [0])[0] + 1)


def read_event(container: Container) -> Event:
    """Return what an event's first lines say, such as ``When: Friday``, and the rest."""
    facts, shown = {"when": "", "where": ""}, []
    parts = blocks(container.inside)
    while parts and parts[0][0].type == "paragraph_open":
        opened, inline, closed = parts[0]
        lines = lines_of(inline)
        while lines and (label := _label(lines[0])):
            facts[_LABELS[label[0].lower()]] = label[1]
            shown.append(": ".join(label))
            del lines[0]
        if lines:
            parts[0] = [opened, with_lines(inline, lines), closed]
            break
        del parts[0]
    rest = [token for part in parts for token in part]
    return Event(facts["when"], facts["where"], shown, rest)


def lines_of(inline: Token) -> list[list[Token]]:
    """Return the tokens of each line of a paragraph, the break at its end included."""
    lines: list[list[Token]] = [[]]
    for child in inline.children or ():
        lines[-1].append(child)
        if child.type in {"softbreak", "hardbreak"}:
            lines.append([])
    return lines


def with_lines(inline: Token, lines: Sequence[Sequence[Token]]) -> Token:
    """Return a paragraph's inline token with only these of its lines."""
    children = [token for line in lines for token in line]
    while children and children[-1].type in {"softbreak", "hardbreak"}:
        children.pop()
    changed = copy.copy(inline)
    changed.children = children
    return changed


def _text(line: Sequence[Token]) -> str:
    return "".join(token.content for token in line if token.type in {"text", "code_inline"})


def _label(line: Sequence[Token]) -> tuple[str, str] | None:
    """Return the label as written and what follows it."""
    found = _LABELLED.match(_text(line))
    if not found or found[1].lower() not in _LABELS:
        return None
    return found[1], _text(line)[found.end() :].strip()


def _author(inside: Sequence[Token]) -> tuple[str, Sequence[Token]]:
    """Return who said it, from a last line such as ``— Ada``, and the tokens before that line."""
    parts = blocks(inside)
    if not parts or parts[-1][0].type != "paragraph_open":
        return "", inside
    opened, inline, closed = parts[-1]
    lines = lines_of(inline)
    text = _text(lines[-1])
    dash = _BY.match(text)
    if not dash:
        return "", inside
    before = [token for part in parts[:-1] for token in part]
    rest = [opened, with_lines(inline, lines[:-1]), closed] if len(lines) > 1 else []
    return text[dash.end() :].strip(), [*before, *rest]
