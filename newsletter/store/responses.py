"""Opens and clicks as the provider reports them, by people and by machines apart; aggregates only.

Mail programs and virus scanners fetch pictures and follow links by themselves. What the provider or its user
agent gives away as such counts as a machine; what hides it counts as a person. Neither is the truth.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, text

from newsletter.store.figures import COUNTING
from newsletter.store.spelling import of_campaigns, spelt

__all__ = ["HIDDEN", "LinkClicks", "Responses", "clicks_by_link", "responses"]

#: Instead of the address of a link that names a reader.
HIDDEN: Final[Mapping[str, str]] = {
    "u": "the link to unsubscribe",
    "p": "the link to the preferences",
    "c": "the link to confirm",
    "@": "links that hold an address",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Responses:
    """Opens, or clicks, of one campaign, by one kind of reader. people: who did it at least once.

    times: all of them; by_hour: people by the hour of their first one, from 0, the start of the campaign.
    """

    people: int = 0
    times: int = 0
    by_hour: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class LinkClicks:
    """Clicks on a link, without its query and fragment: who clicked, and how often, machines included.

    link: an address of the web, or a value of HIDDEN.
    """

    link: str
    people: int
    machines: int
    times: int


def responses(
    connection: Connection, campaign_id: int, kind: str, start: datetime
) -> tuple[Responses, Responses]:
    """Return the opens or clicks by people, and those by machines. kind: "open" or "click"."""
    firsts = f"""SELECT
            min(CASE WHEN machine = 0 THEN events.at END) AS human,
            min(CASE WHEN machine = 1 THEN events.at END) AS machine,
            sum(1 - machine) AS by_people, sum(machine) AS by_machines
        FROM {COUNTING} WHERE events.campaign_id = :campaign AND events.kind = :kind
        GROUP BY events.delivery_id"""  # noqa: S608  (built from constants)
    human, machine = (
        spelt(
            connection,
            f"""SELECT {who} AS machine, {{bucket}} AS bucket, count(*) AS people, sum({times}) AS times
            FROM firsts WHERE {column} IS NOT NULL GROUP BY 2""",  # noqa: S608  (built from constants)
            at=column,
        )
        for who, column, times in ((0, "human", "by_people"), (1, "machine", "by_machines"))
    )
    rows = connection.execute(
        text(f"WITH firsts AS MATERIALIZED ({firsts}) {human} UNION ALL {machine}"),
        {"campaign": campaign_id, "kind": kind, "start": int(start.timestamp()), "width": 3600},
    ).all()

    def of(who: int) -> Responses:
        mine = [row for row in rows if row.machine == who]
        return Responses(
            people=sum(row.people for row in mine),
            times=sum(int(row.times) for row in mine),
            by_hour=dict(sorted((row.bucket, row.people) for row in mine)),
        )

    return of(0), of(1)


def clicks_by_link(
    connection: Connection, campaign_ids: Sequence[int], *, limit: int = 10
) -> list[LinkClicks]:
    """Return the links that most people clicked on, and after them those that most machines did."""
    ours = " ".join(f"WHEN link LIKE '%/{way}/{way}.%' THEN '{HIDDEN[way]}'" for way in "upc")
    statement = spelt(
        connection,
        f"""SELECT page, count(DISTINCT CASE WHEN machine = 0 THEN delivery_id END) AS people,
            count(DISTINCT CASE WHEN machine = 1 THEN delivery_id END) AS machines, count(*) AS times
        FROM (
            SELECT delivery_id, machine, CASE {ours}
                WHEN replace(page, '/@', '') LIKE '%@%' OR page LIKE '%!%40%' ESCAPE '!' THEN '{HIDDEN["@"]}'
                ELSE page END AS page
            FROM (
                SELECT delivery_id, machine, link, CASE WHEN {{find}}(whole, '?') = 0 THEN whole
                    ELSE substr(whole, 1, {{find}}(whole, '?') - 1) END AS page
                FROM (
                    SELECT events.delivery_id, machine, link, CASE WHEN {{find}}(link, '#') = 0 THEN link
                        ELSE substr(link, 1, {{find}}(link, '#') - 1) END AS whole
                    FROM {COUNTING} WHERE events.campaign_id IN :campaigns AND events.kind = 'click'
                ) AS without_fragment
            ) AS without_query
        ) AS named GROUP BY page ORDER BY 2 DESC, 3 DESC, 1 LIMIT :limit""",  # noqa: S608
    )
    rows = connection.execute(of_campaigns(statement), {"campaigns": list(campaign_ids), "limit": limit})
    return [
        LinkClicks(link=row.page, people=row.people, machines=row.machines, times=row.times) for row in rows
    ]
