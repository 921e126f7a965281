"""Several calls at once around one writer: the promises are the same, and a stop is as graceful."""

import threading
import time
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from newsletter.delivery import steering
from newsletter.delivery.calling import Done, Work
from newsletter.delivery.canary import NO_EVENTS, Canary, Health
from newsletter.delivery.crew import MOST, Crew
from newsletter.delivery.hands import ThreadHands
from newsletter.delivery.pacing import Parked
from newsletter.errors import SendError, Stopped
from newsletter.model import CampaignState, Effect, Letter, Outcome, OutcomeKind
from newsletter.ports import Allowance
from newsletter.senders.memory import MemorySender
from newsletter.store import deliveries
from newsletter.store.rows import Call
from tests.delivery.driver import NOON, Driver, people

RETRY = OutcomeKind.REFUSED_RETRY


class Slow(MemorySender):
    """A sender whose calls take a moment; knows how many were under way at once, at most."""

    def __init__(self, seconds: float = 0.01, **rest: Any) -> None:
        super().__init__(**rest)
        self.seconds, self.busy, self.most = seconds, 0, 0
        self.lock = threading.Lock()

    def send(self, letters: Sequence[Letter]) -> Sequence[Outcome]:
        with self.lock:
            self.busy += 1
            self.most = max(self.most, self.busy)
        time.sleep(self.seconds)
        with self.lock:
            self.busy -= 1
            return super().send(letters)


@pytest.fixture
def several(campaign: Driver) -> Driver:
    """A campaign that four threads deliver, ten letters a call."""
    campaign.threads = 4
    campaign.sender = Slow(max_batch=10)
    return campaign


def in_flight(driver: Driver) -> Counter[str]:
    with driver.engine.connect() as connection:
        query = "SELECT call_id FROM deliveries WHERE state = 'sending'"
        return Counter(connection.exec_driver_sql(query).scalars())


def test_four_threads_make_four_calls_at_once_and_mail_each_subscriber_once(several: Driver) -> None:
    several.queue(*people(400))
    steps = several.deliver()
    assert isinstance(several.sender, Slow)
    assert several.sender.most == 4
    assert sorted(several.mailed) == people(400)
    assert all(step.done + step.remaining == 400 for step in steps)
    several.accounts.assert_settled()


def test_no_more_is_claimed_than_one_call_for_each_thread(several: Driver) -> None:
    most: list[Counter[str]] = []
    several.sender = Slow(max_batch=10, before_call=lambda _: most.append(in_flight(several)))
    several.queue(*people(300))
    several.deliver()
    assert max(len(calls) for calls in most) == 4
    assert all(letters == 10 for calls in most for letters in calls.values())


def test_a_stop_sees_the_calls_in_flight_to_their_end_and_claims_no_more(several: Driver) -> None:
    several.queue(*people(200))
    several.stops = lambda: len(several.sender.calls) >= 6
    with pytest.raises(Stopped):
        several.deliver()
    assert 60 <= len(several.mailed) <= 100
    assert Counter(several.states().values()) == {
        "sent": len(several.mailed),
        "queued": 200 - len(several.mailed),
    }
    several.stops = lambda: False
    several.deliver()
    assert sorted(several.mailed) == people(200)


def test_whoever_stops_looking_at_the_progress_leaves_nothing_in_flight(several: Driver) -> None:
    several.queue(*people(200))
    steps = several.steps()
    next(steps)
    next(steps)
    steps.close()  # type: ignore[attr-defined]
    assert not in_flight(several)
    assert Counter(several.states().values())["sent"] == len(several.mailed) > 0


def test_a_crash_in_one_thread_leaves_only_its_own_call_uncertain(several: Driver) -> None:
    def crash(letters: Sequence[Letter]) -> None:
        if any(letter.to == people(50)[49] for letter in letters):
            raise KeyboardInterrupt

    several.sender = Slow(max_batch=10, before_call=crash)
    several.queue(*people(200))
    with pytest.raises(KeyboardInterrupt):
        several.deliver()
    states = Counter(several.states().values())
    assert states["uncertain"] == 10
    assert states["sent"] == len(several.mailed)
    assert states["sending"] == 0


def test_a_halt_is_not_followed_by_another_claim(several: Driver) -> None:
    suspended = Outcome(kind=RETRY, reason="The account is suspended.", effect=Effect.HALT)
    several.sender = Slow(max_batch=10, answers={people(30)[29]: [suspended]})
    several.queue(*people(400))
    with pytest.raises(SendError, match="suspended"):
        several.deliver()
    assert len(several.sender.calls) <= 3 + 2 * 4
    assert several.campaign.state is CampaignState.PAUSED
    assert not in_flight(several)


def test_a_claim_of_which_nobody_knows_whether_it_was_committed_is_undone(
    campaign: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection breaks in the commit: the rows may be claimed, but no call was made."""
    claim = deliveries.claim
    broken: list[str] = []

    def claim_and_break(connection: Any, *args: Any, **rest: Any) -> Call:
        call = claim(connection, *args, **rest)
        if not broken:
            broken.append(call.call_id)
            connection.commit()
            raise OperationalError("COMMIT", None, OSError("connection lost"))
        return call

    monkeypatch.setattr(deliveries, "claim", claim_and_break)
    campaign.queue(*people(3))
    campaign.deliver()
    assert campaign.mailed == people(3)
    assert set(campaign.rows().values()) == {("sent", "", 1)}


def test_one_bad_letter_is_found_with_several_calls_under_way(several: Driver) -> None:
    culprit = people(300)[117]

    class Strict(Slow):
        def send(self, letters: Sequence[Letter]) -> Sequence[Outcome]:
            if any(letter.to == culprit for letter in letters):
                time.sleep(self.seconds)
                bad = Outcome(kind=RETRY, reason="BadRequest", effect=Effect.SPLIT)
                return [bad] * len(letters)
            return super().send(letters)

    several.sender = Strict(max_batch=50)
    several.queue(*people(300))
    several.deliver()
    assert several.rows()[culprit][:2] == ("failed", "BadRequest")
    assert sorted(several.mailed) == [address for address in people(300) if address != culprit]


# -- how many threads -----------------------------------------------------------------------------


def crew_after(seconds: float, rate: float | None, letters: int) -> int:
    """Return how many threads there are after some time of calls that take so long."""

    def call(work: Work, stopping: Any) -> Done:
        time.sleep(seconds)
        return Done(work=work, settled=[])

    crew = Crew(ThreadHands(call))
    work = Work(call=Call(call_id="", lease_until=NOON, rows=(), skipped=0), people="[]", begun=0)
    until = time.monotonic() + 2.2
    while time.monotonic() < until:
        for _ in range(crew.free):
            crew.start(work)
        crew.ended(0.05)
        crew.review(rate, letters)
    while crew.open:
        crew.ended(1)
    crew.dismiss()
    return crew.size


@pytest.mark.slow
@pytest.mark.parametrize(
    ("seconds", "rate", "letters", "threads"),
    [(0.1, 14, 1, {3}), (0.1, 2000, 50, {5, 6}), (0.1, 10_000, 50, {MOST})],
)
def test_as_many_threads_as_the_rate_needs_at_the_latency_that_is_measured(
    seconds: float, rate: float, letters: int, threads: set[int]
) -> None:
    """ceil(calls a second x p95) + 1, at most 16."""
    assert crew_after(seconds, rate, letters) in threads


# -- the daily quota ------------------------------------------------------------------------------


def test_a_run_that_waits_goes_on_by_itself_when_the_quota_frees(campaign: Driver) -> None:
    parked = Outcome(kind=RETRY, reason="Daily message quota exceeded", effect=Effect.PARK)
    ada, bob = people(2)
    campaign.sender = MemorySender({bob: [parked]}, max_batch=1)
    campaign.wait = True
    campaign.queue(ada, bob)
    steps = campaign.deliver()
    assert campaign.mailed == [ada, bob]
    assert campaign.now - NOON >= timedelta(hours=24)
    waiting = [step for step in steps if step.waiting_until is not None]
    assert waiting[0].waiting_until == NOON + timedelta(hours=24)
    assert "2026-11-03 12:00 UTC" in waiting[0].detail
    assert campaign.campaign.reason == ""
    assert campaign.campaign.state is CampaignState.FINISHED


def test_a_waiting_run_asks_every_ten_minutes_and_goes_on_as_soon_as_there_is_room(campaign: Driver) -> None:
    class Provider(MemorySender):
        def allowance(self) -> Allowance:
            early = campaign.now < NOON + timedelta(hours=2)
            return Allowance(per_second=None, today=2 if not self.accepted else 0 if early else 100)

    campaign.sender = Provider()
    campaign.wait = True
    campaign.queue(*people(5))
    campaign.deliver()
    assert campaign.mailed == people(5)
    assert timedelta(hours=2) <= campaign.now - NOON <= timedelta(hours=2, minutes=11)


def test_a_waiting_run_can_be_stopped_and_paused(campaign: Driver) -> None:
    campaign.sender = MemorySender(allowance=Allowance(per_second=None, today=0))
    campaign.wait = True
    campaign.queue(*people(1))
    campaign.stops = lambda: campaign.now > NOON + timedelta(minutes=30)
    with pytest.raises(Stopped) as caught:
        campaign.deliver()
    assert not isinstance(caught.value, Parked)
    assert campaign.now < NOON + timedelta(minutes=31)
    campaign.stops = lambda: False
    steps = campaign.steps()
    while next(steps).waiting_until is None:
        pass
    steering.pause(campaign.engine, campaign.campaign_id, reason="lunch")
    with pytest.raises(Stopped, match="lunch"):
        list(steps)


# -- the canary -----------------------------------------------------------------------------------


def canary(reports: Sequence[Health | None], asked: list[int] | None = None) -> Canary:
    """A canary of 20 mails and ten minutes; reports: one for each look, the last for all further ones."""
    left = list(reports)

    def health(campaign_id: int) -> Health | None:
        if asked is not None:
            asked.append(campaign_id)
        return left.pop(0) if len(left) > 1 else left[0]

    return Canary(size=20, wait=timedelta(minutes=10), max_bounce=0.02, max_complaint=0.001, health=health)


FINE = Health(accepted=20, bounced=0, complained=0)
ILL = Health(accepted=20, bounced=3, complained=0)


def test_the_first_mails_go_alone_and_the_rest_after_the_wait(several: Driver) -> None:
    several.canary = canary([FINE])
    several.queue(*people(100))
    waited = [(step.sent, step.waiting_until) for step in several.steps() if step.waiting_until is not None]
    assert {sent for sent, _ in waited} == {20}
    assert waited[0][1] == NOON + timedelta(minutes=10)
    assert several.now - NOON == timedelta(minutes=10)
    assert sorted(several.mailed) == people(100)


def test_too_many_bounces_among_the_first_stop_the_rest(several: Driver) -> None:
    several.canary = canary([FINE, FINE, ILL])
    several.queue(*people(100))
    with pytest.raises(SendError, match=r"Too many mails bounce: 3 of 20 \(15.0 %\)"):
        several.deliver()
    assert len(several.mailed) == 20
    assert several.campaign.state is CampaignState.PAUSED
    assert "bounce" in several.campaign.reason
    assert several.now - NOON < timedelta(minutes=1)


def test_two_complaints_in_a_hundred_stop_it_too_and_one_of_a_few_does_not(campaign: Driver) -> None:
    watching = canary([FINE])
    assert watching.objection(Health(accepted=20, bounced=0, complained=1)) is None
    assert "spam" in (watching.objection(Health(accepted=100, bounced=0, complained=2)) or "")


def test_without_events_it_says_so_and_goes_on_without_waiting(several: Driver) -> None:
    several.canary = canary([None])
    several.queue(*people(100))
    steps = several.deliver()
    assert several.now == NOON
    assert len(several.mailed) == 100
    assert NO_EVENTS in steps[-1].detail


def test_a_short_list_is_not_held_up(several: Driver) -> None:
    several.canary = canary([FINE])
    several.queue(*people(20))
    several.deliver()
    assert several.now == NOON


@pytest.mark.parametrize(("away", "left"), [(6, 4), (20, 0.5)])
def test_a_run_that_goes_on_in_the_wait_waits_for_the_rest_of_it(
    several: Driver, away: int, left: float
) -> None:
    several.canary = canary([FINE])
    several.queue(*people(100))
    several.stops = lambda: len(several.mailed) >= 20
    with pytest.raises(Stopped):
        several.deliver()
    several.stops, several.now = (lambda: False), NOON + timedelta(minutes=away)
    several.deliver()
    assert several.now == NOON + timedelta(minutes=away + left)
    assert len(several.mailed) == 100


def test_a_run_that_goes_on_after_the_canary_does_not_wait_again(several: Driver) -> None:
    several.canary = canary([FINE])
    several.queue(*people(100))
    several.stops = lambda: len(several.mailed) > 20
    with pytest.raises(Stopped):
        several.deliver()
    several.stops, before = (lambda: False), several.now
    several.deliver()
    assert several.now == before
    assert len(several.mailed) == 100


def test_it_keeps_looking_each_minute_and_stops_when_bounces_pile_up(campaign: Driver) -> None:
    asked: list[int] = []
    campaign.canary = canary([FINE] * 125 + [ILL], asked)
    campaign.sender = MemorySender(max_batch=1, allowance=Allowance(per_second=1, today=None))
    campaign.queue(*people(400))
    with pytest.raises(SendError, match="bounce"):
        campaign.deliver()
    assert 20 < len(campaign.mailed) < 400
    assert len(asked) >= 126
