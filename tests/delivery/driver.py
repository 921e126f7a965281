"""A campaign under test: a real database, a sender in memory, a clock that moves when somebody sleeps."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, select, true, update

from newsletter.delivery import planning
from newsletter.delivery.canary import Canary
from newsletter.delivery.delivering import deliver
from newsletter.delivery.progress import Progress
from newsletter.model import CompiledIssue, Letter, Outcome, OutcomeKind, Person, Residual
from newsletter.reporting.accounting import Accounts, accounts
from newsletter.senders.memory import MemorySender
from newsletter.store.campaigns import Campaign, get_campaign
from newsletter.store.engine import reading
from newsletter.store.guard import Place
from newsletter.store.limits import Limit
from newsletter.store.tables import deliveries, subscribers, suppressions

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)


def an_issue(slug: str = "2026-11-notes", text: str = "Hello") -> CompiledIssue:
    """A compiled issue that needs nothing."""
    part = Residual(source=text)
    return CompiledIssue(slug=slug, title="Notes", language="en", subject=part, html=part, text=part)


class PlainPress:
    """Makes letters that say who they are for; cannot make those of people named "Broken"."""

    def letter(self, person: Person, tags: Mapping[str, str]) -> Letter:
        if person.name == "Broken":
            raise KeyError(person.email)
        return Letter(to=person.email, tags=tags, mime=b"Hello\r\n")


def accepted(message_id: str = "m") -> Outcome:
    return Outcome(kind=OutcomeKind.ACCEPTED, message_id=message_id)


@dataclass
class Driver:
    """Plans and delivers one campaign, and looks at what became of it."""

    engine: Engine
    sender: MemorySender = field(default_factory=MemorySender)
    now: datetime = NOON
    slept: list[float] = field(default_factory=list)
    campaign_id: int = 0
    stops: Callable[[], bool] = lambda: False
    press: PlainPress = field(default_factory=PlainPress)
    threads: int | None = 1
    canary: Canary | None = None
    wait: bool = False
    own: bool = False
    place: Place = field(default_factory=lambda: Place(host="", database="test"))

    def clock(self) -> datetime:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += timedelta(seconds=seconds)

    def is_stopped(self) -> bool:
        return self.stops()

    def add(self, *emails: str, status: str = "confirmed", sendable: int = 1, name: str = "") -> None:
        """Add subscribers."""
        people = [
            {
                "email": email,
                "email_key": email.lower(),
                "status": status,
                "sendable": sendable,
                "name": name,
                "attributes": {},
                "created_at": self.now,
                "updated_at": self.now,
            }
            for email in emails
        ]
        with self.engine.begin() as connection:
            connection.execute(subscribers.insert(), people)

    def suppress(self, email: str) -> None:
        with self.engine.begin() as connection:
            connection.execute(suppressions.insert().values(email_key=email, reason="bounce", at=self.now))

    def set_status(self, email: str, status: str) -> None:
        with self.engine.begin() as connection:
            connection.execute(
                update(subscribers).where(subscribers.c.email_key == email).values(status=status)
            )

    def forget(self, email: str) -> None:
        with self.engine.begin() as connection:
            connection.execute(subscribers.delete().where(subscribers.c.email_key == email))

    def plan(self, issue: CompiledIssue | None = None, *, segment: str = "", chunk: int = 10_000) -> Campaign:
        """Begin and plan a campaign for everyone."""
        begun = planning.begin(self.engine, issue or an_issue(), segment=segment, clock=self.clock)
        self.campaign_id = begun.id
        return planning.plan(self.engine, begun.id, audience=true(), clock=self.clock, chunk=chunk)

    def queue(self, *emails: str) -> None:
        """Add confirmed subscribers and plan a campaign for everyone."""
        self.add(*emails)
        self.plan()

    def steps(self) -> Iterator[Progress]:
        return deliver(
            self.engine,
            self.campaign_id,
            sender=self.sender,
            press=self.press,
            clock=self.clock,
            sleep=self.sleep,
            stop=self.is_stopped,
            place=self.place,
            limit=Limit(key="test", clock=self.clock),
            threads=self.threads,
            canary=self.canary,
            wait=self.wait,
            own=self.own,
        )

    def deliver(self) -> list[Progress]:
        """Run to the end and return every step."""
        return list(self.steps())

    @property
    def mailed(self) -> list[str]:
        """Whom the provider accepted letters for, in order."""
        return [letter.to for letter in self.sender.accepted]

    @property
    def campaign(self) -> Campaign:
        with reading(self.engine) as connection:
            return get_campaign(connection, self.campaign_id)

    @property
    def accounts(self) -> Accounts:
        return accounts(self.engine, self.campaign_id)

    def rows(self) -> dict[str, tuple[str, str, int]]:
        """State, reason and attempts of each delivery, by address."""
        query = select(
            deliveries.c.email_key, deliveries.c.state, deliveries.c.reason, deliveries.c.attempt
        ).where(deliveries.c.campaign_id == self.campaign_id)
        with reading(self.engine) as connection:
            return {row.email_key: (row.state, row.reason, row.attempt) for row in connection.execute(query)}

    def states(self) -> dict[str, str]:
        """State of each delivery, by address."""
        return {email: row[0] for email, row in self.rows().items()}


def people(count: int, start: int = 1) -> Sequence[str]:
    """Return so many addresses, in order."""
    return [f"reader{number:05d}@example.org" for number in range(start, start + count)]
