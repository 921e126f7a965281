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
from newsletter.compose.slots import Kind, Slots
from newsletter.compose.tidying import text_content

__all__ = ["WIDTH", "PlainText", "underlined"]

WIDTH: Final = 72
_VALUE_WIDTH: Final = 8  #: how wide a value is taken to be, such as a first name


def underlined(title: str, mark: str = "-") -> str:
    """Return a heading with a line under it.

    >>> print(underlined("Rhythm"))
    Rhythm
    ------
    """
    return f"{title}\n{mark * max(3, min(len(title), WIDTH))}"


class PlainText:
    """Writes the text of one issue, piece by piece; link numbers run through all of it."""

    def __init__(self, slots: Slots) -> None:
        self._slots = slots
        self._count = 0
        self._links: list[tuple[int, str]] = []

    def write(self, tokens: Sequence[Token]) -> str:
        """Return the text of some blocks, ended by an empty line, the addresses of its links included."""
        return self._blocks(tokens, WIDTH) + self._addresses()

    def inline(self, token: Token) -> str:
        """Return the text of an inline token on one line, without addresses."""
        shown = "".join(
            child.content for child in token.children or () if child.type in {"text", "code_inline"}
        )
        return " ".join(shown.split())

    def _blocks(self, tokens: Sequence[Token], width: int) -> str:
        written: list[str] = []
        for block in blocks(tokens):
            if block[0].type == "deferred":
                written += [self._addresses(), block[0].content]
            elif text := self._block(block, width):
                written.append(f"{text}\n\n")
        return "".join(written)

    def _block(self, block: Sequence[Token], width: int) -> str:  # noqa: PLR0911
        first, inside = block[0], block[1:-1]
        match first.type:
            case "paragraph_open":
                return self.wrap(self._inline(inside[0]), width)
            case "heading_open":
                return underlined(self._inline(inside[0]), "=" if first.tag == "h1" else "-")
            case "bullet_list_open" | "ordered_list_open":
                return self._list(first, inside, width)
            case "blockquote_open":
                return _prefixed(self._blocks(inside, width - 2).rstrip(), "> ", "> ")
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
                return self._blocks(inside, width).rstrip() if inside else self.wrap(first.content, width)

    def _container(self, container: Container, width: int) -> str:
        inside, title = container.inside, container.title
        match container.name:
            case "quote":
                text = _prefixed(self._blocks(inside, width - 2).rstrip(), "> ", "> ")
                return f"{text}\n> — {title}" if title else text
            case "button":
                children = [child for token in inside for child in token.children or ()]
                label = " ".join(self.inline(token) for token in inside if token.type == "inline")
                href = next(child.attrGet("href") for child in children if child.type == "link_open")
                return f"{label}: {href}"
            case "columns":
                return "".join(self._blocks(column, width) for column in container.columns()).rstrip()
            case "signature":
                return f"{self._blocks(inside, width).rstrip()}\n{title}".strip()
            case "event":
                event = read_event(container)
                parts = ["\n".join(event.shown), self._blocks(event.rest, width).rstrip()]
            case _:
                parts = [self._blocks(inside, width).rstrip()]
        return "\n\n".join(part for part in [underlined(title) if title else "", *parts] if part)

    def _list(self, opened: Token, inside: Sequence[Token], width: int) -> str:
        number = int(opened.attrGet("start") or 1)
        loose = any(
            token.type == "paragraph_open" and token.level == opened.level + 2 and not token.hidden
            for token in inside
        )
        written: list[str] = []
        for item in blocks(inside):
            if item[0].type == "deferred":
                written.append(item[0].content)
                continue
            mark = "* " if opened.type == "bullet_list_open" else f"{number}. "
            number += 1
            pad = " " * len(mark)
            parts = [self._blocks([*part], width - len(mark)).rstrip("\n") for part in blocks(item[1:-1])]
            text = ("\n\n" if loose else "\n").join(part for part in parts if part)
            written.append(_prefixed(text, mark, pad) + ("\n\n" if loose else "\n"))
        return "".join(written).rstrip("\n")

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
        lines = [f"[{number}] {href}\n" for number, href in self._links]
        self._links.clear()
        return "".join(lines) + ("\n" if lines else "")

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
    return "\n".join(
        (first if n == 0 else other if line or other.strip() else "") + line for n, line in enumerate(lines)
    ).rstrip()
