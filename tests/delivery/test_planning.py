"""Planning freezes who gets an issue: everyone in the audience has one row, whatever happens meanwhile."""

from datetime import datetime

import pytest
from sqlalchemy import true

from newsletter.delivery import planning, steering
from newsletter.errors import UsageError
from newsletter.model import CampaignState, Outcome, OutcomeKind
from newsletter.senders.memory import MemorySender
from newsletter.store.freezing import freeze_chunk
from newsletter.store.tables import subscribers
from tests.delivery.driver import Driver, an_issue, people


def a_mixed_list(campaign: Driver) -> dict[str, tuple[str, str, int]]:
    """Add one person of each kind; return the rows that planning must make."""
    campaign.add("ada@example.org")
    for status in ("pending", "unsubscribed", "bounced", "complained"):
        campaign.add(f"{status}@example.org", status=status)
    campaign.add("dot@example.org")
    campaign.suppress("dot@example.org")
    campaign.add("eai@example.org", sendable=0)
    return {
        "ada@example.org": ("queued", "", 0),
        **{
            f"{status}@example.org": ("skipped", status, 0)
            for status in ("pending", "unsubscribed", "bounced", "complained")
        },
        "dot@example.org": ("skipped", "suppressed", 0),
        "eai@example.org": ("skipped", "unsendable", 0),
    }


def test_everyone_gets_one_row_and_only_the_confirmed_are_queued(campaign: Driver) -> None:
    expected = a_mixed_list(campaign)
    planned = campaign.plan(chunk=2)
    assert campaign.rows() == expected
    assert planned.state is CampaignState.SENDING
    assert planned.candidates == len(expected)
    assert campaign.accounts.balances


def test_a_preview_counts_the_same_and_writes_nothing(campaign: Driver) -> None:
    a_mixed_list(campaign)
    counts = planning.preview_plan(campaign.engine, "2026-11-notes", audience=true())
    campaign.plan()
    assert counts.candidates == 7
    assert counts.queued == campaign.accounts.queued == 1
    assert counts.skipped == campaign.accounts.skipped
    assert counts.describe_skipped().startswith("1 bounced, 1 complained, 1 pending")


def test_a_preview_before_the_first_campaign_leaves_no_trace(campaign: Driver) -> None:
    a_mixed_list(campaign)
    planning.preview_plan(campaign.engine, "2026-11-notes", audience=true())
    with campaign.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM campaigns").scalar_one() == 0


def test_only_the_audience_is_planned(campaign: Driver) -> None:
    campaign.add(*people(10))
    begun = planning.begin(campaign.engine, an_issue(), segment="low", clock=campaign.clock)
    campaign.campaign_id = begun.id
    audience = subscribers.c.email_key < people(4)[-1]
    planning.plan(campaign.engine, begun.id, audience=audience, clock=campaign.clock, chunk=3)
    assert list(campaign.states()) == people(3)
    assert campaign.accounts.candidates == 3


@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 100])
def test_the_chunk_size_makes_no_difference(campaign: Driver, chunk: int) -> None:
    campaign.add(*people(7))
    campaign.forget(people(7)[3])  # a gap in the numbers
    campaign.plan(chunk=chunk)
    assert len(campaign.states()) == campaign.accounts.candidates == 6


def test_an_empty_list_is_planned_and_finished_at_once(campaign: Driver) -> None:
    campaign.plan()
    campaign.deliver()
    assert campaign.campaign.state is CampaignState.FINISHED
    assert campaign.accounts.balances


@pytest.mark.parametrize("chunks", [0, 1, 2, 3])
def test_planning_that_breaks_off_leaves_whole_chunks_and_goes_on(campaign: Driver, chunks: int) -> None:
    """The clock is asked once in each chunk's transaction: it is where we pull the plug."""
    campaign.add(*people(7))
    begun = planning.begin(campaign.engine, an_issue(), segment="", clock=campaign.clock)
    campaign.campaign_id = begun.id
    left = [campaign.now] * chunks

    def clock() -> datetime:
        if not left:
            raise KeyboardInterrupt
        return left.pop()

    with pytest.raises(KeyboardInterrupt):
        planning.plan(campaign.engine, begun.id, audience=true(), clock=clock, chunk=2)
    assert campaign.accounts.candidates == campaign.accounts.queued == 2 * chunks
    assert campaign.campaign.state is CampaignState.PLANNING
    campaign.plan(chunk=2)
    assert campaign.accounts.candidates == campaign.accounts.queued == 7


def test_whoever_subscribes_after_the_beginning_is_not_in_the_audience(campaign: Driver) -> None:
    campaign.add("ada@example.org")
    begun = planning.begin(campaign.engine, an_issue(), segment="", clock=campaign.clock)
    campaign.add("bob@example.org")
    campaign.plan()
    assert begun.ceiling == campaign.campaign.ceiling
    assert list(campaign.states()) == ["ada@example.org"]


def test_whoever_is_removed_and_added_again_while_planning_has_one_row(campaign: Driver) -> None:
    campaign.add(*people(4))
    begun = planning.begin(campaign.engine, an_issue(), segment="", clock=campaign.clock)
    campaign.campaign_id = begun.id
    with campaign.engine.begin() as connection:
        assert freeze_chunk(connection, begun, true(), size=1, now=campaign.now)
    campaign.forget(people(4)[0])
    campaign.forget(people(4)[3])
    campaign.add(people(4)[0])  # gets, on SQLite, the last number: still to be planned
    campaign.plan(chunk=1)
    assert sorted(campaign.states()) == people(3)
    assert campaign.accounts.balances


def test_who_failed_or_was_skipped_in_an_earlier_campaign_is_planned_again(campaign: Driver) -> None:
    ada, bob, cyd = people(3)
    campaign.sender = MemorySender({ada: [Outcome(kind=OutcomeKind.REFUSED_FINAL, reason="no")]})
    campaign.queue(ada, bob, cyd)
    campaign.set_status(bob, "unsubscribed")
    campaign.deliver()
    campaign.set_status(bob, "confirmed")
    campaign.plan(segment="again")
    assert campaign.rows() == {
        ada: ("queued", "", 0),
        bob: ("queued", "", 0),
        cyd: ("skipped", "already-had-it", 0),
    }


def test_another_issue_knows_nothing_of_this_one(campaign: Driver) -> None:
    campaign.queue(*people(2))
    campaign.plan(an_issue("2026-12-notes"))
    assert set(campaign.states().values()) == {"queued"}


def test_a_campaign_paused_while_it_is_planned_goes_on_planning(campaign: Driver) -> None:
    campaign.add(*people(3))
    begun = planning.begin(campaign.engine, an_issue(), segment="", clock=campaign.clock)
    steering.pause(campaign.engine, begun.id, reason="")
    assert campaign.plan().state is CampaignState.PAUSED
    assert steering.resume(campaign.engine, begun.id, clock=campaign.clock).state is CampaignState.PLANNING
    assert campaign.plan().state is CampaignState.SENDING


def test_a_crash_after_the_last_row_needs_no_planning_to_go_on(campaign: Driver) -> None:
    campaign.add(*people(3))
    begun = planning.begin(campaign.engine, an_issue(), segment="", clock=campaign.clock)
    campaign.campaign_id = begun.id
    with campaign.engine.begin() as connection:
        assert freeze_chunk(connection, begun, true(), size=3, now=campaign.now)
    assert campaign.campaign.state is CampaignState.PLANNING
    assert steering.resume(campaign.engine, begun.id, clock=campaign.clock).state is CampaignState.SENDING
    campaign.deliver()
    assert campaign.mailed == people(3)


def test_beginning_twice_is_beginning_once(campaign: Driver) -> None:
    campaign.add(*people(3))
    begun = [
        planning.begin(campaign.engine, an_issue(text=text), segment="", clock=campaign.clock)
        for text in ("Hello", "Edited since")
    ]
    assert begun[0] == begun[1]


def test_a_campaign_that_is_over_cannot_be_paused_or_cancelled(campaign: Driver) -> None:
    campaign.queue(*people(1))
    campaign.deliver()
    with pytest.raises(UsageError, match="is finished; it cannot be paused"):
        steering.pause(campaign.engine, campaign.campaign_id, reason="")
    with pytest.raises(UsageError, match="is finished; it cannot be cancelled"):
        steering.cancel(campaign.engine, campaign.campaign_id, clock=campaign.clock)
    assert (
        steering.resume(campaign.engine, campaign.campaign_id, clock=campaign.clock).state
        is CampaignState.FINISHED
    )
