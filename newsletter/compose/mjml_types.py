"""What may be in an attribute of MJML: a colour, a length, one of a few words.

The types are written as npm's mjml writes them: ``color``, ``unit(px,%){1,4}``, ``enum(left,center,right)``.
"""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from newsletter.errors import did_you_mean

__all__ = ["AttributeType", "attribute_type"]

_COLOUR: Final = re.compile(
    r"#(?:[0-9a-f]{3}){1,2}|rgb\(\s*\d{1,3}\s*(?:,\s*\d{1,3}\s*){2}\)"
    r"|rgba\(\s*\d{1,3}\s*(?:,\s*\d{1,3}\s*){2},\s*(?:0|1|[01]?\.\d+)\s*\)",
    re.IGNORECASE,
)
_CALL: Final = re.compile(r"(\w+)\(([^)]*)\)(?:\{(\d),(\d)\})?")


@dataclass(frozen=True, slots=True)
class AttributeType:
    """A type of attribute. wanted: in words, with an example. near: a suggestion for a wrong value, or ""."""

    wanted: str
    accepts: Callable[[str], bool]
    near: Callable[[str], str] = lambda value: ""


@lru_cache
def attribute_type(written: str, colours: Collection[str] = ()) -> AttributeType:
    """Return the type that npm's mjml writes like this. colours: the names of colours; lower case.

    >>> attribute_type("unit(px,%){1,4}").accepts("0 10px"), attribute_type("unit(px)").accepts("10%")
    (True, False)
    >>> attribute_type("enum(left,right)").near("lefft")
    ' Did you mean "left"?'
    """
    call = _CALL.fullmatch(written)
    options = call[2].split(",") if call else []
    match call[1] if call else written:
        case "color":
            return AttributeType(
                'a colour such as "#1a5f7a" or "white"',
                lambda value: bool(_COLOUR.fullmatch(value)) or value in colours,
                lambda value: "" if re.search(r"\d", value) else did_you_mean(value.lower(), colours),
            )
        case "boolean":
            return AttributeType('"true" or "false"', lambda value: value in {"true", "false"})
        case "integer":
            return AttributeType("a whole number", lambda value: bool(re.fullmatch(r"\d+", value)))
        case "enum":
            words = ", ".join(f'"{option}"' for option in options if option)
            return AttributeType(
                f"one of {words}", lambda value: value in options, lambda value: did_you_mean(value, options)
            )
        case "unit" | "unitWithNegative" as name:
            most = int(call[4]) if call and call[4] else 1
            return _length(options, most, negative=name != "unit")
        case _:
            return AttributeType("text", lambda value: True)


def _length(units: Collection[str], most: int, *, negative: bool) -> AttributeType:
    """Return the type of one to ``most`` lengths in these units; "" is a bare number, "auto" a word."""
    number = rf"{'-?' if negative else ''}(?:\d+(?:\.\d+)?|\.\d+)"
    unit = "|".join(re.escape(unit) for unit in units if unit != "auto")
    one = rf"(?:{number}(?:{unit})|0{'|auto' if 'auto' in units else ''})"
    pattern = re.compile(rf"{one}(?: +{one}){{0,{most - 1}}} ?")
    shown = " or ".join(f'"10{unit}"' if unit != "auto" else '"auto"' for unit in units)
    return AttributeType(
        f"a length such as {shown}" + (f", or up to {most} of them" if most > 1 else ""),
        lambda value: bool(pattern.fullmatch(value)),
        lambda value: f' Did you mean "{value}px"?' if re.fullmatch(number, value) and "px" in units else "",
    )
