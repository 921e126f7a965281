"""The promise itself, with real processes that are really killed: nobody twice, nobody forgotten."""

import os
import random
import signal
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from newsletter.delivery import planning
from newsletter.model import CampaignState
from tests.delivery.driver import Driver, an_issue, people
from tests.delivery.sender_process import Order, Workshop, sink_lines, sink_times, workshop


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
@pytest.mark.parametrize(
    ("threads", "batch", "readers", "delay"), [(1, 1, 250, 0.002), (1, 50, 5000, 0.008), (4, 10, 5000, 0.008)]
)
def test_killed_at_twenty_moments_mails_nobody_twice_and_forgets_nobody(
    campaign: Driver, shop: Workshop, tmp_path: Path, threads: int, batch: int, readers: int, delay: float
) -> None:
    """Each kill leaves uncertain what the threads had in hand: one call each, and no more."""
    campaign.queue(*people(readers))
    sink = tmp_path / "sink"
    order = Order(
        verb="deliver",
        url=url_of(campaign),
        campaign=campaign.campaign_id,
        sink=str(sink),
        batch=batch,
        delay=delay,
        threads=threads,
    )
    moments = random.Random(f"{campaign.engine.dialect.name} {batch} {threads}")
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
    assert by_state["uncertain"] <= 20 * batch * threads
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
def test_two_processes_share_the_accounts_rate_and_are_together_never_above_it(
    campaign: Driver, shop: Workshop, tmp_path: Path
) -> None:
    rate = 200
    campaign.queue(*people(600))
    orders = [
        Order(
            verb="deliver",
            url=url_of(campaign),
            campaign=campaign.campaign_id,
            sink=str(tmp_path / name),
            rate=rate,
            threads=3,
        )
        for name in ("one", "two")
    ]
    with workshop() as other:
        shop.start(orders[0])
        other.start(orders[1])
        assert (shop.wait(), other.wait()) == (0, 0)
    shares = [sink_times(Path(order.sink)) for order in orders]
    assert all(len(share) > 60 for share in shares), "both must have had a part in it"
    times = sorted(at for share in shares for _, at in share)
    assert len(times) == 600
    # six calls are on their way at most: those that a busy machine held up arrive with later ones
    assert max(bisect_left(times, at + 1) - place for place, at in enumerate(times)) <= 1.1 * rate + 6
    if os.getloadavg()[0] <= (os.cpu_count() or 1):  # an overloaded machine cannot hold it
        assert times[-1] - times[0] < 600 / rate * 1.2, "and they do not get in each other's way"


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
