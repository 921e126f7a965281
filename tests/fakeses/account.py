"""The account as SES keeps it: a clock that can be set, the sending rate, the daily quota, sandbox, paused.

Decisions
- The rate is a bucket of recipients with debt: a call passes if there is one token, and takes all it needs.
  At 1/s a call of five passes, and then nothing for five seconds (SES blog, quoted in django-ses issue 59).
- The quota is a rolling window of 24 hours, kept by whole seconds; a call that would exceed it is refused
  ("Managing your Amazon SES sending limits").
- Time is a whole number of nanoseconds, so that ``advance(5)`` is five seconds exactly.
- Whether SES refuses a bulk call as a whole or entry by entry is not documented: ``per_entry`` chooses.
"""

import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from tests.fakeses.calls import Call, Entry
from tests.fakeses.refusals import Refusal, by_status

__all__ = ["Account", "Clock", "State"]

State = Literal["active", "paused", "suspended"]

_SECOND: Final = 1_000_000_000
_DAY: Final = 86_400
_SIMULATOR: Final = "@simulator.amazonses.com"


class Clock:
    """Nanoseconds since 1970. Runs with the machine's, ahead by what it was advanced; may stand still."""

    def __init__(self) -> None:
        # counted on from the start with the monotonic clock: a correction of the machine's changes nothing
        self._ahead = time.time_ns() - time.monotonic_ns()
        self._frozen: int | None = None

    @property
    def frozen(self) -> bool:
        """Whether it stands still."""
        return self._frozen is not None

    def now(self) -> int:
        """Return the time."""
        return self._frozen if self._frozen is not None else time.monotonic_ns() + self._ahead

    def advance(self, seconds: float) -> None:
        """Go forward. Raises ValueError for the past: windows and buckets only know forward."""
        if seconds < 0:
            raise ValueError("The clock goes forward only.")
        if self._frozen is None:
            self._ahead += round(seconds * _SECOND)
        else:
            self._frozen += round(seconds * _SECOND)

    def freeze(self, frozen: bool) -> None:
        """Stand still, or go on from where it stands."""
        now = self.now()
        self._frozen = now if frozen else None
        self._ahead = now - time.monotonic_ns()


@dataclass
class Account:
    """rate: recipients a second. quota: recipients in 24 hours, -1 for no limit.

    verified: addresses and domains; in the sandbox also of recipients, otherwise of senders if there are any.
    """

    clock: Clock = field(default_factory=Clock)
    rate: float = 50_000.0
    quota: float = -1.0
    sandbox: bool = False
    verified: frozenset[str] = frozenset()
    per_entry: bool = False
    state: State = "active"
    accepted: int = 0  #: recipients, since the start
    peak: int = 0  #: the most recipients accepted in any window of one second
    seconds: deque[list[int]] = field(default_factory=deque)  #: [second, recipients] of the last 24 hours
    sent_before: int = 0  #: recipients counted as sent in the 24 hours before the start; they never expire
    _tokens: float = 0.0
    _filled_at: int = 0
    _window: deque[tuple[int, int]] = field(default_factory=deque)
    _in_window: int = 0
    _in_day: int = 0

    def __post_init__(self) -> None:
        self.refill()

    def refill(self) -> None:
        """Make the bucket full, as after a second of silence."""
        self._tokens, self._filled_at = self._capacity, self.clock.now()

    def change_rate(self, rate: float) -> None:
        """Go on at another rate; what is owed stays owed, and a second's worth is the most that is kept."""
        self._fill()
        self.rate = rate
        self._tokens = min(self._tokens, self._capacity)

    def forget(self) -> None:
        """Forget all that was accepted; active again, with a full bucket. The limits and the clock stay."""
        self.seconds.clear()
        self._window.clear()
        self.accepted = self.peak = self.sent_before = self._in_window = self._in_day = 0
        self.state = "active"
        self.refill()

    def _fill(self) -> None:
        now = self.clock.now()
        self._tokens += (now - self._filled_at) / _SECOND * self.rate
        self._tokens, self._filled_at = min(self._capacity, self._tokens), now

    @property
    def _capacity(self) -> float:
        return max(1.0, self.rate)  # one second's worth

    def sent_last_day(self) -> int:
        """Return the recipients accepted in the last 24 hours."""
        oldest = self.clock.now() // _SECOND - _DAY
        while self.seconds and self.seconds[0][0] <= oldest:
            self._in_day -= self.seconds.popleft()[1]
        return self._in_day + self.sent_before

    def describe(self) -> dict[str, Any]:
        """Return the answer to GetAccount."""
        return {
            "DedicatedIpAutoWarmupEnabled": False,
            "EnforcementStatus": "SHUTDOWN" if self.state == "suspended" else "HEALTHY",
            "ProductionAccessEnabled": not self.sandbox,
            "SendQuota": {
                "Max24HourSend": self.quota,
                "MaxSendRate": self.rate,
                "SentLast24Hours": float(self.sent_last_day()),
            },
            "SendingEnabled": self.state == "active",
            "SuppressionAttributes": {"SuppressedReasons": ["BOUNCE", "COMPLAINT"]},
        }

    def admit(self, call: Call, planned: Mapping[int, str]) -> list[Refusal | None]:
        """Return why each entry of a call is not accepted, None where it is; account for those that are.

        planned: statuses of entries that fail whatever the account says.
        Raises Refusal for a call that is refused as a whole.
        """
        if not self._is_verified(call.sender, self.sandbox):
            raise self._unverified([call.sender])
        each = self.per_entry and call.operation == "SendBulkEmail"
        verdicts: list[Refusal | None] = []
        wanted = 0
        for place, entry in enumerate(call.entries):
            verdict = by_status(planned[place]) if place in planned else self._entry_fault(entry)
            if verdict is None and each:
                verdict = self._refusal(len(entry.addresses), debt=False)
                if verdict is None:
                    self._take(len(entry.addresses))
            elif verdict is None:
                wanted += len(entry.addresses)
            elif not each and place not in planned:
                raise verdict
            verdicts.append(verdict)
        if not each and (wanted or not planned):
            if refusal := self._refusal(wanted, debt=True):
                raise refusal
            self._take(wanted)
        return verdicts

    def _entry_fault(self, entry: Entry) -> Refusal | None:
        if entry.fault is not None:
            return entry.fault
        if self.sandbox:
            unknown = [address for address in entry.addresses if not self._is_verified(address, True)]
            if unknown:
                return self._unverified(unknown)
        return None

    def _is_verified(self, address: str, required: bool) -> bool:
        if not required and not self.verified:
            return True
        address = address.lower()
        return (
            address.endswith(_SIMULATOR)
            or address in self.verified
            or address.rpartition("@")[2] in self.verified
        )

    def _unverified(self, addresses: Sequence[str]) -> Refusal:
        text = (
            "Email address is not verified. The following identities failed the check in region EU-CENTRAL-1:"
        )
        return Refusal(400, "MessageRejected", f"{text} {', '.join(addresses)}", "MESSAGE_REJECTED")

    def _refusal(self, recipients: int, *, debt: bool) -> Refusal | None:
        if self.state != "active":
            return by_status("ACCOUNT_SENDING_PAUSED" if self.state == "paused" else "ACCOUNT_SUSPENDED")
        if self.quota >= 0 and self.sent_last_day() + recipients > self.quota:
            return by_status("ACCOUNT_DAILY_QUOTA_EXCEEDED")
        self._fill()
        needed = 1 if debt else recipients
        return by_status("ACCOUNT_THROTTLED") if self._tokens < needed - 1e-9 else None

    def _take(self, recipients: int) -> None:
        now = self.clock.now()
        self._tokens -= recipients
        self.accepted += recipients
        self._in_day += recipients
        second = now // _SECOND
        if self.seconds and self.seconds[-1][0] == second:
            self.seconds[-1][1] += recipients
        else:
            self.seconds.append([second, recipients])
        self._window.append((now, recipients))
        self._in_window += recipients
        while self._window[0][0] <= now - _SECOND:
            self._in_window -= self._window.popleft()[1]
        self.peak = max(self.peak, self._in_window)
