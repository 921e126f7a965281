"""The pace that all senders of one account in one Region share: a token bucket, in the database.

    look (locks the row) -> claim what may go -> spend      in the claim's own transaction

Decisions
- Tokens are recipients: the provider counts those, not calls. They come in at the rate, and no more are kept
  than a tenth of a second's worth (more where a call needs it), so that no second sees more than 110 %.
- Time is the database's where hosts may differ (PostgreSQL), and comes in as an argument where all senders
  run on one computer (SQLite).
- A throttle halves the share of the rate that is used; it climbs back by itself, 5 % of the full rate each
  5 s. So the share is a function of time, and nobody has to write it ("additive increase, multiplicative
  decrease"). Calls that had begun before the last throttle say nothing new, and do not halve again.
"""

from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import Connection, text, update

from newsletter.ports import Clock
from newsletter.store.sql import insert_or_ignore
from newsletter.store.tables import limits

__all__ = ["SLOWEST", "Grant", "Limit", "Pace", "call_size", "look", "note_rest", "slow", "spend"]

SLOWEST: Final = 0.1  #: recipients a second; throttling never goes below

_CLIMB_SECONDS: Final = 5.0
_CLIMB: Final = 0.05
_CALL_SHARE: Final = 0.05  # of a second's worth: the most that one call carries
_SLACK: Final = 0.05  # seconds that a call may be late without losing its tokens
_BLINK: Final = 0.001  # seconds, the shortest wait: clocks count no finer than microseconds
_BURST: Final = 0.1  # seconds' worth that the bucket holds

# text, because these two run with every claim: an expression costs more to build than to run
_LOOK: Final = {
    "sqlite": text("SELECT tokens, at, share, slowed_at, left_today FROM limits WHERE key = :key"),
    "postgresql": text(
        "SELECT tokens, at, share, slowed_at, left_today FROM limits WHERE key = :key FOR UPDATE"
    ),
}
_SPEND: Final = text(
    "UPDATE limits SET tokens = :tokens, at = :at, rate = :rate, left_today = :left_today WHERE key = :key"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Limit:
    """Whose pace: key names provider, account and Region. clock: None for the database's own."""

    key: str
    clock: Clock | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Grant:
    """What the provider lets us send. per_second: recipients. max_call: the most letters in a call."""

    per_second: float
    max_call: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Pace:
    """The bucket as it stands. at: seconds since 1970. rate: recipients a second, throttling reckoned in.

    call: the letters that a call should carry at most. left_today: of the daily quota, None for no limit.
    """

    tokens: float
    at: float
    rate: float
    share: float
    slowed_at: float
    left_today: float | None
    call: int

    def seconds_until(self, recipients: int) -> float:
        """Return how long it takes until so many may go, if nobody else takes any."""
        short = recipients - self.tokens
        return max(_BLINK, short / self.rate) if short > 0 else 0.0


def call_size(rate: float, max_call: int) -> int:
    """Return how many letters a call may carry: at most a twentieth of a second's worth, so that mail flows.

    >>> call_size(14, 50), call_size(200, 50), call_size(2000, 50)
    (1, 10, 50)
    """
    return max(1, min(max_call, int(rate * _CALL_SHARE)))


def look(connection: Connection, limit: Limit, grant: Grant) -> Pace:
    """Return the bucket, filled up to now. Until the commit nobody else looks at it, or spends from it."""
    query = _LOOK[connection.dialect.name]
    row = connection.execute(query, {"key": limit.key}).one_or_none()
    if row is None:
        begin = {"key": limit.key, "tokens": 0.0, "at": 0.0, "rate": grant.per_second}
        connection.execute(insert_or_ignore(connection, limits), [begin])
        row = connection.execute(query, {"key": limit.key}).one()
    now = _now(connection, limit)
    rate, share = _rate(grant, row.share, row.slowed_at, now)
    call = call_size(rate, grant.max_call)
    most = max(_BURST * rate, call + _SLACK * rate)
    pace = Pace(
        tokens=min(row.tokens + max(0.0, now - row.at) * rate, most),
        at=now,
        rate=rate,
        share=share,
        slowed_at=row.slowed_at,
        left_today=row.left_today,
        call=call,
    )
    # a wall clock may be set back: wait for the time to come in, not for that hour to come again
    return pace if now >= row.at else spend(connection, limit, pace, 0)


def spend(connection: Connection, limit: Limit, pace: Pace, recipients: int) -> Pace:
    """Take so many tokens from the bucket that was looked at, and write it; return it."""
    left = None if pace.left_today is None else pace.left_today - recipients
    pace = replace(pace, tokens=pace.tokens - recipients, left_today=left)
    connection.execute(
        _SPEND,
        {"key": limit.key, "tokens": pace.tokens, "at": pace.at, "rate": pace.rate, "left_today": left},
    )
    return pace


def slow(connection: Connection, limit: Limit, grant: Grant, *, begun: float) -> Pace:
    """Halve the pace, because the provider throttled a call; return it. What the bucket holds is lost.

    begun: ``Pace.at`` of the call's claim.
    """
    pace = look(connection, limit, grant)
    if begun < pace.slowed_at:
        return pace
    share = max(pace.share / 2, 2.0**-10)
    rate, _ = _rate(grant, share, pace.at, pace.at)
    pace = replace(
        pace,
        tokens=min(pace.tokens, 0.0),
        share=share,
        slowed_at=pace.at,
        rate=rate,
        call=call_size(rate, grant.max_call),
    )
    values = {
        "tokens": pace.tokens,
        "at": pace.at,
        "rate": pace.rate,
        "share": share,
        "slowed_at": pace.slowed_at,
    }
    connection.execute(update(limits).where(limits.c.key == limit.key).values(values))
    return pace


def note_rest(connection: Connection, limit: Limit, grant: Grant, left_today: float | None) -> None:
    """Write what the provider says is left of the daily quota; ``spend`` counts it down from there."""
    look(connection, limit, grant)
    connection.execute(update(limits).where(limits.c.key == limit.key).values(left_today=left_today))


def _rate(grant: Grant, share: float, slowed_at: float, now: float) -> tuple[float, float]:
    """Return the rate and the share of the granted rate that it is, so long after the last throttle."""
    climbs = max(0, int((now - slowed_at) // _CLIMB_SECONDS))
    share = min(1.0, share + _CLIMB * climbs)
    return max(min(SLOWEST, grant.per_second), share * grant.per_second), share


def _now(connection: Connection, limit: Limit) -> float:
    if limit.clock is not None:
        return limit.clock().timestamp()
    if connection.dialect.name == "postgresql":
        # not now(), which is when the transaction began: it may have waited for the row since
        return float(connection.execute(text("SELECT extract(epoch FROM clock_timestamp())")).scalar_one())
    return float(connection.execute(text("SELECT (julianday('now') - 2440587.5) * 86400.0")).scalar_one())
