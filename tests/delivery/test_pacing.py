"""The pace: never faster than the provider allows, never slower than it must be."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from newsletter.delivery.pacing import Pacer, rest
from newsletter.errors import SendError
from newsletter.ports import Allowance

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)


@dataclass
class World:
    """A provider, and a clock that moves when somebody sleeps."""

    per_second: float | None = 10
    today: float | None = None
    now: datetime = NOON
    asked: int = 0
    away: bool = False
    naps: list[float] = field(default_factory=list)

    def clock(self) -> datetime:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.now += timedelta(seconds=seconds)

    def allowance(self) -> Allowance:
        self.asked += 1
        if self.away:
            raise SendError("away", hint="wait")
        return Allowance(per_second=self.per_second, today=self.today)

    def pacer(self, max_batch: int = 50) -> Pacer:
        return Pacer(self.allowance, max_batch=max_batch, clock=self.clock, sleep=self.sleep)

    @property
    def elapsed(self) -> float:
        return (self.now - NOON).total_seconds()


def never() -> bool:
    return False


def test_without_a_limit_calls_are_full_and_nothing_waits() -> None:
    world = World(per_second=None)
    pacer = world.pacer()
    assert [pacer.take(never) for _ in range(100)] == [50] * 100
    assert world.naps == []


def test_a_call_carries_at_most_a_seconds_worth() -> None:
    assert World(per_second=14).pacer().batch == 14
    assert World(per_second=0.5).pacer().batch == 1
    assert World(per_second=900).pacer().batch == 50


def test_the_rate_is_kept_in_recipients_not_in_calls() -> None:
    world = World(per_second=14)
    pacer = world.pacer()
    sent = sum(pacer.take(never) for _ in range(101))
    assert sent == 101 * 14
    assert 99.9 < world.elapsed < 100.1  # the first call is free, then 14 a second


def test_no_second_sees_more_than_the_rate_and_one_call() -> None:
    world = World(per_second=7)
    pacer = world.pacer(max_batch=1)
    sent: list[float] = []
    for turn in range(200):
        pacer.take(never)
        sent.append(world.elapsed)
        world.now += timedelta(seconds=5 if turn % 20 == 0 else 0.01)  # the provider is slow now and then
    for start in sent:
        assert (
            sum(start <= at < start + 1 for at in sent) <= 2 * 7
        )  # a second's worth saved up, and one's rate


def test_what_a_call_did_not_use_is_there_for_the_next() -> None:
    world = World(per_second=10)
    pacer = world.pacer()
    pacer.give_back(pacer.take(never))
    pacer.take(never)
    assert world.elapsed == 0


def test_a_throttle_halves_the_rate_and_it_climbs_slowly() -> None:
    world = World(per_second=100)
    pacer = world.pacer()
    pacer.slow()
    assert pacer.rate == 50
    pacer.slow()
    assert pacer.rate == 25
    rates = []
    while world.elapsed < 60:
        pacer.take(never)
        rates.append(pacer.rate or 0)
    assert rates == sorted(rates)
    assert 75 <= round(rates[-1]) <= 85  # 5 % each 5 seconds


def test_a_throttle_makes_the_next_call_wait() -> None:
    world = World(per_second=10)
    pacer = world.pacer()
    pacer.slow()
    pacer.take(never)
    assert world.elapsed == 1  # 5 letters at 5 a second, from an empty bucket


def test_throttling_without_end_goes_down_to_one_letter_in_ten_seconds() -> None:
    world = World(per_second=14)
    pacer = world.pacer()
    for _ in range(50):
        pacer.slow()
    assert pacer.rate == 0.1
    assert pacer.batch == 1


def test_a_provider_without_a_rate_can_still_throttle() -> None:
    world = World(per_second=None)
    pacer = world.pacer(max_batch=20)
    pacer.slow()
    assert pacer.rate == 10
    assert pacer.batch == 10


def test_the_provider_is_asked_again_each_minute() -> None:
    world = World(per_second=10)
    pacer = world.pacer()
    world.per_second = 20
    while world.elapsed <= 61:
        pacer.take(never)
    assert pacer.rate == 20
    assert world.asked == 2


def test_a_provider_that_cannot_be_asked_in_between_changes_nothing() -> None:
    world = World(per_second=10)
    pacer = world.pacer()
    world.away = True
    world.now += timedelta(minutes=2)
    assert pacer.take(never) == 10


def test_the_daily_rest_is_counted_down_and_then_asked_for() -> None:
    world = World(per_second=None, today=25)
    pacer = world.pacer(max_batch=10)
    assert [pacer.take(never) for _ in range(3)] == [10, 10, 5]
    world.today = 0
    assert pacer.take(never) == 0
    world.today = 3
    assert pacer.take(never) == 3


def test_a_call_that_was_split_grows_again() -> None:
    pacer = World(per_second=None).pacer()
    pacer.split(50)
    assert pacer.batch == 25
    pacer.split(25)
    pacer.join()
    assert pacer.batch == 24
    pacer.join()
    pacer.join()
    assert pacer.batch == 50


def test_a_clock_that_is_set_back_does_no_harm() -> None:
    world = World(per_second=10)
    pacer = world.pacer()
    pacer.take(never)
    world.now -= timedelta(hours=1)
    pacer.take(never)
    assert sum(world.naps) == 1


def test_a_stop_is_noticed_within_half_a_second_of_waiting() -> None:
    world = World()
    assert not rest(60, world.sleep, lambda: world.elapsed >= 2)
    assert world.elapsed <= 2.5
