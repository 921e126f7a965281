"""The statements of the ledger: what they move, what they leave alone, and that they use their indexes."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine, TextClause, text

from newsletter.errors import UsageError
from newsletter.model import NEXT, CampaignState, DeliveryState
from newsletter.store import campaigns, deliveries, tallies
from newsletter.store.deliveries import (
    CLAIM,
    IN_FLIGHT,
    abandon_dead,
    claim,
    make_ready,
    record,
    release,
    resolve,
)
from newsletter.store.recording import RECORD
from newsletter.store.rows import Call, Settled
from tests.delivery.driver import NOON, Driver, an_issue, people

SOON = NOON + timedelta(minutes=10)


@pytest.fixture
def ledger(engine: Engine) -> Driver:
    """A planned campaign to three people."""
    driver = Driver(engine)
    driver.queue(*people(3))
    return driver


def take(
    ledger: Driver, limit: int, call_id: str = "call-1", owner: str = "elsewhere:1:1.0", now: datetime = NOON
) -> Call:
    with ledger.engine.begin() as connection:
        make_ready(connection)
        return claim(
            connection,
            ledger.campaign_id,
            limit=limit,
            owner=owner,
            call_id=call_id,
            lease_until=SOON,
            now=now,
        )


# -- claim ----------------------------------------------------------------------------------------


def test_a_claim_takes_rows_in_order_and_at_most_as_many_as_asked(ledger: Driver) -> None:
    call = take(ledger, 2)
    assert [row.attempt for row in call.rows] == [1, 1]
    assert list(ledger.states().values()) == ["sending", "sending", "queued"]
    assert [row.id for row in call.rows] == sorted(row.id for row in call.rows)


def test_a_row_is_claimed_once(ledger: Driver) -> None:
    first = {row.id for row in take(ledger, 2).rows}
    second = {row.id for row in take(ledger, 3, "call-2").rows}
    assert len(first) == 2
    assert len(second) == 1
    assert not first & second


@pytest.mark.parametrize("state", [state for state in CampaignState if state is not CampaignState.SENDING])
def test_nothing_is_claimed_unless_the_campaign_is_sending(ledger: Driver, state: CampaignState) -> None:
    with ledger.engine.begin() as connection:
        campaigns.move(connection, ledger.campaign_id, to=state, since=list(CampaignState), now=NOON)
    assert take(ledger, 3).rows == ()
    assert set(ledger.states().values()) == {"queued"}


def test_a_row_is_not_claimed_before_its_time(ledger: Driver) -> None:
    call = take(ledger, 3)
    later = NOON + timedelta(seconds=30)
    with ledger.engine.begin() as connection:
        back = [Settled(id=row.id, state=DeliveryState.QUEUED, not_before=later) for row in call.rows]
        record(connection, call.call_id, back, NOON)
        assert tallies.next_due(connection, ledger.campaign_id, NOON) == later
    assert take(ledger, 3, "call-2", now=later - timedelta(microseconds=1)).rows == ()
    assert [row.attempt for row in take(ledger, 3, "call-3", now=later).rows] == [2, 2, 2]


def test_a_skipped_row_takes_a_place_in_the_claim_but_no_attempt(ledger: Driver) -> None:
    ledger.set_status(people(3)[0], "unsubscribed")
    call = take(ledger, 2)
    assert (len(call.rows), call.skipped) == (1, 1)
    assert ledger.rows()[people(3)[0]] == ("skipped", "unsubscribed", 0)


@pytest.fixture(params=["true", "missing", "old"])
def large(engine: Engine, request: pytest.FixtureRequest) -> Driver:
    """A campaign with 20,000 queued rows; the database's statistics know them, know nothing, or others."""
    driver = Driver(engine)
    driver.plan()
    rows = f"""INSERT INTO deliveries (campaign_id, subscriber_id, email_key, state, updated_at)
        WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 20000)
        SELECT {driver.campaign_id}, n, 'reader' || n, 'sent', CURRENT_TIMESTAMP FROM numbers"""
    with engine.begin() as connection:
        connection.exec_driver_sql(rows)
        if request.param == "old":
            connection.exec_driver_sql("ANALYZE")
        connection.exec_driver_sql("UPDATE deliveries SET state = 'queued'")
        if request.param == "true":
            connection.exec_driver_sql("ANALYZE")
    return driver


def plan_of(driver: Driver, statement: TextClause, **parameters: object) -> str:
    """Return how the database would run a statement of the writer."""
    explain = "EXPLAIN QUERY PLAN " if driver.engine.dialect.name == "sqlite" else "EXPLAIN "
    explained = text(explain + statement.text).bindparams(*statement._bindparams.values())
    with driver.engine.begin() as connection:
        make_ready(connection)
        rows = connection.execute(explained, {"campaign_id": driver.campaign_id, **parameters})
        return "\n".join(str(row[-1]) for row in rows)


def test_the_claim_uses_the_partial_index_whatever_is_known(large: Driver) -> None:
    statement = CLAIM[large.engine.dialect.name]
    rest = {"limit": 50, "owner": "o", "call_id": "c", "lease_until": SOON, "now": NOON, "since": 500}
    plan = plan_of(large, statement, **rest)
    assert "ix_deliveries_queued" in plan, plan
    assert "TEMP B-TREE" not in plan, plan  # SQLite: nothing is sorted
    assert "Sort" not in plan, plan
    assert "Bitmap" not in plan, plan
    assert "Hash" not in plan, plan
    assert "Seq Scan on deliveries" not in plan, plan
    assert "Seq Scan on subscribers" not in plan, plan


def test_a_record_finds_its_rows_one_by_one_whatever_is_known(large: Driver) -> None:
    plan = plan_of(large, RECORD[large.engine.dialect.name], fates="[]", now=NOON)
    assert "Hash" not in plan, plan
    assert "Seq Scan on deliveries" not in plan, plan
    assert "SCAN deliveries" not in plan, plan


@pytest.mark.parametrize("large", ["true"], indirect=True)
def test_what_is_in_flight_is_found_by_its_partial_index(large: Driver) -> None:
    plan = plan_of(large, IN_FLIGHT)
    assert "ix_deliveries_sending" in plan, plan


# -- record and release ---------------------------------------------------------------------------


def test_an_outcome_is_written_over_its_own_claim_only(ledger: Driver) -> None:
    call = take(ledger, 3)
    sent = [Settled(id=row.id, state=DeliveryState.SENT, message_id="m") for row in call.rows]
    with ledger.engine.begin() as connection:
        assert record(connection, "another-call", sent, NOON) == 0
        assert record(connection, call.call_id, sent, NOON) == 3
        assert record(connection, call.call_id, sent, NOON) == 0
    assert set(ledger.states().values()) == {"sent"}


def test_a_sent_row_is_never_claimed_or_changed_again(ledger: Driver) -> None:
    call = take(ledger, 3)
    with ledger.engine.begin() as connection:
        record(
            connection,
            call.call_id,
            [Settled(id=row.id, state=DeliveryState.SENT) for row in call.rows],
            NOON,
        )
        back = [Settled(id=row.id, state=DeliveryState.QUEUED) for row in call.rows]
        assert record(connection, call.call_id, back, NOON) == 0
        assert resolve(connection, ledger.campaign_id, resend=True, now=NOON) == 0
        assert deliveries.skip_queued(connection, ledger.campaign_id, "cancelled", NOON) == 0
    assert take(ledger, 3, "call-2").rows == ()
    assert NEXT[DeliveryState.SENT] == frozenset()


def test_a_released_row_is_queued_and_has_lost_no_attempt(ledger: Driver) -> None:
    call = take(ledger, 3)
    with ledger.engine.begin() as connection:
        assert release(connection, call.call_id, [call.rows[0].id], NOON) == 1
    assert list(ledger.rows().values()) == [("queued", "", 0), ("sending", "", 1), ("sending", "", 1)]


# -- the dead -------------------------------------------------------------------------------------


def alive(owner: str) -> bool:
    return False


def dead(owner: str) -> bool:
    return owner == "dead"


@pytest.mark.parametrize(
    ("now", "is_dead", "abandoned"),
    [
        (NOON, alive, 0),
        (NOON, dead, 2),  # it is known to be gone
        (SOON, alive, 3),  # the lease is over, wherever it ran
    ],
)
def test_what_a_dead_process_left_is_uncertain_never_queued(
    ledger: Driver, now: datetime, is_dead: Callable[[str], bool], abandoned: int
) -> None:
    take(ledger, 2, "call-1", owner="dead")
    take(ledger, 1, "call-2", owner="living")
    with ledger.engine.begin() as connection:
        assert abandon_dead(connection, ledger.campaign_id, is_dead=is_dead, now=now) == abandoned
        assert len(tallies.uncertain_ids(connection, ledger.campaign_id)) == abandoned
    assert list(ledger.states().values()) == ["uncertain"] * abandoned + ["sending"] * (3 - abandoned)
    assert take(ledger, 3, "call-3").rows == ()


def test_the_late_word_of_a_process_thought_dead_changes_nothing(ledger: Driver) -> None:
    call = take(ledger, 3)
    with ledger.engine.begin() as connection:
        abandon_dead(connection, ledger.campaign_id, is_dead=alive, now=SOON)
        sent = [Settled(id=row.id, state=DeliveryState.SENT) for row in call.rows]
        assert record(connection, call.call_id, sent, SOON) == 0
    assert set(ledger.states().values()) == {"uncertain"}


# -- campaigns ------------------------------------------------------------------------------------


def test_only_one_campaign_of_an_issue_is_open(ledger: Driver) -> None:
    with pytest.raises(UsageError, match="is not over yet: it is sending"):
        ledger.plan(segment="families")


def test_an_issue_goes_to_a_segment_once(ledger: Driver) -> None:
    with ledger.engine.begin() as connection:
        campaigns.move(
            connection, ledger.campaign_id, to=CampaignState.FINISHED, since=campaigns.OPEN, now=NOON
        )
        with pytest.raises(UsageError, match="was already sent to everyone"):
            campaigns.create_campaign(connection, an_issue(), segment="", now=NOON)
        other = campaigns.create_campaign(connection, an_issue(), segment="families", now=NOON)
        latest = campaigns.latest_campaign(connection, "2026-11-notes")
    assert latest is not None
    assert latest.id == other.id


def test_a_campaign_keeps_the_issue_as_it_was(ledger: Driver) -> None:
    with ledger.engine.begin() as connection:
        frozen = campaigns.frozen_issue(connection, ledger.campaign_id)
    assert frozen.to_json() == an_issue().to_json()
    assert frozen.hash == ledger.campaign.content_hash


def test_a_campaigns_key_says_nothing(ledger: Driver) -> None:
    key = ledger.campaign.key
    assert len(key) == 12
    assert key.isalnum()
    assert key == key.lower()


def test_a_campaign_moves_only_from_the_expected_state(ledger: Driver) -> None:
    with ledger.engine.begin() as connection:
        pause = {"to": CampaignState.PAUSED, "since": [CampaignState.SENDING]}
        assert campaigns.move(connection, ledger.campaign_id, reason="lunch", **pause)  # type: ignore[arg-type]
        assert not campaigns.move(connection, ledger.campaign_id, **pause)  # type: ignore[arg-type]
    assert ledger.campaign.reason == "lunch"


def test_a_campaign_with_something_in_flight_is_not_finished(ledger: Driver) -> None:
    take(ledger, 3)
    with ledger.engine.begin() as connection:
        assert not campaigns.finish(connection, ledger.campaign_id, NOON)
    assert ledger.campaign.state is CampaignState.SENDING


def test_resending_waits_while_another_campaign_of_the_issue_is_open(ledger: Driver) -> None:
    take(ledger, 3)
    with ledger.engine.begin() as connection:
        abandon_dead(connection, ledger.campaign_id, is_dead=alive, now=SOON)
        assert campaigns.finish(connection, ledger.campaign_id, NOON)
    first = ledger.campaign_id
    ledger.plan(segment="others")
    with ledger.engine.begin() as connection, pytest.raises(UsageError, match="one goes at a time"):
        resolve(connection, first, resend=True, now=NOON)
