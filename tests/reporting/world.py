"""Made rows for reports: they go into a database, and stay here as lists from which the truth is counted."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from sqlalchemy import Engine, insert

from newsletter.model import CompiledIssue, Residual
from newsletter.store.content import pack
from newsletter.store.tables import campaigns, consent_events, deliveries, events, subscribers, suppressions

__all__ = ["NOVEMBER", "World", "a_busy_year"]

NOVEMBER = datetime(2026, 11, 3, 13, tzinfo=UTC)  # 09:00 in Halifax
TABLES = (subscribers, campaigns, deliveries, events, consent_events, suppressions)

REASONS = {
    "hard": (
        "Permanent General 5.1.1: smtp; 550 5.1.1 user unknown {}",
        "Permanent General 5.1.1: smtp; 550 5.1.1 user unknown {}",
        "Permanent OnAccountSuppressionList: ",
        "Transient General 5.4.4: smtp; 550 5.4.4 Invalid domain",
    ),
    "soft": (
        "Transient MailboxFull 4.2.2: smtp; 452 4.2.2 mailbox full {}",
        "Transient General 5.7.1: smtp; 550 5.7.1 blocked, see 4.2.2",
        "Transient General: smtp; 451 come back later",
    ),
}
LINKS = (
    "https://ignite.example.org/sessions",
    "https://ignite.example.org/sessions?utm_source=letter#prices",
    "https://ignite.example.org/groups",
    "https://ignite.example.org/invite/{}@example.org/now",
    "https://news.example.org/u/u.{}.k3xw9q.c2lnbmVk",
)


@dataclass
class World:
    """Rows by table. Each is a dict; ids are given here, so that both databases have the same."""

    rows: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))

    def add(self, table: str, **row: Any) -> int:
        """Add a row; return its number."""
        rows = self.rows[table]
        row = {"id": len(rows) + 1, **row}
        rows.append(row)
        return int(row["id"])

    def person(self, email: str, *, at: datetime, status: str = "confirmed") -> int:
        return self.add(
            "subscribers",
            email=email,
            email_key=email,
            status=status,
            attributes={},
            created_at=at,
            updated_at=at,
        )

    def campaign(
        self, slug: str, at: datetime, *, title: str = "", segment: str = "", state: str = "finished"
    ) -> int:
        part = Residual(source="Hello")
        issue = CompiledIssue(
            slug=slug, title=title or slug, language="en", subject=part, html=part, text=part
        )
        number = len(self.rows["campaigns"]) + 1
        return self.add(
            "campaigns",
            key=f"k{number:011d}",
            slug=slug,
            segment=segment,
            state=state,
            content=pack(issue),
            content_hash=issue.hash,
            created_at=at,
            started_at=at + timedelta(seconds=1),
            ceiling=len(self.rows["subscribers"]),
            planned_through=len(self.rows["subscribers"]),
            candidates=0,
        )

    def key(self, campaign: int) -> str:
        return str(self.rows["campaigns"][campaign - 1]["key"])

    def delivery(
        self, campaign: int, person: int, *, at: datetime, state: str = "sent", reason: str = ""
    ) -> int:
        self.rows["campaigns"][campaign - 1]["candidates"] += 1
        return self.add(
            "deliveries",
            campaign_id=campaign,
            subscriber_id=person,
            email_key=self.rows["subscribers"][person - 1]["email_key"],
            state=state,
            reason=reason,
            updated_at=at,
        )

    def event(self, kind: str, delivery: int | None, at: datetime, **more: Any) -> int:
        """Add an event about a delivery, in its own campaign unless ``more`` says another."""
        about: Mapping[str, Any] = {} if delivery is None else self.rows["deliveries"][delivery - 1]
        row = {
            "campaign_id": about.get("campaign_id"),
            "email_key": about.get("email_key", ""),
            "bounce": "",
            "detail": "",
            "link": "",
            "machine": 0,
            **more,
        }
        number = len(self.rows["events"]) + 1
        return self.add(
            "events",
            dedupe=f"d{number}",
            kind=kind,
            at=at,
            received_at=at,
            message_id=f"m{number}",
            delivery_id=delivery,
            **row,
        )

    def consent(self, person: int, kind: str, at: datetime, *, how: str = "page", source: str = "") -> int:
        return self.add("consent_events", subscriber_id=person, kind=kind, at=at, how=how, source=source)

    def write(self, engine: Engine) -> None:
        """Put all rows into an empty database."""
        with engine.begin() as connection:
            for table in TABLES:
                if rows := self.rows[table.name]:
                    connection.execute(insert(table), rows)


def a_busy_year(seed: int = 7, people: int = 400) -> World:
    """Three issues, the last in two sends; everything that may happen to a mail happens to some of them.

    Domains: big ones, one of two people, and one of a single person.
    """
    world, chance = World(), Random(seed)
    joined = NOVEMBER - timedelta(days=90)
    names = ["mail.example.com"] * 6 + ["post.example.org"] * 3 + ["uni.example.org"]
    few = ["alone.example.net", "pair.example.net", "pair.example.net"]
    for place in range(people):
        domain = few[place] if place < len(few) else names[place % len(names)]
        number = world.person(f"reader{place:04d}@{domain}", at=joined)
        world.consent(number, "imported", joined + timedelta(days=chance.randrange(80)), how="import")
    world.person("hmac:0123", at=joined)  # somebody who asked to be forgotten, as the ledger has them
    for slug, days in (("2026-09-back-to-rhythm", -60), ("2026-10-songs-that-stay", -28)):
        at = NOVEMBER + timedelta(days=days)
        campaign = world.campaign(slug, at, title=slug[8:].replace("-", " ").capitalize())
        _send(world, campaign, range(1, people - 60), at, chance)
    november = {"slug": "2026-11-individual-vs-group", "title": "Individual vs. group music therapy"}
    first = world.campaign(at=NOVEMBER, segment="families", **november)
    _send(world, first, range(1, people // 2), NOVEMBER, chance)
    later = NOVEMBER + timedelta(hours=2)
    second = world.campaign(at=later, **november)
    had = {
        row["subscriber_id"]
        for row in world.rows["deliveries"]
        if row["campaign_id"] == first and row["state"] in ("sent", "uncertain")
    }
    _send(world, second, range(1, people + 2), later, chance, had=had)
    return world


def _send(
    world: World, campaign: int, people: range, begun: datetime, chance: Random, had: Any = frozenset()
) -> None:
    for place, person in enumerate(people):
        at = begun + timedelta(seconds=3 + place * 3.1)
        if person in had:
            world.delivery(campaign, person, at=begun, state="skipped", reason="already-had-it")
            continue
        draw = chance.random()
        if draw < 0.04:
            world.delivery(campaign, person, at=begun, state="skipped", reason="unsubscribed")
        elif draw < 0.05:
            world.delivery(campaign, person, at=at, state="failed", reason="refused")
        elif draw < 0.055:
            world.delivery(campaign, person, at=at, state="uncertain", reason="nobody knows")
        else:
            _happens(world, world.delivery(campaign, person, at=at), person, at, chance)
            if chance.random() < 0.02:
                _leaves(world, campaign, person, at + timedelta(hours=chance.randrange(1, 300)), chance)


def _happens(world: World, delivery: int, person: int, at: datetime, chance: Random) -> None:
    soon = at + timedelta(seconds=chance.expovariate(1 / 40))
    world.event("send", delivery, at)
    draw = chance.random()
    if draw < 0.05:
        kind = "hard" if draw < 0.03 else "soft"
        detail = chance.choice(REASONS[kind]).format(person)
        world.event("bounce", delivery, soon, bounce=kind, detail=detail)
        if draw < 0.005:  # it had been taken, and came back afterwards
            world.event("delivery", delivery, at)
        return
    if draw < 0.07:
        world.event("delivery-delay", delivery, soon)
        if draw < 0.06:
            return
    if draw < 0.075:
        world.event("reject", delivery, soon, detail="Bad content")
        return
    if draw < 0.085:
        return  # nothing is heard
    world.event("delivery", delivery, soon)
    _afterwards(world, delivery, person, soon, draw, chance)


def _afterwards(
    world: World, delivery: int, person: int, soon: datetime, draw: float, chance: Random
) -> None:
    if draw < 0.1:
        world.event("delivery", delivery, soon + timedelta(seconds=5))  # the same again
    if draw > 0.995:
        world.event("complaint", delivery, soon, detail="abuse")
    elif draw > 0.99:
        world.event("complaint", delivery, soon, detail="not-spam")
    elif draw > 0.97:
        world.event("bounce", delivery, soon, bounce="reply", detail="Transient General: ")
    if chance.random() < 0.4:
        world.event("open", delivery, soon + timedelta(seconds=2), machine=1)
    if chance.random() < 0.5:
        for _ in range(chance.randrange(1, 3)):
            world.event("open", delivery, soon + timedelta(hours=chance.expovariate(1 / 9)))
    if chance.random() < 0.12:
        link = chance.choice(LINKS).format(person)
        world.event("click", delivery, soon + timedelta(hours=chance.expovariate(1 / 9)), link=link)
    if chance.random() < 0.03:
        world.event("click", delivery, soon, link=LINKS[2], machine=1)


def _leaves(world: World, campaign: int, person: int, at: datetime, chance: Random) -> None:
    how, source = chance.choice(
        [
            ("one-click", f"link of {world.key(campaign)}"),
            ("page", f"link of {world.key(campaign)}"),
            ("cli", "by phone"),
        ]
    )
    world.consent(person, "unsubscribed", at, how=how, source=source)
    world.rows["subscribers"][person - 1]["status"] = "unsubscribed"
