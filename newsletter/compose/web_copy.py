"""The pieces of an issue -> its page on the web: the same words and pictures, in plain HTML.

No template has a part in it, so an issue can be read on the web whatever its mail looks like.
"""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from newsletter.compose.slots import Slots
from newsletter.compose.splitting import html_residual, text_residual
from newsletter.model import WebCopy

__all__ = ["web_copy"]

#: What stands before an event's time and place, by language; English for others.
_WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "ar": ("الموعد", "المكان"),
    "de": ("Wann", "Wo"),
    "en": ("When", "Where"),
    "es": ("Cuándo", "Dónde"),
    "fr": ("Quand", "Où"),
    "he": ("מתי", "איפה"),
    "it": ("Quando", "Dove"),
    "nl": ("Wanneer", "Waar"),
    "pt": ("Quando", "Onde"),
}
#: How Markdown's tables say which way a cell leans; pages allow no style attributes.
_LEANING: Final = re.compile(r'(<t[dh]\b[^>]*) style="text-align: ?(left|right|center);?"')


def web_copy(issue: Mapping[str, Any], slots: Slots) -> WebCopy:
    """Return the web copy of an issue. issue: what templates know as ``issue``, its body included.

    Raises IssueError for a reader's field where none can stand.
    """
    base = str(issue["lang"]).partition("-")[0].lower()
    words = dict(zip(("when", "where"), _WORDS.get(base, _WORDS["en"]), strict=True))
    page = _template().render(issue=issue, words=words)
    return WebCopy(
        body=html_residual(_LEANING.sub(r'\1 align="\2"', page).strip(), slots),
        summary=text_residual(issue["preheader"], slots),
        author=issue["author"],
        tags=list(issue["tags"]),
        direction=issue["dir"],
    )


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("web_copy.html.j2")
