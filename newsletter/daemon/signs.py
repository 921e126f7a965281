"""Signs of life: what the jobs of one daemon leave for its metrics, its watchdog and its end."""

import threading
from datetime import datetime

from newsletter.ports import Clock

__all__ = ["Signs"]


class Signs:
    """When this process last did what. Several threads may share it."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self.rounds = 0  #: that ended well
        self.failures = 0  #: of any job
        self.last_round: datetime | None = None  #: the end of the last one that went well
        self.last_alive: datetime | None = None  #: or a step of a send
        self.next_due: datetime | None = None
        self.interrupted = False  #: whether a stop ended a send before its end

    def note_round(self, next_due: datetime | None) -> None:
        """Note that a round has ended well."""
        with self._lock:
            self.rounds += 1
            self.last_round = self.last_alive = self._clock()
            self.next_due = next_due

    def note_alive(self) -> None:
        """Note that a send makes progress."""
        self.last_alive = self._clock()

    def note_failure(self) -> None:
        """Note that a job failed."""
        with self._lock:
            self.failures += 1
