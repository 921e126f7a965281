"""Figures for Prometheus and its like, in OpenMetrics text. Counts only; nothing that names anybody.

A registry of our own, filled when it is asked for: the database is the truth. Deliveries are counted of the
campaigns that are not over, and about a second a million: so the counts are kept for a while.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector, CollectorRegistry
from sqlalchemy import func, select

from newsletter.daemon.signs import Signs
from newsletter.due.enlisting import workers
from newsletter.due.outlook import next_due
from newsletter.store.campaigns import OPEN
from newsletter.store.engine import reading
from newsletter.store.tables import campaigns, events
from newsletter.store.tallies import tally
from newsletter.wiring import Services

__all__ = ["Metrics"]

_KEPT: Final = timedelta(seconds=15)
_SHARE: Final = 50  # counting may take so small a part of the time
_OPEN: Final = sorted(state.value for state in OPEN)


class Metrics:
    """The figures of one daemon."""

    def __init__(self, services: Services, signs: Signs) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(_Figures(services, signs))

    def __call__(self) -> tuple[bytes, str]:
        """Return the figures and their content type."""
        text: bytes = generate_latest(self._registry)  # type: ignore[no-untyped-call]
        return text, CONTENT_TYPE_LATEST


class _Figures(Collector):
    def __init__(self, services: Services, signs: Signs) -> None:
        self._services, self._signs = services, signs
        self._counts: Sequence[tuple[str, str, int]] = ()
        self._count_again: datetime | None = None

    def collect(self) -> Iterable[Metric]:
        """Yield the figures as they are now; prometheus_client calls this."""
        signs, services = self._signs, self._services
        with reading(services.engine) as connection:
            states = connection.execute(
                select(campaigns.c.state, func.count()).group_by(campaigns.c.state)
            ).all()
            newest = select(events.c.received_at).order_by(events.c.id.desc()).limit(1)
            last_event = connection.execute(newest).scalar_one_or_none()
        yield _time("newsletter_last_round", "When the last round ended well.", signs.last_round)
        yield _time("newsletter_last_event", "When the provider's last event came in.", last_event)
        yield _time("newsletter_next_due", "When an issue is due next.", next_due(services))
        yield CounterMetricFamily("newsletter_rounds", "Rounds that ended well.", value=signs.rounds)
        yield CounterMetricFamily("newsletter_failures", "Jobs that failed.", value=signs.failures)
        yield GaugeMetricFamily(
            "newsletter_workers", "Workers that gave a sign of life lately.", value=workers(services)
        )
        found = GaugeMetricFamily("newsletter_campaigns", "Campaigns by state.", labels=["state"])
        for state, count in states:
            found.add_metric([state], count)
        yield found
        found = GaugeMetricFamily(
            "newsletter_deliveries",
            "Deliveries of campaigns that are not over, by their state and their campaign's.",
            labels=["campaign_state", "state"],
        )
        for campaign_state, state, count in self._count():
            found.add_metric([campaign_state, state], count)
        yield found

    def _count(self) -> Sequence[tuple[str, str, int]]:
        """Return how many deliveries of open campaigns there are by campaign's state and their own."""
        clock = self._services.clock
        began = clock()
        if self._count_again is None or began >= self._count_again:
            counts: Counter[tuple[str, str]] = Counter()
            going = select(campaigns.c.id, campaigns.c.state).where(campaigns.c.state.in_(_OPEN))
            with reading(self._services.engine) as connection:
                for campaign_id, campaign_state in connection.execute(going).all():
                    for state, count in tally(connection, campaign_id).by_state().items():
                        counts[campaign_state, state.value] += count
            self._counts = [(*states, count) for states, count in sorted(counts.items()) if count]
            ended = clock()
            self._count_again = ended + max(_KEPT, _SHARE * (ended - began))
        return self._counts


def _time(name: str, what: str, at: datetime | None) -> Metric:
    """Return a time as seconds since 1970; no sample if there is none."""
    gauge = GaugeMetricFamily(f"{name}_timestamp_seconds", what)
    if at is not None:
        gauge.add_metric([], at.timestamp())
    return gauge
