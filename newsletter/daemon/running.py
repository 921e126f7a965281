"""``newsletter run``: jobs on a clock in threads, the pages beside them, and an orderly end.

    due      every 30 s   send_due: start what is due, go on with what was interrupted
    events   every 30 s   what the provider reports; who wants to leave by mail
    nags     every 60 s   reminders and warnings to the owner
    ping     every 15 s   the watchdog, at most once a minute, while all is well
    backup, expiry, heartbeat

Decisions
- The database is the truth. APScheduler (3.11) only wakes us: its store is in memory, it knows of no issue,
  and a restart loses nothing. Any number of daemons may run.
- After a sleep each job runs once (coalesce, no misfire grace), and never twice at a time.
- A stop lets calls in flight finish. 0 when nothing was under way, 7 when a send was interrupted: the next
  start goes on with it.
"""

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC
from typing import Final

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.memory import MemoryJobStore
from apscheduler.schedulers.background import BackgroundScheduler

from newsletter import __version__
from newsletter.daemon.log import Log, capture_logging
from newsletter.daemon.metrics import Metrics
from newsletter.daemon.pages import Pages
from newsletter.daemon.reaping import Reaper
from newsletter.daemon.signs import Signs
from newsletter.daemon.work import Work
from newsletter.due.outlook import next_due
from newsletter.errors import InDoubt, NewsletterError, Stopped
from newsletter.wiring import Services

__all__ = ["Plan", "run", "run_once"]

_NAP: Final = 0.5  # seconds, after which the main thread looks around
_INTERRUPTED: Final = 7


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What one daemon does. every: seconds between two rounds. host, port: of the pages; None for none."""

    every: float = 30.0
    host: str | None = None
    port: int = 8000


def run(services: Services, plan: Plan, *, stop: threading.Event, log: Log) -> int:
    """Do everything on schedule until stop is set; return the exit code.

    Raises what makes it useless to begin: settings, database, secret or port. What happens later is logged.
    """
    signs = Signs(services.clock)
    work = Work(services, stop, log, signs)
    capture_logging(log)
    first = next_due(services)
    # what is made when first used is made now: from here on several threads use it
    for ready in (services.engine, services.place, services.tokens):
        assert ready is not None  # noqa: S101
    pages = None
    if plan.host is not None:
        pages = Pages(services, plan.host, plan.port, Metrics(services, signs))
        pages.start()
    log.line(
        "running",
        version=__version__,
        pid=os.getpid(),
        every=plan.every,
        pages=pages and pages.address,
        slot=services.settings.schedule.slot,
        next_due=first,
    )
    scheduler = _scheduler(services, work, plan)
    scheduler.start()
    try:
        _stand_by(stop, pages, log)
    finally:
        stop.set()
        scheduler.shutdown(wait=True)
        if pages is not None:
            pages.stop()
    code = _INTERRUPTED if signs.interrupted else 0
    log.line("stopped", exit=code)
    return code


def run_once(services: Services, *, stop: threading.Event, log: Log) -> None:
    """Do each job once. Raises the first thing that kept an issue from going, or a job from its end."""
    work = Work(services, stop, log, Signs(services.clock))
    capture_logging(log)
    if work.listens:
        work.events()
    work.expiry()
    work.backup()
    done = work.due(wait=False)
    if services.settings.schedule.ping_url:
        work.ping()
    if done is None:
        raise Stopped("A send was stopped before its end; nothing is lost.", hint="Go on: newsletter send")
    for error in done.errors:
        raise error
    if done.uncertain:
        raise InDoubt(
            f"{done.uncertain} deliveries are uncertain: nobody knows whether they left.",
            hint="They are not sent again by themselves. See: newsletter status",
        )


def _scheduler(services: Services, work: Work, plan: Plan) -> BackgroundScheduler:
    scheduler = BackgroundScheduler(
        jobstores={"default": MemoryJobStore()},
        executors={"default": ThreadPoolExecutor(8)},
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        timezone=UTC,
    )
    jobs: list[tuple[str, Callable[[], object], float]] = [
        ("due", work.due, plan.every),
        ("nags", work.nags, 2 * plan.every),
        ("backup", work.backup, 900.0),
        ("expiry", work.expiry, 3600.0),
    ]
    if work.listens:
        jobs.append(("events", work.events, plan.every))
    if services.settings.schedule.ping_url:
        jobs.append(("ping", work.ping, min(15.0, plan.every)))
    now = services.clock()
    for name, job, seconds in jobs:
        scheduler.add_job(work.guarded(name, job), "interval", seconds=seconds, id=name, next_run_time=now)
    scheduler.add_job(work.heartbeat, "interval", days=1, id="heartbeat")
    return scheduler


def _stand_by(stop: threading.Event, pages: Pages | None, log: Log) -> None:
    """Wait for the stop. As process 1 of a container, wait for orphans, too."""
    reaper = Reaper() if os.getpid() == 1 else None
    while not stop.wait(_NAP):
        if reaper is not None:
            reaper.look()
        if pages is not None and not pages.alive:
            log.line("failed", level="error", job="pages", text="The pages have ended; so does the rest.")
            raise NewsletterError("The web pages have ended.", hint="The log says why. Start it again.")
