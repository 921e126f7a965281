"""Reading the ledger: how many rows are in which state, what is due next, and who is behind a call.

All figures are counted from rows; nothing here writes. ``tally`` reads every row of a campaign and is for
beginnings and ends; what is asked while a send goes on reads only what is open (partial indexes).
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, bindparam, select, text
from sqlalchemy.sql.elements import TextClause

from newsletter.model import DeliveryState
from newsletter.store.tables import Instant, deliveries

__all__ = [
    "FIRST_SENT",
    "OPEN",
    "Open",
    "Tally",
    "first_sent_until",
    "next_due",
    "oldest_sent",
    "open_deliveries",
    "people_of_call",
    "queued_at_most",
    "sent_at_most",
    "tally",
    "uncertain_ids",
]


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
        return sum(self.by_state().values())

    def by_state(self) -> dict[DeliveryState, int]:
        """Return how many are in which state, the skipped together."""
        return {
            DeliveryState.QUEUED: self.queued,
            DeliveryState.SENDING: self.sending,
            DeliveryState.SENT: self.sent,
            DeliveryState.FAILED: self.failed,
            DeliveryState.UNCERTAIN: self.uncertain,
            DeliveryState.SKIPPED: sum(self.skipped.values()),
        }


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


@dataclass(frozen=True, kw_only=True, slots=True)
class Open:
    """Deliveries of one campaign with which something may still happen."""

    queued: int = 0
    sending: int = 0
    uncertain: int = 0


#: Each count by its own partial index, which needs the state as a literal.
OPEN: Final = text(
    """SELECT
        (SELECT count(*) FROM deliveries WHERE campaign_id = :campaign_id AND state = 'queued') AS queued,
        (SELECT count(*) FROM deliveries WHERE campaign_id = :campaign_id AND state = 'sending') AS sending,
        (SELECT count(*) FROM deliveries
            WHERE campaign_id = :campaign_id AND state = 'uncertain') AS uncertain"""
)


def open_deliveries(connection: Connection, campaign_id: int) -> Open:
    """Return what is open. Reads indexes only: a tenth of a second for a million that are queued."""
    row = connection.execute(OPEN, {"campaign_id": campaign_id}).one()
    return Open(queued=row.queued, sending=row.sending, uncertain=row.uncertain)


_QUEUED = text(
    """SELECT count(*) FROM (
        SELECT 1 FROM deliveries
        WHERE campaign_id = :campaign_id AND state = 'queued' LIMIT :most) AS bounded"""
)


def queued_at_most(connection: Connection, campaign_id: int, most: int) -> int:
    """Return how many are queued, or ``most`` if there are more: reads no more than those."""
    found: int = connection.execute(_QUEUED, {"campaign_id": campaign_id, "most": most}).scalar_one()
    return found


# Rows are claimed in the order in which they were planned, that of the subscribers. So what was sent first
# lies before the first thousand that are still queued, and nothing behind them has to be read.
_FIRST = """SELECT updated_at FROM deliveries
        WHERE campaign_id = :campaign_id AND state = 'sent' AND subscriber_id <= coalesce(
            (SELECT subscriber_id FROM deliveries WHERE campaign_id = :campaign_id AND state = 'queued'
                ORDER BY campaign_id, id LIMIT 1 OFFSET 1000),
            (SELECT max(subscriber_id) FROM deliveries WHERE campaign_id = :campaign_id))
        ORDER BY campaign_id, subscriber_id LIMIT :most"""

FIRST_SENT: Final = text(f"SELECT count(*) FROM ({_FIRST}) AS first")  # noqa: S608  (built from constants)


def sent_at_most(connection: Connection, campaign_id: int, most: int) -> int:
    """Return how many of the first are sent, or ``most`` if there are more."""
    found: int = connection.execute(FIRST_SENT, {"campaign_id": campaign_id, "most": most}).scalar_one()
    return found


def first_sent_until(connection: Connection, campaign_id: int, most: int) -> datetime | None:
    """Return when the last of the first ``most`` that are sent was recorded, None if none is."""
    query = text(f"SELECT max(updated_at) AS last FROM ({_FIRST}) AS first").columns(last=Instant)  # noqa: S608
    last: datetime | None = connection.execute(query, {"campaign_id": campaign_id, "most": most}).scalar_one()
    return last


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


# One JSON text for all of them: to read it takes a fraction of what fetching and reading each row does.
_PEOPLE: Final[Mapping[str, TextClause]] = {
    dialect: text(query)
    for dialect, query in {
        "sqlite": """SELECT json_group_array(json_array(
            deliveries.id, subscribers.id, email, subscribers.email_key, name, json(attributes),
            (SELECT json_group_array(tag) FROM subscriber_tags WHERE subscriber_id = subscribers.id)))
        FROM json_each(:ids) AS wanted
        CROSS JOIN deliveries ON deliveries.id = wanted.value
        CROSS JOIN subscribers ON subscribers.id = deliveries.subscriber_id
            AND subscribers.email_key = deliveries.email_key""",
        "postgresql": """SELECT CAST(coalesce(json_agg(json_build_array(
            deliveries.id, subscribers.id, email, subscribers.email_key, name, attributes,
            (SELECT coalesce(json_agg(tag), '[]') FROM subscriber_tags
                WHERE subscriber_id = subscribers.id))), '[]') AS TEXT)
        FROM deliveries JOIN subscribers ON subscribers.id = deliveries.subscriber_id
            AND subscribers.email_key = deliveries.email_key
        WHERE deliveries.id = ANY (CAST(CAST(:ids AS TEXT) AS BIGINT[]))""",
    }.items()
}


def people_of_call(connection: Connection, ids: Sequence[int]) -> str:
    """Return who claimed deliveries go to, as JSON for ``read_people``: reading it can be left to others.

    Whoever was removed, or changed their address, since the claim is not in it.
    """
    wanted = json.dumps(list(ids))
    if connection.dialect.name == "postgresql":
        wanted = f"{{{wanted[1:-1]}}}"  # how it writes arrays
    found: str = connection.execute(_PEOPLE[connection.dialect.name], {"ids": wanted}).scalar_one()
    return found
