"""Reading the ledger: how many rows are in which state, what is due next, and who is behind a call.

All figures are counted from rows; nothing here writes.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, bindparam, select, text

from newsletter.model import DeliveryState, Person
from newsletter.store.subscribers import load_people
from newsletter.store.tables import Instant, deliveries, subscribers

__all__ = ["Tally", "next_due", "oldest_sent", "people_of_call", "tally", "uncertain_ids"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Tally:
    """Deliveries of one campaign by state. skipped: by reason."""

    queued: int = 0
    sending: int = 0
    sent: int = 0
    failed: int = 0
    uncertain: int = 0
    skipped: Mapping[str, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """All rows."""
        return (
            self.queued + self.sending + self.sent + self.failed + self.uncertain + sum(self.skipped.values())
        )


def tally(connection: Connection, campaign_id: int) -> Tally:
    """Return the counts at one moment. Reads all rows of the campaign: about a second for a million."""
    rows = connection.execute(
        text(
            """SELECT state, CASE WHEN state = 'skipped' THEN reason ELSE '' END AS why, count(*) AS n
            FROM deliveries WHERE campaign_id = :campaign_id GROUP BY 1, 2"""
        ),
        {"campaign_id": campaign_id},
    ).all()
    states: Counter[str] = Counter()
    skipped: dict[str, int] = {}
    for row in rows:
        if row.state == DeliveryState.SKIPPED:
            skipped[row.why] = row.n
        else:
            states[row.state] = row.n
    return Tally(**states, skipped=dict(sorted(skipped.items())))


def uncertain_ids(connection: Connection, campaign_id: int) -> list[int]:
    """Return the numbers of the deliveries whose outcome nobody knows, in order."""
    query = (
        select(deliveries.c.id)
        .where(deliveries.c.campaign_id == campaign_id, deliveries.c.state == DeliveryState.UNCERTAIN.value)
        .order_by(deliveries.c.id)
    )
    return list(connection.execute(query).scalars())


def next_due(connection: Connection, campaign_id: int, now: datetime) -> datetime | None:
    """Return when the next queued delivery may be tried (at least ``now``), None if none is queued."""
    query = text(
        """SELECT min(coalesce(not_before, :now)) AS due FROM deliveries
        WHERE campaign_id = :campaign_id AND state = 'queued'"""
    )
    due: datetime | None = connection.execute(
        query.bindparams(bindparam("now", type_=Instant)).columns(due=Instant),
        {"campaign_id": campaign_id, "now": now},
    ).scalar_one()
    return due


def oldest_sent(connection: Connection, campaign_id: int, since: datetime) -> datetime | None:
    """Return when the first delivery after ``since`` was sent, None if none was. Reads all rows."""
    query = text(
        """SELECT min(updated_at) AS oldest FROM deliveries
        WHERE campaign_id = :campaign_id AND state = 'sent' AND updated_at > :since"""
    )
    oldest: datetime | None = connection.execute(
        query.bindparams(bindparam("since", type_=Instant)).columns(oldest=Instant),
        {"campaign_id": campaign_id, "since": since},
    ).scalar_one()
    return oldest


def people_of_call(connection: Connection, call_id: str, ids: Sequence[int]) -> dict[int, Person]:
    """Return who the deliveries of a call go to, by delivery number.

    Whoever was removed, or changed their address, since the claim is not in it.
    """
    query = select(deliveries.c.id, subscribers.c.id).where(
        deliveries.c.id.in_(ids),
        deliveries.c.call_id == call_id,
        subscribers.c.id == deliveries.c.subscriber_id,
        subscribers.c.email_key == deliveries.c.email_key,
    )
    numbers = {row[0]: row[1] for row in connection.execute(query)}
    people = load_people(connection, list(numbers.values()))
    return {delivery: people[number] for delivery, number in numbers.items() if number in people}
