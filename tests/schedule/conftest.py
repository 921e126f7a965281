"""A newsletter on a schedule: a real workspace and database, a clock that is set, the mailbox as the wire."""

import email
import email.policy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine, text

from newsletter import readying
from newsletter.due.news import Done, News
from newsletter.due.sending import send_due
from newsletter.people.adding import add_subscriber
from newsletter.settings import Workspace
from newsletter.settings_file import load_settings
from newsletter.store import campaigns, schedules
from newsletter.store.campaigns import Campaign
from newsletter.store.engine import migrate, open_engine, reading
from newsletter.store.guard import Place
from newsletter.store.schedules import Appointment
from newsletter.store.tables import schedules as schedules_table
from newsletter.store.tending import look_after
from newsletter.wiring import Services
from tests.databases import database_url, engine, postgres_server
from tests.workspaces import make_desk

__all__ = ["database_url", "engine", "postgres_server"]

OWNER = "owner@example.com"
READERS = ["ada@example.org", "ben@example.org"]


@dataclass
class Planner:
    """A workspace with two readers, whose clock stands where a test sets it."""

    services: Services
    now: datetime
    news: list[News] = field(default_factory=list)
    stops: Callable[[], bool] = lambda: False

    @property
    def engine(self) -> Engine:
        return self.services.engine

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.services.settings.newsletter.timezone)

    def set(self, wall: str) -> None:
        """Set the clock to a time of the newsletter's own wall clock."""
        self.now = datetime.fromisoformat(wall).replace(tzinfo=self.zone).astimezone(UTC)

    def set_utc(self, instant: str) -> None:
        """Set the clock to an instant."""
        self.now = datetime.fromisoformat(instant).astimezone(UTC)

    def execute(self, statement: str) -> None:
        """Change the database as a fault or another process would have."""
        with self.engine.begin() as connection:
            connection.execute(text(statement))

    def tend(self, campaign_id: int, owner: str) -> None:
        """Let another process look after a campaign for two minutes."""
        until = self.now + timedelta(minutes=2)
        with self.engine.begin() as connection:
            look_after(connection, campaign_id, owner, now=self.now, until=until)

    def later(self, **span: float) -> None:
        self.now += timedelta(**span)

    def write(self, slug: str, *, front: str = "", body: str = "Hello there, dear reader.") -> None:
        """Write an issue file."""
        file = self.services.workspace.issues / f"{slug}.md"
        file.write_text(f"---\ntitle: {slug}\n{front}---\n\n{body}\n", "utf-8")

    def approve(self, slug: str, **more: str) -> str:
        """Write and approve an issue; return what is said about its time."""
        self.write(slug, **more)
        return self.approve_again(slug)

    def approve_again(self, slug: str) -> str:
        """Approve an issue as its file is; return what is said about its time."""
        return readying.approve(self.services, readying.prepare(self.services, slug))

    def book(self, slug: str, when: str, segment: str | None = None) -> readying.Booked:
        return readying.book(self.services, slug, when, segment)

    def round(self) -> Done:
        """Do what any scheduler does."""
        return send_due(self.services, stop=self.is_stopped, report=self.news.append)

    def is_stopped(self) -> bool:
        return self.stops()

    def happened(self) -> list[tuple[str, str]]:
        """Return what was reported since last asked, but for backups."""
        found = [(str(news.what), news.issue) for news in self.news if news.what != "backup"]
        self.news.clear()
        return found

    def rows(self) -> list[Appointment]:
        """Return all appointments, as they were made."""
        with reading(self.engine) as connection:
            numbers = connection.execute(schedules_table.select().order_by(schedules_table.c.id)).all()
            return [schedules.find(connection, row.id) for row in numbers]

    def states(self) -> list[tuple[str, str]]:
        return [(row.slug, str(row.state)) for row in self.rows()]

    def campaigns(self) -> list[Campaign]:
        return campaigns.all_campaigns(self.engine)

    def mailbox(self) -> list[EmailMessage]:
        return [
            email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
            for path in sorted(self.services.workspace.mailbox.glob("*.eml"))
        ]

    def mailed(self) -> list[str]:
        """Return the readers' addresses in the mailbox, sorted; one for each message."""
        return sorted(str(each["To"]) for each in self.mailbox() if str(each["To"]) != OWNER)

    def told(self) -> list[str]:
        """Return the subjects of the mails to the owner, in order."""
        return [str(each["Subject"]) for each in self.mailbox() if str(each["To"]) == OWNER]

    def with_settings(self, **changes: Any) -> None:
        """Change settings: schedule=dict(slot=...)."""
        settings = self.services.settings
        for section, values in changes.items():
            settings = replace(settings, **{section: replace(getattr(settings, section), **values)})
        self.services = open_services(self.services.workspace.root, self.engine, self, settings=settings)


def open_services(root: Path, engine: Engine, planner: "Planner | None", settings: Any = None) -> Services:
    """Return the services of a workspace whose clock is the planner's."""
    env = {"NEWSLETTER_SECRET": "s" * 40, "NEWSLETTER_SCHEDULE__OWNER": OWNER}
    env |= {"NEWSLETTER_NEWSLETTER__TIMEZONE": "Europe/Berlin", "NEWSLETTER_SCHEDULE__SLOT": ""}
    settings = settings or load_settings(root, env)
    made: list[Planner] = [planner] if planner else []
    services = Services(
        Workspace(root=root, settings=settings),
        env=env,
        clock=lambda: made[0].now if made else datetime(2026, 11, 1, 12, tzinfo=UTC),
        sleep=lambda _: None,
    )
    vars(services)["raw_engine"] = engine  # where a cached_property keeps it
    vars(services)["place"] = Place(host="", database="test")
    vars(services)["_made"] = made
    return services


@pytest.fixture
def planner(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Planner]:
    """Two readers, no issues, no slot; noon on 1 November 2026 in Berlin.

    On SQLite; a test that takes ``engine``, too, runs on both databases.
    """
    desk = make_desk(tmp_path / "desk")
    for file in (desk.root / "issues").glob("*.md"):
        file.unlink()
    both = "engine" in request.fixturenames
    url = f"sqlite:///{tmp_path / 'newsletter.db'}"
    opened: Engine = request.getfixturevalue("engine") if both else open_engine(url)
    migrate(opened)
    services = open_services(desk.root, opened, None)
    made = Planner(services, datetime(2026, 11, 1, 11, tzinfo=UTC))
    vars(services)["_made"].append(made)
    for address in READERS:
        add_subscriber(opened, address, clock=lambda: made.now)
    yield made
    opened.dispose()
