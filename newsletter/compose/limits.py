"""How much a template may make: an owner's slip must cost an error message, not the machine.

Jinja's sandbox keeps templates away from Python, but not from ``'x' * 10**9``. Whatever can become large at
once (repeating, padding, formatting, joining, replacing) is measured before it is done; whatever grows step
by step (loops, macros, outputs) is counted. README of the numbers: docs/templates.md, "Limits".
"""

import contextlib
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

__all__ = ["MOST_SOURCE", "MOST_TEXT", "Budget", "TooMuch"]

#: A template file, an issue file; characters.
MOST_SOURCE: Final = 300_000
#: One value, and each text that comes out of a template; characters, or eighths of a list's items.
MOST_TEXT: Final = 1_000_000
#: All that is made in one compile, what is thrown away included; characters.
MOST_MADE: Final = 32_000_000
#: Rounds of loops and calls of macros in one compile.
MOST_STEPS: Final = 1_000_000
#: Processor time of all templates in one compile.
MOST_SECONDS: Final = 2.0
#: The number of spaces, items or digits that a filter or method is asked for.
MOST_ASKED: Final = 100_000
_MOST_BITS: Final = 100_000  #: of a whole number

_NUMBERED_FILTERS: Final = frozenset(
    {"batch", "center", "indent", "round", "slice", "tojson", "truncate", "urlize", "wordwrap"}
)
_NUMBERED_METHODS: Final = frozenset({"center", "expandtabs", "ljust", "rjust", "zfill"})
_REFUSED_METHODS: Final = frozenset({"translate", "to_bytes", "from_bytes"})
#: A width or precision that is computed or has more than four digits: ``%*d``, ``{:99999}``.
_WIDE_PERCENT: Final = re.compile(r"%(?:\([^)]*\))?[-#0 +]*(?:\*|\d{5,}|\d*\.(?:\*|\d{5,}))")
_WIDE_BRACES: Final = re.compile(r"\{[^{}]*(?:\{|\d{5,})")

#: As tuples, which are quicker to ask about than unions.
_TEXT: Final = (str, bytes)
_MANY: Final = (list, tuple, dict, set, frozenset)


class TooMuch(Exception):  # noqa: N818 (templates.py makes an IssueError of it)
    """A template makes more than the limits allow. The message says what, without an end mark."""


class Budget:
    """What the templates of one compile have used so far. Not for several threads."""

    def __init__(self, clock: Callable[[], float] = time.thread_time) -> None:
        """clock: processor time in seconds, so that a busy machine is nobody's mistake."""
        self._clock, self._spent, self._began = clock, 0.0, 0.0
        self._steps, self._made = 0, 0

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Count the time of what is done inside."""
        self._began = self._clock() - self._spent
        try:
            yield
        finally:
            self._spent = self._clock() - self._began

    def tick(self, size: int = 0) -> None:
        """Count one round of a loop, or one call. size: the literal text in it. Raises TooMuch."""
        self._steps += 1
        self._made += size
        if self._made > MOST_MADE:
            raise TooMuch(f"It makes more than {MOST_MADE:,} characters in all")
        if self._steps & 0xF == 0:
            self._look()

    def _look(self) -> None:
        if self._steps > MOST_STEPS:
            raise TooMuch(f"It loops more than {MOST_STEPS:,} times in all")
        if self._clock() - self._began > MOST_SECONDS:
            raise TooMuch(f"It computes for more than {MOST_SECONDS:g} seconds")

    def made(self, value: Any) -> Any:
        """Count a value that was made, and return it. Raises TooMuch."""
        if isinstance(value, _TEXT):
            self.tick(len(value))
            self.allow(len(value))
        elif isinstance(value, _MANY):
            self.tick(8 * len(value))
            self.allow(8 * len(value))
        return value

    def allow(self, size: int) -> None:
        """Raise TooMuch if one value of this size is too large."""
        if size > MOST_TEXT:
            raise TooMuch(f"A value of more than {MOST_TEXT:,} characters would be made")

    def check_shown(self, value: Any) -> Any:
        """Return a value that is about to be written as text, if that can be done. Raises TooMuch."""
        if isinstance(value, _MANY):
            self.allow(_weight(value))
        return value

    def check_operator(self, operator: str, left: Any, right: Any) -> None:
        """Raise TooMuch if the result of ``left operator right`` would be too large."""
        if operator == "**" and isinstance(left, int) and isinstance(right, int):
            if right > 0 and left.bit_length() * right > _MOST_BITS:
                raise TooMuch("A power would be too large")
        elif operator == "*":
            for many, times in ((left, right), (right, left)):
                if isinstance(times, int) and isinstance(many, str | bytes | list | tuple):
                    self.allow(_shallow(many) * max(times, 0))
            if isinstance(left, int) and isinstance(right, int):
                if left.bit_length() + right.bit_length() > _MOST_BITS:
                    raise TooMuch("A product would be too large")
        elif operator == "+":
            self.allow(_shallow(left) + _shallow(right))
        elif operator == "%" and isinstance(left, str):
            self._check_format(left, right if isinstance(right, tuple) else (right,), _WIDE_PERCENT)

    def check_filter(
        self, name: str, value: Any, arguments: Sequence[Any], named: Mapping[str, Any]
    ) -> Any:
        """Return the value, to be given to a filter. Raises TooMuch if the result would be too large."""
        self._look()  # each time: one filter may go through a hundred thousand items
        value = self.check_shown(value)
        given = [*arguments, *named.values()]
        if name in _NUMBERED_FILTERS:
            _check_asked(given)
        match name:
            case "format":
                self._check_format(str(value), given, _WIDE_PERCENT)
            case "join":
                value = value if isinstance(value, str | Mapping) else list(value)
                sizes = [len(item) if isinstance(item, str) else 100 for item in value]
                self.allow(sum(sizes) + _longest(given) * len(sizes))
            case "replace":
                self._check_replace(str(value), given)
            case "indent":
                width = given[0] if given else 0
                lines = str(value).count("\n") + 1
                self.allow(lines * (len(width) if isinstance(width, str) else int(width)) + len(str(value)))
            case "wordwrap" | "urlize" | "truncate":
                self.allow((len(str(value)) + 1) * max(1, _longest(given)))
            case "sum" if any(not isinstance(item, int | float | str) for item in given):
                raise TooMuch("sum begins with something that is no number")
        return value

    def check_call(self, function: Any, arguments: Sequence[Any], named: Mapping[str, Any]) -> None:
        """Raise TooMuch if the result of a method of a text or a number would be too large."""
        method = getattr(function, "__wrapped__", function)  # the sandbox wraps format
        holder, name = getattr(method, "__self__", None), getattr(method, "__name__", "")
        if not isinstance(holder, str | bytes | int):
            return
        given = [*arguments, *named.values()]
        if name in _REFUSED_METHODS:
            raise TooMuch(f"{name}() is not available here")
        if name in _NUMBERED_METHODS:
            _check_asked(given)
        if isinstance(holder, str):
            match name:
                case "expandtabs":
                    self.allow(len(holder) * max([8, *(item for item in given if isinstance(item, int))]))
                case "format" | "format_map":
                    self._check_format(holder.replace("{{", ""), given, _WIDE_BRACES)
                case "join":
                    items = [item for argument in given for item in argument]
                    self.allow(sum(map(_shallow, items)) + len(holder) * len(items))
                case "replace":
                    self._check_replace(holder, given)

    def _check_replace(self, text: str, given: Sequence[Any]) -> None:
        if len(given) > 1:
            old, new = str(given[0]), str(given[1])
            self.allow(len(text) + text.count(old) * len(new))

    def _check_format(self, pattern: str, given: Sequence[Any], wide: re.Pattern[str]) -> None:
        if wide.search(pattern):
            raise TooMuch("A format asks for a width that is computed or has more than four digits")
        for value in given:
            self.check_shown(value)
        longest = max((_weight(value) for value in given), default=0)
        self.allow(len(pattern) + (pattern.count("%") + pattern.count("{")) * longest)


def _check_asked(given: Sequence[Any]) -> None:
    if any(isinstance(item, int) and abs(item) > MOST_ASKED for item in given):
        raise TooMuch(f"A filter or method is given a number over {MOST_ASKED:,}")


def _longest(given: Sequence[Any]) -> int:
    return max((len(item) for item in given if isinstance(item, str)), default=0)


def _shallow(value: Any) -> int:
    """Return the size of a text, or of a list without what its items hold; 0 for a number."""
    if isinstance(value, _TEXT):
        return len(value)
    return 8 * len(value) if isinstance(value, _MANY) else 0


def _weight(value: Any) -> int:
    """Return about how long a value is as text; it stops counting once that is too long."""
    total, left = 0, [value]
    while left and total <= MOST_TEXT:
        item = left.pop()
        total += len(item) + 2 if isinstance(item, _TEXT) else 8
        if isinstance(item, Mapping):
            left += [*item.keys(), *item.values()]
        elif isinstance(item, _MANY):
            left += item
    return total
