"""A workspace on PostgreSQL, and workers for it."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from newsletter import pipeline, readying
from newsletter.fleet.jobs import ensure_tables
from newsletter.people.adding import add_subscriber
from newsletter.store.campaigns import Campaign
from newsletter.store.engine import open_engine
from newsletter.wiring import Services
from tests.databases import PostgresServer
from tests.fakeses import FakeSes
from tests.fleet.ledger import open_services
from tests.fleet.starter import Running, Starter
from tests.test_chaos import NOVEMBER
from tests.workspaces import Desk, make_desk

#: One process makes calls; a dead worker is missed after three seconds, and what it had after five.
WORKER = ("worker", "--processes", "0", "--lease", "5", "--heartbeat", "1")


@pytest.fixture
def url(postgres_server: PostgresServer) -> Iterator[str]:
    """An empty database."""
    name = postgres_server.create(template="newsletter_template")
    yield postgres_server.url(name)
    postgres_server.drop(name)


@pytest.fixture(scope="session")
def furnished(postgres_server: PostgresServer) -> Iterator[str]:
    """A database with 30 confirmed subscribers and the tables of workers, to be copied."""
    name = postgres_server.create(template="newsletter_template")
    engine = open_engine(postgres_server.url(name))
    ensure_tables(engine)
    now = datetime.now(UTC)
    for number in range(30):
        add_subscriber(engine, f"person{number:04}@example.org", clock=lambda: now)
    engine.dispose()
    yield name
    postgres_server.drop(name)


@pytest.fixture
def fleet_desk(postgres_server: PostgresServer, furnished: str, tmp_path: Path) -> Iterator[Desk]:
    """A workspace with 30 confirmed subscribers, whose mail goes into the local mailbox."""
    name = postgres_server.create(template=furnished)
    yield make_desk(tmp_path / "desk", NEWSLETTER_DATABASE__URL=postgres_server.url(name))
    postgres_server.drop(name)


@pytest.fixture
def ses(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeSes]:
    """An endpoint for workers in this process."""
    with FakeSes.start(None, in_thread=True, rate=10) as ses:
        for name, value in ses.env.items():
            monkeypatch.setenv(name, value)
        yield ses


@pytest.fixture
def ses_desk(fleet_desk: Desk, ses: FakeSes) -> Desk:
    """A workspace with 30 confirmed subscribers, who are mailed through that endpoint."""
    env = {
        "NEWSLETTER_SENDER__KIND": "ses",
        "NEWSLETTER_SES__API": "raw",
        "NEWSLETTER_SES__SHARE": "1.0",
        "NEWSLETTER_SES__CONFIGURATION_SET": "newsletter",
        "NEWSLETTER_SCHEDULE__COOLING_OFF": "0s",
    }
    return Desk(fleet_desk.root, {**fleet_desk.env, **ses.env, **env})


Open = Callable[..., Services]


@pytest.fixture
def opened() -> Iterator[Open]:
    """Open the services of a workspace in this process, with more settings; they are closed at the end."""
    made: list[Services] = []

    def begin(desk: Desk, *, clock: Any = None, sleep: Any = None, **env: str) -> Services:
        more = {name: each for name, each in (("clock", clock), ("sleep", sleep)) if each is not None}
        made.append(open_services(Desk(desk.root, {**desk.env, **env}), **more))
        return made[-1]

    yield begin
    for each in made:
        each.close()


@pytest.fixture
def services(fleet_desk: Desk, opened: Open) -> Services:
    """Those of the first workspace."""
    return opened(fleet_desk)


@pytest.fixture
def campaign(services: Services) -> Campaign:
    """A campaign that is planned, and that nobody looks after."""
    return pipeline.start(services, readying.prepare_to_send(services, NOVEMBER, None))


@pytest.fixture(scope="session")
def starter() -> Iterator[Starter]:
    """A program that starts others."""
    made = Starter()
    yield made
    made.close()


Start = Callable[..., Running]


@pytest.fixture
def start(starter: Starter, tmp_path: Path) -> Iterator[Start]:
    """Start commands as processes of their own; whoever still runs at the end is killed."""
    started: list[Running] = []

    def begin(desk: Desk, *args: str, **env: str) -> Running:
        log = tmp_path / f"{args[0]}{len(started)}.log"
        started.append(starter.start(desk, log, *args, **env))
        return started[-1]

    yield begin
    for each in started:
        each.kill()


@pytest.fixture
def hire(start: Start) -> Start:
    """Start workers."""

    def begin(desk: Desk, *options: str, **env: str) -> Running:
        return start(desk, *WORKER, *options, **env)

    return begin
