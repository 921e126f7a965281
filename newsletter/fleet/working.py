"""``newsletter worker``: fetches shares and does them, until it is stopped.

Decisions
- Whatever breaks the connection to the database ends the session, and a new one begins by itself, with a new
  registration: shares that the old one had are then known to be stalled.
- A transaction of a worker that stands still (SIGSTOP, a cut cable) would hold the row of the rate for all.
  So the server ends it after a while, and a connection on which nobody answers is given up.
- A stop lets calls in flight finish: 0 when nothing was under way, 7 when a share was interrupted. The other
  workers go on with it.
"""

import asyncio
import contextlib
import gc
import logging
import os
import socket
import threading
from dataclasses import dataclass, field
from typing import Any, Final

from procrastinate import PsycopgConnector
from psycopg.conninfo import make_conninfo
from sqlalchemy import Engine, event
from sqlalchemy.exc import DBAPIError

from newsletter import __version__
from newsletter.errors import ConfigError, NewsletterError
from newsletter.fleet.jobs import ensure_tables, open_app
from newsletter.fleet.metrics import Figures
from newsletter.fleet.shares import Say, Shares, Way
from newsletter.fleet.tending import look_around
from newsletter.store.faults import explain
from newsletter.store.shares import QUEUE
from newsletter.wiring import Services

__all__ = ["Plan", "work"]

_NAP: Final = 0.2  # seconds, after which a stop is noticed
_POLL: Final = 2.0  # seconds between two looks for a share; a new one is told at once
_AGAIN: Final = 1.0  # seconds until the next session, twice as long after each that failed soon
_LONGEST_PAUSE: Final = 15.0
_DEAD_AFTER: Final = 3  # heartbeats
_IDLE_IN_TRANSACTION: Final = 15  # seconds
#: How soon a connection on which nobody answers is given up; libpq waits for hours.
_IMPATIENT: Final = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What one worker does. concurrency: campaigns at a time. heartbeat: seconds between signs of life.

    monitor: where to answer monitors, a host and a port; None for nowhere.
    """

    concurrency: int = 1
    heartbeat: float = 10.0
    monitor: tuple[str, int] | None = None
    way: Way = field(default_factory=Way)


def work(services: Services, plan: Plan, *, stop: threading.Event, say: Say) -> int:
    """Do shares of campaigns until stop is set; return the exit code.

    Raises ConfigError on SQLite, UsageError if the monitor's port is taken, and what else makes it useless to
    begin. What happens later is logged.
    """
    if services.engine.dialect.name != "postgresql":
        raise ConfigError(
            "Workers need PostgreSQL: an SQLite file is for one computer.",
            hint="Set [database] url to postgresql://...; without workers, newsletter send does it all.",
        )
    _make_impatient(services.engine)
    ensure_tables(services.engine)
    # what is made when first used is made now: from here on several threads use it
    for ready in (services.place, services.tokens):
        assert ready is not None  # noqa: S101
    logging.getLogger("psycopg.pool").setLevel(logging.ERROR)  # each try to reconnect is no news
    figures = Figures()
    shares = Shares(services, plan.way, stop, say, figures)
    with figures.served(*plan.monitor) if plan.monitor else contextlib.nullcontext("") as address:
        say("working", version=__version__, pid=os.getpid(), concurrency=plan.concurrency, metrics=address)
        asyncio.run(_Worker(services, plan, stop, say, shares, figures).run())
    code = 7 if shares.interrupted else 0
    say("stopped", exit=code)
    return code


class _Worker:
    def __init__(
        self,
        services: Services,
        plan: Plan,
        stop: threading.Event,
        say: Say,
        shares: Shares,
        figures: Figures,
    ) -> None:
        self._services, self._plan, self._stop, self._say = services, plan, stop, say
        self._shares, self._figures = shares, figures

    async def run(self) -> None:
        """Hold one session after another."""
        asyncio.get_running_loop().set_exception_handler(self._note)
        pause = _AGAIN
        while not self._stop.is_set():
            gc.collect()  # lets the last session's tasks say now, and not later, that they failed
            self._shares.shaken.clear()
            self._shares.handing_over.clear()
            began = self._services.clock()
            self._figures.session()
            session = asyncio.create_task(self._session())
            while not session.done() and not self._stop.is_set() and not self._shares.shaken.is_set():
                await asyncio.wait([session], timeout=_NAP)
            session.cancel()
            try:
                await session
            except asyncio.CancelledError:
                pass
            except Exception as error:  # whatever broke it, the next one may do better
                self._fail(error)
            if not self._stop.is_set():
                lasted = (self._services.clock() - began).total_seconds()
                pause = _AGAIN if lasted > _LONGEST_PAUSE else min(2 * pause, _LONGEST_PAUSE)
                self._say("session", text="Connecting to the database again.")
                await self._rest(pause)

    async def _session(self) -> None:
        """Be one registered worker, until that is cancelled or fails."""
        _, parameters = self._services.engine.dialect.create_connect_args(self._services.engine.url)
        parameters.pop("context", None)  # SQLAlchemy's own; all else is libpq's
        app = open_app(
            PsycopgConnector(
                conninfo=make_conninfo("", **{**_IMPATIENT, **parameters}),
                min_size=1,
                max_size=4,
                timeout=10.0,
            )
        )
        beat = self._plan.heartbeat
        async with app.open_async():
            looking = asyncio.create_task(self._look_around())
            working = asyncio.create_task(
                app.run_worker_async(
                    queues=[QUEUE],
                    name=f"{socket.gethostname()[:64]}:{os.getpid()}",
                    concurrency=self._plan.concurrency,
                    fetch_job_polling_interval=_POLL,
                    delete_jobs="always",
                    additional_context={"do": self._shares.do},
                    install_signal_handlers=False,
                    update_heartbeat_interval=beat,
                    stalled_worker_timeout=beat * _DEAD_AFTER,
                )
            )
            both = [looking, working]
            try:
                await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            finally:
                self._shares.handing_over.set()
                for task in both:
                    task.cancel()
                ends = await asyncio.gather(*both, return_exceptions=True)
            for end in ends:
                if isinstance(end, Exception):
                    raise end

    async def _look_around(self) -> None:
        beat, failures = self._plan.heartbeat, 0
        while True:
            try:
                await asyncio.to_thread(look_around, self._services, beat * _DEAD_AFTER, self._say)
                self._figures.alive(self._services.clock())
                failures = 0
            except DBAPIError:
                failures += 1
                if failures > _DEAD_AFTER:
                    raise
            await asyncio.sleep(beat)

    async def _rest(self, seconds: float) -> None:
        left = seconds
        while left > 0 and not self._stop.is_set():
            await asyncio.sleep(_NAP)
            left -= _NAP

    def _note(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """A task failed that nobody waits for: Procrastinate could not write what became of a job."""
        error = context.get("exception")
        if isinstance(error, Exception):
            self._fail(error)
            self._shares.shaken.set()

    def _fail(self, error: Exception) -> None:
        plain = explain(error) if isinstance(error, DBAPIError) else error
        known = isinstance(plain, NewsletterError)
        text = f"{plain} {plain.hint}" if isinstance(plain, NewsletterError) else type(error).__name__
        self._say("failed", level="warning" if known else "error", job="worker", text=text)


def _make_impatient(engine: Engine) -> None:
    """Let connections of this process be given up soon, on both sides."""

    def connecting(_dialect: Any, _record: Any, _arguments: Any, parameters: dict[str, Any]) -> None:
        for name, value in _IMPATIENT.items():
            parameters.setdefault(name, value)
        wish = f"-c idle_in_transaction_session_timeout={_IDLE_IN_TRANSACTION * 1000}"
        parameters["options"] = f"{parameters.get('options', '')} {wish}".strip()

    event.listen(engine, "do_connect", connecting)
    with contextlib.suppress(DBAPIError):
        engine.dispose()  # those that are open were made without it
