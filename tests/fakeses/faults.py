"""What goes wrong, and when: a plan of faults, seeded, so that the same calls meet the same ones.

Fault("error", status=429, code="TooManyRequestsException", every=10)    each tenth call is throttled
Fault("reset", after=True, requests=(3,))                                the third is accepted, then a RST
Fault("entry", entry_status="TRANSIENT_FAILURE", share=0.02)             one entry in fifty
Fault("delay", ms=80, sigma=0.4)                                         log-normal, median 80 ms
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, asdict, dataclass, fields
from random import Random
from typing import Any, Final

from tests.fakeses.account import State
from tests.fakeses.refusals import STATUSES

__all__ = ["KINDS", "Fault", "Plan", "Planned"]

#: What each kind does; True: by default after the mail was accepted.
KINDS: Final[Mapping[str, bool]] = {
    "error": False,  # an HTTP error: status, code, message
    "reset": False,  # RST
    "close": False,  # FIN without an answer
    "hang": False,  # no answer until the client goes away, or for ms
    "html": True,  # a page of some proxy, with status (200 unless given)
    "truncated": True,  # 200 with half of the JSON, its length right
    "short": True,  # 200 with half of the body that was announced, then FIN
    "no_id": True,  # 200 without MessageId
    "count": True,  # bulk: off_by results too many, or too few if negative
    "drip": True,  # the answer byte by byte, ms between
    "entry": False,  # bulk: entries end with entry_status instead of being accepted
    "delay": False,  # ms, or log-normal with median ms and sigma
    "pause": False,  # the account is paused from this call on
    "suspend": False,  # the account is suspended from this call on
}


@dataclass(frozen=True)
class Fault:
    """One rule. All conditions given must hold; without any it holds for each send.

    A call ends once: by the first rule that ends it before acceptance, or else by the first after it.
    For "entry", address, share and entries choose entries; the other conditions choose calls.
    """

    do: str
    _: KW_ONLY
    after: bool | None = None  #: once the mails were accepted; None: as the kind says
    requests: tuple[int, ...] = ()  #: these sends, counted from 1 since the plan was set
    every: int = 0  #: each n-th send
    address: str = ""  #: sends that carry this recipient
    share: float = 1.0  #: with this probability
    times: int = 0  #: at most so often, 0 for no limit
    operation: str = ""  #: "SendEmail", "SendBulkEmail" or "GetAccount"; "" for both sends
    status: int = 0  #: of HTTP; 0: 500 for an error, 200 for html
    code: str = "InternalServiceErrorException"
    message: str = "An internal error occurred."
    entry_status: str = "TRANSIENT_FAILURE"
    entries: tuple[int, ...] = ()  #: places of entries in a call, from 0; () for all
    off_by: int = -1
    ms: float = 0.0
    sigma: float = 0.0

    def __post_init__(self) -> None:
        if self.do not in KINDS:
            raise ValueError(f"{self.do!r} is none of {', '.join(KINDS)}.")
        if not 0 <= self.share <= 1:
            raise ValueError("share is from 0 to 1.")
        if self.do == "entry" and not self.entry_status:
            raise ValueError(f"An entry needs a status, such as {', '.join(STATUSES)}.")

    @property
    def is_after(self) -> bool:
        """Whether it comes once the mails were accepted."""
        return KINDS[self.do] if self.after is None else self.after

    @property
    def ends_call(self) -> bool:
        """Whether nothing that follows it happens."""
        return self.do not in {"entry", "delay", "pause", "suspend"}

    @property
    def ends_before(self) -> bool:
        """Whether its mails are not even accepted."""
        return self.ends_call and not self.is_after

    def seconds(self, chance: Random) -> float:
        """Return how long a delay takes."""
        spread = math.exp(chance.gauss(0.0, self.sigma)) if self.sigma else 1.0
        return self.ms / 1000 * spread

    def to_json(self) -> dict[str, Any]:
        """Return what ``from_json`` takes."""
        return asdict(self)

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> "Fault":
        """Return the fault. Raises ValueError for a name or a kind that is not known."""
        known = {each.name for each in fields(cls)}
        if unknown := set(given) - known:
            raise ValueError(f"Not part of a fault: {', '.join(sorted(unknown))}.")
        lists = {name: tuple(given[name]) for name in ("requests", "entries") if name in given}
        return cls(**{**given, **lists})


@dataclass(frozen=True)
class Planned:
    """What one call meets. faults: with their own source of chance."""

    faults: Sequence[tuple[Fault, Random]] = ()

    def ending(self, *, after: bool) -> tuple[Fault, Random] | None:
        """Return what ends the call before or after its mails are accepted."""
        return next(
            ((fault, chance) for fault, chance in self.faults if fault.ends_call and fault.is_after is after),
            None,
        )

    def delay(self, *, after: bool) -> float:
        """Return the seconds to wait before or after acceptance."""
        return sum(
            fault.seconds(chance)
            for fault, chance in self.faults
            if fault.do == "delay" and fault.is_after is after
        )

    def state(self) -> State | None:
        """Return the state that the account comes to, if it does."""
        states: dict[str, State] = {"pause": "paused", "suspend": "suspended"}
        return next((states[fault.do] for fault, _ in self.faults if fault.do in states), None)


class Plan:
    """Faults and how often each was used. Sends and GetAccount are counted apart."""

    def __init__(self, faults: Sequence[Fault] = (), seed: int = 0) -> None:
        self.faults, self.seed = tuple(faults), seed
        self.used = [0] * len(self.faults)
        self._calls = {True: 0, False: 0}

    def draw(self, operation: str, recipients: Sequence[Sequence[str]]) -> tuple[Planned, dict[int, str]]:
        """Return what the next call meets, and the statuses of entries (by place) that fail.

        recipients: the addresses of each entry.
        """
        if not self.faults:
            return _NOTHING, {}
        sends = operation != "GetAccount"
        self._calls[sends] += 1
        number = self._calls[sends]
        met: dict[int, tuple[Fault, Random]] = {}
        statuses: dict[int, str] = {}
        for place, fault in enumerate(self.faults):
            if not self._concerns(fault, place, operation, number):
                continue
            chance = Random(f"{self.seed}:{place}:{sends}:{number}")
            if fault.do == "entry":
                failing = self._failing(fault, chance, recipients) if operation == "SendBulkEmail" else []
                statuses = dict.fromkeys(failing, fault.entry_status) | statuses  # the first rule wins
                self.used[place] += bool(failing)
            elif self._holds(fault, chance, recipients):
                met[place] = fault, chance
        ending = min((place for place, (fault, _) in met.items() if fault.ends_before), default=None)
        if ending is None:
            ending = min((place for place, (fault, _) in met.items() if fault.ends_call), default=None)
        kept = [place for place, (fault, _) in met.items() if place == ending or not fault.ends_call]
        for place in kept:
            self.used[place] += 1
        return Planned([met[place] for place in kept]), statuses

    def _concerns(self, fault: Fault, place: int, operation: str, number: int) -> bool:
        return (
            (operation == fault.operation if fault.operation else operation != "GetAccount")
            and (not fault.requests or number in fault.requests)
            and (not fault.every or number % fault.every == 0)
            and (not fault.times or self.used[place] < fault.times)
        )

    @staticmethod
    def _holds(fault: Fault, chance: Random, recipients: Sequence[Sequence[str]]) -> bool:
        carried = not fault.address or any(fault.address in addresses for addresses in recipients)
        return carried and (fault.share == 1 or chance.random() < fault.share)

    @staticmethod
    def _failing(fault: Fault, chance: Random, recipients: Sequence[Sequence[str]]) -> list[int]:
        return [
            place
            for place, addresses in enumerate(recipients)
            if (not fault.entries or place in fault.entries)
            and (not fault.address or fault.address in addresses)
            and (fault.share == 1 or chance.random() < fault.share)
        ]


_NOTHING: Final = Planned()
