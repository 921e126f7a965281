"""The promise itself, with real processes that are really killed: nobody twice, nobody forgotten."""

import random
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from newsletter.delivery import planning
from newsletter.model import CampaignState
from tests.delivery.driver import Driver, an_issue, people
from tests.delivery.sender_process import Order, Workshop, sink_lines, workshop


@pytest.fixture(scope="module")
def shop() -> Iterator[Workshop]:
    """A program that starts processes for us."""
    with workshop() as opened:
        yield opened


def url_of(driver: Driver) -> str:
    return driver.engine.url.render_as_string(hide_password=False)


def states_by_number(driver: Driver) -> dict[int, str]:
    with driver.engine.connect() as connection:
        return {row.id: row.state for row in connection.execute(text("SELECT id, state FROM deliveries"))}


@pytest.mark.slow
@pytest.mark.parametrize(("batch", "readers", "delay"), [(1, 250, 0.002), (50, 2500, 0.008)])
def test_killed_at_twenty_moments_mails_nobody_twice_and_forgets_nobody(
    campaign: Driver, shop: Workshop, tmp_path: Path, batch: int, readers: int, delay: float
) -> None:
    campaign.queue(*people(readers))
    sink = tmp_path / "sink"
    order = Order(
        verb="deliver",
        url=url_of(campaign),
        campaign=campaign.campaign_id,
        sink=str(sink),
        batch=batch,
        delay=delay,
    )
    moments = random.Random(f"{campaign.engine.dialect.name} {batch}")
    ends = [shop.run_and_kill(order, moments.uniform(0, 0.1)) for _ in range(4)]  # some while starting
    for _ in range(16):
        before = len(sink_lines(sink))
        at_work = lambda: len(sink_lines(sink)) > before  # noqa: B023, E731  (used in this turn only)
        ends.append(shop.run_and_kill(order, moments.uniform(0, 0.08), at_work))
    assert ends == [-signal.SIGKILL] * 20
    assert shop.run(order) == 0

    left = Counter(sink_lines(sink))
    states = states_by_number(campaign)
    by_state = Counter(states.values())
    assert [number for number, times in left.items() if times > 1] == []
    assert {number for number, state in states.items() if state == "sent"} <= set(left)
    assert {number for number in states if number not in left} <= set(campaign.accounts.uncertain_ids)
    assert by_state["sent"] + by_state["uncertain"] == readers
    assert by_state["uncertain"] <= 20 * batch
    assert campaign.campaign.state is CampaignState.FINISHED
    assert campaign.accounts.balances


@pytest.mark.slow
def test_two_processes_at_once_mail_each_subscriber_exactly_once(
    campaign: Driver, shop: Workshop, tmp_path: Path
) -> None:
    campaign.queue(*people(300))
    sinks = [tmp_path / "one", tmp_path / "two"]
    orders = [
        Order(verb="deliver", url=url_of(campaign), campaign=campaign.campaign_id, sink=str(sink), batch=7)
        for sink in sinks
    ]
    with workshop() as other:
        shop.start(orders[0])
        other.start(orders[1])
        assert (shop.wait(), other.wait()) == (0, 0)
    lines = [sink_lines(sink) for sink in sinks]
    assert sorted(lines[0] + lines[1]) == sorted(states_by_number(campaign))
    assert all(lines), "both must have had a part in it"
    assert campaign.campaign.state is CampaignState.FINISHED
    campaign.accounts.assert_settled()


@pytest.mark.slow
def test_planning_that_is_killed_again_and_again_is_exact_in_the_end(
    campaign: Driver, shop: Workshop
) -> None:
    readers = 3000
    campaign.add(*people(readers))
    begun = planning.begin(campaign.engine, an_issue(), segment="", clock=campaign.clock)
    campaign.campaign_id = begun.id
    order = Order(verb="plan", url=url_of(campaign), campaign=begun.id, chunk=50)
    moments = random.Random(campaign.engine.dialect.name)
    for _ in range(6):
        before = campaign.campaign.planned_through
        at_work = lambda: campaign.campaign.planned_through > before  # noqa: B023, E731
        assert shop.run_and_kill(order, moments.uniform(0, 0.02), at_work) == -signal.SIGKILL
        standing = campaign.accounts
        assert before < standing.candidates < readers
        assert standing.balances, "a kill leaves whole chunks only"
    assert shop.run(order) == 0
    assert campaign.campaign.state is CampaignState.SENDING
    assert campaign.accounts.queued == campaign.accounts.candidates == readers
