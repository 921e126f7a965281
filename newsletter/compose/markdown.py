"""Markdown -> markdown-it tokens, with two additions: ``:::`` containers and deferred lines.

A *deferred line* holds nothing but tokens of conditions and loops. It is a block of its own, so that
``{% if … %}`` around paragraphs, list items or whole sections needs no blank lines around it.
"""

import itertools
import re
from collections.abc import Sequence
from typing import Any, Final

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.token import Token
from mdit_py_plugins.container import container_plugin

from newsletter.compose.nesting import groups
from newsletter.compose.slots import Kind, Slot, Slots

__all__ = ["Markdown", "blocks"]

#: Opening and closing quotation marks, double and single, by language.
_QUOTES: Final = {"de": "„“‚‘", "fr": ["«\xa0", "\xa0»", "‹\xa0", "\xa0›"], "es": "«»“”", "it": "«»“”"}
_FENCE: Final = re.compile(r"\s*(?:[>\-*+]\s*)*(```|~~~)")
_CLOSING: Final = re.compile(r"[\s>]*:{3,}\s*")
_LIST_OPEN: Final = {"bullet_list_open": "bullet_list_close", "ordered_list_open": "ordered_list_close"}


def blocks(tokens: Sequence[Token]) -> list[list[Token]]:
    """Return the tokens of each block at the outermost level: one ``hr``, or ``p`` from open to close."""
    found: list[list[Token]] = []
    depth = 0
    for token in tokens:
        if depth == 0:
            found.append([])
        found[-1].append(token)
        depth += token.nesting
    return found


class Markdown:
    """A parser and HTML writer for one issue. language decides the quotation marks."""

    def __init__(self, slots: Slots, language: str) -> None:
        self._slots = slots
        self._md = MarkdownIt("commonmark", {"xhtmlOut": True, "typographer": True, "html": True})
        self._md.enable(["table", "strikethrough", "replacements", "smartquotes"])
        self._md.options["quotes"] = _QUOTES.get(language.partition("-")[0].lower(), "“”‘’")
        container_plugin(self._md, "block", validate=lambda params, markup: bool(params.strip()))
        self._md.add_render_rule("container_block_open", _open_block)
        self._md.add_render_rule("container_block_close", lambda *_: "</div>\n")
        self._md.block.ruler.before(
            "fence",
            "deferred",
            self._deferred,
            {"alt": ["paragraph", "reference", "blockquote", "list", "table"]},
        )
        self._md.add_render_rule("deferred", lambda _, tokens, at, *rest: f"{tokens[at].content}\n")

    def parse(self, source: str) -> list[Token]:
        """Return the tokens. Types besides markdown-it's: ``deferred`` and ``container_block_open/close``.

        A container's opening token says in ``meta["unclosed"]`` whether its last line is missing.
        """
        source = self._own_lines(source)
        tokens = self._md.parse(source)
        lines = source.split("\n")
        for token in tokens:
            if token.type == "container_block_open" and token.map:
                end = token.map[1]  # the line after the last one inside
                token.meta["unclosed"] = end >= len(lines) or not _CLOSING.fullmatch(lines[end])
        return self._join_lists(tokens)

    def html(self, tokens: Sequence[Token]) -> str:
        """Return the HTML of some tokens."""
        return str(self._md.renderer.render(tokens, self._md.options, {}))

    def slots_of(self, token: Token) -> list[Slot]:
        """Return the slots of a deferred line."""
        return self._slots.find(token.content)

    def _own_lines(self, source: str) -> str:
        """Return the source with a condition that is a whole paragraph on one line put on lines of its own.

        Otherwise an empty paragraph would remain for those whom it is not for.
        """
        lines = source.split("\n")
        written: list[str] = []
        fence = ""
        for number, line in enumerate(lines):
            if (mark := _FENCE.match(line)) and (not fence or fence == mark[1]):
                fence = "" if fence else mark[1]
            before = lines[number - 1] if number else ""
            after = lines[number + 1] if number + 1 < len(lines) else ""
            alone = not before.strip() and not after.strip()
            cuts = [] if fence or not alone else self._cuts(line)
            if cuts:
                parts = [
                    line[start:end].strip() for start, end in zip([0, *cuts], [*cuts, len(line)], strict=True)
                ]
                written += [part for part in parts if part]
            else:
                written.append(line)
        return "\n".join(written)

    def _cuts(self, line: str) -> list[int]:
        """Return where to cut a line that is one condition from end to end: around each of its own tokens."""
        tokens = list(self._slots.pattern.finditer(line.rstrip()))
        if len(tokens) < 2 or line[: tokens[0].start()].strip() or tokens[-1].end() != len(line.rstrip()):
            return []
        found = [self._slots.slot(token) for token in tokens]
        depth = 0
        for slot in found[:-1]:
            depth += slot.kind.step
            if depth <= 0:
                return []
        if found[0].kind is not Kind.IF or depth != 1 or found[-1].kind is not Kind.ENDIF:
            return []
        outermost = next(group for group in groups(found) if group[0] == 0)
        return sorted({edge for at in outermost for edge in tokens[at].span()} - {0, len(line)})

    def _deferred(self, state: StateBlock, start: int, end: int, silent: bool) -> bool:
        """Make a block of a line that holds only tokens of conditions and loops."""
        if state.is_code_block(start):
            return False
        line = state.src[state.bMarks[start] + state.tShift[start] : state.eMarks[start]]
        if not self._slots.only_blocks.fullmatch(line):
            return False
        if silent:
            return True
        state.line = start + 1
        token = state.push("deferred", "", 0)
        token.content = "".join(match[0] for match in self._slots.block_pattern.finditer(line))
        token.map, token.block = [start, start + 1], True
        return True

    def _join_lists(self, tokens: list[Token]) -> list[Token]:
        """Join lists that only deferred lines part: a condition around items belongs inside the list."""
        parts = blocks(tokens)
        for part in parts:
            if part[0].nesting == 1 and len(part) > 2:
                part[1:-1] = self._join_lists(part[1:-1])
        written: list[Token] = []
        at = 0
        while at < len(parts):
            stop = self._run_end(parts, at)
            if stop > at + 1:
                lists = [part for part in parts[at:stop] if part[0].type in _LIST_OPEN]
                inside = [token for part in parts[at:stop] for token in (part[1:-1] or part)]
                written += [lists[0][0], *inside, lists[-1][-1]]
                at = stop
            else:
                written += parts[at]
                at += 1
        return written

    def _run_end(self, parts: list[list[Token]], at: int) -> int:
        """Return where a run of lists and deferred lines that can be one list ends; ``at`` if none."""
        kinds: list[Token] = []
        best = at
        found: list[Slot] = []
        for end in range(at, len(parts)):
            token = parts[end][0]
            if token.type in _LIST_OPEN:
                kinds.append(token)
                if (token.type, token.markup) != (kinds[0].type, kinds[0].markup):
                    break
            elif token.type == "deferred":
                found += self.slots_of(token)
                if min(itertools.accumulate(slot.kind.step for slot in found)) < 0:
                    break
            else:
                break
            if kinds and sum(slot.kind.step for slot in found) == 0:
                best = end + 1
        # a condition around one whole list stays outside: nothing of the list may remain
        loop = bool(found) and found[0].kind is Kind.FOR
        whole = parts[at][0].type == "deferred" and not loop
        return at if whole else best


def _open_block(_: Any, tokens: Sequence[Token], at: int, *rest: Any) -> str:
    words = tokens[at].info.split()
    return f'<div class="{words[0]}">\n'
