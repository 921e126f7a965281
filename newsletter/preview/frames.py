"""A mail's HTML as a frame of our pages shows it: in light or dark, with its pictures or without.

The frame cannot run scripts, whatever the HTML holds; that is the business of the pages' policies.
"""

import base64
import re
from collections.abc import Sequence
from typing import Final

from newsletter.model import Image

__all__ = ["as_in", "with_pictures", "without_pictures"]

#: A picture that is not loaded: its outline and its alt text. "!important" because the mail has a style too.
_OFF: Final = (
    "<style>img { outline: 1px dashed #8a8178; outline-offset: -1px; min-height: 32px; "
    "background: rgba(128, 120, 110, .14); font: 15px/20px Arial, sans-serif !important; color: #5c544b } "
    "@media (prefers-color-scheme: dark) { img { color: #c9bfb2 } }</style>"
)
#: A phone's scroll bar takes no width.
_NARROW: Final = "<style>@media (max-width: 480px) { html { scrollbar-width: none } }</style>"


def as_in(html: str, *, dark: bool) -> str:
    """Return the HTML as a mail program in dark or in light mode would apply its media queries.

    A page cannot tell a frame which scheme its reader prefers, so the query itself is answered here.
    """
    for scheme, on in (("dark", dark), ("light", not dark)):
        answer = "(min-width: 0)" if on else "(max-width: 0)"
        html = re.sub(rf"\(\s*prefers-color-scheme\s*:\s*{scheme}\s*\)", answer, html, flags=re.IGNORECASE)
    scheme = "dark" if dark else "light"
    return _into_head(
        html, f'<base target="_blank"><style>:root {{ color-scheme: {scheme} !important }}</style>{_NARROW}'
    )


def with_pictures(html: str, images: Sequence[Image]) -> str:
    """Return the HTML with the pictures that travel with it as data: addresses."""
    for image in images:
        encoded = base64.b64encode(image.data).decode("ascii")
        html = html.replace(f"cid:{image.cid}", f"data:{image.content_type};base64,{encoded}")
    return html


def without_pictures(html: str) -> str:
    """Return the HTML with outlines and alt texts for the pictures that travel with it.

    Those on the web are kept away by the page's policy.
    """
    return _into_head(re.sub(r"cid:[^\s\"'<>)]+", "data:,", html), _OFF)


def _into_head(html: str, what: str) -> str:
    placed, count = re.subn(
        r"(<head\b[^>]*>)", lambda found: found[1] + what, html, count=1, flags=re.IGNORECASE
    )
    return placed if count else what + html
