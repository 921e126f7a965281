"""From events to what they mean: READ FIRST.

    read (events.py) -> keep (store/events.py) -> settle what was uncertain
                                              `-> suppress who bounced for good, bounced softly
                                                  three campaigns in a row, or complained

All of it in one transaction: an event that is in the database has had its effect, one that comes again has
none. The order in which events come does not matter: a status only grows graver (store/suppressing.py), and
whether soft bounces are in a row is asked of the ledger, not of the order.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, Engine

from newsletter.feedback.bounces import about_the_mailbox
from newsletter.model import EventKind
from newsletter.store.events import Event, keep, mark_bursts, settle
from newsletter.store.forgetting import Fingerprints
from newsletter.store.suppressing import soft_runs, suppress

__all__ = ["SOFT_RUN", "Kept", "keep_events"]

SOFT_RUN: Final = 3  #: campaigns in a row that bounce softly, and the address is given up


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """What events came to. events: new ones. settled: deliveries. suppressed, complained: addresses."""

    events: int = 0
    duplicates: int = 0
    settled: int = 0
    suppressed: int = 0
    complained: int = 0


def keep_events(
    engine: Engine, reported: Iterable[Event], *, fingerprints: Fingerprints, now: datetime
) -> Kept:
    """Write events down, with all that follows from those that are new; return what that came to."""
    given = list(reported)
    if not given:
        return Kept()
    with engine.begin() as connection:
        new = keep(connection, given, fingerprints=fingerprints, now=now)
        settled = settle(connection)
        clicked = [event.delivery for event in new if event.link and event.delivery is not None]
        mark_bursts(connection, clicked)
        complained = sum(_complaint(connection, event, now) for event in _by_address(new))
        suppressed = sum(_hard_bounce(connection, event, now) for event in _by_address(new))
        suppressed += _give_up(connection, new, now)
    return Kept(
        events=len(new),
        duplicates=len(given) - len(new),
        settled=settled,
        suppressed=suppressed,
        complained=complained,
    )


def _by_address(new: Iterable[Event]) -> list[Event]:
    """Return events in the one order in which rows of people are written."""
    return sorted(new, key=lambda event: event.recipient)


def _complaint(connection: Connection, event: Event, now: datetime) -> bool:
    if not event.is_complaint:
        return False
    return suppress(connection, event.recipient, "complaint", detail=event.detail, how="ses", now=now)


def _hard_bounce(connection: Connection, event: Event, now: datetime) -> bool:
    if event.kind is not EventKind.BOUNCE or event.bounce != "hard":
        return False
    return suppress(connection, event.recipient, "bounce", detail=event.detail, how="ses", now=now)


def _give_up(connection: Connection, new: Iterable[Event], now: datetime) -> int:
    """Suppress who has bounced softly, for their mailbox's sake, three campaigns in a row."""
    keys = {event.recipient for event in new if event.bounce == "soft" and event.recipient}
    given_up = 0
    for key, details in sorted(soft_runs(connection, sorted(keys), SOFT_RUN).items()):
        if all(map(about_the_mailbox, details)):
            detail = f"{SOFT_RUN} campaigns in a row came back: {details[0]}"
            given_up += suppress(connection, key, "bounce", detail=detail, how="ses", now=now)
    return given_up
