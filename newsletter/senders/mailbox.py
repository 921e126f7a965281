"""Writes each message as an .eml file into a folder: the default, for which no account is needed.

    20261124T203112.123456Z-5f3a9c-000017.eml      time, run, number: sortable and unique; no address in it

A file appears whole or not at all: written beside, flushed to disk, then renamed. Any mail program opens it.
"""

import itertools
import os
import secrets
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Literal

from newsletter.model import Effect, Letter, Outcome, OutcomeKind
from newsletter.ports import Allowance
from newsletter.senders.outcomes import refused
from newsletter.senders.wire import is_deliverable

__all__ = ["MailboxSender"]


class MailboxSender:
    """The local mailbox as a sender (``ports.Sender``). Several processes may share a folder."""

    kind: Final = "mailbox"
    form: Final[Literal["raw"]] = "raw"
    max_batch: Final = 50

    def __init__(self, folder: Path, *, nanoseconds: Callable[[], int] = time.time_ns) -> None:
        """folder: made when the first message comes. nanoseconds: since 1970; replaced in tests."""
        self._folder, self._nanoseconds = folder, nanoseconds
        self._run = secrets.token_hex(3)
        self._numbers = itertools.count(1)

    def allowance(self) -> Allowance:
        """Return that there are no limits."""
        return Allowance(per_second=None, today=None)

    def send(self, letters: Sequence[Letter]) -> Sequence[Outcome]:
        """Write one file a letter; return one outcome each, in order, with the file's name as message id.

        A file that cannot be written is a definite refusal and halts the run: the disk will not grow.
        """
        outcomes: list[Outcome] = []
        for letter in letters:
            if outcomes and outcomes[-1].effect is Effect.HALT:
                outcomes.append(outcomes[-1])
            elif not letter.mime:
                outcomes.append(refused("The mailbox takes whole messages, not letters in bulk form."))
            elif not is_deliverable(letter.to):
                reason = "The address is not one that mail can be sent to."
                outcomes.append(refused(reason, Effect.NONE, final=True))
            else:
                outcomes.append(self._deliver(letter))
        self._keep_names()
        return outcomes

    def _keep_names(self) -> None:
        """Put the new names on disk, so that a power cut takes no message that is recorded as sent."""
        if self._folder.is_dir():
            folder = os.open(self._folder, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)

    def _deliver(self, letter: Letter) -> Outcome:
        name = self._name()
        beside = self._folder / f".{name}.part"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with beside.open("xb") as file:
                file.write(letter.mime)
                file.flush()
                os.fsync(file.fileno())
            beside.rename(self._folder / f"{name}.eml")
        except OSError as error:
            beside.unlink(missing_ok=True) if self._folder.is_dir() else None
            return refused(f"The mailbox folder {self._folder.name}/ cannot be written: {error.strerror}.")
        return Outcome(kind=OutcomeKind.ACCEPTED, message_id=name)

    def _name(self) -> str:
        seconds, rest = divmod(self._nanoseconds(), 1_000_000_000)
        at = time.strftime("%Y%m%dT%H%M%S", time.gmtime(seconds))
        return f"{at}.{rest // 1000:06d}Z-{self._run}-{next(self._numbers):06d}"
