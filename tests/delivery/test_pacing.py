"""The pace: never faster than the provider allows, never slower than it must be, however many share it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from newsletter.delivery.pacing import Budget, Pacer, rest
from newsletter.errors import SendError
from newsletter.ports import Allowance
from newsletter.store.limits import Limit

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)


@dataclass
class World:
    """A provider, a database, and a clock that moves when somebody sleeps."""

    engine: Engine
    per_second: float | None = 10
    today: float | None = None
    now: datetime = NOON
    asked: int = 0
    away: bool = False
    as_of: datetime | None = None
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
        return Allowance(per_second=self.per_second, today=self.today, as_of=self.as_of)

    def pacer(self, max_batch: int = 50, key: str = "ses") -> Pacer:
        limit = Limit(key=key, clock=self.clock)
        return Pacer(self.allowance, max_batch=max_batch, limit=limit, clock=self.clock)

    def look(self, pacer: Pacer) -> Budget:
        with self.engine.begin() as connection:
            return pacer.open(connection)

    def slow(self, pacer: Pacer, begun: datetime | None = None) -> None:
        with self.engine.begin() as connection:
            pacer.slow(connection, (begun or self.now).timestamp())

    def take(self, pacer: Pacer) -> int:
        """Claim one call as a run does: wait until it is within the rate; 0 if the day is over."""
        while True:
            pacer.refresh()
            with self.engine.begin() as connection:
                budget = pacer.open(connection)
                if budget.today_is_over:
                    return 0
                if budget.recipients is None or budget.recipients >= budget.size:
                    pacer.spend(connection, budget, budget.size)
                    return budget.size
            self.sleep(budget.wait)

    @property
    def elapsed(self) -> float:
        return (self.now - NOON).total_seconds()


@pytest.fixture
def world(engine: Engine) -> World:
    return World(engine)


def never() -> bool:
    return False


def busiest_second(calls: list[tuple[float, int]]) -> int:
    """The most recipients in any window of one second; calls: when, and how many, in order."""
    most = total = first = 0
    for at, letters in calls:
        total += letters
        while calls[first][0] <= at - 1:
            total -= calls[first][1]
            first += 1
        most = max(most, total)
    return most


def test_without_a_limit_calls_are_full_nothing_waits_and_the_bucket_is_not_looked_at(world: World) -> None:
    world.per_second = None
    pacer = world.pacer()
    assert [world.take(pacer) for _ in range(20)] == [50] * 20
    assert world.naps == []
    with world.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM limits").scalar_one() == 0


@pytest.mark.parametrize(("per_second", "size"), [(0.5, 1), (14, 1), (200, 10), (900, 45), (2000, 50)])
def test_a_call_carries_at_most_a_twentieth_of_a_seconds_worth(
    world: World, per_second: float, size: int
) -> None:
    world.per_second = per_second
    assert world.look(world.pacer()).size == size


@pytest.mark.parametrize(("per_second", "max_batch"), [(14, 1), (14, 50), (200, 1), (200, 50), (2000, 50)])
def test_the_rate_is_reached_and_no_second_sees_a_tenth_more(
    world: World, per_second: float, max_batch: int
) -> None:
    """With a sender that is late by a twentieth of a second once a second."""
    world.per_second = per_second
    pacer = world.pacer(max_batch=max_batch)
    calls: list[tuple[float, int]] = []
    late = 0
    while world.elapsed < 2 + 300 / per_second:
        letters = world.take(pacer)
        calls.append((world.elapsed, letters))
        if world.elapsed > late:
            late += 1
            world.now += timedelta(seconds=0.045)
    assert sum(letters for _, letters in calls) >= 0.98 * per_second * world.elapsed
    assert busiest_second(calls) <= 1.1 * per_second


def test_a_long_silence_saves_up_a_tenth_of_a_second_and_no_more(world: World) -> None:
    world.per_second = 1000
    pacer = world.pacer()
    world.take(pacer)
    world.now += timedelta(hours=1)
    assert world.look(pacer).recipients == 100


def test_several_senders_share_one_pace(world: World) -> None:
    world.per_second = 100
    pacers = [world.pacer() for _ in range(3)]
    calls: list[tuple[float, int]] = []
    while world.elapsed < 10:
        for pacer in pacers:
            letters = world.take(pacer)
            calls.append((world.elapsed, letters))
    assert 98 * world.elapsed <= sum(letters for _, letters in calls) <= 100 * world.elapsed + 10
    assert busiest_second(calls) <= 110


def test_another_account_has_a_pace_of_its_own(world: World) -> None:
    here, there = world.pacer(key="ses eu-central-1"), world.pacer(key="ses ca-central-1")
    world.take(here)
    assert world.look(here).recipients == 0
    assert world.look(there).recipients == 1


def test_a_throttle_halves_the_pace_of_all_and_it_climbs_slowly(world: World) -> None:
    world.per_second = 100
    pacer, other = world.pacer(), world.pacer()
    world.take(pacer)
    world.slow(pacer)
    world.look(other)
    assert pacer.rate == other.rate == 50
    world.now += timedelta(seconds=1)
    world.slow(other)
    world.look(pacer)
    assert pacer.rate == other.rate == 25
    rates = []
    for _ in range(11):
        world.now += timedelta(seconds=5)
        world.look(pacer)
        rates.append(round(pacer.rate or 0))
    assert rates == list(range(30, 85, 5))  # 5 % each 5 seconds
    world.now += timedelta(minutes=1)
    world.look(other)
    assert other.rate == 100


def test_calls_that_were_in_flight_together_halve_the_pace_once(world: World) -> None:
    world.per_second = 100
    pacer = world.pacer()
    begun = world.now
    world.now += timedelta(seconds=1)
    for _ in range(8):
        world.slow(pacer, begun)
    assert pacer.rate == 50


def test_a_throttle_empties_the_bucket(world: World) -> None:
    world.per_second = 40
    pacer = world.pacer()
    world.slow(pacer)
    world.take(pacer)
    assert world.elapsed == 1 / 20


def test_throttling_without_end_goes_down_to_one_letter_in_ten_seconds(world: World) -> None:
    pacer = world.pacer()
    for _ in range(50):
        world.slow(pacer)
        world.now += timedelta(milliseconds=1)
    assert pacer.rate == 0.1
    assert world.look(pacer).size == 1


def test_a_provider_without_a_rate_can_still_throttle(world: World) -> None:
    world.per_second = None
    pacer = world.pacer(max_batch=20)
    assert pacer.rate is None
    world.slow(pacer)
    assert pacer.rate == 10
    assert world.look(pacer).size == 1


def test_the_provider_is_asked_again_each_minute(world: World) -> None:
    pacer = world.pacer()
    world.per_second = 20
    while world.elapsed <= 61:
        world.take(pacer)
    assert pacer.rate == 20
    assert world.asked == 2


def test_a_provider_that_cannot_be_asked_in_between_changes_nothing(world: World) -> None:
    pacer = world.pacer()
    world.away = True
    world.now += timedelta(minutes=2)
    assert world.take(pacer) == 1
    assert pacer.rate == 10


def test_the_daily_rest_is_counted_down_by_all_together_and_then_asked_for(world: World) -> None:
    world.per_second, world.today = None, 25
    one, two = world.pacer(max_batch=10), world.pacer(max_batch=10)
    world.look(two)  # it has heard of the rest as well, and does not set it back later
    assert [world.take(pacer) for pacer in (one, two, one)] == [10, 10, 5]
    assert world.take(two) == 0
    world.today = 3
    one.refresh(at_once=True)
    assert not one.day_is_over
    assert [world.take(pacer) for pacer in (one, two)] == [3, 0]


def test_an_answer_that_was_known_before_does_not_set_the_rest_back(world: World) -> None:
    """A sender keeps GetAccount's answer for a minute; what has gone since is in the bucket alone."""
    world.per_second, world.today, world.as_of = None, 10, world.now
    pacer = world.pacer(max_batch=10)
    assert world.take(pacer) == 10
    pacer.refresh(at_once=True)
    assert pacer.day_is_over
    assert world.take(pacer) == 0
    world.now += timedelta(minutes=1)
    world.as_of = world.now
    pacer.refresh(at_once=True)
    assert not pacer.day_is_over
    assert world.take(pacer) == 10


def test_a_call_that_was_split_grows_again_when_one_of_its_size_goes_through(world: World) -> None:
    world.per_second = None
    pacer = world.pacer()
    pacer.split(50)
    assert world.look(pacer).size == 25
    pacer.join(50)  # was under way already when the other was split
    assert world.look(pacer).size == 25
    pacer.split(25)
    pacer.join(12)
    assert world.look(pacer).size == 24
    pacer.join(24)
    pacer.join(12)
    assert world.look(pacer).size == 50


def test_a_clock_that_is_set_back_does_no_harm(world: World) -> None:
    pacer = world.pacer()
    world.take(pacer)
    world.now -= timedelta(hours=1)
    world.take(pacer)
    assert 0 < sum(world.naps) <= 0.1


def test_the_databases_own_clock_paces_where_hosts_share_it(engine: Engine) -> None:
    world = World(engine, per_second=100)
    limit = Limit(key="ses", clock=None)
    pacer = Pacer(world.allowance, max_batch=1, limit=limit, clock=world.clock)

    def taken() -> Iterator[int]:
        for _ in range(30):
            with engine.begin() as connection:
                budget = pacer.open(connection)
                pacer.spend(connection, budget, min(1, budget.recipients or 0))
                yield min(1, budget.recipients or 0)

    started = datetime.now(UTC)
    total = sum(taken())
    seconds = (datetime.now(UTC) - started).total_seconds()
    assert 1 <= total <= 10 + 100 * seconds + 1  # what the bucket holds at first, and what came in


def test_a_stop_is_noticed_within_half_a_second_of_waiting(world: World) -> None:
    assert not rest(60, world.sleep, lambda: world.elapsed >= 2)
    assert world.elapsed <= 2.5
