"""What the ledger's database knows of workers and their jobs: Procrastinate's tables, beside ours.

Only asked here; jobs are made and finished by Procrastinate's own functions. PostgreSQL only.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Engine, select, text

from newsletter.store.engine import reading
from newsletter.store.tables import campaigns

__all__ = [
    "ALIVE",
    "change_tables",
    "drop_job",
    "has_tables",
    "jobs_comment",
    "live_workers",
    "locks_in_use",
    "stalled",
    "tended_by",
]

ALIVE: Final = 30.0  #: seconds since its last sign of life, in which a worker counts as there

# A worker that nobody knows any more has been taken for dead by another that started.
_STALLED: Final = text(
    """SELECT job.id, job.args FROM procrastinate_jobs AS job
    LEFT JOIN procrastinate_workers AS worker ON worker.id = job.worker_id
    WHERE job.status = 'doing' AND job.queue_name = :queue AND (
        worker.id IS NULL OR worker.last_heartbeat < now() - make_interval(secs => :seconds)
    ) ORDER BY job.id"""
)


def has_tables(connection: Connection) -> bool:
    """Return whether Procrastinate's tables are there; on SQLite they never are."""
    if connection.dialect.name != "postgresql":
        return False
    found = connection.exec_driver_sql("SELECT to_regclass('procrastinate_workers') IS NOT NULL")
    return bool(found.scalar_one())


def jobs_comment(connection: Connection) -> str:
    """Return the comment on the table of jobs; "" if there is none."""
    found = connection.exec_driver_sql("SELECT obj_description('procrastinate_jobs'::regclass)")
    return found.scalar_one() or ""


def change_tables(connection: Connection, script: str, comment: str) -> None:
    """Run a script of Procrastinate's, and write a comment on its table of jobs: both, or neither.

    The connection must commit by itself: so several statements that are sent at once are one transaction.
    """
    quoted = comment.replace("'", "''")
    driver = connection.connection.driver_connection
    assert driver is not None  # noqa: S101
    driver.execute(f"{script}\n;COMMENT ON TABLE procrastinate_jobs IS '{quoted}'")


def live_workers(engine: Engine) -> int:
    """Return how many workers have given a sign of life lately, by the database's clock."""
    with reading(engine) as connection:
        if not has_tables(connection):
            return 0
        query = text(
            """SELECT count(*) FROM procrastinate_workers
            WHERE last_heartbeat > now() - make_interval(secs => :seconds)"""
        )
        return int(connection.execute(query, {"seconds": ALIVE}).scalar_one())


def locks_in_use(connection: Connection, queue: str) -> set[str]:
    """Return the locks of the jobs of a queue that wait or are being done."""
    query = text(
        """SELECT lock FROM procrastinate_jobs
        WHERE queue_name = :queue AND status IN ('todo', 'doing') AND lock IS NOT NULL"""
    )
    return set(connection.execute(query, {"queue": queue}).scalars())


def stalled(connection: Connection, queue: str, seconds: float) -> Sequence[tuple[int, Mapping[str, Any]]]:
    """Return the jobs, with their arguments, whose workers have given no sign of life for so long."""
    rows = connection.execute(_STALLED, {"queue": queue, "seconds": seconds})
    return [(row.id, row.args) for row in rows]


def drop_job(connection: Connection, job_id: int) -> None:
    """End a job as failed, and forget it."""
    connection.execute(text("SELECT procrastinate_finish_job_v1(:id, 'failed', true)"), {"id": job_id})


def tended_by(connection: Connection, campaign_id: int) -> str:
    """Return the process that looks after a campaign, or last did; "" if none."""
    query = select(campaigns.c.tended_by).where(campaigns.c.id == campaign_id)
    return connection.execute(query).scalar_one_or_none() or ""
