"""Workers at their shares: campaigns take turns, the first mails are waited for once, quotas last days."""

import subprocess
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import psutil
import pytest
from sqlalchemy import text

from newsletter import pipeline, readying
from newsletter.delivery.owners import this_process
from newsletter.fleet.metrics import Figures
from newsletter.fleet.shares import Shares, Way
from newsletter.fleet.tending import look_around
from newsletter.model import CampaignState
from newsletter.store.campaigns import Campaign
from newsletter.store.engine import reading
from newsletter.store.shares import Share, put
from newsletter.wiring import Services
from tests.fakeses import FakeSes, Fault
from tests.fleet.conftest import Open
from tests.fleet.ledger import (
    Lines,
    delays,
    die,
    enlist,
    execute,
    fetch,
    fetch_and_die,
    finish,
    jobs,
    state,
    until_done,
)
from tests.queues import Queue
from tests.test_chaos import NOVEMBER
from tests.workspaces import Desk

OCTOBER = "2026-10-songs-that-stay"
CANARY = {"NEWSLETTER_SAFETY__CANARY": "5", "NEWSLETTER_SAFETY__CANARY_WAIT": "10m"}

pytestmark = [pytest.mark.postgres]


class Time:
    """A clock that sleeping moves forward."""

    def __init__(self) -> None:
        self.slept = timedelta(0)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.slept

    def sleep(self, seconds: float) -> None:
        self.slept += timedelta(seconds=seconds)


class Worker:
    """A worker in this process. figures: what it counts."""

    def __init__(self, services: Services, **way: Any) -> None:
        self.services, self.log, self.figures = services, Lines(), Figures()
        self.number = enlist(services)
        how = Way(processes=0, **way)
        self.shares = Shares(services, how, threading.Event(), self.log, self.figures)

    def work(self) -> bool:
        """Do the share that is next; return whether there was one."""
        job = fetch(self.services, self.number)
        if job is None:
            return False
        self.shares.do(Share.read(job[1]))
        finish(self.services, job[0])
        return True

    def count(self, name: str, **labels: str) -> float:
        return self.figures.registry.get_sample_value(f"newsletter_worker_{name}", labels) or 0.0


def begin(services: Services, slug: str = NOVEMBER) -> Campaign:
    """Begin a send, and put its first share."""
    made = pipeline.start(services, readying.prepare_to_send(services, slug, None))
    with services.engine.begin() as connection:
        put(connection, Share(campaign_id=made.id))
    return made


def counts(services: Services, campaign: Campaign) -> dict[str, int]:
    with reading(services.engine) as connection:
        query = text("SELECT state, count(*) AS n FROM deliveries WHERE campaign_id = :id GROUP BY 1")
        return {row.state: row.n for row in connection.execute(query, {"id": campaign.id})}


def test_two_campaigns_at_once_are_both_served_by_two_workers(
    ses_desk: Desk, opened: Open, ses: FakeSes
) -> None:
    pair = [opened(ses_desk, NEWSLETTER_SAFETY__CANARY="2") for _ in range(2)]
    ses.set_rate(30)
    services = pair[0]
    found = [begin(services, NOVEMBER), begin(services, OCTOBER)]
    fleet = [Worker(each, share=timedelta(seconds=0.3)) for each in pair]
    over = threading.Event()

    def run(worker: Worker) -> None:
        while not over.wait(0.02):
            worker.work()

    threads = [threading.Thread(target=run, args=(worker,)) for worker in fleet]
    for thread in threads:
        thread.start()
    until_done(
        lambda: over.wait(0.1),
        lambda: not jobs(services),
    )
    over.set()
    for thread in threads:
        thread.join()
    with reading(services.engine) as connection:
        query = (
            "SELECT min(updated_at) AS first, max(updated_at) AS last FROM deliveries GROUP BY campaign_id"
        )
        times = connection.execute(text(query)).all()
    assert len(times) == 2 and max(row.first for row in times) < min(row.last for row in times)
    assert [counts(services, each) for each in found] == [{"sent": 30}] * 2
    assert all(worker.count("deliveries_total", state="sent") > 0 for worker in fleet)
    assert sum(worker.count("deliveries_total", state="sent") for worker in fleet) == 60
    assert all(state(services, each).state is CampaignState.FINISHED for each in found)


def work_to_the_end(services: Services, campaign: Campaign) -> int:
    """Let workers that are new each time do one share after another; return how many it took."""
    for number in range(1, 40):
        assert Worker(services).work()
        if state(services, campaign).state is CampaignState.FINISHED:
            return number
    raise AssertionError("the wait began anew with each share")


def test_what_comes_of_the_first_mails_is_waited_for_once_by_however_many_shares(
    ses_desk: Desk, opened: Open, ses: FakeSes, queue: Queue
) -> None:
    time = Time()
    services = opened(ses_desk, clock=time.now, sleep=time.sleep, **queue.env, **CANARY)
    ses.set_rate(1000)
    campaign = begin(services)
    assert work_to_the_end(services, campaign) > 10
    assert counts(services, campaign) == {"sent": 30}
    assert timedelta(minutes=9.9) <= time.slept < timedelta(minutes=11)


def test_a_worker_that_dies_at_the_first_mails_is_followed_by_another_that_waits_for_them_as_well(
    ses_desk: Desk, opened: Open, ses: FakeSes, queue: Queue
) -> None:
    time = Time()
    services = opened(ses_desk, clock=time.now, sleep=time.sleep, **queue.env, **CANARY)
    ses.set_rate(1000)
    campaign = begin(services)
    with subprocess.Popen(["sleep", "60"]) as other:
        process = psutil.Process(other.pid)
        dead = f"{this_process().rsplit(':', 2)[0]}:{other.pid}:{process.create_time():.2f}"
        other.kill()
    fetch_and_die(services)
    execute(
        services,
        """UPDATE deliveries SET state = 'sending', claimed_by = :dead, call_id = 'gone', attempt = 1,
            lease_until = now() + interval '10 minutes'
        WHERE id IN (SELECT id FROM deliveries ORDER BY id LIMIT 3)""",
        dead=dead,
    )
    look_around(services, 30.0, Lines())
    [(_, _, arguments)] = jobs(services)
    assert arguments["tries"] == 1
    execute(services, "UPDATE procrastinate_jobs SET scheduled_at = NULL")
    work_to_the_end(services, campaign)
    assert counts(services, campaign) == {"sent": 27, "uncertain": 3}
    assert timedelta(minutes=9.9) <= time.slept < timedelta(minutes=11)


def test_a_quota_that_lasts_for_days_keeps_one_share_waiting_however_workers_come_and_go(
    ses_desk: Desk, opened: Open, ses: FakeSes
) -> None:
    services = opened(ses_desk)
    ses.set_rate(1000)
    ses.set_quota(12)
    campaign = begin(services)
    first = Worker(services)
    with services.engine.begin() as connection:
        put(connection, Share(campaign_id=campaign.id, slot=1))
    while first.work():
        pass
    gone = counts(services, campaign)["sent"]
    assert 0 < gone <= 12 and "waits" in first.log.events
    [(lock, status, _)] = jobs(services)
    assert (lock, status) == (f"campaign {campaign.id} slot 0", "todo") and 590 < delays(services)[0] <= 600
    die(services)
    second = Worker(services)
    for _ in range(3):  # it is looked at every ten minutes
        execute(services, "UPDATE procrastinate_jobs SET scheduled_at = NULL")
        look_around(services, 30.0, second.log)
        assert second.work() and not second.work()
        assert len(jobs(services)) == 1 and counts(services, campaign)["sent"] == gone
    assert second.count("shares_total", result="waits") == 3
    die(services)
    ses.set_quota(1000)
    third = Worker(opened(ses_desk))
    execute(services, "UPDATE procrastinate_jobs SET scheduled_at = NULL")
    assert third.work()
    assert counts(services, campaign) == {"sent": 30} and jobs(services) == []


def test_no_line_of_the_log_names_a_reader_when_everything_fails(
    ses_desk: Desk, opened: Open, ses: FakeSes
) -> None:

    said = "Email address is not verified: person0003@example.org"
    ses.plan([Fault("error", every=2, status=400, code="MessageRejected", message=said)])
    services = opened(ses_desk)
    begin(services)
    worker = Worker(services)
    while worker.work():
        pass
    assert worker.log.events and "person0" not in "".join(worker.log.texts)
