"""Keeps letters in memory and answers what it was told to. For tests and for trying out: nothing leaves."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Literal

from newsletter.model import Letter, Outcome, OutcomeKind
from newsletter.ports import Allowance

__all__ = ["MemorySender"]


class MemorySender:
    """A sender whose answers are written beforehand (``ports.Sender``).

    answers: by address, what to answer to its first, second, ... attempt; after that, and for everybody
    else, the letter is accepted. before_call: called with the letters of each call before anything is
    taken; what it raises comes out of ``send``, as a crash would.
    """

    kind: Final = "memory"

    def __init__(
        self,
        answers: Mapping[str, Sequence[Outcome]] | None = None,
        *,
        form: Literal["raw", "bulk"] = "raw",
        max_batch: int = 50,
        allowance: Allowance | None = None,
        before_call: Callable[[Sequence[Letter]], None] | None = None,
    ) -> None:
        self.form: Literal["raw", "bulk"] = form
        self.max_batch = max_batch
        self.limits = allowance or Allowance(per_second=None, today=None)  #: may be changed between calls
        self.calls: list[Sequence[Letter]] = []  #: the letters of each call, taken or not
        self.accepted: list[Letter] = []  #: in order
        self._answers = {address: list(planned) for address, planned in (answers or {}).items()}
        self._before_call = before_call

    def allowance(self) -> Allowance:
        """Return ``limits``."""
        return self.limits

    def send(self, letters: Sequence[Letter]) -> Sequence[Outcome]:
        """Return the planned outcomes, in order; remember what came."""
        if self._before_call is not None:
            self._before_call(letters)
        self.calls.append(tuple(letters))
        return [self._answer(letter) for letter in letters]

    def _answer(self, letter: Letter) -> Outcome:
        planned = self._answers.get(letter.to)
        if planned:
            outcome = planned.pop(0)
        else:
            outcome = Outcome(kind=OutcomeKind.ACCEPTED, message_id=f"memory-{len(self.accepted) + 1}")
        if outcome.kind is OutcomeKind.ACCEPTED:
            self.accepted.append(letter)
        return outcome
