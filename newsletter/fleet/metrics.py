"""Figures of one worker for Prometheus and its like. Counts only; nothing that names anybody.

They are this worker's own, since it began; those of the whole newsletter are in the daemon's ``/metrics``.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Final, Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, start_http_server

from newsletter.delivery.progress import Progress
from newsletter.errors import UsageError

__all__ = ["Figures", "Result"]

#: How a share ended: its time was over, its campaign was, it waits, it failed, its campaign was paused by a
#: fault, this worker was stopped, or somebody else had it.
Result = Literal["share", "finished", "waits", "failed", "halted", "interrupted", "held"]
_STATES: Final = ("sent", "failed", "skipped", "uncertain")


class Figures:
    """Counts what a worker does. Several threads may share it."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=False)
        where = self.registry
        self._shares = Counter(
            "newsletter_worker_shares", "Shares by how they ended.", ["result"], registry=where
        )
        self._deliveries = Counter(
            "newsletter_worker_deliveries",
            "Deliveries that this worker settled, by what became of them.",
            ["state"],
            registry=where,
        )
        self._under_way = Gauge("newsletter_worker_shares_under_way", "Shares under way.", registry=where)
        self._sessions = Counter("newsletter_worker_sessions", "Sessions with the database.", registry=where)
        self._alive = Gauge(
            "newsletter_worker_last_sign_timestamp_seconds",
            "When this worker last gave a sign of life, and looked for the shares of the dead.",
            registry=where,
        )
        for state in _STATES:
            self._deliveries.labels(state)

    def ended(self, result: Result) -> None:
        """Count a share."""
        self._shares.labels(result).inc()

    def settled(self, before: Progress, after: Progress) -> None:
        """Count what became of deliveries between two steps of a share."""
        for state in _STATES:
            self._deliveries.labels(state).inc(max(0, getattr(after, state) - getattr(before, state)))

    @contextmanager
    def under_way(self) -> Iterator[None]:
        """Count a share as under way."""
        with self._under_way.track_inprogress():
            yield

    def session(self) -> None:
        """Count a session that begins."""
        self._sessions.inc()

    def alive(self, at: datetime) -> None:
        """Note a sign of life."""
        self._alive.set(at.timestamp())

    @contextmanager
    def served(self, host: str, port: int) -> Iterator[str]:
        """Answer monitors meanwhile; give the address. port: 0 for a free one.

        Raises UsageError if the port cannot be used.
        """
        try:
            server, thread = start_http_server(port, host, registry=self.registry)
        except OSError as error:
            why = os.strerror(error.errno) if error.errno and error.errno > 0 else "no such host"
            raise UsageError(
                f"Port {port} on {host} cannot be used: {why}.", hint="Choose another with --metrics."
            ) from error
        try:
            yield f"http://{f'[{host}]' if ':' in host else host}:{server.server_port}/metrics"
        finally:
            server.shutdown()
            server.server_close()
            thread.join()
