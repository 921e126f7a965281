"""The pace: how many letters the next calls may carry, at the rate that the provider grants the account.

Smooth, not bursty: see ``store.limits``, where the bucket is that all processes share. Source: AWS SES
Developer Guide, "Managing your Amazon SES sending limits": the rate counts recipients, bursts over it are
tolerated but not sustained. A sender without limits never comes near the bucket.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, Engine

from newsletter.errors import SendError, Stopped
from newsletter.ports import Allowance, Clock
from newsletter.store import limits
from newsletter.store.limits import Grant, Limit, Pace

__all__ = ["Budget", "Pacer", "Parked", "rest", "shared_limit"]

_REFRESH: Final = timedelta(seconds=60)
_NAP: Final = 0.5  #: seconds; how soon a stop is noticed while waiting
_UNLIMITED: Final = 1e9  #: recipients a second, where only the day is limited


class Parked(Stopped):
    """The daily quota is used up: nothing is wrong, the rest goes later. until: when about to go on."""

    def __init__(self, message: str, *, hint: str, until: datetime) -> None:
        super().__init__(message, hint=hint)
        self.until = until


def shared_limit(engine: Engine, kind: str, region: str, clock: Clock) -> Limit:
    """Return the limit that all processes with this database share when they send this way.

    kind: the sender's. region: "" for boto3's own. One database belongs to one account. Where hosts share it,
    the database's clock counts, elsewhere ours.
    """
    return Limit(
        key=f"{kind} {region}".rstrip(), clock=None if engine.dialect.name == "postgresql" else clock
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Budget:
    """What may be claimed now. size: letters a call. recipients: in all calls together, None for no limit.

    wait: seconds until a whole call is within the rate. today_is_over: the daily quota is used up.
    """

    size: int
    recipients: int | None = None
    wait: float = 0.0
    today_is_over: bool = False
    pace: Pace | None = None


class Pacer:
    """Keeps one process within the pace that all processes of the account share."""

    def __init__(
        self, allowance: Callable[[], Allowance], *, max_batch: int, limit: Limit, clock: Clock
    ) -> None:
        """allowance: asks the provider, now and each minute. Raises SendError if it cannot be asked now."""
        self._ask, self._limit, self._clock = allowance, limit, clock
        self._max_batch = self._split = max_batch
        self._throttled = False
        self._granted = allowance()
        self._asked_at = clock()
        self._rest_is_new = self._granted.today is not None
        self._pace: Pace | None = None

    @property
    def rate(self) -> float | None:
        """Recipients a second at present, None for no limit."""
        if self._granted.per_second is None and not self._throttled:
            return None
        return self._grant.per_second if self._pace is None else self._pace.rate

    @property
    def is_free(self) -> bool:
        """Whether nothing is limited: then the bucket is not looked at."""
        return self._granted.per_second is None and self._granted.today is None and not self._throttled

    @property
    def day_is_over(self) -> bool:
        """Whether the quota is used up: by the provider's newest answer, else by the bucket."""
        return not self._rest_is_new or (self._granted.today or 0) < 1

    def refresh(self, *, at_once: bool = False) -> None:
        """Ask the provider again if the last answer is a minute old. Not inside a transaction."""
        now = self._clock()
        if not at_once and now - self._asked_at < _REFRESH:
            return
        self._asked_at = now
        try:
            granted = self._ask()
        except SendError:
            return  # what the provider said a minute ago is good enough; sending itself will tell more
        # an answer that was known before says nothing of what has gone since: the bucket does
        if granted.as_of is None or granted.as_of != self._granted.as_of:
            self._rest_is_new = True
        self._granted = granted

    def open(self, connection: Connection) -> Budget:
        """Return what may be claimed now. Until the commit no other process claims from the same bucket."""
        if self.is_free:
            return Budget(size=min(self._max_batch, self._split))
        if self._rest_is_new:
            limits.note_rest(connection, self._limit, self._grant, self._granted.today)
            self._rest_is_new = False
        pace = self._pace = limits.look(connection, self._limit, self._grant)
        size = min(pace.call, self._split)
        recipients = int(pace.tokens + 1e-6)
        if pace.left_today is not None:
            if pace.left_today < 1:
                return Budget(size=size, recipients=0, today_is_over=True, pace=pace)
            size = min(size, int(pace.left_today))
            recipients = min(recipients, int(pace.left_today))
        return Budget(size=size, recipients=recipients, wait=pace.seconds_until(size), pace=pace)

    def spend(self, connection: Connection, budget: Budget, recipients: int) -> None:
        """Take from the bucket what was claimed, in the transaction that ``open`` was called in."""
        if budget.pace is not None and recipients:
            self._pace = limits.spend(connection, self._limit, budget.pace, recipients)

    def slow(self, connection: Connection, begun: float) -> None:
        """Halve the rate, unless that was done since the throttled call began; empty the bucket."""
        if self._granted.per_second is None and not self._throttled:
            self._throttled = True  # a provider that named no rate: begin at a full call a second
        self._pace = limits.slow(connection, self._limit, self._grant, begun=begun)

    def split(self, letters: int) -> None:
        """Halve the calls: one letter spoils a call of so many."""
        self._split = max(1, min(self._split, letters // 2))

    def join(self, letters: int) -> None:
        """Double the calls again: one of the present size went through, or a smaller one."""
        if letters <= self._split:
            self._split = min(self._max_batch, self._split * 2)

    @property
    def _grant(self) -> Grant:
        per_second = self._granted.per_second
        if per_second is None:
            per_second = float(self._max_batch) if self._throttled else _UNLIMITED
        return Grant(per_second=per_second, max_call=self._max_batch)


def rest(seconds: float, sleep: Callable[[float], None], stop: Callable[[], bool]) -> bool:
    """Sleep in short naps; return False as soon as stop() says so."""
    while seconds > 0:
        if stop():
            return False
        nap = min(seconds, _NAP)
        sleep(nap)
        seconds -= nap
    return not stop()
