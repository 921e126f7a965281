"""Shares as jobs, in the real tables: they do not pile up, stalled ones are taken up, poisonous ones end."""

import threading
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from newsletter import pipeline, readying
from newsletter.delivery.tending import take
from newsletter.fleet import jobs as fleet_jobs
from newsletter.fleet.jobs import ensure_tables
from newsletter.fleet.metrics import Figures
from newsletter.fleet.shares import TRIES, Shares, Way
from newsletter.fleet.tending import look_around
from newsletter.fleet.watching import given_to_workers, watch
from newsletter.model import CampaignState
from newsletter.store import tending
from newsletter.store.campaigns import Campaign
from newsletter.store.engine import check, pending
from newsletter.store.shares import Share, fill, put, put_first
from newsletter.wiring import Services
from tests.fleet.ledger import Lines, delays, enlist, execute, fetch_and_die, jobs, state
from tests.test_chaos import NOVEMBER
from tests.workspaces import Desk

pytestmark = [pytest.mark.postgres]


def shares_of(services: Services, **way: Any) -> Shares:
    return Shares(services, Way(processes=0, **way), threading.Event(), Lines(), Figures())


def test_jobs_of_one_slot_do_not_pile_up(services: Services, campaign: Campaign) -> None:
    with services.engine.begin() as connection:
        assert put(connection, Share(campaign_id=campaign.id))
        assert not put(connection, Share(campaign_id=campaign.id))
        put_first(connection, Share(campaign_id=campaign.id))
        for _ in range(5):
            fill(connection, campaign.id, 3)
    assert [lock for lock, _, _ in jobs(services)] == [f"campaign {campaign.id} slot {n}" for n in range(3)]


def test_a_share_is_put_in_the_transaction_that_makes_the_campaign_or_not_at_all(services: Services) -> None:
    enlist(services)
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
    shares = shares_of(services)
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
    services: Services, campaign: Campaign, fleet_desk: Desk
) -> None:
    lines = Lines()
    with services.engine.begin() as connection:
        put(connection, Share(campaign_id=campaign.id))
    for _ in range(TRIES):
        assert state(services, campaign).state is CampaignState.SENDING
        execute(services, "UPDATE procrastinate_jobs SET scheduled_at = NULL")
        fetch_and_die(services)
        look_around(services, 30.0, lines)
    paused = state(services, campaign)
    assert paused.state is CampaignState.PAUSED
    assert "failed 5 times in a row" in paused.reason
    assert lines.events == ["failed"] * (TRIES - 1) + ["halted", "told"]
    assert jobs(services) == []
    [told] = fleet_desk.mailbox()
    assert "was stopped before its end" in str(told["Subject"])
    assert "newsletter resume" in told.get_content()


def test_a_share_that_always_fails_pauses_its_campaign_with_the_reason(
    services: Services, campaign: Campaign
) -> None:
    execute(services, "UPDATE campaigns SET content = 'broken'")
    shares = shares_of(services)
    for tries in range(TRIES):
        assert state(services, campaign).state is CampaignState.SENDING
        shares.do(Share(campaign_id=campaign.id, tries=tries))
    assert state(services, campaign).state is CampaignState.PAUSED
    assert "failed 5 times in a row" in state(services, campaign).reason


def test_a_campaign_that_nobody_looks_after_gets_a_share_once(services: Services, campaign: Campaign) -> None:
    for _ in range(3):
        look_around(services, 30.0, Lines())
    assert [lock for lock, _, _ in jobs(services)] == [f"campaign {campaign.id} slot 0"]


def test_a_share_put_off_for_the_quota_is_left_so_but_goes_at_once_when_the_owner_says_go_on(
    services: Services, campaign: Campaign
) -> None:
    with services.engine.begin() as connection:
        put(connection, Share(campaign_id=campaign.id), seconds=600)
    look_around(services, 30.0, Lines())
    [left] = delays(services)
    assert 590 < left <= 600
    enlist(services)
    assert next(watch(services, campaign, stop=lambda: False)).queued == 30
    assert delays(services) == [0] and len(jobs(services)) == 1


def test_a_share_of_a_campaign_that_is_paused_or_cancelled_meanwhile_ends_and_leaves_none(
    services: Services, campaign: Campaign, fleet_desk: Desk
) -> None:
    for to in ("paused", "cancelled"):
        execute(services, "UPDATE campaigns SET state = :to", to=to)
        shares_of(services).do(Share(campaign_id=campaign.id))
        look_around(services, 30.0, Lines())
        assert jobs(services) == [] and fleet_desk.mailed() == []


def test_what_a_newer_version_writes_into_a_job_is_passed_over(campaign: Campaign) -> None:
    seen: list[Share] = []
    context: Any = SimpleNamespace(additional_context={"do": seen.append})
    fleet_jobs._share(context, campaign_id=campaign.id, slot=2, colour="green")
    assert seen == [Share(campaign_id=campaign.id, slot=2)]


def test_a_worker_that_has_gone_leaves_no_share_behind_but_the_first(
    services: Services, campaign: Campaign
) -> None:
    enlist(services)
    for slot in (0, 1):  # one worker lives, so there is one share
        shares_of(services, share=timedelta(0)).do(Share(campaign_id=campaign.id, slot=slot))
    assert [lock for lock, _, _ in jobs(services)] == [f"campaign {campaign.id} slot 0"]


def test_a_worker_that_would_seem_dead_between_two_signs_of_life_is_refused(desk: Desk) -> None:
    refused = desk.run("worker", "--heartbeat", "20")
    assert refused.exit_code == 2 and "--heartbeat" in refused.stderr


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
