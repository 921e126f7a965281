"""Slots: the places in an issue that wait for a person.

    {{ subscriber.name }} --binding--> definition --render--> token zq3f…v7z --splitting--> expression

A *definition* is one place in a template. Rendering it inside a loop gives several *slots*, each with the
issue's own values that its expression needs (the captures). A slot is written as a *token*: letters and
digits only, so that Markdown, MJML, premailer and URL quoting all leave it alone, and random for each
compile, so that no content can forge one. Tokens are gone when the issue is compiled.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from jinja2 import Undefined, nodes
from markupsafe import Markup

from newsletter.compose.unparse import unparse
from newsletter.errors import IssueError

__all__ = ["ANY_TOKEN", "CLOSERS", "OPENERS", "Captured", "Definition", "FieldUse", "Kind", "Slot", "Slots"]


class Kind(StrEnum):
    """What a token stands for. The value is the token's letter."""

    VALUE = "v"
    IF = "i"
    ELIF = "l"
    ELSE = "s"
    ENDIF = "x"
    FOR = "o"
    ENDFOR = "q"

    @property
    def step(self) -> int:
        """1 for what opens a condition or loop, -1 for what closes one, else 0."""
        return (self in OPENERS) - (self in CLOSERS)


#: A token of any compile.
ANY_TOKEN: Final = re.compile(r"zq[0-9a-f]{10}[a-z]\d+z")
OPENERS: Final = frozenset({Kind.IF, Kind.FOR})
CLOSERS: Final = {Kind.ENDIF: Kind.IF, Kind.ENDFOR: Kind.FOR}


@dataclass(frozen=True, kw_only=True, slots=True)
class FieldUse:
    """One use of a field of the subscriber. has_default: whoever has no such field sees nothing odd."""

    name: str
    file: str
    line: int
    has_default: bool


@dataclass(frozen=True, kw_only=True, eq=False, slots=True)
class Definition:
    """One deferred place in a template. captures: names in the expressions that stand for issue values."""

    kind: Kind
    file: str
    line: int
    expression: nodes.Node | None = None  #: the value, the condition, or what a loop runs over
    target: nodes.Node | None = None  #: a loop's variables
    test: nodes.Node | None = None  #: a loop's own condition
    captures: Sequence[str] = ()
    uses: Sequence[FieldUse] = ()
    names: frozenset[str] = frozenset()  #: of the recipient names, those used

    def code(self, names: Mapping[str, str] | None = None) -> str:
        """Return Jinja source, captures renamed: ``subscriber.name``, ``if subscriber.x``, ``else``."""
        loop = self.kind is Kind.FOR
        written = unparse(self.expression, names or {}, bare=not loop)
        match self.kind:
            case Kind.VALUE:
                return written
            case Kind.IF | Kind.ELIF:
                return f"{self.kind.name.lower()} {written}"
            case Kind.FOR:
                test = f" if {unparse(self.test, names or {})}" if self.test is not None else ""
                return f"for {unparse(self.target, {}, bare=True)} in {written}{test}"
            case _:
                return self.kind.name.lower()


@dataclass(frozen=True, slots=True)
class Captured:
    """An issue value inside a deferred expression: JSON, and whether it was safe HTML."""

    value: str
    markup: bool


@dataclass(frozen=True, slots=True)
class Slot:
    """A definition with its captured values, as one token stands for it."""

    number: int
    definition: Definition
    captured: tuple[Captured, ...]

    @property
    def kind(self) -> Kind:
        """What the token stands for."""
        return self.definition.kind

    def error(self, message: str, *, hint: str) -> IssueError:
        """Return an IssueError about this slot, at its own file and line."""
        return IssueError(message, hint=hint, file=self.definition.file, line=self.definition.line)

    def __str__(self) -> str:
        """Return what the owner wrote, more or less: ``{{ subscriber.name }}``."""
        brackets = ("{{", "}}") if self.kind is Kind.VALUE else ("{%", "%}")
        names = {
            name: json.dumps(json.loads(item.value), ensure_ascii=False)
            for name, item in zip(self.definition.captures, self.captured, strict=True)
        }
        return f"{brackets[0]} {self.definition.code(names)} {brackets[1]}"


@dataclass
class Slots:
    """All slots of one compile. nonce: random letters and digits that no content contains."""

    nonce: str
    definitions: dict[int, Definition] = field(default_factory=dict)
    _slots: list[Slot] = field(default_factory=list)
    _numbers: dict[tuple[int, tuple[Captured, ...]], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Prepare the pattern that finds tokens: group 1 is the kind, group 2 the number."""
        self.opening = f"zq{self.nonce}"  #: looked for before the pattern is: most texts have no token
        self.pattern = re.compile(rf"zq{self.nonce}([a-z])(\d+)z")
        block = rf"zq{self.nonce}[{''.join(kind for kind in Kind if kind is not Kind.VALUE)}]\d+z"
        self.block_pattern = re.compile(block)
        self.only_blocks = re.compile(rf"\s*(?:{block}\s*)+")
        #: a token that some filter has cut or changed
        self.remains = re.compile(rf"zq{self.nonce[:5]}", re.IGNORECASE)

    def learn(self, definitions: Mapping[int, Definition]) -> None:
        """Take over the definitions of a template, under the numbers that it asks for tokens with."""
        self.definitions.update(definitions)

    def token(self, number: int, values: Sequence[Any]) -> str:
        """Return the token of a definition with these captured values; the same values give the same token.

        Raises IssueError, at the definition's file and line, for a value that is undefined or not plain data.
        """
        definition = self.definitions[number]
        captured = tuple(_captured(value, definition) for value in values)
        found = self._numbers.setdefault((number, captured), len(self._slots))
        if found == len(self._slots):
            self._slots.append(Slot(found, definition, captured))
        return f"zq{self.nonce}{definition.kind}{found}z"

    def slot(self, token: re.Match[str]) -> Slot:
        """Return the slot that a match of ``pattern`` stands for."""
        return self._slots[int(token[2])]

    def find(self, text: str) -> list[Slot]:
        """Return the slots in a text, in order."""
        if self.opening not in text:
            return []
        return [self.slot(token) for token in self.pattern.finditer(text)]

    def readable(self, text: str) -> str:
        """Return the text with its tokens as the owner wrote them."""
        return self.pattern.sub(lambda token: str(self.slot(token)), text)

    def without(self, text: str) -> str:
        """Return the text without its tokens."""
        return self.pattern.sub("", text)


def _captured(value: Any, definition: Definition) -> Captured:
    if isinstance(value, Undefined):
        raise IssueError(
            f"{value._undefined_message[:1].upper()}{value._undefined_message[1:]}.",
            hint="Check the spelling; fields of the reader are written subscriber.NAME.",
            file=definition.file,
            line=definition.line,
        )
    try:
        return Captured(
            json.dumps(value, ensure_ascii=False, sort_keys=True, allow_nan=False), isinstance(value, Markup)
        )
    except (TypeError, ValueError) as error:
        raise IssueError(
            f"A {type(value).__name__} stands in one expression with the reader's data.",
            hint="Only text, numbers, lists and the like can. Turn it into text first: {% set shown = … %}",
            file=definition.file,
            line=definition.line,
        ) from error
