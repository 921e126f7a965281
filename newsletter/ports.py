"""What the stages need from outside: a sender and a clock.

Stated here, implemented in ``senders`` and ``wiring``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from newsletter.model import Letter, Outcome

__all__ = ["Allowance", "Clock", "Form", "Sender"]

Form = Literal["raw", "bulk"]  #: which half of a Letter a sender takes
Clock = Callable[[], datetime]  #: returns now, as an aware UTC datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Allowance:
    """What the provider lets us send. per_second: recipients; today: recipients left in the rolling 24 hours.

    None means no limit. as_of: when the provider said so; None for just now.
    """

    per_second: float | None
    today: float | None
    as_of: datetime | None = None


class Sender(Protocol):
    """Hands letters to a provider. Implementations: senders.ses, senders.mailbox, senders.memory."""

    @property
    def kind(self) -> str:
        """The sender's name for people: "mailbox" or "ses"."""
        ...

    @property
    def form(self) -> Form:
        """Which half of a Letter it takes: the whole message, or a template with values."""
        ...

    @property
    def max_batch(self) -> int:
        """The most letters one call may carry."""
        ...

    def allowance(self) -> Allowance:
        """Return what the account may send now. Raises SendError when the provider cannot be asked."""
        ...

    def send(self, letters: Sequence[Letter]) -> Sequence[Outcome]:
        """Make exactly one attempt to hand over the letters; return one outcome each, in order.

        Never raises for anything the provider or the network does: what nobody can tell is an
        outcome of kind ``unknown``.
        """
        ...
