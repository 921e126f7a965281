"""The pace: a token bucket in recipients, fed at the rate that the provider grants the account.

Smooth, not bursty: the bucket starts with one call's worth, holds a second's worth at most, and a call
waits until its recipients are paid for. Source: AWS SES Developer Guide, "Managing your Amazon SES
sending limits": the rate counts recipients, bursts over it are tolerated but not sustained.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from newsletter.errors import SendError, Stopped
from newsletter.ports import Allowance, Clock

__all__ = ["Pacer", "Parked", "rest"]

_REFRESH: Final = timedelta(seconds=60)
_CLIMB: Final = timedelta(seconds=5)  #: each of these without a throttle gives 5 % of the full rate back
_NAP: Final = 0.5  #: seconds; how soon a stop is noticed while waiting
_SLOWEST: Final = 0.1  #: recipients a second; throttling never goes below


class Parked(Stopped):
    """The daily quota is used up: nothing is wrong, the rest goes later. until: when about to go on."""

    def __init__(self, message: str, *, hint: str, until: datetime) -> None:
        super().__init__(message, hint=hint)
        self.until = until


class Pacer:
    """Says how many letters the next call may carry, and waits until they are within the rate."""

    def __init__(
        self,
        allowance: Callable[[], Allowance],
        *,
        max_batch: int,
        clock: Clock,
        sleep: Callable[[float], None],
    ) -> None:
        """allowance: asks the provider, now and each minute. Raises SendError if it cannot be asked now."""
        self._ask, self._clock, self._sleep = allowance, clock, sleep
        self._max_batch = self._split = max_batch
        self._granted = allowance()
        self._asked_at = self._filled_at = self._climbed_at = clock()
        self._share = 1.0  # of the granted rate; halved by throttles
        self._taken = 0  # recipients since the last answer about today's rest
        self._tokens = float(self.batch)

    @property
    def rate(self) -> float | None:
        """Recipients a second at present, None for no limit."""
        full = self._granted.per_second
        if full is None:
            # a throttle from a provider that named no rate: begin at a full call a second
            return None if self._share == 1 else max(_SLOWEST, self._share * self._max_batch)
        return max(min(_SLOWEST, full), self._share * full)

    @property
    def batch(self) -> int:
        """The most letters that the next call may carry: at most a second's worth."""
        most = min(self._max_batch, self._split)
        if self.rate is not None:
            most = min(most, int(self.rate))
        return max(1, most)

    @property
    def left_today(self) -> float | None:
        """Recipients left of the daily quota, None for no limit."""
        return None if self._granted.today is None else self._granted.today - self._taken

    def take(self, stop: Callable[[], bool]) -> int:
        """Wait until a call is within the rate, and return how many letters it may carry.

        0: the daily quota is used up, or stop() said so while waiting.
        """
        self._refresh()
        wanted = self.batch
        if self.left_today is not None:
            if self.left_today < 1:
                self._refresh(at_once=True)
                if self.left_today is not None and self.left_today < 1:
                    return 0
            wanted = max(1, min(wanted, int(self.left_today or 0)))
        self._fill()
        if self.rate is not None and self._tokens < wanted:
            if not rest((wanted - self._tokens) / self.rate, self._sleep, stop):
                return 0
            self._fill()
        self._tokens -= wanted
        self._taken += wanted
        return wanted

    def give_back(self, unused: int) -> None:
        """Take back what a call did not use: its letters were fewer, or were refused for the rate."""
        self._tokens += unused
        self._taken -= unused

    def slow(self) -> None:
        """Halve the rate: the provider throttled. What the bucket holds is forfeit."""
        self._fill()
        self._share = max(self._share / 2, 2.0**-10)
        self._tokens = min(self._tokens, 0.0)
        self._climbed_at = self._clock()

    def split(self, letters: int) -> None:
        """Halve the calls: one letter spoils a call of so many."""
        self._split = max(1, letters // 2)

    def join(self) -> None:
        """Double the calls again: one went through."""
        self._split = min(self._max_batch, self._split * 2)

    def _refresh(self, *, at_once: bool = False) -> None:
        now = self._clock()
        if not at_once and now - self._asked_at < _REFRESH:
            return
        self._asked_at = now
        try:
            self._granted = self._ask()
        except SendError:
            return  # what the provider said a minute ago is good enough; sending itself will tell more
        self._taken = 0

    def _fill(self) -> None:
        now = self._clock()
        climbs = (now - self._climbed_at) // _CLIMB
        if climbs > 0:
            self._share = min(1.0, self._share + 0.05 * climbs)
            self._climbed_at += climbs * _CLIMB
        elapsed = max(0.0, (now - self._filled_at).total_seconds())  # the wall clock may be set back
        self._filled_at = now
        if self.rate is not None:
            self._tokens = min(self._tokens + elapsed * self.rate, max(self.batch, self.rate))


def rest(seconds: float, sleep: Callable[[float], None], stop: Callable[[], bool]) -> bool:
    """Sleep in short naps; return False as soon as stop() says so."""
    while seconds > 0:
        if stop():
            return False
        nap = min(seconds, _NAP)
        sleep(nap)
        seconds -= nap
    return not stop()
