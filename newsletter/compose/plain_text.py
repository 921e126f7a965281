"""Markdown tokens -> plain text, wrapped at 72 columns.

Links are numbered and listed below the passage they stand in; headings are underlined. Deferred lines are
written as bare tokens and everything that belongs to them stays between them, so that conditions work in
the text part as in the HTML part.
"""

import re
from collections.abc import Sequence
from typing import Final

from markdown_it.token import Token

from newsletter.compose.containers import Container, read_container, read_event
from newsletter.compose.markdown import blocks
from newsletter.compose.slots import Kind, Slot, Slots
from newsletter.compose.tidying import text_content

__all__ = ["WIDTH", "PlainText"]

WIDTH: Final = 72
_VALUE_WIDTH: Final = 8  #: how wide a value is taken to be, such as a first name


class _Flow:
    """Joins passages so that a condition leaves no gap for those whom it is not for.

    The empty line between two passages goes with the conditional one of them: in front of it, or behind it
    as long as only conditional passages have been written.
    """

    def __init__(self, between: str) -> None:
        self._between, self._parts = between, list[str]()
        self._certain, self._depth = False, 0

    def add(self, text: str) -> None:
        """Write a passage."""
        if not text:
            return
        if self._certain:
            self._parts += [self._between, text]
        elif self._depth > 0:
            self._parts += [text, self._between]
        else:
            self._parts.append(text)
            self._certain = True

    def token(self, content: str, slots: Sequence[Slot]) -> None:
        """Write the tokens of a deferred line."""
        self._parts.append(content)
        self._depth += sum(slot.kind.step for slot in slots)

    def text(self) -> str:
        """Return what was written."""
        return "".join(self._parts)


class PlainText:
    """Writes the text of one issue, piece by piece; link numbers run through all of it."""

    def __init__(self, slots: Slots) -> None:
        self._slots = slots
        self._count = 0
        self._links: list[tuple[int, str]] = []

    def write(self, tokens: Sequence[Token]) -> str:
        """Return the text of some blocks, the addresses of their links included."""
        return self._blocks(tokens, WIDTH, last=True)

    def underlined(self, title: str, mark: str = "-") -> str:
        """Return a heading with a line under it, about as long."""
        return f"{title}\n{mark * max(3, min(self._width(title), WIDTH))}"

    def inline(self, token: Token) -> str:
        """Return the text of an inline token on one line, without addresses."""
        shown = "".join(
            child.content for child in token.children or () if child.type in {"text", "code_inline"}
        )
        return " ".join(shown.split())

    def _blocks(self, tokens: Sequence[Token], width: int, *, last: bool = False) -> str:
        flow = _Flow("\n\n")
        for block in blocks(tokens):
            if block[0].type == "deferred":
                flow.add(self._addresses())  # those of a condition belong inside it
                flow.token(block[0].content, self._slots.find(block[0].content))
            else:
                flow.add(self._block(block, width))
        if last:
            flow.add(self._addresses())
        return flow.text()

    def _block(self, block: Sequence[Token], width: int) -> str:  # noqa: PLR0911
        first, inside = block[0], block[1:-1]
        match first.type:
            case "paragraph_open":
                return self.wrap(self._inline(inside[0]), width)
            case "heading_open":
                return self.underlined(self._inline(inside[0]), "=" if first.tag == "h1" else "-")
            case "bullet_list_open" | "ordered_list_open":
                return self._list(first, inside, width)
            case "blockquote_open":
                return _prefixed(self._blocks(inside, width - 2), "> ", "> ")
            case "fence" | "code_block":
                return _prefixed(first.content.rstrip(), "    ", "    ")
            case "hr":
                return "* * *".center(width).rstrip()
            case "html_block":
                return self.wrap(text_content(first.content), width)
            case "table_open":
                return self._table(inside)
            case "container_block_open":
                return self._container(read_container(block), width)
            case _:
                return self._blocks(inside, width) if inside else self.wrap(first.content, width)

    def _container(self, container: Container, width: int) -> str:
        inside, title = container.inside, container.title
        match container.name:
            case "quote":
                text = _prefixed(self._blocks(inside, width - 2), "> ", "> ")
                return f"{text}\n> — {title}" if title else text
            case "button":
                children = [child for token in inside for child in token.children or ()]
                label = " ".join(self.inline(token) for token in inside if token.type == "inline")
                href = next(child.attrGet("href") for child in children if child.type == "link_open")
                return f"{label}: {href}"
            case "columns":
                return "\n\n".join(self._blocks(column, width) for column in container.columns())
            case "signature":
                return f"{title}\n{self._blocks(inside, width)}".strip()
            case "event":
                event = read_event(container)
                parts = ["\n".join(event.shown), self._blocks(event.rest, width)]
            case _:
                parts = [self._blocks(inside, width)]
        return "\n\n".join(part for part in [self.underlined(title) if title else "", *parts] if part)

    def _list(self, opened: Token, inside: Sequence[Token], width: int) -> str:
        number = int(opened.attrGet("start") or 1)
        loose = any(
            token.type == "paragraph_open" and token.level == opened.level + 2 and not token.hidden
            for token in inside
        )
        flow = _Flow("\n\n" if loose else "\n")
        for item in blocks(inside):
            if item[0].type == "deferred":
                flow.token(item[0].content, self._slots.find(item[0].content))
                continue
            mark = "* " if opened.type == "bullet_list_open" else f"{number}. "
            number += 1
            parts = [self._blocks(part, width - len(mark)) for part in blocks(item[1:-1])]
            text = ("\n\n" if loose else "\n").join(part for part in parts if part)
            flow.add(_prefixed(text, mark, " " * len(mark)))
        return flow.text()

    def _table(self, inside: Sequence[Token]) -> str:
        rows: list[list[str]] = []
        for token in inside:
            if token.type == "tr_open":
                rows.append([])
            elif token.type == "inline":
                rows[-1].append(self._inline(token))
        return "\n".join(" | ".join(row) for row in rows)

    def _inline(self, token: Token) -> str:
        """Return the text of an inline token; ``\\n`` only where the owner broke the line."""
        written: list[str] = []
        opened: list[tuple[int, str]] = []  # where a link's text starts, and its address
        depth = 0  # of conditions inside this text
        for child in token.children or ():
            match child.type:
                case "text" | "code_inline":
                    written.append(child.content)
                    for slot in self._slots.find(child.content):
                        depth += slot.kind.step
                case "softbreak":
                    written.append(" ")
                case "hardbreak":
                    written.append("\n")
                case "image" if child.content:
                    written.append(f"[{child.content}]")
                case "html_inline" if re.match(r"<br\b", child.content):
                    written.append("\n")
                case "link_open":
                    opened.append((len(written), str(child.attrGet("href") or "")))
                case "link_close":
                    start, href = opened.pop()
                    written[start:] = [self._link("".join(written[start:]), href, conditional=depth > 0)]
                case _:
                    pass
        return "".join(written)

    def _link(self, text: str, href: str, *, conditional: bool) -> str:
        if href.removeprefix("mailto:").removeprefix("tel:") == text or href == text:
            return text
        if conditional:  # the list below would show the address to everybody
            return f"{text} <{href}>"
        self._count += 1
        self._links.append((self._count, href))
        return f"{text} [{self._count}]"

    def _addresses(self) -> str:
        """Return the list of the links since the last list."""
        lines = [f"[{number}] {href}" for number, href in self._links]
        self._links.clear()
        return "\n".join(lines)

    def wrap(self, text: str, width: int = WIDTH) -> str:
        """Return the text wrapped at spaces, never inside an address; a token counts as what it becomes."""
        lines: list[str] = []
        for paragraph in text.split("\n"):
            line, used = "", 0
            for word in re.findall(r"[^ \t]+", paragraph):
                length = self._width(word)
                if line and used + 1 + length > width:
                    lines.append(line)
                    line, used = word, length
                else:
                    line, used = (f"{line} {word}", used + 1 + length) if line else (word, length)
            lines.append(line)
        return "\n".join(lines)

    def _width(self, word: str) -> int:
        values = sum(slot.kind is Kind.VALUE for slot in self._slots.find(word))
        return len(self._slots.without(word)) + values * _VALUE_WIDTH


def _prefixed(text: str, first: str, other: str) -> str:
    lines = text.split("\n")
    return "\n".join((f"{other}{line}" if n else f"{first}{line}").rstrip() for n, line in enumerate(lines))
