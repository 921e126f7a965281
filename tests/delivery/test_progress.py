"""How far a run is, and how far a campaign is, without reading every row of it; on both databases."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any

from sqlalchemy import Engine, event, text

from newsletter.delivery.canary import Canary, Health
from newsletter.delivery.progress import Meter, OwnMeter
from newsletter.errors import Stopped
from newsletter.model import CampaignState, Outcome, OutcomeKind
from newsletter.senders.memory import MemorySender
from newsletter.store import tallies
from newsletter.store.engine import reading
from newsletter.store.tallies import open_deliveries, queued_at_most, sent_at_most
from tests.delivery.driver import Driver, people

FINAL = Outcome(kind=OutcomeKind.REFUSED_FINAL, reason="because")
RETRY = Outcome(kind=OutcomeKind.REFUSED_RETRY, reason="later")
UNKNOWN = Outcome(kind=OutcomeKind.UNKNOWN, reason="nobody knows")


@contextmanager
def statements(engine: Engine) -> Iterator[list[str]]:
    """Give the list that statements are put into, meanwhile."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_others: Any) -> None:
        seen.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)


def run_and_stop(campaign: Driver, mails: int) -> None:
    """Deliver so many, and leave the rest."""
    campaign.stops = lambda: len(campaign.mailed) >= mails
    with suppress(Stopped):
        campaign.deliver()
    campaign.stops = lambda: False


# -- one run among many -----------------------------------------------------------------------------


def test_a_run_among_many_says_what_it_did_itself(campaign: Driver) -> None:
    addresses = people(30)
    campaign.sender = MemorySender({addresses[3]: [FINAL], addresses[8]: [UNKNOWN]}, max_batch=7)
    campaign.queue(*addresses)
    run_and_stop(campaign, 12)
    before = len(campaign.mailed)
    campaign.own = True
    last = campaign.deliver()[-1]
    assert (last.sent, last.failed, last.uncertain, last.skipped) == (30 - 2 - before, 0, 0, 0)
    assert (last.queued, last.state) == (0, CampaignState.FINISHED)
    assert len(campaign.mailed) == 28


def test_a_run_among_many_never_reads_the_whole_campaign(campaign: Driver) -> None:
    campaign.own = True
    campaign.queue(*people(40))
    with statements(campaign.engine) as seen:
        campaign.deliver()
    reads = [statement for statement in seen if "FROM deliveries" in statement]
    assert reads
    assert not [statement for statement in reads if "GROUP BY 1, 2" in statement]
    with statements(campaign.engine) as seen:
        Meter(campaign.engine, campaign.campaign_id, campaign.clock)
    assert [statement for statement in seen if "GROUP BY 1, 2" in statement]  # so one would be found


def test_while_anything_is_queued_a_run_among_many_says_so(campaign: Driver) -> None:
    campaign.queue(*people(5))
    meter = OwnMeter(campaign.engine, campaign.campaign_id, campaign.clock, most=0)
    assert (meter.queued, meter.total) == (1, 1)
    campaign.deliver()
    meter.recount()
    assert (meter.queued, meter.total) == (0, 0)


def test_the_first_mails_go_alone_in_a_run_among_many_too(campaign: Driver) -> None:
    asked = []

    def health(_campaign: int) -> Health:
        asked.append(len(campaign.mailed))
        return Health(accepted=len(campaign.mailed), bounced=0, complained=0)

    campaign.canary = Canary(
        size=10, wait=timedelta(minutes=1), max_bounce=0.1, max_complaint=0.1, health=health
    )
    campaign.own, campaign.sender = True, MemorySender(max_batch=1)
    campaign.queue(*people(30))
    run_and_stop(campaign, 4)
    campaign.deliver()
    assert asked[0] == 10
    assert len(campaign.mailed) == 30


# -- looking on -------------------------------------------------------------------------------------


def test_an_onlooker_sees_what_others_do(campaign: Driver) -> None:
    addresses = people(30)
    campaign.sender = MemorySender({addresses[1]: [FINAL], addresses[2]: [UNKNOWN]}, max_batch=5)
    campaign.queue(*addresses)
    meter = Meter(campaign.engine, campaign.campaign_id, campaign.clock)
    run_and_stop(campaign, 8)
    meter.glance()
    seen = meter.show(rate=None)
    assert seen.done + seen.remaining == seen.total == 30
    assert (seen.sent + seen.failed, seen.uncertain, seen.queued) == (9, 1, 20)
    campaign.deliver()
    meter.glance()
    seen = meter.show(rate=None)
    assert (seen.sent, seen.failed, seen.uncertain, seen.queued) == (28, 1, 1, 0)
    assert seen.state is CampaignState.FINISHED


def test_between_two_counts_an_onlooker_reads_only_what_is_open(campaign: Driver) -> None:
    campaign.queue(*people(30))
    ticks = iter(range(1000))
    campaign.clock = lambda: campaign.now + timedelta(seconds=next(ticks))  # type: ignore[method-assign]
    meter = Meter(campaign.engine, campaign.campaign_id, campaign.clock)  # a count that takes a second
    with statements(campaign.engine) as seen:
        for _ in range(40):
            meter.glance()
    whole = [statement for statement in seen if "GROUP BY 1, 2" in statement]
    assert not whole
    assert meter.show(rate=None).queued == 30


# -- bounded counts ---------------------------------------------------------------------------------


def test_a_bounded_count_stops_at_its_bound(campaign: Driver) -> None:
    campaign.sender = MemorySender(max_batch=1)
    campaign.queue(*people(20))
    run_and_stop(campaign, 5)
    with reading(campaign.engine) as connection:
        assert queued_at_most(connection, campaign.campaign_id, 100) == 15
        assert queued_at_most(connection, campaign.campaign_id, 3) == 3
        assert sent_at_most(connection, campaign.campaign_id, 100) == 5
        assert sent_at_most(connection, campaign.campaign_id, 2) == 2
    campaign.deliver()
    with reading(campaign.engine) as connection:
        assert sent_at_most(connection, campaign.campaign_id, 100) == 20
        assert open_deliveries(connection, campaign.campaign_id) == tallies.Open()


def test_what_was_sent_behind_mails_that_wait_for_another_try_is_counted(campaign: Driver) -> None:
    addresses = people(20)
    campaign.sender = MemorySender({address: [RETRY] for address in addresses[:3]}, max_batch=1)
    campaign.queue(*addresses)
    run_and_stop(campaign, 6)
    with reading(campaign.engine) as connection:
        assert sent_at_most(connection, campaign.campaign_id, 100) == 6


def test_what_is_open_is_read_from_the_indexes_of_what_is_open(campaign: Driver) -> None:
    campaign.queue(*people(2000))
    with campaign.engine.begin() as connection:
        connection.execute(text("ANALYZE"))
    explain = "EXPLAIN QUERY PLAN" if campaign.engine.dialect.name == "sqlite" else "EXPLAIN"
    with campaign.engine.connect() as connection:
        rows = connection.execute(
            text(f"{explain} {tallies.OPEN.text}"), {"campaign_id": campaign.campaign_id}
        )
        plan = "\n".join(" ".join(str(value) for value in row) for row in rows)
    for state in ("sending", "uncertain"):
        assert f"ix_deliveries_{state}" in plan, plan
