"""Who looks after a campaign while something takes long, as other hosts see it; on both databases."""

import time
from datetime import timedelta

import pytest

from newsletter.delivery import tending
from newsletter.delivery.tending import TENDED, keeping, take, untended
from tests.delivery.driver import Driver

HERE, THERE = "here:1:1.0", "there:1:1.0"


@pytest.fixture
def begun(campaign: Driver, monkeypatch: pytest.MonkeyPatch) -> Driver:
    """A campaign that is planned, and looked after from here."""
    monkeypatch.setattr(tending, "_RENEW", timedelta(seconds=0.02))
    campaign.queue("ada@example.org")
    with campaign.engine.begin() as connection:
        assert take(connection, campaign.campaign_id, HERE, campaign.clock)
    return campaign


def is_free(campaign: Driver) -> bool:
    """Whether another host would take it up."""
    return bool(untended(campaign.engine, THERE, campaign.clock))


def test_who_takes_long_goes_on_looking_after_it(begun: Driver) -> None:
    with keeping(begun.engine, begun.campaign_id, HERE, begun.clock):
        for _ in range(3):
            begun.now += TENDED - timedelta(seconds=1)
            until = time.monotonic() + 5
            time.sleep(0.1)
            while is_free(begun) and time.monotonic() < until:
                time.sleep(0.02)
            assert not is_free(begun)
    begun.now += TENDED + timedelta(seconds=1)
    time.sleep(0.1)
    assert is_free(begun)


def test_without_it_others_would_have_begun(begun: Driver) -> None:
    begun.now += TENDED + timedelta(seconds=1)
    assert is_free(begun)


def test_nothing_is_taken_from_another(begun: Driver) -> None:
    with keeping(begun.engine, begun.campaign_id, THERE, begun.clock):
        begun.now += TENDED + timedelta(seconds=1)
        time.sleep(0.1)
        assert is_free(begun)


def test_an_error_meanwhile_ends_it(begun: Driver) -> None:
    with pytest.raises(KeyError), keeping(begun.engine, begun.campaign_id, HERE, begun.clock):
        raise KeyError
    begun.now += TENDED + timedelta(seconds=1)
    time.sleep(0.1)
    assert is_free(begun)
