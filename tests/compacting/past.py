"""Issues of long ago, for compacting; three newer ones come after them, since the newest stay."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, func, select

from newsletter.delivery import planning
from newsletter.reporting.counting import count
from newsletter.store import compacting
from newsletter.store.campaigns import campaigns_of
from newsletter.store.compacting import Old, Rows
from newsletter.store.engine import migrate, open_engine, reading
from newsletter.store.tables import deliveries, events
from tests.delivery.driver import an_issue
from tests.reporting.world import NOVEMBER, World, a_busy_year

SLUG = "2026-11-individual-vs-group"
NOW = NOVEMBER + timedelta(days=500)


def a_past_year(people: int = 100) -> World:
    """Three issues of long ago, nothing of them in doubt, the last in two sends; and three newer ones."""
    world = a_busy_year(people=people)
    for row in world.rows["deliveries"]:
        if row["state"] == "uncertain":
            row["state"], row["reason"] = "failed", "refused"
    for campaign in (1, 3, 4):
        sent = [row for row in world.rows["deliveries"] if row["campaign_id"] == campaign]
        mailed = [row["id"] for row in sent if row["state"] == "sent"]
        world.event("complaint", mailed[0], NOVEMBER, detail="abuse")
        world.event("bounce", mailed[1], NOVEMBER, bounce="soft", detail="Transient MailboxFull 4.2.2: full")
    add_newer(world, NOVEMBER + timedelta(days=300))
    return world


def with_a_small_past(database_url: str) -> Iterator[Engine]:
    """Open an empty database with an issue of long ago, for a fixture."""
    opened = open_engine(database_url)
    migrate(opened)
    put_in(a_small_past(), opened)
    yield opened
    opened.dispose()


def put_in(world: World, engine: Engine) -> World:
    """Write a world into an empty database, whose next rows get numbers after those."""
    world.write(engine)
    if engine.dialect.name == "postgresql":
        with engine.begin() as connection:
            for table in ("subscribers", "campaigns", "deliveries", "events", "consent_events"):
                connection.exec_driver_sql(
                    f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table}"
                )
    return world


def add_newer(world: World, since: datetime) -> None:
    """Three issues to one person."""
    for month in range(3):
        at = since + timedelta(days=month)
        campaign = world.campaign(f"{at:%Y-%m-%d}-newer", at)
        world.delivery(campaign, 1, at=at)


def a_small_past(days: int = 500) -> World:
    """One issue to Ada, Ben and Zoe so many days ago, by the real clock, and three newer ones to Ada."""
    begun = datetime.now(UTC).replace(microsecond=0) - timedelta(days=days)
    world = World()
    for name in ("ada", "ben", "zoe"):
        number = world.person(f"{name}@example.org", at=begun)
        world.consent(number, "added", begun, how="cli")
    campaign = world.campaign("long-ago", begun, title="Long ago")
    for person in (1, 2, 3):
        delivery = world.delivery(campaign, person, at=begun + timedelta(seconds=person))
        world.event("delivery", delivery, begun + timedelta(seconds=9))
    world.event("open", None, begun, campaign_id=campaign)
    add_newer(world, begun + timedelta(days=300))
    return world


def found(engine: Engine, *, now: datetime = NOW, asked: dict[str, str] | None = None) -> dict[str, Old]:
    """What may be compacted, and what may not, by slug."""
    with reading(engine) as connection:
        old = compacting.look(connection, before=now - timedelta(days=400), keep=3, asked_about=asked or {})
    return {each.slug: each for each in old}


def compact(engine: Engine, slug: str = SLUG, *, now: datetime = NOW, chunk: int = 50) -> Rows:
    """Compact one issue whole; return how many rows went."""
    assert compacting.compact(engine, the_old(engine, slug), count=count, now=now)
    return sum(compacting.empty(engine, slug, now=now, chunk=chunk), Rows())


def the_old(engine: Engine, slug: str = SLUG) -> Old:
    """The issue as ``look`` would give it."""
    with reading(engine) as connection:
        return Old(slug=slug, campaigns=campaigns_of(connection, slug))


def rows_of(engine: Engine, slug: str = SLUG) -> Rows:
    """How many rows an issue has."""
    with reading(engine) as connection:
        mine = [campaign.id for campaign in campaigns_of(connection, slug)]
        left = [
            connection.scalar(select(func.count()).select_from(table).where(table.c.campaign_id.in_(mine)))
            for table in (deliveries, events)
        ]
    return Rows(deliveries=left[0] or 0, events=left[1] or 0)


def begin(engine: Engine, slug: str, segment: str) -> None:
    """Begin a send of an issue."""
    planning.begin(engine, an_issue(slug), segment=segment, clock=lambda: NOW)
