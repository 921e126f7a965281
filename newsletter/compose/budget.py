"""How much the templates of one compile may make in all; ``newsletter.personal.limits`` has the single value.

An owner's slip must cost an error message, not the machine. The numbers are explained in docs/templates.md,
"Limits".
"""

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

from newsletter.personal.limits import MANY, TEXT, TooMuch, allow

__all__ = ["MOST_NESTED", "MOST_SOURCE", "Budget"]

#: A template file, and a text of the issue before and after Jinja; characters.
MOST_SOURCE: Final = 200_000
#: All that is made, what is thrown away included; characters.
MOST_MADE: Final = 32_000_000
#: Rounds of loops and calls of macros.
MOST_STEPS: Final = 1_000_000
#: Processor time of all templates.
MOST_SECONDS: Final = 2.0
#: Loops in loops. Python itself allows twenty.
MOST_NESTED: Final = 15


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
            self.look()

    def look(self) -> None:
        """Look at the clock. Raises TooMuch."""
        if self._steps > MOST_STEPS:
            raise TooMuch(f"It loops more than {MOST_STEPS:,} times in all")
        if self._clock() - self._began > MOST_SECONDS:
            raise TooMuch(f"It computes for more than {MOST_SECONDS:g} seconds")

    def made(self, value: Any) -> Any:
        """Count a value that was made, and return it. Raises TooMuch."""
        size = len(value) if isinstance(value, TEXT) else 8 * len(value) if isinstance(value, MANY) else 0
        if size:
            self.tick(size)
            allow(size)
        return value
