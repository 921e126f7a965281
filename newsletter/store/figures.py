"""What became of the mail of a campaign, as the ledger and the provider's events say; aggregates only.

Nothing here returns a row for each person: a report on a million deliveries reads them in the database. An
event counts if it names a delivery of its campaign that was sent: whoever sends events is hostile, and may
name others, or none.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, text

from newsletter.model import DeliveryState
from newsletter.store.bounce_reasons import REASON, SAID_IN_DETAIL, WORDS_OF_DETAIL
from newsletter.store.events import NOT_SPAM
from newsletter.store.spelling import by_span, of_campaigns, spelt
from newsletter.store.tables import Instant
from newsletter.store.tallies import Tally

__all__ = [
    "COUNTING",
    "FEWEST",
    "DomainBounces",
    "Fates",
    "ReasonBounces",
    "Span",
    "bounces_by_domain",
    "bounces_by_reason",
    "count_delivered",
    "delivered_over_time",
    "fates",
    "sent_over_time",
    "sent_span",
    "tally_together",
]

FEWEST: Final = 3  #: people that a domain must have been mailed to be named

#: Events of a campaign that count, with the delivery that each is about.
COUNTING: Final = """events JOIN deliveries ON deliveries.id = events.delivery_id
        AND deliveries.campaign_id = events.campaign_id AND deliveries.state = 'sent'"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """How many mails of a campaign the provider took, and when the first and the last of them."""

    sent: int
    first: datetime
    last: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Fates:
    """People whose mail met with something besides a plain delivery.

    hard, soft, rejected, delayed: exclusive, the gravest that the provider reported; delayed only while it
    is not delivered. also_delivered: of hard, soft and rejected, those that a delivery was reported of, too.
    complaints (but those that are taken back), replies (of absent people), ever_delayed: over all, whatever
    else happened.
    """

    hard: int = 0
    soft: int = 0
    rejected: int = 0
    delayed: int = 0
    also_delivered: int = 0
    complaints: int = 0
    replies: int = 0
    ever_delayed: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class ReasonBounces:
    """People whose mail came back for one reason: in words of ours, or the beginning of the provider's."""

    reason: str
    hard: int
    soft: int


@dataclass(frozen=True, kw_only=True, slots=True)
class DomainBounces:
    """People at a domain whose mail came back. domain: "" for all those where fewer than FEWEST were mailed.

    mailed: how many people there were sent it.
    """

    domain: str
    mailed: int
    hard: int
    soft: int


def sent_span(connection: Connection, campaign_id: int) -> Span | None:
    """Return how many were sent and when, None if none was. Reads all rows of the campaign."""
    row = connection.execute(
        text(
            """SELECT count(*) AS sent, min(updated_at) AS first, max(updated_at) AS last FROM deliveries
            WHERE campaign_id = :campaign AND state = 'sent'"""
        ).columns(first=Instant, last=Instant),
        {"campaign": campaign_id},
    ).one()
    return Span(sent=row.sent, first=row.first, last=row.last) if row.sent else None


def sent_over_time(connection: Connection, campaign_id: int, start: datetime, width: int) -> dict[int, int]:
    """Return how many were sent in each span of ``width`` seconds after start, by its number from 0."""
    statement = spelt(
        connection,
        """SELECT {bucket} AS bucket, count(*) AS n FROM deliveries
        WHERE campaign_id = :campaign AND state = 'sent' GROUP BY 1""",
        at="updated_at",
    )
    return by_span(connection, statement, campaign_id, start, width)


def delivered_over_time(
    connection: Connection, campaign_id: int, start: datetime, width: int
) -> dict[int, int]:
    """Return to how many people it was delivered in each span after start, by the first report of each."""
    statement = spelt(
        connection,
        f"""SELECT {{bucket}} AS bucket, count(*) AS n FROM (
            SELECT min(events.at) AS first FROM {COUNTING}
            WHERE events.campaign_id = :campaign AND events.kind = 'delivery' GROUP BY events.delivery_id
        ) AS firsts GROUP BY 1""",  # noqa: S608  (built from constants)
        at="first",
    )
    return by_span(connection, statement, campaign_id, start, width)


def count_delivered(connection: Connection, campaign_id: int) -> int:
    """Return of how many people the provider has reported a delivery, whatever it reported afterwards."""
    found: int = connection.execute(
        text(
            f"""SELECT count(DISTINCT events.delivery_id) FROM {COUNTING}
            WHERE events.campaign_id = :campaign AND events.kind = 'delivery'"""  # noqa: S608
        ),
        {"campaign": campaign_id},
    ).scalar_one()
    return found


def fates(connection: Connection, campaign_id: int) -> Fates:
    """Return whose mail met with something besides a plain delivery."""
    rows = connection.execute(
        text(
            f"""SELECT hard, soft, rejected, late, complained, replied, delivered, count(*) AS n FROM (
                SELECT flags.*, CASE WHEN EXISTS (
                    SELECT 1 FROM events AS other WHERE other.campaign_id = :campaign
                        AND other.kind = 'delivery' AND other.delivery_id = flags.delivery_id
                ) THEN 1 ELSE 0 END AS delivered
                FROM (
                    SELECT events.delivery_id,
                        max(CASE WHEN bounce = 'hard' THEN 1 ELSE 0 END) AS hard,
                        max(CASE WHEN bounce = 'soft' THEN 1 ELSE 0 END) AS soft,
                        max(CASE WHEN kind IN ('reject', 'rendering-failure') THEN 1 ELSE 0 END) AS rejected,
                        max(CASE WHEN kind = 'delivery-delay' THEN 1 ELSE 0 END) AS late,
                        max(CASE WHEN kind = 'complaint' AND detail NOT LIKE '{NOT_SPAM}%'
                            THEN 1 ELSE 0 END) AS complained,
                        max(CASE WHEN bounce = 'reply' THEN 1 ELSE 0 END) AS replied
                    FROM {COUNTING}
                    WHERE events.campaign_id = :campaign AND events.kind IN
                        ('bounce', 'complaint', 'reject', 'rendering-failure', 'delivery-delay')
                    GROUP BY events.delivery_id
                ) AS flags
            ) AS told GROUP BY 1, 2, 3, 4, 5, 6, 7"""  # noqa: S608  (built from constants)
        ),
        {"campaign": campaign_id},
    ).all()

    def people(which: Any) -> int:
        return sum(row.n for row in rows if which(row))

    return Fates(
        hard=people(lambda row: row.hard),
        soft=people(lambda row: row.soft and not row.hard),
        rejected=people(lambda row: row.rejected and not (row.hard or row.soft)),
        delayed=people(lambda row: row.late and not (row.hard or row.soft or row.rejected or row.delivered)),
        also_delivered=people(lambda row: row.delivered and (row.hard or row.soft or row.rejected)),
        complaints=people(lambda row: row.complained),
        replies=people(lambda row: row.replied),
        ever_delayed=people(lambda row: row.late),
    )


#: The event that says best why a delivery came back: the last hard bounce, or else the last one.
_WORST: Final = f"""SELECT events.delivery_id,
        max(CASE WHEN bounce = 'hard' THEN 1 ELSE 0 END) AS hard,
        coalesce(max(CASE WHEN bounce = 'hard' THEN events.id END), max(events.id)) AS event_id
    FROM {COUNTING}
    WHERE events.campaign_id IN :campaigns AND events.kind = 'bounce' AND bounce IN ('hard', 'soft')
    GROUP BY events.delivery_id"""  # noqa: S608  (built from constants)


def bounces_by_reason(
    connection: Connection, campaign_ids: Sequence[int], *, limit: int = 200
) -> list[ReasonBounces]:
    """Return why mail came back, most people first; at most so many reasons."""
    told = spelt(
        connection,
        f"""SELECT worst.hard, {WORDS_OF_DETAIL} AS words, {SAID_IN_DETAIL} AS said
        FROM ({_WORST}) AS worst JOIN events ON events.id = worst.event_id""",  # noqa: S608
    )
    rows = connection.execute(
        of_campaigns(
            f"""SELECT {REASON} AS reason, sum(hard) AS hard, sum(1 - hard) AS soft FROM ({told}) AS told
            GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT :limit"""  # noqa: S608  (built from constants)
        ),
        {"campaigns": list(campaign_ids), "limit": limit},
    )
    return [ReasonBounces(reason=row.reason, hard=int(row.hard), soft=int(row.soft)) for row in rows]


def bounces_by_domain(connection: Connection, campaign_ids: Sequence[int]) -> list[DomainBounces]:
    """Return at which domains mail came back, most people first. Reads all rows of the campaigns."""
    statement = spelt(
        connection,
        f"""WITH hit AS (
            SELECT {{domain}} AS domain, sum(worst.hard) AS hard, sum(1 - worst.hard) AS soft
            FROM ({_WORST}) AS worst JOIN deliveries ON deliveries.id = worst.delivery_id GROUP BY 1
        ), mailed AS (
            SELECT domain, count(*) AS n FROM (
                SELECT {{domain}} AS domain FROM deliveries
                WHERE campaign_id IN :campaigns AND state = 'sent'
            ) AS sent WHERE domain IN (SELECT domain FROM hit) GROUP BY domain
        )
        SELECT CASE WHEN mailed.n >= :fewest THEN hit.domain ELSE '' END AS domain,
            sum(mailed.n) AS mailed, sum(hit.hard) AS hard, sum(hit.soft) AS soft
        FROM hit JOIN mailed ON mailed.domain = hit.domain
        GROUP BY 1 ORDER BY sum(hit.hard) + sum(hit.soft) DESC, 1""",  # noqa: S608  (built from constants)
    )
    rows = connection.execute(of_campaigns(statement), {"campaigns": list(campaign_ids), "fewest": FEWEST})
    return [
        DomainBounces(domain=row.domain, mailed=int(row.mailed), hard=int(row.hard), soft=int(row.soft))
        for row in rows
    ]


def tally_together(connection: Connection, campaign_ids: Sequence[int]) -> Tally:
    """Return where the people of several campaigns stand, each of them once: at the best that they came to.

    Whoever was skipped by all of them counts for the reason that the newest one had.
    """
    rows = connection.execute(
        of_campaigns(
            """SELECT state, why, count(*) AS n FROM (
                SELECT state, CASE WHEN state = 'skipped' THEN reason ELSE '' END AS why,
                    row_number() OVER (PARTITION BY subscriber_id ORDER BY CASE state
                        WHEN 'sent' THEN 1 WHEN 'sending' THEN 2 WHEN 'uncertain' THEN 3
                        WHEN 'queued' THEN 4 WHEN 'failed' THEN 5 ELSE 6 END, campaign_id DESC) AS place
                FROM deliveries WHERE campaign_id IN :campaigns
            ) AS placed WHERE place = 1 GROUP BY state, why"""
        ),
        {"campaigns": list(campaign_ids)},
    ).all()
    counts = {row.state: row.n for row in rows if row.state != DeliveryState.SKIPPED}
    skipped = {row.why: row.n for row in rows if row.state == DeliveryState.SKIPPED}
    return Tally(**counts, skipped=dict(sorted(skipped.items())))
