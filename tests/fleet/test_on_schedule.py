"""`newsletter run` and cron beside real workers: what is due goes out by workers, and is told of once."""

import re
import signal
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from newsletter.store import campaigns, schedules
from newsletter.store.engine import reading
from newsletter.store.schedules import Booking
from newsletter.wiring import Services
from tests.fakeses import FakeSes
from tests.fleet.conftest import Start
from tests.fleet.hosts import alive, wait_for
from tests.fleet.ledger import die
from tests.fleet.starter import Running
from tests.test_chaos import NOVEMBER, hold_invariants
from tests.workspaces import Desk

OCTOBER = "2026-10-songs-that-stay"

pytestmark = [pytest.mark.slow, pytest.mark.postgres]


def book(desk: Desk, services: Services, slug: str) -> None:
    """Approve an issue, and book it for now."""
    desk.ok("approve", slug)
    now = services.clock() - timedelta(seconds=1)
    with services.engine.begin() as connection:
        booking = Booking(slug=slug, segment="", send_at=now, wall="now")
        assert schedules.book(connection, booking, now) is not None


def senders(services: Services, slug: str) -> set[str]:
    """Return the numbers of the processes that have sent an issue."""
    query = """SELECT DISTINCT split_part(claimed_by, ':', 2) AS pid FROM deliveries
        JOIN campaigns ON campaigns.id = campaign_id WHERE slug = :slug AND claimed_by IS NOT NULL"""
    with reading(services.engine) as connection:
        return set(connection.execute(text(query), {"slug": slug}).scalars())


def is_over(services: Services, slug: str) -> bool:
    found = campaigns.all_campaigns(services.engine, slug)
    return bool(found) and not found[-1].is_open


@pytest.fixture
def slow_ses(tmp_path: Path) -> Iterator[FakeSes]:
    """An endpoint that takes ten mails a second, and writes down whom it took."""
    with FakeSes.start(tmp_path / "ses", rate=10, in_thread=True) as ses:
        yield ses


@pytest.fixture
def slow_desk(fleet_desk: Desk, slow_ses: FakeSes) -> Desk:
    """A workspace with 30 confirmed subscribers, whose first five mails go alone."""
    env = {
        "NEWSLETTER_SENDER__KIND": "ses",
        "NEWSLETTER_SES__API": "raw",
        "NEWSLETTER_SES__SHARE": "1.0",
        "NEWSLETTER_SAFETY__CANARY": "5",
        "NEWSLETTER_SCHEDULE__COOLING_OFF": "0s",
        "NEWSLETTER_SCHEDULE__SLOT": "",
    }
    return Desk(fleet_desk.root, {**fleet_desk.env, **slow_ses.env, **env})


def daemon(start: Start, desk: Desk) -> Running:
    return start(desk, "run", "--every", "0.5")


def test_what_becomes_due_is_sent_by_workers_alone_whether_a_daemon_or_cron_begins_it(
    services: Services, slow_desk: Desk, slow_ses: FakeSes, start: Start, hire: Start
) -> None:
    workers = [hire(slow_desk), hire(slow_desk)]
    numbers = {str(each.pid) for each in workers}
    book(slow_desk, services, NOVEMBER)
    wait_for(lambda: alive(slow_desk) == 2)
    running = daemon(start, slow_desk)
    wait_for(lambda: is_over(services, NOVEMBER))
    slow_ses.set_rate(500)
    wait_for(lambda: len(running.events("finished")) > 0)
    assert running.end() == 0
    assert senders(services, NOVEMBER) == numbers
    happened = re.findall(r" event=(\w+)", running.said())
    expected = ["running", "started", "given", "round", "finished", "round", "stopped"]
    assert [each for each in happened if each != "backup"] == expected
    assert hold_invariants(slow_desk, slow_ses, slow_desk.env["NEWSLETTER_DATABASE__URL"], 30)["sent"] == 30

    book(slow_desk, services, OCTOBER)
    begun = slow_desk.json("send")
    assert begun["issues"] == begun["given"] == [OCTOBER]
    wait_for(lambda: is_over(services, OCTOBER))
    assert senders(services, OCTOBER) <= numbers
    told = slow_desk.ok("send")
    assert f"{OCTOBER}: 30 of 30 sent." in told.stderr and "Nothing is due." in told.stdout
    assert "sent." not in slow_desk.ok("send").stderr
    assert len(slow_ses.addresses()) == 60 and [worker.end() for worker in workers] == [0, 0]


def test_a_daemon_finishes_what_workers_that_were_killed_have_left(
    services: Services, slow_desk: Desk, slow_ses: FakeSes, start: Start, hire: Start
) -> None:
    workers = [hire(slow_desk), hire(slow_desk)]
    book(slow_desk, services, NOVEMBER)
    wait_for(lambda: alive(slow_desk) == 2)
    running = daemon(start, slow_desk)
    wait_for(lambda: len(slow_ses.addresses()) > 8)
    for worker in workers:
        worker.signal(signal.SIGKILL)
        worker.wait()
    assert not is_over(services, NOVEMBER)
    die(services)  # 30 seconds later
    wait_for(lambda: len(running.events("finished")) > 0)
    assert running.end() == 0
    assert {str(running.pid)} < senders(services, NOVEMBER)
    assert len(running.events("given")) == len(running.events("finished")) == 1
    assert len(running.events("resumed")) == 1
    proof = hold_invariants(slow_desk, slow_ses, slow_desk.env["NEWSLETTER_DATABASE__URL"], 30)
    assert proof["sent"] + proof["uncertain"] == 30 and proof["uncertain"] <= 2 * 16
