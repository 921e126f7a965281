"""The newsletter's colours on paper that is light or dark, so that every text can be read."""

from collections.abc import Mapping
from typing import Final

from newsletter.checks.colours import Colour, hexadecimal, read_colour, readable

__all__ = ["palette"]

_TEXT: Final = 4.5  # WCAG 2.2, 1.4.3
_WHITE: Final[Colour] = (1.0, 1.0, 1.0, 1.0)
#: The darkest ground of light pages and the lightest one of dark pages that texts stand on.
_GROUNDS: Final = {"light": "#f4ece0", "dark": "#25221f"}


def palette(brand: str, accent: str) -> Mapping[str, str]:
    """Return the colours of the style sheet, by name. brand, accent: six hex digits each.

    >>> palette("#24595c", "#ffffff")["button_text"]
    '#ffffff'
    """
    ours, second = read_colour(brand) or _WHITE, read_colour(accent) or _WHITE
    names = {"button": brand, "button_text": hexadecimal(readable(_WHITE, ours, _TEXT))}
    for scheme, ground in _GROUNDS.items():
        paper = read_colour(ground) or _WHITE
        names[f"link_{scheme}"] = hexadecimal(readable(ours, paper, _TEXT))
        names[f"accent_{scheme}"] = hexadecimal(readable(second, paper, _TEXT))
    return names
