"""Colours: read from CSS, laid over one another, and compared as WCAG 2.2 does (1.4.3, "contrast ratio")."""

import functools
from collections.abc import Mapping
from typing import Final

import tinycss2
from tinycss2.color4 import parse_color

__all__ = [
    "Colour",
    "background",
    "contrast",
    "hexadecimal",
    "laid_over",
    "palette",
    "read_colour",
    "readable",
]

#: Red, green, blue and opacity, each from 0 to 1, in sRGB.
Colour = tuple[float, float, float, float]

_TEXT: Final = 4.5  # WCAG 2.2, 1.4.3
_WHITE: Final[Colour] = (1.0, 1.0, 1.0, 1.0)
#: The darkest ground of light web pages and the lightest one of dark ones that texts stand on.
_GROUNDS: Final = {"light": "#f4ece0", "dark": "#332e29"}


@functools.lru_cache(maxsize=1024)
def read_colour(text: str) -> Colour | None:
    """Return a CSS colour, None if it is not one that can be told from the text alone.

    >>> read_colour("#fff"), read_colour("inherit")
    ((1.0, 1.0, 1.0, 1.0), None)
    """
    try:
        parsed = parse_color(text)
        if parsed is None or isinstance(parsed, str):  # "currentcolor"
            return None
        red, green, blue = (0.0 if part is None else float(part) for part in parsed.to("srgb").coordinates)
    except (ValueError, NotImplementedError):
        return None
    return (_unit(red), _unit(green), _unit(blue), _unit(float(parsed.alpha)))


@functools.lru_cache(maxsize=1024)
def background(text: str) -> tuple[Colour | None, bool]:
    """Return what a ``background`` shorthand paints: its colour if any, and whether there is a picture."""
    colour, picture = None, False
    for token in tinycss2.parse_component_value_list(text):
        picture = picture or token.type == "url" or (token.type == "function" and _paints(token.lower_name))
        if token.type in {"hash", "ident", "function"} and colour is None:
            colour = read_colour(token.serialize())
    return colour, picture


def laid_over(top: Colour, below: Colour) -> Colour:
    """Return what is seen when a colour lies over an opaque one."""
    alpha = top[3]
    red, green, blue = (top[at] * alpha + below[at] * (1 - alpha) for at in range(3))
    return (red, green, blue, 1.0)


def contrast(one: Colour, other: Colour) -> float:
    """Return the contrast ratio of two opaque colours, from 1 to 21.

    >>> contrast((0, 0, 0, 1), (1, 1, 1, 1))
    21.0
    """
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def readable(ink: Colour, paper: Colour, ratio: float) -> Colour:
    """Return the colour nearest to ink, darker or lighter, that has the contrast with paper."""
    ends: tuple[Colour, Colour] = ((0.0, 0.0, 0.0, 1.0), (1.0, 1.0, 1.0, 1.0))
    end = max(ends, key=lambda colour: contrast(colour, paper))
    for step in range(1, 21):
        mixed = laid_over((*end[:3], step / 20), ink)
        rounded = read_colour(hexadecimal(mixed)) or mixed
        if contrast(rounded, paper) >= ratio:
            return rounded
    return end


def hexadecimal(colour: Colour) -> str:
    """Return a colour as owners write it: ``#2f5d62``."""
    return "#" + "".join(f"{round(part * 255):02x}" for part in colour[:3])


def palette(brand: str, accent: str) -> Mapping[str, str]:
    """Return the colours of web pages, by name: each text can be read on paper that is light or dark.

    brand, accent: six hex digits each.

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


def _paints(function: str) -> bool:
    return function == "url" or function.endswith("gradient") or function.startswith("image")


def _unit(part: float) -> float:
    return min(max(part, 0.0), 1.0)


def _luminance(colour: Colour) -> float:
    """Return the relative luminance (WCAG 2.2, definitions)."""
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour[:3]
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
