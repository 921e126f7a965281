"""What the ledger says of a fleet, and workers that are only rows in it."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import text

from newsletter.settings import Workspace
from newsletter.settings_file import load_settings
from newsletter.store import campaigns
from newsletter.store.campaigns import Campaign
from newsletter.store.engine import reading
from newsletter.store.shares import QUEUE
from newsletter.wiring import Services
from tests.workspaces import Desk


def open_services(desk: Desk, **more: Any) -> Services:
    """Return the services of a workspace, which sleep no time. more: clock, sleep."""
    workspace = Workspace(root=desk.root, settings=load_settings(desk.root, desk.env))
    return Services(workspace, env=desk.env, **{"sleep": lambda _seconds: None, **more})


class Lines:
    """A log that is kept."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.texts: list[str] = []

    def __call__(self, event: str, *, level: str = "info", **fields: object) -> None:
        self.events.append(event)
        self.texts.append(str(fields.get("text", "")))


def jobs(services: Services) -> list[tuple[str, str, Any]]:
    """Return each job: its lock, its status, its arguments."""
    with reading(services.engine) as connection:
        rows = connection.execute(
            text("SELECT lock, status::text, args FROM procrastinate_jobs ORDER BY lock, id")
        )
        return [(row.lock, row.status, row.args) for row in rows]


def delays(services: Services) -> list[float]:
    """Return how many seconds each job is put off, 0 for not at all."""
    with reading(services.engine) as connection:
        rows = connection.execute(
            text(
                """SELECT CAST(coalesce(extract(epoch FROM scheduled_at - now()), 0) AS FLOAT8) AS seconds
                FROM procrastinate_jobs ORDER BY id"""
            )
        )
        return [float(row.seconds) for row in rows]


def state(services: Services, campaign: Campaign) -> Campaign:
    """Return a campaign as it is now."""
    with reading(services.engine) as connection:
        return campaigns.get_campaign(connection, campaign.id)


def execute(services: Services, statement: str, **values: Any) -> None:
    """Change the ledger as a fault or another process would have."""
    with services.engine.begin() as connection:
        connection.execute(text(statement), values)


def enlist(services: Services) -> int:
    """Be a worker that gives signs of life, and does nothing; return its number."""
    with services.engine.begin() as connection:
        number: int = connection.execute(text("SELECT procrastinate_register_worker_v1()")).scalar_one()
        return number


def die(services: Services) -> None:
    """Let all workers be silent for an hour."""
    execute(services, "UPDATE procrastinate_workers SET last_heartbeat = now() - interval '1 hour'")


def fetch(services: Services, worker: int) -> tuple[int, dict[str, Any]] | None:
    """Take the job that is next, as a worker does: its number and arguments; None if none is to be done."""
    with services.engine.begin() as connection:
        query = text("SELECT id, args FROM procrastinate_fetch_job_v2(CAST(:queues AS VARCHAR[]), :worker)")
        row = connection.execute(query, {"queues": [QUEUE], "worker": worker}).one()
        return None if row.id is None else (row.id, row.args)


def finish(services: Services, number: int) -> None:
    """End a job, as a worker does."""
    execute(services, "SELECT procrastinate_finish_job_v1(:id, 'succeeded', true)", id=number)


def fetch_and_die(services: Services) -> None:
    """Be a worker that takes a job and is never heard of again."""
    assert fetch(services, enlist(services)) is not None
    die(services)


def until_done(work: Callable[[], object], is_done: Callable[[], bool], times: int = 200) -> None:
    """Do it again and again until it is so; fail if it does not come to be."""
    for _ in range(times):
        if is_done():
            return
        work()
    raise AssertionError("it did not come to be")
