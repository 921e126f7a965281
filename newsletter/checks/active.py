"""Scripts, forms and frames: mail programs take them out, and filters count them against the sender."""

from collections.abc import Iterator
from typing import Final

from lxml.html import HtmlElement

from newsletter.checks.places import Places
from newsletter.checks.rules import Rule
from newsletter.model import Finding, Level

__all__ = ["check"]

ACTIVE: Final = Rule("active-content", Level.ERROR)

_TAGS: Final = (
    "script",
    "iframe",
    "frame",
    "object",
    "embed",
    "applet",
    "form",
    "input",
    "button",
    "video",
    "audio",
)


def check(page: HtmlElement, places: Places) -> Iterator[Finding]:
    """Look for elements that do something, and for attributes that run a script."""
    for element in page.iter():
        if not isinstance(element.tag, str):
            continue
        handlers = [name for name in element.attrib if name.lower().startswith("on")]
        if element.tag in _TAGS or handlers:
            found = f"<{element.tag}>" if element.tag in _TAGS else handlers[0]
            yield ACTIVE(
                places.snippet(found.rstrip(">")),
                f"{found} does not work in mail.",
                "Take it out, and link to a page on the web that has it.",
            )
