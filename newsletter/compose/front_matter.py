"""The YAML between the ``---`` lines of an issue, with the line of every key.

Read as nodes, not as values: a node knows its line, and ``title: 2026`` can be told from ``title: "2026"``.
"""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, NoReturn

import yaml

from newsletter.errors import IssueError, did_you_mean

__all__ = ["KEYS", "FrontMatter", "read_front_matter"]

#: The keys that have a meaning, and what their values are.
KEYS: Final[Mapping[str, str]] = {
    "title": "text",
    "subject": "text",
    "preheader": "text",
    "template": "text",
    "segment": "text",
    "hero": "a mapping with image, alt, caption and href",
    "send_at": "a date and time such as 2026-11-30 09:00",
    "author": "text",
    "tags": "a list of words, such as [families, rhythm]",
    "language": "a language such as en or pt-BR",
    "dir": "ltr or rtl",
    "public": "true or false",
}
HERO_KEYS: Final = ("image", "alt", "caption", "href")
#: Names that ``issue`` has of its own in templates.
_TAKEN: Final = frozenset(
    {"slug", "date", "month", "lang", "lead", "lead_text", "sections", "text", "body", "image", "html"}
)
_TAG: Final = "tag:yaml.org,2002:"
_KINDS: Final = {
    "null": "nothing", "int": "a number", "float": "a number", "bool": "true or false", "timestamp": "a date",
    "seq": "a list", "map": "a mapping", "str": "text",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """Checked values and where they are. known: by key of KEYS; free: all other keys, JSON values.

    lines: the line of each key in the file; hero's keys as ``hero.alt``.
    """

    known: Mapping[str, Any]
    free: Mapping[str, Any]
    lines: Mapping[str, int]


def read_front_matter(source: str, file: str) -> FrontMatter:
    """Return what the YAML says; it begins on the file's second line. Raises IssueError at the line."""
    return _Reader(file).read(source)


class _Loader(yaml.SafeLoader):
    """YAML without aliases: nine lines of them can stand for a billion values."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Return a node; yaml calls this."""
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(problem="an alias (*name) is not available here", problem_mark=mark)
        return super().compose_node(parent, index)


class _Reader:
    def __init__(self, file: str) -> None:
        self._file = file
        self._lines: dict[str, int] = {}

    def read(self, source: str) -> FrontMatter:
        try:
            root = yaml.compose(source, Loader=_Loader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            raise IssueError(
                f"The front matter is not valid YAML: {error.problem or error.context}.",
                hint='Write key: value, one a line. Put text with a colon in quotes: title: "One: two".',
                file=self._file,
                line=mark.line + 2 if mark else None,
            ) from error
        except (yaml.YAMLError, RecursionError) as error:
            raise IssueError(
                f"The front matter is not valid YAML: {str(error).splitlines()[0]}.",
                hint="Delete characters that cannot be seen.",
                file=self._file,
            ) from error
        if root is None or not isinstance(root, yaml.MappingNode):
            self._fail("The front matter has no keys.", "Write at least title: …", 2)
        known: dict[str, Any] = {}
        free: dict[str, Any] = {}
        for key, value in self._pairs(root, ""):
            if key in KEYS:
                known[key] = self._known(key, value)
            else:
                self._check_name(key)
                free[key] = self._plain(value)
        return FrontMatter(known, free, self._lines)

    def _pairs(self, node: yaml.MappingNode, prefix: str) -> list[tuple[str, yaml.Node]]:
        pairs: list[tuple[str, yaml.Node]] = []
        for key, value in node.value:
            line = key.start_mark.line + 2
            if not isinstance(key, yaml.ScalarNode):
                self._fail("A key is not a word.", "Write key: value.", line)
            name = prefix + key.value
            if name in self._lines:
                self._fail(
                    f"{name} is given twice.", f"The first is in line {self._lines[name]}. Delete one.", line
                )
            self._lines[name] = line
            pairs.append((key.value, value))
        return pairs

    def _known(self, key: str, node: yaml.Node) -> Any:
        kind = node.tag.removeprefix(_TAG)
        if kind == "null":
            return None
        if key == "hero":
            return self._hero(node)
        if key == "public":
            if kind != "bool":
                self._wrong(key, repr(node.value) if kind == "str" else _KINDS.get(kind, "something else"))
            return node.value.lower() in {"true", "yes", "on"}
        if key == "tags":
            items = node.value if isinstance(node, yaml.SequenceNode) else [node]
            return [self._text(key, item) for item in items]
        text = self._text(key, node, also="timestamp" if key == "send_at" else "str")
        if key == "dir" and text not in {"ltr", "rtl"}:
            self._wrong(key, repr(text))
        return text

    def _hero(self, node: yaml.Node) -> dict[str, str]:
        if not isinstance(node, yaml.MappingNode):
            self._wrong("hero", _KINDS.get(node.tag.removeprefix(_TAG), "something else"))
        hero: dict[str, str] = {}
        for key, value in self._pairs(node, "hero."):
            if key not in HERO_KEYS:
                near = did_you_mean(key, HERO_KEYS)
                hint = f"Keys of hero: {', '.join(HERO_KEYS)}."
                self._fail(f"hero has no key {key}.{near}", hint, self._lines[f"hero.{key}"])
            if value.tag != f"{_TAG}null":
                hero[key] = self._text(f"hero.{key}", value)
        if not hero.get("image"):
            self._fail("hero has no image.", "Add image: pictures/….jpg below hero.", self._lines["hero"])
        return hero

    def _text(self, key: str, node: yaml.Node, also: str = "str") -> str:
        kind = node.tag.removeprefix(_TAG)
        if not isinstance(node, yaml.ScalarNode) or kind not in {"str", also}:
            self._wrong(key, _KINDS.get(kind, "something else"), node.start_mark.line + 2)
        return str(node.value)

    def _check_name(self, key: str) -> None:
        line = self._lines[key]
        if key in _TAKEN:
            near = {"lang": ' Did you mean "language"?', "image": ' Did you mean "hero"?'}.get(key, "")
            self._fail(
                f"{key} is a name that templates use for something else.{near}", "Choose another name.", line
            )
        # a free key may look a little like a known one; a slip of the finger looks like it very much
        if difflib.get_close_matches(key, KEYS, n=1, cutoff=0.8):
            self._fail(f"There is no key {key}.{did_you_mean(key, KEYS)}", f"Keys: {', '.join(KEYS)}.", line)
        if not key.isidentifier():
            self._fail(
                f"{key!r} cannot be used in a template.",
                "Use letters, digits and _ in the names of keys.",
                line,
            )

    def _plain(self, node: yaml.Node) -> Any:
        """Return a free key's value; dates become text, as they would in JSON."""
        try:
            value = yaml.constructor.SafeConstructor().construct_document(node)
        except yaml.MarkedYAMLError as error:
            self._fail(
                f"The value cannot be read: {error.problem}.",
                "Write it as text, in quotes.",
                node.start_mark.line + 2,
            )
        return _json(value)

    def _wrong(self, key: str, found: str, line: int | None = None) -> NoReturn:
        wanted = KEYS.get(key, "text")
        example = ' Put it in quotes: "…".' if wanted == "text" and found != "a list" else ""
        self._fail(f"{key} is {found}, not {wanted}.", f"Write {wanted}.{example}", line or self._lines[key])

    def _fail(self, message: str, hint: str, line: int) -> NoReturn:
        raise IssueError(message, hint=hint, file=self._file, line=line)


def _json(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _json(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_json(item) for item in value]
    if isinstance(value, set):
        return sorted(str(item) for item in value)
    if isinstance(value, date | datetime):
        return value.isoformat()
    return value if isinstance(value, str | int | float | bool | None) else str(value)
