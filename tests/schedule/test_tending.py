"""Looking after a campaign: while somebody does, schedulers leave it alone."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine

from newsletter import pipeline, readying
from newsletter.cli.progress import cool_off
from newsletter.delivery.tending import TENDED, tending, untended
from newsletter.store import schedules
from newsletter.store.campaigns import Campaign
from tests.schedule.conftest import READERS, Planner

WINTER, SPRING, SUMMER = "2026-12-winter-songs", "2027-03-spring-songs", "2027-06-summer-songs"
US, OTHER = "here:1:1.00", "elsewhere:2:2.00"


@pytest.fixture
def campaign(planner: Planner) -> Campaign:
    """A campaign that is planned, and that nobody looks after."""
    planner.approve(WINTER)
    return pipeline.start(planner.services, readying.prepare_to_send(planner.services, WINTER))


def is_free(planner: Planner) -> bool:
    """Say whether another process would go on with it."""
    return bool(untended(planner.engine, OTHER, planner.services.clock))


def test_it_lasts_from_the_first_step_to_the_last_however_long_that_is(
    planner: Planner, engine: Engine, campaign: Campaign
) -> None:
    def steps() -> Iterator[Any]:
        for _ in range(50):
            planner.later(seconds=30)
            yield "step"

    assert is_free(planner)
    for _ in tending(planner.engine, campaign, US, planner.services.clock, steps()):
        assert not is_free(planner)
    assert is_free(planner)


@pytest.mark.parametrize("how", ["error", "left"])
def test_it_ends_with_an_error_and_when_nobody_wants_the_next_step(
    planner: Planner, campaign: Campaign, how: str
) -> None:
    ended = []

    def steps() -> Iterator[Any]:
        try:
            yield "step"
            raise RuntimeError
        finally:
            ended.append(True)

    tended = tending(planner.engine, campaign, US, planner.services.clock, steps())
    next(tended)
    assert not is_free(planner)
    if how == "error":
        with pytest.raises(RuntimeError):
            next(tended)
    else:
        tended.close()  # type: ignore[attr-defined]
    assert ended == [True] and is_free(planner)


def test_whoever_stands_still_loses_it_and_does_not_end_it_for_the_next(
    planner: Planner, campaign: Campaign
) -> None:
    def steps() -> Iterator[Any]:
        yield "step"

    tended = tending(planner.engine, campaign, US, planner.services.clock, steps())
    next(tended)
    planner.later(seconds=TENDED.total_seconds() + 1)
    assert is_free(planner)
    planner.tend(campaign.id, OTHER)
    list(tended)
    assert not untended(planner.engine, US, planner.services.clock)


def test_while_a_send_by_hand_cools_off_no_scheduler_goes_on_with_it(
    planner: Planner, campaign: Campaign
) -> None:
    free = []

    def sleep(seconds: float) -> None:
        planner.later(seconds=seconds)
        free.append(is_free(planner))

    planner.with_settings(sender={"kind": "ses"})
    services = replace(planner.services, sleep=sleep)
    vars(services)["raw_engine"] = planner.engine
    started = planner.now
    planner.tend(campaign.id, OTHER.replace("elsewhere", "gone"))
    planner.execute("UPDATE campaigns SET tended_by = NULL")
    cool_off(services, campaign)
    assert (planner.now - started).total_seconds() == 300
    assert free[1:] and not any(free[1:])


def test_an_adopted_database_sends_nothing_on_schedule_until_the_owner_says_so_again(
    planner: Planner, engine: Engine
) -> None:
    planner.with_settings(schedule={"slot": "first tuesday 09:00", "nag": ()})
    planner.round()
    for slug in (WINTER, SPRING, SUMMER):
        planner.approve(slug)
    planner.book(WINTER, "2026-11-03 09:00")
    planner.book(SPRING, "2026-12-24 09:00")
    planner.set("2026-11-03 10:00")
    with planner.engine.begin() as connection:
        assert schedules.hold_all(connection, planner.now, "adopted") == [WINTER, SPRING, SUMMER]
    planner.round()
    assert planner.mailed() == [] and planner.told() == []
    planner.later(minutes=1)
    planner.approve_again(SUMMER)
    planner.set("2026-12-24 09:00")
    planner.round()
    assert [each.slug for each in planner.campaigns()] == []
    assert planner.states()[-1] == (SUMMER, "missed"), "the slot of 1 December was slept over"
    planner.approve_again(SPRING)
    planner.set("2027-01-05 09:00")
    planner.round()
    assert [each.slug for each in planner.campaigns()] == [SPRING]
    assert planner.mailed() == READERS
