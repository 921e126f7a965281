"""Shares as jobs, in the real tables: they do not pile up, stalled ones are taken up, poisonous ones end."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import text

from newsletter import pipeline, readying
from newsletter.delivery.tending import take
from newsletter.fleet.jobs import QUEUE, Share, ensure_tables, fill, put, put_first
from newsletter.fleet.shares import TRIES, Shares, Way
from newsletter.fleet.tending import look_around
from newsletter.fleet.watching import given_to_workers
from newsletter.model import CampaignState
from newsletter.settings import Workspace
from newsletter.settings_file import load_settings
from newsletter.store import campaigns, tending
from newsletter.store.campaigns import Campaign
from newsletter.store.engine import check, pending, reading
from newsletter.wiring import Services
from tests.test_chaos import NOVEMBER
from tests.workspaces import Desk

pytestmark = [pytest.mark.postgres]


@pytest.fixture
def services(fleet_desk: Desk) -> Iterator[Services]:
    made = Services(
        Workspace(root=fleet_desk.root, settings=load_settings(fleet_desk.root, fleet_desk.env)),
        env=fleet_desk.env,
        sleep=lambda _seconds: None,
    )
    ensure_tables(made.engine)
    yield made
    made.close()


@pytest.fixture
def campaign(services: Services) -> Campaign:
    return pipeline.start(services, readying.prepare_to_send(services, NOVEMBER, None))


class Lines:
    """A log that is kept."""

    def __init__(self) -> None:
        self.events: list[str] = []

    def __call__(self, event: str, *, level: str = "info", **fields: object) -> None:
        self.events.append(event)


def jobs(services: Services) -> list[tuple[str, str, Any]]:
    with reading(services.engine) as connection:
        rows = connection.execute(
            text("SELECT lock, status::text, args FROM procrastinate_jobs ORDER BY lock, id")
        )
        return [(row.lock, row.status, row.args) for row in rows]


def state(services: Services, campaign: Campaign) -> Campaign:
    with reading(services.engine) as connection:
        return campaigns.get_campaign(connection, campaign.id)


def fetch_and_die(services: Services) -> None:
    """Be a worker that takes a job and is never heard of again."""
    with services.engine.begin() as connection:
        worker = connection.execute(text("SELECT procrastinate_register_worker_v1()")).scalar_one()
        fetched = text("SELECT id FROM procrastinate_fetch_job_v2(CAST(:queues AS VARCHAR[]), :worker)")
        assert connection.execute(fetched, {"queues": [QUEUE], "worker": worker}).scalar_one()
        connection.execute(
            text("UPDATE procrastinate_workers SET last_heartbeat = now() - interval '1 hour'")
        )


def test_jobs_of_one_slot_do_not_pile_up(services: Services, campaign: Campaign) -> None:
    with services.engine.begin() as connection:
        assert put(connection, Share(campaign_id=campaign.id))
        assert not put(connection, Share(campaign_id=campaign.id))
        put_first(connection, Share(campaign_id=campaign.id))
        for _ in range(5):
            fill(connection, campaign.id, 3)
    assert [lock for lock, _, _ in jobs(services)] == [f"campaign {campaign.id} slot {n}" for n in range(3)]


def test_a_share_is_put_in_the_transaction_that_makes_the_campaign_or_not_at_all(services: Services) -> None:
    with services.engine.begin() as connection:
        connection.execute(text("SELECT procrastinate_register_worker_v1()"))
    ready = readying.prepare_to_send(services, NOVEMBER, None)
    ledger_then_share = given_to_workers(services, lambda _connection, _made: None)

    def and_then_fail(connection: Any, made: Campaign) -> None:
        ledger_then_share(connection, made)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        pipeline.start(services, ready, also=and_then_fail)
    assert jobs(services) == []
    assert pipeline.existing_campaign(services, ready) is None
    made = pipeline.start(services, ready, also=ledger_then_share)
    assert [(lock, status) for lock, status, _ in jobs(services)] == [(f"campaign {made.id} slot 0", "todo")]


def test_a_share_waits_while_its_campaign_is_held_and_sends_when_it_is_let_go(
    services: Services, campaign: Campaign, fleet_desk: Desk
) -> None:
    shares = Shares(services, Way(processes=0), threading.Event(), Lines())
    held = Share(campaign_id=campaign.id, held_by="elsewhere:1:1.0")
    with services.engine.begin() as connection:  # a process on another host, as far as anybody can tell
        assert take(connection, campaign.id, held.held_by, services.clock)
    shares.do(held)
    assert fleet_desk.mailed() == []
    [(_, _, arguments)] = jobs(services)
    assert arguments["held_by"] == held.held_by
    with services.engine.begin() as connection:
        tending.let_go(connection, campaign.id, held.held_by)
    shares.do(held)
    assert len(fleet_desk.mailed()) == 30
    assert state(services, campaign).state is CampaignState.FINISHED


def test_the_share_of_a_dead_worker_is_put_again_and_pauses_its_campaign_when_that_never_ends(
    services: Services, campaign: Campaign
) -> None:
    lines = Lines()
    with services.engine.begin() as connection:
        put(connection, Share(campaign_id=campaign.id))
    for _ in range(TRIES):
        assert state(services, campaign).state is CampaignState.SENDING
        with services.engine.begin() as connection:
            connection.execute(text("UPDATE procrastinate_jobs SET scheduled_at = NULL"))
        fetch_and_die(services)
        look_around(services, 30.0, lines)
    paused = state(services, campaign)
    assert paused.state is CampaignState.PAUSED
    assert "failed 5 times in a row" in paused.reason
    assert lines.events == ["failed"] * (TRIES - 1) + ["halted"]
    assert jobs(services) == []


def test_a_share_that_always_fails_pauses_its_campaign_with_the_reason(
    services: Services, campaign: Campaign
) -> None:
    with services.engine.begin() as connection:
        connection.execute(text("UPDATE campaigns SET content = 'broken'"))
    shares = Shares(services, Way(processes=0), threading.Event(), Lines())
    for tries in range(TRIES):
        assert state(services, campaign).state is CampaignState.SENDING
        shares.do(Share(campaign_id=campaign.id, tries=tries))
    assert state(services, campaign).state is CampaignState.PAUSED
    assert "failed 5 times in a row" in state(services, campaign).reason


def test_a_campaign_that_nobody_looks_after_gets_a_share_once(services: Services, campaign: Campaign) -> None:
    for _ in range(3):
        look_around(services, 30.0, Lines())
    assert [lock for lock, _, _ in jobs(services)] == [f"campaign {campaign.id} slot 0"]


def test_the_tables_of_workers_confuse_nothing(services: Services) -> None:
    ensure_tables(services.engine)
    assert pending(services.engine) == []
    assert check(services.engine) == []


def test_a_backup_made_with_workers_can_be_put_back(
    services: Services, campaign: Campaign, fleet_desk: Desk
) -> None:
    with services.engine.begin() as connection:
        put(connection, Share(campaign_id=campaign.id))
    services.engine.dispose()
    fleet_desk.ok("db", "backup")
    backup = next((fleet_desk.root / "subscribers" / "backups").iterdir())
    fleet_desk.ok("db", "restore", str(backup), "--yes")
    assert [lock for lock, _, _ in jobs(services)] == [f"campaign {campaign.id} slot 0"]
    assert check(services.engine) == []
