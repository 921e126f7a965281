"""What an outcome means: where each delivery goes, and what becomes of the run.

    accepted -> sent        refused-final -> failed        unknown -> uncertain, never resent by itself
    refused-retry -> queued again; it counts as an attempt only if nothing but this one letter is at fault

Contract with senders: ``refused-retry`` without an effect is about one recipient. Whatever is about the
account or the connection (throttle, quota, no connection) carries an effect and costs nobody an attempt.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from newsletter.model import DeliveryState, Effect, Outcome, OutcomeKind
from newsletter.store.rows import Claimed, Settled

__all__ = ["MAX_ATTEMPTS", "Breaker", "gravest", "settle"]

MAX_ATTEMPTS: Final = 5  #: counted attempts, after which a delivery is failed

_FIRST_PAUSE = timedelta(seconds=10)  #: before the second attempt; doubles each time
_GRAVITY: Final = (Effect.HALT, Effect.PARK, Effect.SPLIT, Effect.SLOW, Effect.NONE)


def gravest(outcomes: Sequence[Outcome]) -> Outcome | None:
    """Return the outcome with the gravest effect on the run, None if there are no outcomes."""
    return min(outcomes, key=lambda outcome: _GRAVITY.index(outcome.effect), default=None)


def settle(row: Claimed, outcome: Outcome, *, letters: int, now: datetime) -> Settled:
    """Return where a delivery goes. letters: how many were in the call.

    >>> row = Claimed(id=7, subscriber_id=1, attempt=1)
    >>> settle(row, Outcome(kind=OutcomeKind.UNKNOWN), letters=1, now=datetime.max).state
    <DeliveryState.UNCERTAIN: 'uncertain'>
    """
    reason = outcome.reason
    if outcome.kind is OutcomeKind.ACCEPTED:
        return Settled(id=row.id, state=DeliveryState.SENT, message_id=outcome.message_id)
    if outcome.kind is OutcomeKind.UNKNOWN:
        return Settled(id=row.id, state=DeliveryState.UNCERTAIN, reason=reason or "the outcome is not known")
    if outcome.effect is Effect.SPLIT and letters == 1:
        return Settled(id=row.id, state=DeliveryState.FAILED, reason=reason)  # the culprit, alone at last
    if outcome.effect is not Effect.NONE:
        return Settled(id=row.id, state=DeliveryState.QUEUED, reason=reason, counted=False)
    if outcome.kind is OutcomeKind.REFUSED_FINAL or row.attempt >= MAX_ATTEMPTS:
        return Settled(id=row.id, state=DeliveryState.FAILED, reason=reason)
    pause = _FIRST_PAUSE * 2 ** (row.attempt - 1)
    return Settled(id=row.id, state=DeliveryState.QUEUED, reason=reason, not_before=now + pause)


@dataclass
class Breaker:
    """Stops a run in which nothing gets through, before the whole list is failed or uncertain.

    Every acceptance resets it. Calls that only found the rate or the quota used up do not count.
    """

    max_calls: int = 5  #: calls in a row whose outcome is unknown or "try again"
    max_failed: int = 25  #: letters in a row that are failed for good
    _calls: int = field(default=0, init=False)
    _failed: int = field(default=0, init=False)
    _seen: set[int] = field(default_factory=set, init=False, repr=False)

    def note(self, settled: Sequence[Settled]) -> str | None:
        """Take in what became of a call; return why to stop, or None to go on."""
        if any(row.state is DeliveryState.SENT for row in settled):
            self._calls = self._failed = 0
            return None
        # another try of the same letter says nothing about the others
        bad = [row for row in settled if row.counted and row.id not in self._seen]
        self._seen.update(row.id for row in bad)
        self._failed += sum(row.state is DeliveryState.FAILED for row in bad)
        self._calls += any(row.state is not DeliveryState.FAILED for row in bad)
        if bad and (self._calls >= self.max_calls or self._failed >= self.max_failed):
            return bad[-1].reason
        return None
