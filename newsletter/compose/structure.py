"""MJML's own rules, which MRML does not check: it drops what it does not know, without a word."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from lxml import etree

from newsletter.errors import did_you_mean

__all__ = ["Flaw", "find_flaw"]

_SECTION_LIKE: Final = "mj-section mj-wrapper mj-hero mj-raw"
_IN_COLUMN: Final = (
    "mj-accordion mj-button mj-carousel mj-divider mj-image mj-navbar mj-raw mj-social mj-spacer mj-table"
    " mj-text"
)
#: Which MJML elements may stand directly in which. Elements that are not listed take no MJML inside.
_CHILDREN: Final[Mapping[str, frozenset[str]]] = {
    name: frozenset(children.split())
    for name, children in {
        "mjml": "mj-head mj-body mj-raw",
        "mj-head": "mj-attributes mj-breakpoint mj-font mj-preview mj-raw mj-style mj-title",
        "mj-body": _SECTION_LIKE,
        "mj-wrapper": "mj-section mj-hero mj-raw",
        "mj-section": "mj-column mj-group mj-raw",
        "mj-group": "mj-column mj-raw",
        "mj-column": _IN_COLUMN,
        "mj-hero": _IN_COLUMN,
        "mj-accordion": "mj-accordion-element mj-raw",
        "mj-accordion-element": "mj-accordion-title mj-accordion-text mj-raw",
        "mj-carousel": "mj-carousel-image",
        "mj-navbar": "mj-navbar-link mj-raw",
        "mj-social": "mj-social-element mj-raw",
    }.items()
}
_KNOWN: Final = frozenset(_CHILDREN).union(
    *_CHILDREN.values(), ("mj-all", "mj-class", "mj-include", "mj-html-attributes", "mj-selector")
)
_REFUSED: Final[Mapping[str, str]] = {
    "mj-include": 'Write {% include "shared/…" %}.',
    "mj-html-attributes": "Write the attributes where they belong.",
    "mj-selector": "Write the attributes where they belong.",
}


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong with a piece of MJML. line: in the text given, from 1."""

    what: str
    hint: str
    line: int


def find_flaw(root: etree._Element) -> Flaw | None:
    """Return the first element that MJML would drop or get wrong, or None."""
    return next(_flaws(root), None)


def _flaws(root: etree._Element) -> Iterator[Flaw]:
    for element in root.iter(etree.Element):
        name, above = str(element.tag), element.getparent()
        parent = str(above.tag) if above is not None else ""
        if not name.startswith("mj"):
            if parent in _CHILDREN and parent not in {"mjml", "mj-head"} and parent != "mj-accordion":
                yield Flaw(
                    f"<{name}> stands directly in <{parent}>.", "Put it inside an <mj-text>.", _line(element)
                )
            continue
        if name in _REFUSED:
            yield Flaw(f"<{name}> is not supported here.", _REFUSED[name], _line(element))
        if name not in _KNOWN:
            yield Flaw(
                f"There is no MJML element <{name}>.{did_you_mean(name, _KNOWN)}",
                "See the components in MJML's documentation.",
                _line(element),
            )
        elif parent and "mj-attributes" not in {parent, *map(_tag, element.iterancestors())}:
            allowed = _CHILDREN.get(parent, frozenset())
            if name not in allowed and parent != "mj-raw":
                places = sorted(holder for holder, children in _CHILDREN.items() if name in children)
                yield Flaw(
                    f"<{name}> stands in <{parent}>, where MJML drops it.",
                    f"It belongs into {' or '.join(f'<{place}>' for place in places)}.",
                    _line(element),
                )


def _tag(element: etree._Element) -> str:
    return str(element.tag)


def _line(element: etree._Element) -> int:
    return int(str(element.sourceline or 1))
