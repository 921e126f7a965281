"""Reading a residual without a person: its literal text, with every branch in it."""

import re
from typing import Final

from newsletter.model import Residual

__all__ = ["literal_text", "slot_count"]

#: one expression or block between private-use delimiters (newsletter.personal.fill)
_DYNAMIC: Final = re.compile("(\ue000|\ue001)\\{.*?\\}\\1", re.DOTALL)


def literal_text(residual: Residual, gap: str = "") -> str:
    """Return the text that is the issue's own, all branches one after another; gap stands for each slot.

    >>> literal_text(Residual(source="Dear \\ue000{ subscriber.name }\\ue000!"), "…")
    'Dear …!'
    """
    return _DYNAMIC.sub(gap, residual.source)


def slot_count(residual: Residual) -> int:
    """Return how many values a person's message may get at most once each."""
    return sum(match[1] == "\ue000" for match in _DYNAMIC.finditer(residual.source))
