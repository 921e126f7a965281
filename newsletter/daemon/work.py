"""The jobs of a daemon. Each may fail; that is logged, and it is tried again at its next turn."""

import threading
import traceback
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from sqlalchemy.exc import DBAPIError

from newsletter import __version__
from newsletter.daemon.log import Log
from newsletter.daemon.pinging import ping
from newsletter.daemon.signs import Signs
from newsletter.due.backups import back_up_daily
from newsletter.due.news import Done, News
from newsletter.due.sending import send_due
from newsletter.due.telling import remind, tell_settled
from newsletter.errors import NewsletterError, Stopped
from newsletter.listening import is_listening, pull
from newsletter.people.joining import expire
from newsletter.settings import SETTINGS_FILE, duration
from newsletter.store.faults import explain
from newsletter.wiring import Services

__all__ = ["Work"]

_SAY_AGAIN: Final = timedelta(hours=1)  # the same failure
_PING_EVERY: Final = timedelta(seconds=60)
_ALIVE_WITHIN: Final = timedelta(minutes=3)  # else the watchdog is not told that all is well


class Work:
    """The jobs, and what they share."""

    def __init__(self, services: Services, stop: threading.Event, log: Log, signs: Signs) -> None:
        self._services, self._stop, self._log, self._signs = services, stop, log, signs
        self._said: dict[str, tuple[str, datetime]] = {}
        self._pinged_at: datetime | None = None
        self._settings_at = self._changed()

    def guarded(self, name: str, job: Callable[[], object]) -> Callable[[], None]:
        """Return the job so that whatever it raises is logged, and kept from the scheduler."""

        def run() -> None:
            try:
                job()
            except Exception as error:  # a job must not end the daemon, whatever it is
                self._signs.note_failure()
                self._fail(name, error)
            else:
                self._said.pop(name, None)

        return run

    def due(self, *, wait: bool = True) -> Done | None:
        """Do one round; return what it came to, None if a stop ended a send before its end."""
        began = self._services.clock()
        self._look_at_settings()
        try:
            done = send_due(self._services, stop=self._stop.is_set, report=self.report, wait=wait)
        except Stopped as error:
            self._signs.interrupted = True
            self._log.line("interrupted", text=str(error))
            return None
        self._signs.note_round(done.next_due)
        if not done.nothing:
            seconds = round((self._services.clock() - began).total_seconds(), 1)
            self._log.line("round", level="info", seconds=seconds, **done.counts, next_due=done.next_due)
        return done

    def events(self) -> None:
        """Take in what the provider reports, and who wants to leave by mail."""
        pulled = pull(self._services, stop=self._stop.is_set)
        counts = {name: count for name, count in pulled.counts().items() if count}
        if counts:
            self._log.line("events", level="info", **counts)
        for number, text in enumerate(pulled.notes):
            self._say_once(f"note {number}", text)

    def nags(self) -> None:
        """Remind, warn and ask the owner, also while a send is under way."""
        remind(self._services, self.report)
        tell_settled(self._services, self.report)

    def backup(self) -> None:
        """Make the backup of the day."""
        back_up_daily(self._services, self.report)

    def expiry(self) -> None:
        """Forget who signed up long ago and never confirmed."""
        within = duration(self._services.settings.web.confirm_within)
        gone = expire(self._services.engine, within=within, clock=self._services.clock)
        if gone:
            self._log.line("expired", people=gone)

    def heartbeat(self) -> None:
        """Say that all is well, though nothing happens."""
        signs = self._signs
        self._log.line("alive", rounds=signs.rounds, failures=signs.failures, next_due=signs.next_due)

    def ping(self) -> None:
        """Tell the watchdog that all is well, if it is, and if it was not told a minute ago."""
        now, alive = self._services.clock(), self._signs.last_alive
        well = alive is not None and now - alive <= _ALIVE_WITHIN
        if not well or (self._pinged_at is not None and now - self._pinged_at < _PING_EVERY):
            return
        self._pinged_at = now
        problem = ping(self._services.settings.schedule.ping_url, version=__version__)
        if problem:
            self._say_once("ping", f"The watchdog could not be told: {problem}")
        else:
            self._said.pop("ping", None)

    @property
    def listens(self) -> bool:
        """Whether there is anything to hear."""
        return is_listening(self._services.settings)

    def report(self, news: News) -> None:
        """Log one piece of news."""
        self._signs.note_alive()
        level = "warning" if news.warning else "info"
        self._log.line(news.what, level=level, issue=news.issue, **news.fields, text=news.text)

    def _fail(self, name: str, error: Exception) -> None:
        plain: Exception | None = error
        if isinstance(error, DBAPIError):
            plain = explain(error)
        if isinstance(plain, NewsletterError):
            self._say_once(name, f"{plain} {plain.hint}", level="error")
            return
        # nobody knows what the text of an unexpected error holds: its kind and place say enough
        frame = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(frame.filename).name}:{frame.lineno}"
        self._say_once(name, f"Unexpected {type(error).__name__} in {where}.", level="error")

    def _say_once(self, job: str, text: str, *, level: str = "warning") -> None:
        """Log a failure, unless the same one was logged within the hour."""
        now = self._services.clock()
        before = self._said.get(job)
        if before is None or before[0] != text or now - before[1] >= _SAY_AGAIN:
            self._said[job] = (text, now)
            self._log.line("failed", level=level, job=job, text=text)

    def _look_at_settings(self) -> None:
        changed = self._changed()
        if changed != self._settings_at:
            self._settings_at = changed
            text = f"{SETTINGS_FILE} was changed; restart this process to let that count."
            self._log.line("settings", level="warning", text=text)

    def _changed(self) -> int:
        try:
            return (self._services.workspace.root / SETTINGS_FILE).stat().st_mtime_ns
        except OSError:
            return 0
