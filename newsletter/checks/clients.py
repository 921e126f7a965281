"""What the owner's own HTML and CSS uses, and which mail programs do not know it (data: caniemail.com).

Only what the owner wrote into the issue is looked at. What MJML and the templates write is made for old
programs, with other ways beside it, and would only be noise.
"""

import functools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from importlib import resources
from typing import Any, Final

import tinycss2

from newsletter.checks.places import Places
from newsletter.checks.rules import Rule
from newsletter.compose.images import Picture, is_remote
from newsletter.model import Finding, Level

__all__ = ["check"]

UNKNOWN: Final = Rule("mail-program", Level.NOTE)

#: Not Markdown or HTML to the reader: code, comments, and what Jinja takes out.
_HIDDEN: Final = re.compile(
    r"^ {0,3}(```|~~~).*?^ {0,3}\1|`[^`\n]+`|<!--.*?-->|\{%.*?%\}|\{\{.*?\}\}|\{#.*?#\}",
    re.DOTALL | re.MULTILINE,
)
#: Without these nothing is lost: a hint to screen readers, or a link that opens in the same window.
_HARMLESS: Final = frozenset(
    {"html-role", "html-lang", "html-target", "html-loading-attribute", "html-dir", "html-semantics"}
)
_MORE: Final = 6  # features named for one program; more are counted


@dataclass(frozen=True, slots=True)
class _Data:
    """clients: (family, platform); features: those known by a mark, such as ``property:gap``."""

    clients: Sequence[tuple[str, str]]
    features: Mapping[str, Sequence[Mapping[str, Any]]]


@functools.cache
def _data() -> _Data:
    text = resources.files("newsletter.checks.caniemail").joinpath("caniemail.json").read_text("utf-8")
    read = json.loads(text)
    features: dict[str, list[Mapping[str, Any]]] = {}
    for feature in read["features"]:
        if feature["slug"] not in _HARMLESS and not feature["slug"].startswith("html-aria"):
            for mark in feature["marks"]:
                features.setdefault(mark, []).append(feature)
    return _Data([(family, platform) for family, platform in read["clients"]], features)


def check(places: Places, pictures: Sequence[Picture]) -> Iterator[Finding]:
    """Name, for each family of mail programs, what it does not show."""
    file = places.file
    reader = _Reader(file.body_line)
    reader.feed(_HIDDEN.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), file.body))
    reader.close()
    uses = dict(reader.found)
    for picture in pictures:
        if is_remote(picture.source):
            ending = picture.source.partition("?")[0].rpartition(".")[2].lower()
            uses.setdefault(f"ending:{ending}", picture.line or file.body_line)
    data = _data()
    missing: dict[str, list[tuple[int, str]]] = {}
    for mark, line in uses.items():
        for feature in data.features.get(mark, ()):
            for family, shown in _without(feature, data.clients).items():
                missing.setdefault(family, []).append((line, f"{feature['title']}{shown}"))
    for family in dict.fromkeys(family for family, _ in data.clients):
        if family in missing:
            yield _finding(family, missing[family], places)


def _without(feature: Mapping[str, Any], clients: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Return the families that do not know a feature; the value names the platforms if they are not all."""
    gaps: dict[str, list[str]] = {}
    counts: dict[str, int] = {}
    for (family, platform), letter in zip(clients, feature["support"], strict=True):
        counts[family] = counts.get(family, 0) + 1
        if letter == "n":
            gaps.setdefault(family, []).append(platform)
    return {
        family: "" if len(platforms) == counts[family] else f" (on {', '.join(platforms)})"
        for family, platforms in gaps.items()
    }


def _finding(family: str, missing: Sequence[tuple[int, str]], places: Places) -> Finding:
    ordered = sorted(set(missing))
    shown = "; ".join(f"{title}, line {line}" for line, title in ordered[:_MORE])
    more = f"; and {len(ordered) - _MORE} more" if len(ordered) > _MORE else ""
    return UNKNOWN(
        places.at(ordered[0][0]),
        f"{family} does not know {shown}{more}.",
        "See that the letter reads well without it: https://www.caniemail.com",
    )


@dataclass
class _Reader(HTMLParser):
    """Collects the marks of what is used, each with the first line in the issue file."""

    body_line: int
    found: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=False)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag, its attributes and its style."""
        values = dict(attrs)
        self._note(f"tag:{tag}")
        if kind := values.get("type"):
            self._note(f"tag:{tag}[type={kind.lower()}]")
        for name in values:
            self._note(f"attribute:{name}")
        for declaration in tinycss2.parse_blocks_contents(
            values.get("style") or "", skip_comments=True, skip_whitespace=True
        ):
            if declaration.type == "declaration":
                self._note(f"property:{declaration.lower_name}")
                value = tinycss2.serialize(declaration.value).strip().lower()
                self._note(f"value:{declaration.lower_name}:{value}")
                self._values(declaration.value)

    def _values(self, tokens: Sequence[Any]) -> None:
        for token in tokens:
            if token.type == "dimension":
                self._note(f"unit:{token.lower_unit}")
            elif token.type == "function":
                self._note(f"function:{token.lower_name}")
                self._values(token.arguments)

    def _note(self, mark: str) -> None:
        self.found.setdefault(mark, self.body_line + self.getpos()[0] - 1)
