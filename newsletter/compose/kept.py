"""Results kept for the next compile in the same process: pictures, compiled templates, parsed CSS.

What is kept is found again by everything it was made from, so nothing is ever out of date, and a compile
gives the same with it as without it.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

__all__ = ["Kept"]

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Kept(Generic[K, V]):
    """The results used last, up to a total weight. Safe to share by threads."""

    def __init__(self, most: int, weight: Callable[[V], int] = lambda value: 1) -> None:
        """most: the largest total weight. weight: of one result; heavier ones than ``most`` are not kept."""
        self._most, self._weight, self._total = most, weight, 0
        self._values: OrderedDict[K, V] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: K, make: Callable[[], V]) -> V:
        """Return the result for a key, made now if it is not there. What ``make`` raises is not kept.

        Two threads may both make the same one; they must not be told apart.
        """
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
        value = make()
        with self._lock:
            if key not in self._values and self._weight(value) <= self._most:
                self._values[key] = value
                self._total += self._weight(value)
                while self._total > self._most:
                    self._total -= self._weight(self._values.popitem(last=False)[1])
        return value

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._values.clear()
            self._total = 0

    def __len__(self) -> int:
        """Return how many results are kept."""
        return len(self._values)
