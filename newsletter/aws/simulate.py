"""`aws simulate`: mail to Amazon's simulator, by both ways of handing over, and what was reported of it.

The simulator's addresses behave as their names say, cost what any mail costs, and harm no reputation
(SES Developer Guide, "Using the mailbox simulator"). The letters are our own, made as an issue's are, but
belong to no campaign: their tags name none, and the ledger is neither read nor written.
"""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, select

from newsletter.model import CompiledIssue, Effect, Letter, Outcome, OutcomeKind, Person, Residual
from newsletter.personal.press import Press
from newsletter.ports import Clock, Form, Sender
from newsletter.settings import Settings
from newsletter.store.tables import events
from newsletter.tokens import Tokens

__all__ = ["SCENARIOS", "Report", "Scenario", "Sent", "reports_of", "send_to_simulator"]

_HOST = "simulator.amazonses.com"
_TRIES = 5  # while the account's rate is used up


@dataclass(frozen=True, kw_only=True, slots=True)
class Scenario:
    """One of the simulator's addresses. expected: kinds of events; of "a|b" either is right."""

    name: str
    meaning: str
    expected: tuple[str, ...]

    @property
    def address(self) -> str:
        """The address."""
        return f"{self.name}@{_HOST}"


SCENARIOS: Final[Sequence[Scenario]] = (
    Scenario(name="success", meaning="is delivered", expected=("send", "delivery")),
    Scenario(name="bounce", meaning="bounces for good", expected=("send", "bounce")),
    Scenario(name="complaint", meaning='"this is spam"', expected=("send", "delivery", "complaint")),
    Scenario(name="suppressionlist", meaning="is on Amazon's list", expected=("send", "bounce")),
    Scenario(name="ooto", meaning="is out of the office", expected=("send", "delivery|bounce")),
)

_ISSUE: Final = CompiledIssue(
    slug="aws-simulation",
    title="A trial",
    language="en",
    subject=Residual(source="A trial of the newsletter's way out"),
    html=Residual(
        source='<!doctype html><html lang="en"><head><title>A trial</title></head><body><p>A trial, to '
        'Amazon\'s simulator. <a href="\ue000{ unsubscribe_url }\ue000">Unsubscribe</a></p></body></html>'
    ),
    text=Residual(source="A trial, to Amazon's simulator. Unsubscribe: \ue000{ unsubscribe_url }\ue000\n"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sent:
    """One mail to the simulator. api: raw or bulk. at: when it was handed over."""

    scenario: Scenario
    api: str
    outcome: Outcome
    at: datetime

    @property
    def accepted(self) -> bool:
        """Whether Amazon took it."""
        return self.outcome.kind is OutcomeKind.ACCEPTED


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """What reached the database about one mail. seconds: from handing over to the last of its events."""

    sent: Sent
    kinds: tuple[str, ...]
    seconds: float | None

    @property
    def missing(self) -> list[str]:
        """The kinds of events that are expected and not there."""
        return [kind for kind in self.sent.scenario.expected if not set(kind.split("|")) & set(self.kinds)]

    @property
    def complete(self) -> bool:
        """Whether all that is expected has come."""
        return self.sent.accepted and not self.missing

    def as_dict(self) -> dict[str, Any]:
        """Return what ``--json`` shows."""
        return {
            "address": self.sent.scenario.address,
            "api": self.sent.api,
            "accepted": self.sent.accepted,
            "reason": self.sent.outcome.reason,
            "message_id": self.sent.outcome.message_id,
            "events": list(self.kinds),
            "missing": self.missing,
            "seconds": self.seconds,
        }


def send_to_simulator(
    make_sender: Callable[[Form], Sender],
    settings: Settings,
    tokens: Tokens,
    *,
    clock: Clock,
    sleep: Callable[[float], None],
) -> list[Sent]:
    """Mail each of the simulator's addresses by raw and by bulk, at the account's rate.

    make_sender: returns a sender for a form, "raw" or "bulk". Raises SendError if the account may not send.
    """
    run = f"simulation{secrets.token_hex(4)}"
    sent: list[Sent] = []
    forms: tuple[Form, ...] = ("raw", "bulk")
    for form in forms:
        sender = make_sender(form)
        rate = sender.allowance().per_second or 1.0
        press = Press(form, _ISSUE, settings, tokens, run, clock)
        letters = [
            press.letter(_person(scenario), _tags(run, f"{form}-{scenario.name}")) for scenario in SCENARIOS
        ]
        for start in range(0, len(letters), sender.max_batch):
            batch = letters[start : start + sender.max_batch]
            outcomes = _hand_over(sender, batch, rate, sleep)
            sent += [
                Sent(scenario=scenario, api=form, outcome=outcome, at=clock())
                for scenario, outcome in zip(SCENARIOS[start:], outcomes, strict=False)
            ]
            sleep(len(batch) / rate)
    return sent


def reports_of(connection: Connection, sent: Sequence[Sent]) -> list[Report]:
    """Return what the database holds about each mail, in the order of its being sent."""
    ids = [each.outcome.message_id for each in sent if each.accepted]
    found: dict[str, list[Any]] = {}
    query = select(events.c.message_id, events.c.kind, events.c.received_at).where(
        events.c.message_id.in_(ids)
    )
    for row in connection.execute(query.order_by(events.c.received_at, events.c.id)):
        found.setdefault(row.message_id, []).append(row)
    return [_report(each, found.get(each.outcome.message_id, ()) if each.accepted else ()) for each in sent]


def _report(sent: Sent, rows: Sequence[Any]) -> Report:
    last = max((row.received_at for row in rows), default=None)
    return Report(
        sent=sent,
        kinds=tuple(dict.fromkeys(row.kind for row in rows)),
        seconds=None if last is None else round((last - sent.at).total_seconds(), 1),
    )


def _hand_over(
    sender: Sender, letters: Sequence[Letter], rate: float, sleep: Callable[[float], None]
) -> Sequence[Outcome]:
    """Make attempts until none was refused for the rate alone: in the sandbox it is one mail a second."""
    outcomes = sender.send(letters)
    for _ in range(_TRIES):
        if not any(outcome.effect is Effect.SLOW for outcome in outcomes):
            break
        sleep(max(1.0, len(letters) / rate))
        again = [place for place, outcome in enumerate(outcomes) if outcome.effect is Effect.SLOW]
        fresh = sender.send([letters[place] for place in again])
        merged = list(outcomes)
        for place, outcome in zip(again, fresh, strict=True):
            merged[place] = outcome
        outcomes = merged
    return outcomes


def _person(scenario: Scenario) -> Person:
    return Person(id=0, email=scenario.address, name="Simulator")  # id 0 is nobody: its links do nothing


def _tags(run: str, name: str) -> Mapping[str, str]:
    return {"campaign": run, "delivery": f"simulation-{name}", "attempt": "1"}
