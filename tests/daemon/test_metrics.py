"""Figures for a monitor: who may see them, and what they say."""

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import httpx
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from starlette.applications import Starlette

from newsletter import pipeline, readying
from newsletter.daemon.log import Log
from newsletter.daemon.metrics import Metrics
from newsletter.daemon.signs import Signs
from newsletter.daemon.work import Work
from newsletter.delivery import steering
from newsletter.people.adding import add_subscriber
from newsletter.settings import Workspace
from newsletter.settings_file import load_settings
from newsletter.web.app import web_app
from newsletter.wiring import Services
from tests.workspaces import make_desk

NOVEMBER = "2026-11-individual-vs-group"
NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)


@dataclass
class Monitored:
    """A daemon's jobs and its pages, and a clock."""

    services: Services
    work: Work
    app: Starlette
    now: datetime = NOON

    def get(self, path: str = "/metrics", client: str = "127.0.0.1", **headers: str) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, client=(client, 4711))
            async with httpx.AsyncClient(transport=transport) as browser:
                return await browser.get(f"https://news.example.org{path}", headers=headers)

        return asyncio.run(ask())

    def figures(self) -> dict[str, float]:
        """Return each sample: name{labels} = value."""
        found = {}
        for family in text_string_to_metric_families(self.get().text):  # type: ignore[no-untyped-call]
            for sample in family.samples:
                labels = ",".join(f"{key}={value}" for key, value in sorted(sample.labels.items()))
                found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
        return found


@pytest.fixture
def monitored(tmp_path: Path) -> Iterator[Monitored]:
    """Two readers; a slot on the first Tuesday in Halifax."""
    desk = make_desk(
        tmp_path / "desk",
        NEWSLETTER_NEWSLETTER__PUBLIC_URL="https://news.example.org",
        NEWSLETTER_WEB__TRUSTED_PROXIES='["10.0.0.0/8"]',
    )
    made: list[Monitored] = []
    workspace = Workspace(root=desk.root, settings=load_settings(desk.root, desk.env))
    services = Services(workspace, env=desk.env, clock=lambda: made[0].now if made else NOON)
    signs = Signs(services.clock)
    work = Work(services, threading.Event(), Log(StringIO(), services.clock), signs)
    made.append(Monitored(services, work, web_app(services, metrics=Metrics(services, signs))))
    for address in ("ada@example.org", "ben@example.org"):
        add_subscriber(services.engine, address, clock=services.clock)
    yield made[0]
    services.close()


def test_figures_say_what_stands_where_and_name_nobody(monitored: Monitored) -> None:
    before = monitored.figures()
    assert before["newsletter_rounds_total"] == 0 and "newsletter_last_round_timestamp_seconds" not in before
    assert (
        before["newsletter_next_due_timestamp_seconds"] == datetime(2026, 12, 1, 13, tzinfo=UTC).timestamp()
    )
    readying.approve(monitored.services, readying.prepare(monitored.services, NOVEMBER))
    readying.book(monitored.services, NOVEMBER, "2026-12-01 08:30")
    monitored.now += timedelta(minutes=30)
    monitored.work.due()
    after = monitored.figures()
    assert after["newsletter_rounds_total"] == 1
    assert after["newsletter_last_round_timestamp_seconds"] == monitored.now.timestamp()
    assert after["newsletter_campaigns{state=finished}"] == 1
    assert after["newsletter_workers"] == 0
    answer = monitored.get()
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert answer.text.endswith("# EOF\n") and "@" not in answer.text and NOVEMBER not in answer.text


def test_deliveries_are_counted_of_sends_that_are_not_over_and_of_no_others(monitored: Monitored) -> None:
    services = monitored.services
    campaign = pipeline.start(services, readying.prepare_to_send(services, NOVEMBER, None))

    def counted() -> dict[str, float]:
        monitored.now += timedelta(minutes=1)
        found = monitored.figures()
        return {name: value for name, value in found.items() if name.startswith("newsletter_deliveries")}

    assert counted() == {"newsletter_deliveries{campaign_state=sending,state=queued}": 2}
    steering.pause(services.engine, campaign.id, reason="by the owner")
    assert counted() == {"newsletter_deliveries{campaign_state=paused,state=queued}": 2}
    list(pipeline.deliver(services, pipeline.resume(services, NOVEMBER), stop=lambda: False))
    assert counted() == {}


@pytest.mark.parametrize(
    ("client", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("::1", {}, 200),
        ("::ffff:127.0.0.1", {}, 200),
        ("10.1.2.3", {}, 200),
        ("192.0.2.7", {}, 404),
        ("127.0.0.1", {"X-Forwarded-For": "192.0.2.7"}, 404),
        ("10.1.2.3", {"X-Forwarded-For": "127.0.0.1"}, 404),
        ("127.0.0.1", {"Forwarded": "for=192.0.2.7"}, 404),
        ("192.0.2.7", {"X-Forwarded-For": "127.0.0.1"}, 404),
        ("not an address", {}, 404),
    ],
)
def test_only_this_computer_and_trusted_addresses_see_them_and_not_through_a_proxy(
    monitored: Monitored, client: str, headers: dict[str, str], status: int
) -> None:
    answer = monitored.get(client=client, **headers)
    assert answer.status_code == status
    assert ("newsletter_rounds" in answer.text) is (status == 200)


def test_without_a_daemon_there_is_no_such_page(monitored: Monitored) -> None:
    monitored.app = web_app(monitored.services)
    assert monitored.get().status_code == 404
    assert monitored.get("/health").json() == {"status": "ok"}
