"""Calls made by other processes: the same promises, whoever of them dies."""

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import psutil
import pytest

from newsletter.delivery.calling import Caller, Work
from newsletter.delivery.hands import Ended
from newsletter.delivery.processes import ProcessHands, worth_processes
from newsletter.errors import ConfigError, NewsletterError
from newsletter.model import CampaignState, DeliveryState
from newsletter.store.rows import Call, Claimed
from tests.delivery.driver import Driver, people
from tests.delivery.sender_process import Order, Workshop, file_caller, sink_lines, workshop
from tests.delivery.test_processes import states_by_number, url_of

FAR = datetime(2100, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def shop() -> Iterator[Workshop]:
    """A program that starts processes for us."""
    with workshop() as opened:
        yield opened


@pytest.mark.parametrize(
    ("form", "rate", "mails", "several"),
    [
        ("bulk", 14.0, 1_000_000, False),  # slower than one process is
        ("bulk", 90_000.0, 1_000, False),  # over before others have started
        ("bulk", 90_000.0, 1_000_000, True),
        ("raw", None, 10_000, True),
    ],
)
def test_other_processes_are_started_only_where_they_save_time(
    form: str, rate: float | None, mails: int, several: bool
) -> None:
    count = worth_processes(form, rate, mails)  # type: ignore[arg-type]
    assert (count > 0) is several
    assert count <= (os.cpu_count() or 1)


@pytest.mark.slow
def test_several_processes_mail_each_subscriber_exactly_once(
    campaign: Driver, shop: Workshop, tmp_path: Path
) -> None:
    campaign.queue(*people(600))
    sink = tmp_path / "sink"
    order = Order(
        verb="deliver",
        url=url_of(campaign),
        campaign=campaign.campaign_id,
        sink=str(sink),
        batch=7,
        threads=4,
        processes=2,
    )
    assert shop.run(order) == 0
    assert sorted(sink_lines(sink)) == sorted(states_by_number(campaign))
    assert campaign.campaign.state is CampaignState.FINISHED
    campaign.accounts.assert_settled()


@pytest.mark.slow
@pytest.mark.parametrize("victim", ["writer", "sender"])
def test_killed_again_and_again_mails_nobody_twice_and_forgets_nobody(
    campaign: Driver, shop: Workshop, tmp_path: Path, victim: str
) -> None:
    """A killed sender takes its calls with it and no more; without its writer, none begins another call."""
    kills, batch, readers = 2, 10, 1500
    campaign.queue(*people(readers))
    sink = tmp_path / "sink"
    order = Order(
        verb="deliver",
        url=url_of(campaign),
        campaign=campaign.campaign_id,
        sink=str(sink),
        batch=batch,
        delay=0.008,
        threads=4,
        processes=2,
    )
    moments = random.Random(f"{campaign.engine.dialect.name} {victim}")
    for _ in range(kills):
        before = len(sink_lines(sink))
        writer = psutil.Process(shop.start(order))
        patience = time.monotonic() + 20
        while len(sink_lines(sink)) == before and time.monotonic() < patience:
            time.sleep(0.002)
        time.sleep(moments.uniform(0, 0.08))
        senders = [
            child for child in writer.children() if "resource_tracker" not in " ".join(child.cmdline())
        ]
        assert len(senders) == 2
        if victim == "writer":
            writer.send_signal(signal.SIGKILL)
            assert shop.wait() == -signal.SIGKILL
            _, alive = psutil.wait_procs(senders, timeout=5)
            assert not alive, "a sender without its writer ends"
        else:
            moments.choice(senders).send_signal(signal.SIGKILL)
            assert shop.wait() == 0, "the other one goes on to the end"
            break
    assert shop.run(order) == 0

    left = Counter(sink_lines(sink))
    states = states_by_number(campaign)
    by_state = Counter(states.values())
    assert [number for number, times in left.items() if times > 1] == []
    assert {number for number, state in states.items() if state == "sent"} <= set(left)
    assert {number for number in states if number not in left} <= set(campaign.accounts.uncertain_ids)
    assert by_state["sent"] + by_state["uncertain"] == readers
    assert by_state["uncertain"] <= kills * batch * 4
    assert campaign.campaign.state is CampaignState.FINISHED
    assert campaign.accounts.balances


def a_call(number: int) -> Work:
    """A call to one reader."""
    rows = (Claimed(id=number, subscriber_id=number, attempt=1),)
    call = Call(call_id=f"call-{number}", lease_until=FAR, rows=rows, skipped=0)
    person = f'[[{number}, {number}, "ada@example.org", "ada@example.org", "Ada", {{}}, []]]'
    return Work(call=call, people=person, begun=0.0)


def take(hands: ProcessHands) -> Ended:
    ended = hands.take(20)
    assert ended is not None
    return ended


@pytest.mark.slow
def test_a_dead_sender_leaves_its_call_uncertain_and_what_it_is_given_later_undone(tmp_path: Path) -> None:
    order = Order(verb="deliver", url="", campaign=1, sink=str(tmp_path / "sink"), delay=20)
    hands = ProcessHands(partial(file_caller, order), processes=1)
    hands.widen(1)
    hands.give(a_call(1))
    time.sleep(0.3)
    [sender] = hands.processes
    os.kill(sender, signal.SIGKILL)
    assert [row.state for row in take(hands).done.settled] == [DeliveryState.UNCERTAIN]
    hands.give(a_call(2))
    undone = take(hands).done
    assert [row.state for row in undone.settled] == [DeliveryState.QUEUED]
    assert isinstance(undone.error, NewsletterError)
    hands.dismiss()


@pytest.mark.slow
def test_what_has_not_begun_when_the_run_stops_comes_back_undone(tmp_path: Path) -> None:
    order = Order(verb="deliver", url="", campaign=1, sink=str(tmp_path / "sink"), delay=0.2)
    hands = ProcessHands(partial(file_caller, order), processes=1)
    hands.widen(1)
    hands.give(a_call(1))
    time.sleep(0.1)  # the only thread is in its call
    hands.give(a_call(2))
    hands.stop()
    states = [row.state for _ in range(2) for row in take(hands).done.settled]
    assert states == [DeliveryState.SENT, DeliveryState.QUEUED]
    hands.dismiss()


def refuse() -> Caller:
    raise ConfigError("no secret", hint="make one")


@pytest.mark.slow
def test_what_keeps_a_sender_from_starting_is_said_by_its_own_error() -> None:
    with pytest.raises(ConfigError, match="no secret") as caught:
        ProcessHands(refuse, processes=2)
    assert caught.value.hint == "make one"
