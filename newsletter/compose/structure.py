"""MJML's own rules, which MRML does not check: it drops what it does not know, without a word.

The rules are those of npm's mjml, written into mjml.json by tests/compose/mjml_rules.js, less what MRML
gets wrong: that is refused here, with what to write instead, rather than sent.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

from lxml import etree

from newsletter.compose.mjml_types import AttributeType, attribute_type
from newsletter.compose.slots import ANY_TOKEN
from newsletter.errors import did_you_mean

__all__ = ["Flaw", "find_flaw"]

#: Elements that MRML does not know or builds wrongly.
_REFUSED: Final[Mapping[str, str]] = {
    "mj-include": 'Write {% include "shared/…" %}.',
    "mj-html-attributes": "Write the attributes where they belong.",
    "mj-selector": "Write the attributes where they belong.",
    "mj-html-attribute": "Write the attributes where they belong.",
}
#: Where MRML fails over mj-raw, or puts its content into a comment for Outlook.
_NO_RAW: Final = frozenset(
    {"mjml", "mj-wrapper", "mj-social", "mj-navbar", "mj-accordion", "mj-accordion-element"}
)
#: Attributes that MRML ignores or gets wrong: element, attribute, the wrong value ("" for any), what to do.
_REFUSED_ATTRIBUTES: Final = (
    ("mjml", "owa", "", "Leave it out; Outlook.com shows the phone's layout then."),
    ("mj-hero", "mode", "fluid-height", 'Write mode="fixed-height" and a height.'),
    ("mj-button", "title", "", "Leave it out; the text of the button says where it leads."),
    ("mj-image", "sizes", "", "Leave it out; mail programs pick from srcset by themselves."),
    ("mj-social-element", "sizes", "", "Leave it out; mail programs pick from srcset by themselves."),
    ("mj-social-element", "icon-position", "right", "Leave it out; the icon stands on the left."),
    ("mj-raw", "position", "", "Leave it out, and put what is inside into <mj-head> or <mj-body>."),
)
#: For all elements, and for those that npm's mjml has no component for.
_COMMON: Final = {"css-class": "string", "mj-class": "string"}
_MORE: Final[Mapping[str, Mapping[str, str]]] = {
    "mjml": {"lang": "string", "dir": "enum(ltr,rtl,auto)", "owa": "string"},
    "mj-class": {"name": "string"},
}
_DEFAULTS: Final = "mj-attributes"  #: the element whose children are defaults for other elements
_TAG: Final = re.compile(r"<(mj[\w-]*)(?=[\s/>])")


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong with a piece of MJML. line: in the text given, from 1. written: what the author wrote."""

    what: str
    hint: str
    line: int
    written: str


@dataclass(frozen=True)
class _Rules:
    """children: of each element, none for those that hold text. attributes: their types, of each element."""

    children: Mapping[str, frozenset[str]]
    attributes: Mapping[str, Mapping[str, str]]
    text: frozenset[str]
    colours: frozenset[str]


@cache
def _rules() -> _Rules:
    read: dict[str, Any] = json.loads((files("newsletter.compose") / "mjml.json").read_text("utf-8"))
    elements = {name: rule for name, rule in read["elements"].items() if name not in _REFUSED}
    children = {
        name: frozenset(rule["children"]) - _REFUSED.keys() - ({"mj-raw"} if name in _NO_RAW else set())
        for name, rule in elements.items()
    }
    attributes = {name: {**rule["attributes"], **_COMMON} for name, rule in elements.items()}
    for name, more in _MORE.items():
        attributes[name] = {**attributes.get(name, {}), **more}
    defaults = frozenset(elements) - {"mjml", "mj-head", _DEFAULTS}
    return _Rules(
        children={**children, _DEFAULTS: defaults | {"mj-all", "mj-class"}},
        attributes=attributes,
        text=frozenset(name for name, rule in elements.items() if rule.get("text")),
        colours=frozenset(read["colors"]),
    )


@cache
def _types(element: str, attribute: str) -> list[AttributeType]:
    """Return the types that an attribute has; for mj-all and mj-class, one for each other element."""
    rules = _rules()
    owners = [element] if element not in {"mj-all", "mj-class"} else [element, *rules.attributes]
    found = {rules.attributes.get(owner, {}).get(attribute) for owner in owners}
    return [attribute_type(written, rules.colours) for written in sorted(filter(None, found))]


@cache
def _known(element: str) -> frozenset[str]:
    """Return the attributes that an element may have."""
    rules = _rules()
    if element in {"mj-all", "mj-class"}:
        return frozenset({"name"}.union(*rules.attributes.values()))
    return frozenset(rules.attributes.get(element, ()))


def find_flaw(root: etree._Element, text: str) -> Flaw | None:
    """Return the first element, attribute or text that MJML would drop or get wrong, or None.

    text: what the tree was read from; comments and raw CSS blanked.
    """
    tags = _TAG.finditer(text)
    for element in root.iter(etree.Element):
        name = str(element.tag)
        tag = next(tags, None) if name.startswith("mj") else None
        for what, hint, written in _flaws(element, name):
            line = _line_in_tag(text, tag, written) if tag else element.sourceline or 1
            return Flaw(what, hint, int(str(line)), written)
    return None


_Found = tuple[str, str, str]  # what, hint, written


def _flaws(element: etree._Element, name: str) -> Iterator[_Found]:
    rules, above = _rules(), element.getparent()
    parent = str(above.tag) if above is not None else ""
    if not name.startswith("mj"):
        if parent in rules.children and parent not in rules.text:
            hint = f"Put it inside an <{'mj-raw' if parent in {'mjml', 'mj-head'} else 'mj-text'}>."
            yield f"<{name}> stands directly in <{parent}>.", hint, f"<{name}"
        return
    if name in _REFUSED:
        yield f"<{name}> is not supported here.", _REFUSED[name], f"<{name}"
    elif name not in rules.attributes and name != "mj-all":
        near = did_you_mean(name, {*rules.attributes, "mj-all"} - {"mj-class"})
        hint = "See the components in MJML's documentation."
        yield f"There is no MJML element <{name}>.{near}", hint, f"<{name}"
    elif parent and name not in rules.children.get(parent, frozenset()) and parent != "mj-class":
        holders = sorted(holder for holder, inside in rules.children.items() if name in inside)
        places = " or ".join(f"<{holder}>" for holder in holders if holder != _DEFAULTS) or f"<{_DEFAULTS}>"
        yield f"<{name}> stands in <{parent}>, where MJML drops it.", f"It belongs into {places}.", f"<{name}"
    elif parent == "mj-accordion-element" and _is_second(element):
        yield f"This is the second <{name}> of one <{parent}>.", f"Begin another <{parent}>.", f"<{name}"
    else:
        yield from _attribute_flaws(element, name, parent)
        if rules.children.get(name) or name == "mj-divider":
            yield from _stray_text(element, name)


def _is_second(element: etree._Element) -> bool:
    """Say whether an element like this one stands before it: MRML shows only one of them."""
    return next(element.itersiblings(str(element.tag), preceding=True), None) is not None


def _stray_text(element: etree._Element, name: str) -> Iterator[_Found]:
    for part in (element.text, *(child.tail for child in element)):
        bare = ANY_TOKEN.sub("", str(part or ""))
        if bare.strip():
            shown = " ".join(bare.split())[:30]
            yield f'"{shown}" stands directly in <{name}>.', "Put it inside an <mj-text>.", shown


def _attribute_flaws(element: etree._Element, name: str, parent: str) -> Iterator[_Found]:
    for attribute, value in ((str(key), str(value)) for key, value in element.items()):
        known, types = _known(name), _types(name, attribute)
        wrong = _refused_attribute(name, attribute, value)
        if parent == _DEFAULTS and name == "mj-accordion-element" and attribute.startswith("icon-"):
            wrong = "Write it on <mj-accordion> or on each <mj-accordion-element>."
        if wrong:
            yield f'{attribute}="{value}" of <{name}> does not work here.', wrong, f"{attribute}="
        elif attribute not in known:
            near = did_you_mean(attribute, known)
            hint = f"It has {', '.join(sorted(known - _COMMON.keys())[:12]) or 'none of its own'}."
            yield f"<{name}> has no attribute {attribute}.{near}", hint, f"{attribute}="
        elif types and not any(kind.accepts(value) for kind in types):
            kind = types[0]
            what = f'{attribute}="{value}" of <{name}> is not {kind.wanted}.{kind.near(value)}'
            yield what, f"Write {kind.wanted}.", value or f"{attribute}="


def _refused_attribute(name: str, attribute: str, value: str) -> str:
    """Return what to do instead of an attribute that does not work, or ""."""
    for owner, refused, wrong, instead in _REFUSED_ATTRIBUTES:
        if refused == attribute and owner in {name, *_if_class(name)} and wrong in {"", value}:
            return instead
    return ""


def _if_class(name: str) -> set[str]:
    """Return whose attributes an mj-class or mj-all may be meant for, where they work for nothing else."""
    return {"mj-hero"} if name in {"mj-all", "mj-class"} else set()


def _line_in_tag(text: str, tag: re.Match[str], written: str) -> int:
    """Return the line on which something in a start tag is written."""
    end = text.find(">", tag.end())
    at = text.find(written, tag.start(), end + 1 if end >= 0 else len(text))
    return text.count("\n", 0, at if at >= 0 else tag.start()) + 1
