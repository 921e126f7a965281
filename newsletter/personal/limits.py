"""How large one value may become in a template: a slip, or a person's odd data, must not cost the machine.

Jinja's sandbox keeps templates away from Python, but not from ``'x' * 10**9``. Whatever can become large at
once - repeating, padding, formatting, joining, replacing - is measured here before it is done. What grows
step by step is counted by ``newsletter.compose.budget``, when an issue is compiled.
"""

import functools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

__all__ = [
    "MANY",
    "MEASURED",
    "MOST_TEXT",
    "OPERATORS",
    "TEXT",
    "TooMuch",
    "allow",
    "check_call",
    "check_filter",
    "check_operator",
    "check_shown",
    "first_argument",
    "measured",
]

#: One value; characters, eight of them for each item of a list.
MOST_TEXT: Final = 500_000
#: The number of spaces, items or digits that a filter or method may be asked for.
MOST_ASKED: Final = 100_000
_MOST_BITS: Final = 100_000  #: of a whole number

#: Operators whose results can be much larger than what they work on.
OPERATORS: Final = frozenset({"+", "*", "**", "%"})
_NUMBERED_FILTERS: Final = frozenset(
    {"batch", "center", "indent", "round", "slice", "tojson", "truncate", "urlize", "wordwrap"}
)
#: Filters whose results can be.
MEASURED: Final = _NUMBERED_FILTERS | {"format", "join", "pprint", "replace", "string", "sum"}
_NUMBERED_METHODS: Final = frozenset({"center", "expandtabs", "ljust", "rjust", "zfill"})
_REFUSED_METHODS: Final = frozenset({"translate", "to_bytes", "from_bytes"})
#: A width or precision that is computed or has more than four digits: ``%*d``, ``{:99999}``.
_WIDE_PERCENT: Final = re.compile(r"%(?:\([^)]*\))?[-#0 +]*(?:\*|\d{5,}|\d*\.(?:\*|\d{5,}))")
_WIDE_BRACES: Final = re.compile(r"\{[^{}]*(?:\{|\d{5,})")

#: Types, as tuples, which are quicker to ask about than unions.
TEXT: Final = (str, bytes)
MANY: Final = (list, tuple, dict, set, frozenset)


class TooMuch(Exception):  # noqa: N818 (compose makes an IssueError of it, and filling nothing)
    """A template makes more than the limits allow. The message says what, without an end mark."""


def allow(size: int) -> None:
    """Raise TooMuch if one value of this size is too large."""
    if size > MOST_TEXT:
        raise TooMuch(f"A value of more than {MOST_TEXT:,} characters would be made")


def check_shown(value: Any) -> Any:
    """Return a value that is about to be written as text. Raises TooMuch if the text would be too large."""
    if isinstance(value, MANY):
        allow(_weight(value))
    return value


def check_operator(operator: str, left: Any, right: Any) -> None:
    """Raise TooMuch if the result of ``left operator right`` would be too large."""
    if operator == "**" and isinstance(left, int) and isinstance(right, int):
        if right > 0 and left.bit_length() * right > _MOST_BITS:
            raise TooMuch("A power would be too large")
    elif operator == "*":
        for many, times in ((left, right), (right, left)):
            if isinstance(times, int) and isinstance(many, (*TEXT, list, tuple)):
                allow(_shallow(many) * max(times, 0))
        numbers = isinstance(left, int) and isinstance(right, int)
        if numbers and left.bit_length() + right.bit_length() > _MOST_BITS:
            raise TooMuch("A product would be too large")
    elif operator == "+":
        allow(_shallow(left) + _shallow(right))
    elif operator == "%" and isinstance(left, str):
        _check_format(left, right if isinstance(right, tuple) else (right,), _WIDE_PERCENT)


def check_filter(name: str, value: Any, arguments: Sequence[Any], named: Mapping[str, Any]) -> Any:
    """Return the value, to be given to a filter. Raises TooMuch if the result would be too large."""
    value = check_shown(value)
    given = [*arguments, *named.values()]
    if name in _NUMBERED_FILTERS:
        _check_asked(given)
    match name:
        case "format":
            _check_format(str(value), given, _WIDE_PERCENT)
        case "join":
            value = list(value) if isinstance(value, Iterator) else value
            sizes = [len(item) if isinstance(item, str) else 100 for item in value]
            allow(sum(sizes) + _longest(given) * len(sizes))
        case "replace":
            _check_replace(str(value), given)
        case "indent":
            width = given[0] if given else 0
            lines = str(value).count("\n") + 1
            allow(lines * (len(width) if isinstance(width, str) else int(width)) + len(str(value)))
        case "wordwrap" | "urlize" | "truncate":
            allow((len(str(value)) + 1) * max(1, _longest(given)))
        case "sum" if any(not isinstance(item, int | float | str) for item in given):
            raise TooMuch("sum begins with something that is no number")
    return value


def measured(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a filter that raises TooMuch before its result would be too large."""
    before = first_argument(function)

    @functools.wraps(function)
    def checked(*arguments: Any, **named: Any) -> Any:
        value = check_filter(name, arguments[before], arguments[before + 1 :], named)
        return function(*arguments[:before], value, *arguments[before + 1 :], **named)

    return checked


def first_argument(function: Callable[..., Any]) -> int:
    """Return the position of a filter's value: Jinja gives some their context or environment first."""
    return int(hasattr(function, "jinja_pass_arg"))


def check_call(function: Any, arguments: Sequence[Any], named: Mapping[str, Any]) -> Sequence[Any]:
    """Return the arguments, to be given to a function or method.

    Raises TooMuch if the result of a method of a text or a number would be too large.
    """
    method = getattr(function, "__wrapped__", function)  # the sandbox wraps format
    holder, name = getattr(method, "__self__", None), getattr(method, "__name__", "")
    if not isinstance(holder, (*TEXT, int)):
        return arguments
    given = [*arguments, *named.values()]
    if name in _REFUSED_METHODS:
        raise TooMuch(f"{name}() is not available here")
    if name in _NUMBERED_METHODS:
        _check_asked(given)
    if isinstance(holder, str):
        match name:
            case "expandtabs":
                allow(len(holder) * max([8, *(item for item in given if isinstance(item, int))]))
            case "format" | "format_map":
                _check_format(holder.replace("{{", ""), given, _WIDE_BRACES)
            case "join":
                arguments = [list(argument) for argument in arguments]
                items = [item for argument in arguments for item in argument]
                allow(sum(map(_shallow, items)) + len(holder) * len(items))
            case "replace":
                _check_replace(holder, given)
    return arguments


def _check_replace(text: str, given: Sequence[Any]) -> None:
    if len(given) > 1:
        old, new = str(given[0]), str(given[1])
        allow(len(text) + text.count(old) * len(new))


def _check_format(pattern: str, given: Sequence[Any], wide: re.Pattern[str]) -> None:
    if wide.search(pattern):
        raise TooMuch("A format asks for a width that is computed or has more than four digits")
    for value in given:
        check_shown(value)
    longest = max((_weight(value) for value in given), default=0)
    allow(len(pattern) + (pattern.count("%") + pattern.count("{")) * longest)


def _check_asked(given: Sequence[Any]) -> None:
    if any(isinstance(item, int) and abs(item) > MOST_ASKED for item in given):
        raise TooMuch(f"A filter or method is given a number over {MOST_ASKED:,}")


def _longest(given: Sequence[Any]) -> int:
    return max((len(item) for item in given if isinstance(item, str)), default=0)


def _shallow(value: Any) -> int:
    """Return the size of a text, or of a list without what its items hold; 0 for a number."""
    if isinstance(value, TEXT):
        return len(value)
    return 8 * len(value) if isinstance(value, MANY) else 0


def _weight(value: Any) -> int:
    """Return about how long a value is as text; it stops counting once that is too long."""
    total, left = 0, [value]
    while left and total <= MOST_TEXT:
        item = left.pop()
        total += len(item) + 2 if isinstance(item, TEXT) else 8
        if isinstance(item, Mapping):
            left += [*item.keys(), *item.values()]
        elif isinstance(item, MANY):
            left += item
    return total
