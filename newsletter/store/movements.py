"""Who came to the list and who left it, counted by hour; aggregates only, and nobody is named."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Connection, bindparam, select, text

from newsletter.store.spelling import spelt
from newsletter.store.tables import Instant, campaigns

__all__ = ["JOINED", "LEFT", "IssueSends", "Leavers", "Movement", "issues_sent", "leavers", "movements"]

#: What puts a person on the list, and what takes them off it.
JOINED: Final = ("confirmed", "added", "imported")
LEFT: Final = ("unsubscribed", "complained", "bounced", "forgotten", "import-undone")


@dataclass(frozen=True, kw_only=True, slots=True)
class IssueSends:
    """When the first send of an issue began, and the numbers of all of them, oldest first."""

    began: datetime
    campaigns: list[int]


@dataclass(frozen=True, kw_only=True, slots=True)
class Movement:
    """So many people who came or went for one reason (of JOINED or LEFT) within one hour, which begins at."""

    at: datetime
    kind: str
    people: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Leavers:
    """People who unsubscribed within one hour, in one way (how: one-click, page, mailto, cli, …).

    by_link: by a link of the issue asked about; else without any link, while it was the newest issue.
    """

    at: datetime
    how: str
    by_link: bool
    people: int


def issues_sent(connection: Connection) -> dict[str, IssueSends]:
    """Return each issue that was ever sent, in the order of their first sends."""
    found: dict[str, IssueSends] = {}
    query = select(campaigns.c.slug, campaigns.c.id, campaigns.c.created_at)
    for slug, number, at in connection.execute(query.order_by(campaigns.c.created_at, campaigns.c.id)):
        sends = found.setdefault(slug, IssueSends(began=at, campaigns=[]))
        sends.campaigns.append(number)
    return found


def leavers(
    connection: Connection, campaign_keys: Sequence[str], *, since: datetime, until: datetime
) -> list[Leavers]:
    """Return who unsubscribed because of an issue: by its links at any time, or otherwise within its time.

    Whoever unsubscribed by the link of another issue is not in it. A person counts once, at the first time.
    """
    statement = spelt(
        connection,
        """SELECT {hour} AS hour, how, tied, count(*) AS people FROM (
            SELECT min(at) AS at, min(how) AS how, max(CASE WHEN source IN :marks THEN 1 ELSE 0 END) AS tied
            FROM consent_events WHERE kind = 'unsubscribed' AND (
                source IN :marks OR (at >= :since AND at < :until AND source NOT LIKE 'link of %')
            ) GROUP BY subscriber_id
        ) AS firsts GROUP BY 1, 2, 3 ORDER BY 1, 2, 3""",
    )
    rows = connection.execute(
        _timed(statement).bindparams(bindparam("marks", expanding=True)),
        {"marks": [f"link of {key}" for key in campaign_keys], "since": since, "until": until},
    )
    return [
        Leavers(at=_hour(row.hour), how=row.how, by_link=bool(row.tied), people=row.people) for row in rows
    ]


def movements(connection: Connection, since: datetime, until: datetime) -> list[Movement]:
    """Return who came and who went from ``since`` up to ``until``, oldest first.

    A complaint of somebody who had left before it is none of these: they are gone already. Who asked to be
    forgotten is known by that alone.
    """
    statement = spelt(
        connection,
        """SELECT hour, kind, count(*) AS people FROM (
            SELECT {hour} AS hour, kind FROM consent_events AS event WHERE at >= :since AND at < :until
                AND (kind IN ('confirmed', 'added', 'imported', 'unsubscribed', 'bounced', 'import-undone')
                OR (kind = 'complained' AND NOT EXISTS (
                    SELECT 1 FROM consent_events AS gone WHERE gone.subscriber_id = event.subscriber_id
                        AND gone.id < event.id AND gone.kind IN ('unsubscribed', 'bounced')
                        AND NOT EXISTS (
                            SELECT 1 FROM consent_events AS back
                            WHERE back.subscriber_id = event.subscriber_id
                                AND back.id > gone.id AND back.id < event.id
                                AND back.kind IN ('confirmed', 'added', 'imported')
                        )
                )))
            UNION ALL
            SELECT {hour}, 'forgotten' FROM suppressions
            WHERE at >= :since AND at < :until AND reason = 'forgotten'
        ) AS moved GROUP BY hour, kind ORDER BY hour, kind""",
    )
    rows = connection.execute(_timed(statement), {"since": since, "until": until})
    return [Movement(at=_hour(row.hour), kind=row.kind, people=row.people) for row in rows]


def _timed(statement: str) -> Any:
    return text(statement).bindparams(bindparam("since", type_=Instant), bindparam("until", type_=Instant))


def _hour(shown: str) -> datetime:
    return datetime.strptime(shown, "%Y-%m-%d %H").replace(tzinfo=UTC)
