"""A workspace on PostgreSQL, and workers for it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.databases import PostgresServer
from tests.fakeses import FakeSes
from tests.fleet.hosts import Worker
from tests.test_chaos import desk_for
from tests.workspaces import Desk


@pytest.fixture
def url(postgres_server: PostgresServer) -> Iterator[str]:
    """An empty database."""
    name = postgres_server.create(template="newsletter_template")
    yield postgres_server.url(name)
    postgres_server.drop(name)


@pytest.fixture
def fleet_desk(url: str, tmp_path: Path) -> Desk:
    """A workspace with 30 confirmed subscribers, whose mail goes into the local mailbox."""
    with FakeSes.start(None, in_thread=True) as ses:
        desk = desk_for(tmp_path / "desk", url, ses, "raw", 30)
    return Desk(desk.root, {**desk.env, "NEWSLETTER_SENDER__KIND": "mailbox"})


Hire = Callable[..., Worker]


@pytest.fixture
def hire(tmp_path: Path) -> Iterator[Hire]:
    """Start workers; whoever still runs at the end is killed."""
    hired: list[Worker] = []

    def start(desk: Desk, **env: str) -> Worker:
        hired.append(Worker(desk, tmp_path / f"worker{len(hired)}.log", env))
        return hired[-1]

    yield start
    for worker in hired:
        worker.kill()
