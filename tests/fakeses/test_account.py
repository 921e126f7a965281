"""Rate with debt, rolling quota, sandbox, paused: with a clock that the test moves."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from newsletter.errors import SendError
from newsletter.model import Effect, OutcomeKind
from tests.fakeses.calling import bulk, bulk_call, entry, raw_call, refusal, statuses
from tests.fakeses.client import FakeSes
from tests.senders.samples import client, letters, sender

THROTTLED = (429, "TooManyRequestsException", "Maximum sending rate exceeded.")
QUOTA = (429, "TooManyRequestsException", "Daily message quota exceeded.")


@pytest.fixture
def ses(fake_ses: FakeSes) -> FakeSes:
    """An endpoint whose clock stands still."""
    fake_ses.freeze()
    return fake_ses


@pytest.fixture
def each(tmp_path: Path) -> Iterator[FakeSes]:
    """One that refuses entries of a bulk call one by one; its clock stands still."""
    with FakeSes.start(tmp_path / "each", per_entry=True, in_thread=True, fsync=False) as running:
        running.freeze()
        yield running


def test_a_call_of_five_at_one_a_second_passes_and_then_nothing_for_five_seconds(ses: FakeSes) -> None:
    ses.set_rate(1)
    assert statuses(bulk(ses, 5)) == ["SUCCESS"] * 5
    for _ in range(5):
        assert refusal(lambda: bulk(ses, 1)) == THROTTLED
        ses.advance(0.99)
    assert refusal(lambda: bulk(ses, 1)) == THROTTLED
    ses.advance(0.05)
    assert statuses(bulk(ses, 1)) == ["SUCCESS"]
    assert len(ses.accepted()) == 6


def test_silence_saves_up_one_second_and_no_more(ses: FakeSes) -> None:
    ses.set_rate(10)
    ses.advance(3600)
    for _ in range(10):
        client(ses.url).send_email(**raw_call())
    assert refusal(lambda: client(ses.url).send_email(**raw_call())) == THROTTLED
    ses.advance(0.1)
    client(ses.url).send_email(**raw_call())
    assert ses.counts()["answers"] == {"200": 11, "429 TooManyRequestsException": 1}


def test_refused_calls_cost_nothing(ses: FakeSes) -> None:
    ses.set_rate(1)
    bulk(ses, 1)
    for _ in range(20):
        refusal(lambda: bulk(ses, 50))
    ses.advance(1)
    assert statuses(bulk(ses, 1)) == ["SUCCESS"]


def test_our_sender_understands_both_refusals(ses: FakeSes) -> None:
    ses.set_rate(1)
    sending = sender(ses.url)
    outcomes = sending.send(letters(2))
    assert [outcome.kind for outcome in outcomes] == [OutcomeKind.ACCEPTED, OutcomeKind.REFUSED_RETRY]
    assert outcomes[1].effect is Effect.SLOW
    ses.set_quota(1)
    assert sending.send(letters(1))[0].effect is Effect.PARK


def test_the_quota_is_a_rolling_day_and_a_call_that_would_exceed_it_is_refused(ses: FakeSes) -> None:
    ses.set_quota(10)
    bulk(ses, 6)
    ses.advance(3600)
    assert refusal(lambda: bulk(ses, 5)) == QUOTA
    bulk(ses, 4)
    assert refusal(lambda: bulk(ses, 1)) == QUOTA
    ses.advance(22 * 3600)
    assert refusal(lambda: bulk(ses, 1)) == QUOTA
    ses.advance(3600)  # a day after the first six
    bulk(ses, 6)
    assert refusal(lambda: bulk(ses, 1)) == QUOTA
    ses.advance(3600)  # and after the four
    assert statuses(bulk(ses, 4)) == ["SUCCESS"] * 4


def test_get_account_tells_rate_and_quota_and_what_was_sent_as_our_sender_reads_them(ses: FakeSes) -> None:
    ses.set_rate(14)
    ses.set_quota(200, sent=100)
    bulk(ses, 10)
    quota = client(ses.url).get_account()["SendQuota"]
    assert quota == {"Max24HourSend": 200.0, "MaxSendRate": 14.0, "SentLast24Hours": 110.0}
    allowance = sender(ses.url, share=0.5, quota_reserve=0.1).allowance()
    assert (allowance.per_second, allowance.today) == (7.0, 70.0)
    ses.advance(86_400)
    assert client(ses.url).get_account()["SendQuota"]["SentLast24Hours"] == 100


def test_without_a_quota_the_account_says_minus_one(fake_ses: FakeSes) -> None:
    assert client(fake_ses.url).get_account()["SendQuota"]["Max24HourSend"] == -1
    assert sender(fake_ses.url).allowance().today is None


def test_per_entry_the_rate_and_the_quota_cut_a_bulk_call_short(each: FakeSes) -> None:
    each.set_rate(14)
    each.set_quota(20)
    assert statuses(bulk(each, 16)) == ["SUCCESS"] * 14 + ["ACCOUNT_THROTTLED"] * 2
    each.advance(1)
    assert statuses(bulk(each, 8)) == ["SUCCESS"] * 6 + ["ACCOUNT_DAILY_QUOTA_EXCEEDED"] * 2
    assert len(each.accepted()) == 20


@pytest.mark.parametrize(
    ("change", "code", "status"),
    [
        (FakeSes.pause, "SendingPausedException", "ACCOUNT_SENDING_PAUSED"),
        (FakeSes.suspend, "AccountSuspendedException", "ACCOUNT_SUSPENDED"),
    ],
)
def test_a_stopped_account_takes_nothing_until_it_may_again(
    ses: FakeSes, each: FakeSes, change: Any, code: str, status: str
) -> None:
    change(ses)
    change(each)
    assert refusal(lambda: bulk(ses, 2))[:2] == (400, code)
    assert refusal(lambda: client(each.url).send_email(**raw_call()))[:2] == (400, code)
    assert statuses(bulk(each, 2)) == [status] * 2
    account = client(ses.url).get_account()
    assert not account["SendingEnabled"]
    assert account["EnforcementStatus"] == ("SHUTDOWN" if status == "ACCOUNT_SUSPENDED" else "HEALTHY")
    assert sender(ses.url, "bulk").send(letters(2, "bulk"))[0].effect is Effect.HALT
    with pytest.raises(SendError, match="stopped this account"):
        sender(ses.url).allowance()
    assert ses.accepted() == each.accepted() == []
    ses.resume()
    assert statuses(bulk(ses, 2)) == ["SUCCESS"] * 2


def test_the_sandbox_sends_to_the_verified_and_the_simulator_only(tmp_path: Path) -> None:
    verified = ["hello@example.org", "example.com"]
    with FakeSes.start(tmp_path, sandbox=True, verified=verified, in_thread=True, fsync=False) as ses:
        ses.freeze()
        account = client(ses.url).get_account()
        assert account["ProductionAccessEnabled"] is False
        assert account["SendQuota"] == {"Max24HourSend": 200.0, "MaxSendRate": 1.0, "SentLast24Hours": 0.0}
        status, code, message = refusal(lambda: client(ses.url).send_email(**raw_call("ada@example.org")))
        assert (status, code) == (400, "MessageRejected")
        assert message.startswith("Email address is not verified.") and message.endswith("ada@example.org")
        for address in ("ada@example.com", "HELLO@example.org", "bounce+1@simulator.amazonses.com"):
            client(ses.url).send_email(**raw_call(address))
            ses.advance(1)
        assert len(ses.accepted()) == 3


def test_a_sender_that_is_not_verified_is_refused(tmp_path: Path) -> None:
    with FakeSes.start(tmp_path, verified=["example.com"], in_thread=True, fsync=False) as ses:
        assert refusal(lambda: bulk(ses, 1))[1] == "MessageRejected"
        call = bulk_call([entry()], FromEmailAddress="News <news@example.com>")
        assert client(ses.url).send_bulk_email(**call)


def test_the_peak_is_the_fullest_second_wherever_it_begins(ses: FakeSes) -> None:
    for seconds, count in ((0.0, 10), (0.6, 20), (0.3, 25), (0.5, 5), (3.0, 30)):
        ses.advance(seconds)
        bulk(ses, count)
    assert ses.peak_rate() == 55  # the first three, 0.9 s in all
    assert sum(count for _, count in ses.per_second()) == 90


def test_the_clock_goes_forward_only_and_runs_on_when_told(ses: FakeSes) -> None:
    before = ses.now()
    assert ses.now() == before
    with pytest.raises(ValueError, match="forward"):
        ses.advance(-1)
    ses.advance(10)
    ses.freeze(False)
    assert before + 10 < ses.now() < before + 20


def test_a_reset_forgets_what_was_and_keeps_the_limits(ses: FakeSes) -> None:
    ses.set_rate(3)
    bulk(ses, 50)
    ses.pause()
    ses.reset()
    assert ses.accepted() == []
    assert (ses.peak_rate(), ses.counts()["accepted"], ses.counts()["answers"]) == (0, 0, {})
    assert statuses(bulk(ses, 3)) == ["SUCCESS"] * 3
    assert client(ses.url).get_account()["SendQuota"]["MaxSendRate"] == 3
