"""Schedulers where workers live: what is due is given away, the round goes on, and the end is told once."""

import subprocess
import sys
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from newsletter import readying
from newsletter.daemon.metrics import Metrics
from newsletter.daemon.signs import Signs
from newsletter.delivery import steering
from newsletter.delivery.tending import untended
from newsletter.due.news import Done, News
from newsletter.due.sending import send_due
from newsletter.errors import Stopped
from newsletter.fleet.metrics import Figures
from newsletter.fleet.shares import Shares, Way
from newsletter.fleet.tending import look_around
from newsletter.fleet.watching import watch
from newsletter.model import CampaignState
from newsletter.store import campaigns, schedules
from newsletter.store.campaigns import Campaign
from newsletter.store.schedules import Booking
from newsletter.store.shares import Share
from newsletter.wiring import Services
from tests.fakeses import FakeSes, Fault
from tests.fleet.conftest import Open
from tests.fleet.ledger import Lines, die, enlist, execute, fetch, finish, jobs, state
from tests.test_chaos import NOVEMBER
from tests.workspaces import REPOSITORY, Desk

pytestmark = [pytest.mark.postgres]


@dataclass
class Scheduler:
    """Rounds, and what they report. There may be several."""

    services: Services
    news: list[News] = field(default_factory=list)

    def round(self) -> Done:
        return send_due(self.services, stop=lambda: False, report=self.news.append)

    def said(self, what: str) -> list[str]:
        """Return the sentences about one kind of thing."""
        return [each.text for each in self.news if each.what == what]


@pytest.fixture
def scheduler(services: Services) -> Scheduler:
    """A scheduler with one issue that is due."""
    book(services)
    return Scheduler(services)


def book(services: Services) -> None:
    readying.approve(services, readying.prepare(services, NOVEMBER))
    now = services.clock()
    booking = Booking(slug=NOVEMBER, segment="", send_at=now, wall="now")
    with services.engine.begin() as connection:
        assert schedules.book(connection, booking, now) is not None


def begun(services: Services) -> Campaign:
    [campaign] = campaigns.all_campaigns(services.engine)
    return campaign


def shares_of(services: Services, log: Lines | None = None) -> Shares:
    return Shares(services, Way(processes=0), threading.Event(), log or Lines(), Figures())


def serve(services: Services, log: Lines | None = None) -> None:
    """Be a worker until there is nothing to do."""
    worker = enlist(services)
    while (job := fetch(services, worker)) is not None:
        shares_of(services, log).do(Share.read(job[1]))
        finish(services, job[0])


def test_what_is_due_is_given_to_workers_and_its_end_is_told_once(
    scheduler: Scheduler, fleet_desk: Desk
) -> None:
    services = scheduler.services
    enlist(services)
    done = scheduler.round()
    campaign = begun(services)
    assert (done.issues, done.given, done.errors) == ((NOVEMBER,), (NOVEMBER,), ())
    assert scheduler.said("given") == [f"{NOVEMBER} is given to a worker."]
    assert [each.what for each in scheduler.news] == ["started", "backup", "given"]
    assert fleet_desk.mailed() == [] and campaign.state is CampaignState.SENDING
    [(lock, status, _)] = jobs(services)
    assert (lock, status) == (f"campaign {campaign.id} slot 0", "todo")
    other = Scheduler(services)
    assert scheduler.round().nothing and other.round().nothing
    serve(services)
    assert len(fleet_desk.mailed()) == 30
    other.round()
    assert other.said("finished") == [f"{NOVEMBER}: 30 of 30 sent."]
    assert scheduler.round().nothing and other.round().nothing


def test_the_share_is_put_in_the_transaction_that_makes_the_campaign(
    scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = scheduler.services
    enlist(services)

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("newsletter.delivery.planning.plan", killed)
    with pytest.raises(KeyboardInterrupt):
        scheduler.round()
    assert begun(services).state is CampaignState.PLANNING
    [(_, _, arguments)] = jobs(services)
    assert arguments["held_by"], "workers wait for whoever began it, as long as that lives"


def test_when_no_worker_lives_any_more_the_scheduler_sends_itself_and_says_so_once(
    scheduler: Scheduler, fleet_desk: Desk
) -> None:
    enlist(scheduler.services)
    scheduler.round()
    die(scheduler.services)
    scheduler.round()
    assert len(fleet_desk.mailed()) == 30
    assert len(scheduler.said("finished")) == 1
    serve(scheduler.services)
    assert scheduler.round().nothing and len(fleet_desk.mailed()) == 30


def test_a_send_that_nobody_looks_after_is_given_too_and_one_that_workers_have_is_left_alone(
    services: Services, campaign: Campaign
) -> None:
    scheduler = Scheduler(services)
    enlist(services)
    done = scheduler.round()
    assert done.given == (NOVEMBER,) and len(jobs(services)) == 1
    execute(services, "UPDATE procrastinate_jobs SET scheduled_at = now() + interval '1 hour'")
    assert scheduler.round().nothing, "it waits for the quota, say"
    execute(services, "UPDATE procrastinate_jobs SET scheduled_at = NULL")
    serve(services)
    scheduler.round()
    assert len(scheduler.said("finished")) == 1


def test_a_send_that_workers_found_lost_is_told_of_as_well(services: Services, campaign: Campaign) -> None:
    look_around(services, 30.0, Lines())
    serve(services)
    scheduler = Scheduler(services)
    scheduler.round()
    assert len(scheduler.said("finished")) == 1


def test_a_send_that_the_owner_no_longer_looks_on_at_is_told_of_by_a_scheduler(
    services: Services, campaign: Campaign
) -> None:
    enlist(services)
    with pytest.raises(Stopped, match="You look on no longer"):
        list(watch(services, campaign, stop=lambda: True))
    serve(services)
    scheduler = Scheduler(services)
    scheduler.round()
    assert len(scheduler.said("finished")) == 1


def test_a_pause_by_the_owner_is_said_once_and_nobody_is_mailed_about_it(
    scheduler: Scheduler, fleet_desk: Desk
) -> None:
    enlist(scheduler.services)
    scheduler.round()
    steering.pause(scheduler.services.engine, begun(scheduler.services).id, reason="by the owner")
    serve(scheduler.services)
    done = scheduler.round()
    assert scheduler.said("waits") == [f"The send of {NOVEMBER} is paused: by the owner."]
    assert [error.exit_code for error in done.errors] == [7]
    assert scheduler.round().nothing and fleet_desk.mailed() == []


def test_a_halt_is_told_to_the_owner_once_though_two_workers_were_refused(
    services: Services, campaign: Campaign, ses_desk: Desk, opened: Open, ses: FakeSes
) -> None:
    said = "Sending paused for this account."
    ses.plan([Fault("error", every=1, status=400, code="SendingPausedException", message=said)])
    refused = opened(ses_desk)
    log = Lines()
    for _ in range(2):
        execute(services, "UPDATE campaigns SET state = 'sending'")
        shares_of(refused, log).do(Share(campaign_id=campaign.id))
        assert state(services, campaign).state is CampaignState.PAUSED
    assert log.events.count("halted") == 2
    assert log.events.count("told") + log.events.count("untold") == 1
    assert "@" not in "".join(log.texts)


def test_workers_that_come_while_a_scheduler_sends_take_over(
    ses_desk: Desk, opened: Open, ses: FakeSes
) -> None:
    later = [timedelta(0)]
    services = opened(ses_desk, clock=lambda: datetime.now(UTC) + later[0])
    book(services)
    scheduler = Scheduler(services)

    def stop() -> bool:
        if ses.counts()["accepted"] and not later[0]:
            enlist(services)
            later[0] = timedelta(seconds=10)
        return False

    done = send_due(services, stop=stop, report=scheduler.news.append)
    assert done.given == (NOVEMBER,) and not done.errors
    assert 0 < ses.counts()["accepted"] < 30
    assert not [each for each in scheduler.news if each.what == "finished"]
    [(lost, _)] = untended(services.engine, "somebody", services.clock)
    assert lost == begun(services).id and len(jobs(services)) == 1
    serve(services)
    scheduler.round()
    assert ses.counts()["accepted"] == 30 and len(scheduler.said("finished")) == 1


def test_a_daemon_tells_its_monitor_how_many_workers_live(services: Services) -> None:
    metrics = Metrics(services, Signs(services.clock))
    for count in range(3):
        assert f"newsletter_workers {count}.0\n" in metrics()[0].decode()
        enlist(services)
    die(services)
    assert "newsletter_workers 0.0\n" in metrics()[0].decode()


def test_nothing_but_a_worker_needs_the_package_of_workers() -> None:
    everything_else = "newsletter.daemon.running, newsletter.fleet.watching, newsletter.cli.main"
    program = f"import sys, {everything_else}; sys.exit('procrastinate' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, check=True)


def test_on_sqlite_no_worker_is_looked_for(desk: Desk, opened: Open) -> None:
    services = opened(desk)
    book(services)
    scheduler = Scheduler(services)
    scheduler.round()
    assert [each.what for each in scheduler.news] == ["started", "backup", "finished"]
    assert len(desk.mailed()) == 3
