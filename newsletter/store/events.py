"""What the provider reported, and what that proves about the ledger.

    keep     insert what is new; a report that came before changes nothing
    settle   an uncertain delivery that an event proves to have been accepted becomes ``sent``
    health   how a campaign's mail fares: for the canary

Decisions
- An event belongs to a delivery only if both of our tags agree: the campaign's key, which is opaque, and the
  number of a delivery in that campaign. Otherwise it is kept without one: bodies are hostile.
- Where an event comes before the record of its call, the row is still ``sending`` and nothing is changed; if
  the row becomes uncertain later, the next ``settle`` finds the event.
- Who asked to be forgotten is not written down again by an event that is late: it stands under their hash,
  without its text.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, Final, Literal

from sqlalchemy import Connection, func, select, text, update

from newsletter.model import EventKind
from newsletter.store.forgetting import Fingerprints, any_forgotten, forgotten_hashes
from newsletter.store.sql import insert_or_ignore
from newsletter.store.tables import campaigns, deliveries, events

__all__ = ["NOT_SPAM", "SETTLE", "Bounce", "Event", "health", "keep", "mark_bursts", "settle"]

Bounce = Literal["", "hard", "soft", "reply"]

NOT_SPAM: Final = "not-spam"  #: how the detail of a complaint begins that says the opposite (RFC 5965)
_SUPPRESSED: Final = "OnAccountSuppressionList"  # of a bounce: SES has not tried, and does not count it
_AHEAD: Final = timedelta(hours=1)  # a clock that is wrong by more is not believed
_BURST: Final = timedelta(seconds=5)
_BURST_LINKS: Final = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """One report about one mail to one person.

    dedupe: equal for two reports of the same thing. at: when it happened, None if that is not said.
    recipient: email_key or its hash, "" if not said. campaign, delivery: as our tags say, not checked.
    detail: in words, no address. machine: an open or click that a program made. raw: JSON, zlib.
    """

    dedupe: str
    kind: EventKind
    at: datetime | None
    message_id: str
    recipient: str = ""
    campaign: str = ""
    delivery: int | None = None
    bounce: Bounce = ""
    detail: str = ""
    link: str = ""
    machine: bool = False
    raw: bytes | None = field(default=None, repr=False)

    @property
    def is_complaint(self) -> bool:
        """Whether somebody complains: not where a report takes that back."""
        return self.kind is EventKind.COMPLAINT and not self.detail.startswith(NOT_SPAM)


def keep(
    connection: Connection,
    reported: Iterable[Event],
    *,
    fingerprints: Fingerprints,
    now: datetime,
) -> list[Event]:
    """Write down the events that are new; return them, deliveries checked and the forgotten under their hash.

    fingerprints: ``Tokens.fingerprints``. On PostgreSQL one transaction keeps events at a time.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(func.hashtext("newsletter.events"))))
    once = {event.dedupe: event for event in reported}
    if not once:
        return []
    numbers = _campaign_numbers(connection, once.values())
    places = _delivery_places(connection, once.values())
    checked: dict[str, Event] = {}
    rows: list[dict[str, Any]] = []
    for event in _forgetful(connection, once.values(), fingerprints):
        campaign = numbers.get(event.campaign)
        mine = campaign is not None and places.get(event.delivery) == campaign
        checked[event.dedupe] = event if mine else replace(event, delivery=None)
        rows.append(_row(checked[event.dedupe], campaign, now))
    statement = insert_or_ignore(connection, events).returning(events.c.dedupe)
    new = connection.execute(statement, rows).scalars().all()
    return [checked[dedupe] for dedupe in new]


def _row(event: Event, campaign: int | None, now: datetime) -> dict[str, Any]:
    at = now if event.at is None or event.at > now + _AHEAD else event.at
    return {
        "dedupe": event.dedupe,
        "kind": event.kind.value,
        "at": at,
        "received_at": now,
        "message_id": event.message_id,
        "campaign_id": campaign,
        "delivery_id": event.delivery,
        "email_key": event.recipient,
        "bounce": event.bounce,
        "detail": event.detail,
        "link": event.link,
        "machine": int(event.machine),
        "raw": event.raw,
    }


def _campaign_numbers(connection: Connection, reported: Iterable[Event]) -> Mapping[str, int]:
    """Return the rows of the campaigns that tags name, by key."""
    keys = {event.campaign for event in reported if event.campaign}
    if not keys:
        return {}
    query = select(campaigns.c.key, campaigns.c.id).where(campaigns.c.key.in_(keys))
    return {row.key: row.id for row in connection.execute(query)}


def _delivery_places(connection: Connection, reported: Iterable[Event]) -> Mapping[int | None, int]:
    """Return the campaigns of the deliveries that tags name, by delivery."""
    ids = {event.delivery for event in reported if event.delivery is not None}
    if not ids:
        return {}
    query = select(deliveries.c.id, deliveries.c.campaign_id).where(deliveries.c.id.in_(ids))
    return {row.id: row.campaign_id for row in connection.execute(query)}


def _forgetful(
    connection: Connection, reported: Iterable[Event], fingerprints: Fingerprints
) -> Iterable[Event]:
    """Yield the events; those about people who asked to be forgotten name and say nothing."""
    hashes = forgotten_hashes(connection) if any_forgotten(connection) else frozenset()
    for event in reported:
        mine = hashes.intersection(fingerprints(event.recipient)) if hashes and event.recipient else ()
        yield replace(event, recipient=next(iter(mine)), detail="", link="", raw=None) if mine else event


# -- what events prove ------------------------------------------------------------------------------

#: SES reports nothing of a kind that is not ``subscription`` about a mail that it has not taken.
_PROOF: Final = """FROM events WHERE events.delivery_id = deliveries.id
    AND events.campaign_id = deliveries.campaign_id AND events.kind <> 'subscription'"""

#: The state is a literal, so that the partial index of uncertain rows is used (store/deliveries.py).
SETTLE: Final = f"""UPDATE deliveries SET state = 'sent', reason = 'the provider reported that it took it',
    message_id = (SELECT min(events.message_id) {_PROOF}), not_before = NULL, lease_until = NULL,
    updated_at = (SELECT min(events.received_at) {_PROOF})
    WHERE state = 'uncertain' AND EXISTS (SELECT 1 {_PROOF})"""  # noqa: S608  (built from constants)


def settle(connection: Connection, campaign_id: int | None = None) -> int:
    """Make ``sent`` what is uncertain and was accepted, as an event proves; return how many that were.

    campaign_id: of this campaign only. Costs nothing to speak of while nothing is uncertain.
    """
    if campaign_id is None:
        return connection.execute(text(SETTLE)).rowcount
    mine = text(f"{SETTLE} AND campaign_id = :campaign_id")
    return connection.execute(mine, {"campaign_id": campaign_id}).rowcount


def mark_bursts(connection: Connection, ids: Sequence[int]) -> int:
    """Mark as a program's the clicks of these deliveries that follow several others; return how many.

    Several: on three links or more within five seconds, as scanners do before a mail is shown.
    """
    if not ids:
        return 0
    query = (
        select(events.c.id, events.c.delivery_id, events.c.at, events.c.link)
        .where(events.c.delivery_id.in_(ids), events.c.kind == EventKind.CLICK.value)
        .order_by(events.c.delivery_id, events.c.at)
    )
    bursts: set[int] = set()
    for _, clicks in groupby(connection.execute(query), key=lambda click: click.delivery_id):
        window: deque[Any] = deque()
        for click in clicks:
            window.append(click)
            while click.at - window[0].at > _BURST:
                window.popleft()
            if len({each.link for each in window}) >= _BURST_LINKS:
                bursts.update(each.id for each in window)
    if not bursts:
        return 0
    values = {"machine": 1, "detail": "many links at once"}
    marked = update(events).where(events.c.id.in_(bursts), events.c.machine == 0).values(values)
    return connection.execute(marked).rowcount


def health(connection: Connection, campaign_id: int) -> tuple[int, int, int] | None:
    """Return how many mails were accepted, bounced hard, and were complained of; None without any event.

    What SES did not even try, because its own list names the address, is no bounce here: it does not count
    it either.
    """
    mine = events.c.campaign_id == campaign_id
    if connection.scalar(select(events.c.id).where(mine).limit(1)) is None:
        return None
    accepted = connection.execute(
        text("SELECT count(*) FROM deliveries WHERE campaign_id = :id AND state = 'sent'"),
        {"id": campaign_id},
    ).scalar_one()
    people = func.count(events.c.delivery_id.distinct())
    bounced = select(people).where(
        mine,
        events.c.kind == EventKind.BOUNCE.value,
        events.c.bounce == "hard",
        events.c.detail.not_like(f"%{_SUPPRESSED}%"),
    )
    complained = select(people).where(
        mine, events.c.kind == EventKind.COMPLAINT.value, events.c.detail.not_like(f"{NOT_SPAM}%")
    )
    return accepted, connection.scalar(bounced) or 0, connection.scalar(complained) or 0
