"""The ledger's rules as the owner would tell them, on both databases."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from newsletter.delivery import steering, writing
from newsletter.delivery.outcomes import MAX_ATTEMPTS
from newsletter.delivery.pacing import Parked
from newsletter.delivery.writing import LEASE
from newsletter.errors import InDoubt, SendError, Stopped, UsageError
from newsletter.model import CampaignState, Effect, Letter, Outcome, OutcomeKind, Person
from newsletter.ports import Allowance
from newsletter.senders.memory import MemorySender
from newsletter.store import deliveries
from newsletter.store.deliveries import resolve
from tests.delivery.driver import NOON, Driver, PlainPress, accepted, an_issue, people

RETRY = OutcomeKind.REFUSED_RETRY
FINAL = OutcomeKind.REFUSED_FINAL
ADA, BOB, CYD = "ada@example.org", "bob@example.org", "cyd@example.org"


def answer(kind: OutcomeKind, reason: str = "because", effect: Effect = Effect.NONE) -> Outcome:
    return Outcome(kind=kind, reason=reason, effect=effect)


# -- once and only once ---------------------------------------------------------------------------


def test_running_twice_mails_each_subscriber_once(campaign: Driver) -> None:
    campaign.queue(ADA, BOB)
    campaign.deliver()
    campaign.deliver()
    assert campaign.mailed == [ADA, BOB]
    assert campaign.campaign.state is CampaignState.FINISHED
    campaign.accounts.assert_settled()


def test_planning_and_delivering_twice_mails_each_subscriber_once(campaign: Driver) -> None:
    campaign.queue(ADA, BOB)
    campaign.deliver()
    campaign.add(CYD)
    again = campaign.plan()
    campaign.deliver()
    assert again.state is CampaignState.FINISHED
    assert campaign.mailed == [ADA, BOB]


def test_a_second_segment_mails_only_those_who_did_not_have_it(campaign: Driver) -> None:
    campaign.sender = MemorySender({BOB: [answer(FINAL)]})
    campaign.queue(ADA, BOB)
    campaign.deliver()
    campaign.add(CYD)
    campaign.plan(segment="others")
    campaign.deliver()
    assert campaign.mailed == [ADA, BOB, CYD]
    assert campaign.accounts.skipped == {"already-had-it": 1}


def test_a_letter_whose_outcome_is_unknown_counts_as_had(campaign: Driver) -> None:
    campaign.sender = MemorySender({ADA: [answer(OutcomeKind.UNKNOWN)]})
    campaign.queue(ADA)
    campaign.deliver()
    campaign.plan(segment="others")
    assert campaign.states() == {ADA: "skipped"}


def test_every_letter_carries_opaque_tags(campaign: Driver) -> None:
    campaign.queue(ADA)
    campaign.deliver()
    [letter] = campaign.sender.accepted
    assert letter.tags["campaign"] == campaign.campaign.key
    assert letter.tags["attempt"] == "1"
    assert letter.tags["delivery"].isdigit()


def test_a_message_id_is_kept(campaign: Driver) -> None:
    campaign.sender = MemorySender({ADA: [accepted("0100-abc")]})
    campaign.queue(ADA)
    campaign.deliver()
    with campaign.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT message_id FROM deliveries").scalar_one() == "0100-abc"


# -- who may not be mailed ------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["unsubscribed", "bounced", "complained", "pending"])
def test_whoever_leaves_between_planning_and_sending_is_skipped(campaign: Driver, status: str) -> None:
    campaign.queue(ADA, BOB)
    campaign.set_status(ADA, status)
    campaign.deliver()
    assert campaign.mailed == [BOB]
    assert campaign.accounts.skipped == {status: 1}


def test_whoever_leaves_while_others_are_being_sent_is_skipped(campaign: Driver) -> None:
    def leave(letters: Sequence[Letter]) -> None:
        campaign.set_status(BOB, "unsubscribed")

    campaign.sender = MemorySender(max_batch=1, before_call=leave)
    campaign.queue(ADA, BOB)
    campaign.deliver()
    assert campaign.mailed == [ADA]
    assert campaign.rows()[BOB] == ("skipped", "unsubscribed", 0)


def test_a_suppressed_address_is_skipped(campaign: Driver) -> None:
    campaign.queue(ADA, BOB)
    campaign.suppress(BOB)
    campaign.deliver()
    assert campaign.mailed == [ADA]
    assert campaign.accounts.skipped == {"suppressed": 1}


def test_a_forgotten_person_is_skipped_and_whoever_gets_their_number_is_not_mailed(campaign: Driver) -> None:
    campaign.queue(ADA, BOB)
    campaign.forget(BOB)
    campaign.add(CYD)  # SQLite gives the number of the newest row again
    campaign.deliver()
    assert campaign.mailed == [ADA]
    assert campaign.accounts.skipped == {"forgotten": 1}


def test_whoever_is_removed_between_the_claim_and_the_letter_is_not_mailed(
    campaign: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On PostgreSQL somebody else's transaction can come between the two statements."""
    monkeypatch.setattr(writing, "people_of_call", lambda *_: "[]")
    campaign.queue(ADA)
    campaign.deliver()
    assert campaign.mailed == []
    assert campaign.states() == {ADA: "failed"}


def test_a_person_whose_letter_cannot_be_made_fails_and_the_others_go_on(campaign: Driver) -> None:
    campaign.add(ADA)
    campaign.add(BOB, name="Broken")
    campaign.queue(CYD)
    campaign.deliver()
    assert campaign.mailed == [ADA, CYD]
    assert campaign.rows()[BOB] == ("failed", "the letter could not be made: KeyError", 1)


def test_nothing_is_sent_under_a_claim_that_is_over(campaign: Driver) -> None:
    """A laptop that slept between claim and call: by now another process may have taken us for dead."""

    class Sleepy(PlainPress):
        def letter(self, person: Person, tags: Mapping[str, str]) -> Letter:
            if tags["attempt"] == "1" and campaign.now == NOON:
                campaign.now += LEASE
            return super().letter(person, tags)

    campaign.queue(ADA)
    campaign.press = Sleepy()
    campaign.deliver()
    assert len(campaign.sender.calls) == 1
    assert campaign.rows() == {ADA: ("sent", "", 1)}


def test_an_outcome_is_not_lost_when_the_database_is_away_for_a_moment(
    campaign: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults = [OperationalError("UPDATE", None, OSError("connection lost")) for _ in range(3)]

    def record(*args: Any) -> int:
        if faults:
            raise faults.pop()
        return store_record(*args)

    store_record = deliveries.record_calls
    monkeypatch.setattr(deliveries, "record_calls", record)
    campaign.queue(ADA, BOB)
    campaign.deliver()
    assert campaign.mailed == [ADA, BOB]
    assert set(campaign.states().values()) == {"sent"}
    assert len(campaign.slept) == 3


# -- what the provider says -----------------------------------------------------------------------


def test_a_final_refusal_fails_with_its_reason(campaign: Driver) -> None:
    campaign.sender = MemorySender({ADA: [answer(FINAL, "MESSAGE_REJECTED")]})
    campaign.queue(ADA, BOB)
    campaign.deliver()
    assert campaign.rows() == {ADA: ("failed", "MESSAGE_REJECTED", 1), BOB: ("sent", "", 1)}
    assert campaign.campaign.state is CampaignState.FINISHED


def test_an_unknown_outcome_is_uncertain_and_never_resent(campaign: Driver) -> None:
    campaign.sender = MemorySender({ADA: [answer(OutcomeKind.UNKNOWN, "read timeout")]})
    campaign.queue(ADA, BOB)
    campaign.deliver()
    campaign.deliver()
    assert campaign.states() == {ADA: "uncertain", BOB: "sent"}
    assert len(campaign.sender.calls) == 1
    with pytest.raises(InDoubt):
        campaign.accounts.assert_settled()


def test_too_few_outcomes_make_the_whole_call_uncertain(campaign: Driver) -> None:
    class Short(MemorySender):
        def send(self, letters: Sequence[Letter]) -> Sequence[Outcome]:
            return super().send(letters)[:-1]

    campaign.sender = Short()
    campaign.queue(ADA, BOB)
    campaign.deliver()
    assert set(campaign.states().values()) == {"uncertain"}


def test_a_crash_inside_the_call_is_never_resent_by_itself(campaign: Driver) -> None:
    def crash(letters: Sequence[Letter]) -> None:
        raise KeyboardInterrupt

    campaign.sender = MemorySender(before_call=crash)
    campaign.queue(ADA)
    with pytest.raises(KeyboardInterrupt):
        campaign.deliver()
    campaign.sender = MemorySender()
    campaign.deliver()
    assert campaign.states() == {ADA: "uncertain"}
    assert campaign.mailed == []


def test_a_crash_before_the_call_leaves_the_letter_queued(campaign: Driver) -> None:
    class Interrupted(PlainPress):
        def letter(self, person: Person, tags: Mapping[str, str]) -> Letter:
            raise KeyboardInterrupt

    campaign.queue(ADA)
    campaign.press = Interrupted()
    with pytest.raises(KeyboardInterrupt):
        campaign.deliver()
    assert campaign.rows() == {ADA: ("queued", "", 0)}


def test_a_transient_refusal_is_tried_again_later(campaign: Driver) -> None:
    campaign.sender = MemorySender({ADA: [answer(RETRY)] * 2})
    campaign.queue(ADA, BOB)
    campaign.deliver()
    assert campaign.mailed == [BOB, ADA]
    assert campaign.rows()[ADA] == ("sent", "", 3)
    assert campaign.now - NOON == timedelta(seconds=10 + 20)


def test_a_letter_that_is_tried_again_does_not_wait_for_all_others(campaign: Driver) -> None:
    addresses = people(200)
    campaign.sender = MemorySender(
        {addresses[0]: [answer(RETRY)]}, max_batch=1, allowance=Allowance(per_second=1, today=None)
    )
    campaign.queue(*addresses)
    campaign.deliver()
    assert 1 < campaign.mailed.index(addresses[0]) < 100
    assert len(campaign.mailed) == 200


def test_a_letter_that_is_refused_too_often_fails(campaign: Driver) -> None:
    campaign.sender = MemorySender({ADA: [answer(RETRY, "TRANSIENT_FAILURE")] * 99})
    campaign.queue(ADA, BOB)
    campaign.deliver()
    assert campaign.rows()[ADA] == ("failed", "TRANSIENT_FAILURE", MAX_ATTEMPTS)
    assert campaign.campaign.state is CampaignState.FINISHED


# -- what it means for the run --------------------------------------------------------------------


def test_throttling_slows_down_and_costs_no_attempt(campaign: Driver) -> None:
    throttled = answer(RETRY, "Maximum sending rate exceeded", Effect.SLOW)
    addresses = people(40)
    campaign.sender = MemorySender(
        {addresses[0]: [throttled] * 7}, max_batch=10, allowance=Allowance(per_second=10, today=None)
    )
    campaign.queue(*addresses)
    steps = campaign.deliver()
    assert campaign.rows()[addresses[0]] == ("sent", "", 1)
    assert len(campaign.mailed) == 40
    rates = [step.rate for step in steps if step.rate is not None]
    assert min(rates) < 1  # halved again and again
    assert rates[-1] > min(rates)  # and climbs again


def test_the_daily_quota_parks_the_run_and_tells_when_it_goes_on(campaign: Driver) -> None:
    parked = answer(RETRY, "Daily message quota exceeded", Effect.PARK)
    campaign.sender = MemorySender({BOB: [parked]}, max_batch=1)
    campaign.queue(ADA, BOB)
    with pytest.raises(Parked) as caught:
        campaign.deliver()
    assert caught.value.exit_code == 7
    assert caught.value.until == NOON + timedelta(hours=24)
    assert campaign.rows()[BOB] == ("queued", "Daily message quota exceeded", 0)
    assert campaign.campaign.state is CampaignState.SENDING
    assert "2026-11-03 12:00" in campaign.campaign.reason
    campaign.deliver()
    assert campaign.mailed == [ADA, BOB]
    assert campaign.campaign.reason == ""


def test_no_call_is_made_when_the_account_says_that_nothing_is_left_today(campaign: Driver) -> None:
    campaign.sender = MemorySender(allowance=Allowance(per_second=None, today=2))
    campaign.queue(ADA, BOB, CYD)

    def update_allowance(letters: Sequence[Letter]) -> None:
        campaign.sender.limits = Allowance(per_second=None, today=0)

    campaign.sender._before_call = update_allowance
    with pytest.raises(Parked):
        campaign.deliver()
    assert campaign.mailed == [ADA, BOB]


def test_one_bad_letter_in_a_call_is_found_by_halving_and_fails_alone(campaign: Driver) -> None:
    addresses = people(60)
    culprit = addresses[17]

    class Strict(MemorySender):
        def send(self, letters: Sequence[Letter]) -> Sequence[Outcome]:
            if any(letter.to == culprit for letter in letters):
                self.calls.append(letters)
                return [answer(RETRY, "BadRequest", Effect.SPLIT)] * len(letters)
            return super().send(letters)

    campaign.sender = Strict(max_batch=50)
    campaign.queue(*addresses)
    campaign.deliver()
    assert campaign.rows()[culprit][:2] == ("failed", "BadRequest")
    assert campaign.mailed == [address for address in addresses if address != culprit]
    sizes = [len(letters) for letters in campaign.sender.calls]
    assert sizes[:4] == [50, 25, 12, 24]
    assert len(sizes) < 20


def test_a_halt_pauses_the_campaign_and_gives_the_providers_reason(campaign: Driver) -> None:
    campaign.sender = MemorySender({BOB: [answer(RETRY, "The account is suspended.", Effect.HALT)]})
    campaign.queue(ADA, BOB)
    with pytest.raises(SendError, match="The account is suspended"):
        campaign.deliver()
    assert campaign.rows() == {ADA: ("sent", "", 1), BOB: ("queued", "The account is suspended.", 0)}
    assert campaign.campaign.state is CampaignState.PAUSED
    with pytest.raises(Stopped, match="suspended"):
        campaign.deliver()
    steering.resume(campaign.engine, campaign.campaign_id, clock=campaign.clock)
    campaign.deliver()
    assert campaign.mailed == [ADA, BOB]


@pytest.mark.parametrize(
    ("outcome", "calls"),
    [(answer(OutcomeKind.UNKNOWN, "timeout"), 5), (answer(RETRY, "outage"), 5), (answer(FINAL, "bad"), 25)],
)
def test_a_run_in_which_nothing_gets_through_is_paused(
    campaign: Driver, outcome: Outcome, calls: int
) -> None:
    addresses = people(60)
    campaign.sender = MemorySender({address: [outcome] for address in addresses}, max_batch=1)
    campaign.queue(*addresses)
    with pytest.raises(SendError, match="Nothing gets through"):
        campaign.deliver()
    assert len(campaign.sender.calls) == calls
    assert campaign.campaign.state is CampaignState.PAUSED
    assert campaign.accounts.balances


def test_the_account_being_unreachable_at_the_start_changes_nothing(campaign: Driver) -> None:
    class Away(MemorySender):
        def allowance(self) -> Allowance:
            raise SendError("No connection.", hint="Check the network.")

    campaign.queue(ADA)
    campaign.sender = Away()
    with pytest.raises(SendError):
        campaign.deliver()
    assert campaign.rows() == {ADA: ("queued", "", 0)}


# -- stopping and steering ------------------------------------------------------------------------


def test_a_stop_ends_the_run_after_the_call_in_flight_and_it_can_go_on(campaign: Driver) -> None:
    campaign.sender = MemorySender(max_batch=1)
    campaign.queue(ADA, BOB, CYD)
    campaign.stops = lambda: len(campaign.sender.calls) == 2
    with pytest.raises(Stopped) as caught:
        campaign.deliver()
    assert caught.value.exit_code == 7
    assert campaign.states() == {ADA: "sent", BOB: "sent", CYD: "queued"}
    campaign.stops = lambda: False
    campaign.deliver()
    assert campaign.mailed == [ADA, BOB, CYD]


def test_a_stop_is_noticed_while_waiting_for_the_next_try(campaign: Driver) -> None:
    campaign.sender = MemorySender({ADA: [answer(RETRY)]})
    campaign.queue(ADA)
    campaign.stops = lambda: campaign.now >= NOON + timedelta(seconds=2)
    with pytest.raises(Stopped):
        campaign.deliver()
    assert campaign.now < NOON + timedelta(seconds=3)


def test_a_campaign_paused_by_another_process_stops_at_the_next_claim(campaign: Driver) -> None:
    def pause(letters: Sequence[Letter]) -> None:
        steering.pause(campaign.engine, campaign.campaign_id, reason="lunch")

    campaign.sender = MemorySender(max_batch=1, before_call=pause)
    campaign.queue(ADA, BOB)
    with pytest.raises(Stopped, match="lunch"):
        campaign.deliver()
    assert campaign.states() == {ADA: "sent", BOB: "queued"}


def test_a_campaign_cancelled_by_another_process_skips_the_rest_even_what_comes_back(
    campaign: Driver,
) -> None:
    def cancel(letters: Sequence[Letter]) -> None:
        steering.cancel(campaign.engine, campaign.campaign_id, clock=campaign.clock)

    throttled = answer(RETRY, "slow down", Effect.SLOW)
    campaign.sender = MemorySender({BOB: [throttled]}, max_batch=2, before_call=cancel)
    campaign.queue(ADA, BOB, CYD)
    last = campaign.deliver()[-1]
    assert campaign.states() == {ADA: "sent", BOB: "skipped", CYD: "skipped"}
    assert last.state is CampaignState.CANCELLED
    assert campaign.accounts.skipped == {"cancelled": 2}


def test_a_cancelled_issue_may_be_sent_anew_to_the_same_segment_and_skips_whoever_had_it(
    campaign: Driver,
) -> None:
    campaign.sender = MemorySender(max_batch=1)
    campaign.queue(ADA, BOB)
    campaign.stops = lambda: len(campaign.sender.calls) == 1
    with pytest.raises(Stopped):
        campaign.deliver()
    steering.cancel(campaign.engine, campaign.campaign_id, clock=campaign.clock)
    first, campaign.stops = campaign.campaign_id, lambda: False
    campaign.plan()
    assert campaign.campaign_id != first
    campaign.deliver()
    assert campaign.mailed == [ADA, BOB]
    assert campaign.states() == {ADA: "skipped", BOB: "sent"}
    assert campaign.accounts.skipped == {"already-had-it": 1}
    campaign.deliver()
    assert campaign.plan().id == campaign.campaign_id, "that one stands, and is not sent again"


def test_a_cancelled_issue_is_not_sent_anew_while_its_mail_is_on_its_way(campaign: Driver) -> None:
    def cancel_and_begin_anew(letters: Sequence[Letter]) -> None:
        steering.cancel(campaign.engine, campaign.campaign_id, clock=campaign.clock)
        with pytest.raises(UsageError, match="still on its way"):
            campaign.plan()

    campaign.sender = MemorySender(before_call=cancel_and_begin_anew)
    campaign.queue(ADA)
    campaign.deliver()
    campaign.plan()
    assert campaign.states() == {ADA: "skipped"}


def test_a_campaign_whose_planning_is_not_over_is_not_delivered(campaign: Driver) -> None:
    from newsletter.delivery import planning

    campaign.add(ADA)
    begun = planning.begin(campaign.engine, an_issue(), segment="", clock=campaign.clock)
    campaign.campaign_id = begun.id
    with pytest.raises(UsageError, match="not planned"):
        campaign.deliver()


def test_the_owner_may_resend_what_is_uncertain_after_the_end(campaign: Driver) -> None:
    campaign.sender = MemorySender({ADA: [answer(OutcomeKind.UNKNOWN)]})
    campaign.queue(ADA, BOB)
    campaign.deliver()
    with campaign.engine.begin() as connection:
        assert resolve(connection, campaign.campaign_id, resend=True, now=campaign.now) == 1
    assert campaign.campaign.state is CampaignState.SENDING
    campaign.deliver()
    assert campaign.mailed == [BOB, ADA]
    campaign.accounts.assert_settled()


def test_the_owner_may_count_what_is_uncertain_as_sent(campaign: Driver) -> None:
    campaign.sender = MemorySender({ADA: [answer(OutcomeKind.UNKNOWN)]})
    campaign.queue(ADA)
    campaign.deliver()
    with campaign.engine.begin() as connection:
        assert resolve(connection, campaign.campaign_id, resend=False, now=campaign.now) == 1
    assert campaign.rows()[ADA][0] == "sent"
    assert campaign.campaign.state is CampaignState.FINISHED
    campaign.accounts.assert_settled()


# -- progress -------------------------------------------------------------------------------------


def test_progress_adds_up_at_every_step(campaign: Driver) -> None:
    addresses = people(30)
    campaign.sender = MemorySender(
        {addresses[3]: [answer(FINAL)], addresses[8]: [answer(OutcomeKind.UNKNOWN)]}, max_batch=7
    )
    campaign.queue(*addresses)
    campaign.set_status(addresses[20], "unsubscribed")
    steps = campaign.deliver()
    assert all(step.done + step.remaining == step.total == 30 for step in steps)
    assert [step.done for step in steps] == [0, 7, 14, 21, 28, 30, 30]
    assert steps[-1].detail == "1 failed, 1 skipped, 1 uncertain"
    assert steps[-1].state is CampaignState.FINISHED
