"""Each fault as a real client meets it: what it raises, and whether the mail was accepted."""

import socket
import time
from random import Random
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError

from newsletter.errors import SendError
from newsletter.model import Effect, OutcomeKind
from tests.fakeses.calling import SIGNED, bulk, bulk_call, entry, raw_call, statuses
from tests.fakeses.client import FakeSes
from tests.fakeses.faults import Fault
from tests.fakeses.refusals import STATUSES
from tests.senders.samples import client, letters, sender

UNKNOWN = OutcomeKind.UNKNOWN

BROKEN: dict[str, tuple[Fault, type[Exception]]] = {
    "500": (Fault("error"), ClientError),
    "503": (Fault("error", status=503, code="", message="Service Unavailable"), ClientError),
    "504 html": (Fault("html", status=504), ClientError),
    "RST": (Fault("reset"), ConnectionClosedError),
    "FIN": (Fault("close"), ConnectionClosedError),
    "hang": (Fault("hang"), ReadTimeoutError),
}


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(("fault", "error"), BROKEN.values(), ids=BROKEN)
def test_a_call_breaks_before_or_after_it_was_accepted_and_the_client_cannot_tell(
    fake_ses: FakeSes, fault: Fault, error: type[Exception], after: bool
) -> None:
    fake_ses.plan([Fault.from_json({**fault.to_json(), "after": after})])
    with pytest.raises(error):
        client(fake_ses.url, read_timeout=0.1).send_email(**raw_call())
    assert len(fake_ses.accepted()) == after
    assert fake_ses.counts()["requests"] == {"SendEmail": 1}
    fake_ses.plan([])
    assert client(fake_ses.url).send_email(**raw_call())["MessageId"]


@pytest.mark.parametrize("form", ["raw", "bulk"])
@pytest.mark.parametrize("fault", [fault for fault, _ in BROKEN.values()], ids=BROKEN)
def test_our_sender_is_in_doubt_of_all_letters_after_one_request(
    fake_ses: FakeSes, fault: Fault, form: str
) -> None:
    fake_ses.plan([Fault.from_json({**fault.to_json(), "after": True})])
    batch = letters(3 if form == "bulk" else 1, form)
    assert {outcome.kind for outcome in sender(fake_ses.url, form).send(batch)} == {UNKNOWN}
    assert fake_ses.addresses() == [letter.to for letter in batch]
    assert sum(fake_ses.counts()["requests"].values()) == 1
    assert fake_ses.counts()["faults"] == {fault.do: 1}


@pytest.mark.parametrize("form", ["raw", "bulk"])
@pytest.mark.parametrize("kind", ["truncated", "html", "no_id", "short"])
def test_a_200_that_says_nothing_comes_after_acceptance(fake_ses: FakeSes, kind: str, form: str) -> None:
    fake_ses.plan([Fault(kind)])
    batch = letters(3 if form == "bulk" else 1, form)
    assert [outcome.kind for outcome in sender(fake_ses.url, form).send(batch)] == [UNKNOWN] * len(batch)
    assert fake_ses.addresses() == [letter.to for letter in batch]


@pytest.mark.parametrize("kind", ["reset", "close"])
def test_a_rst_is_a_rst_and_a_fin_is_a_fin(fake_ses: FakeSes, kind: str) -> None:
    fake_ses.plan([Fault(kind, operation="GetAccount")])
    host, port = fake_ses.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        head = "".join(f"{name}: {value}\r\n" for name, value in SIGNED.items())
        connection.sendall(f"GET /v2/email/account HTTP/1.1\r\nHost: {host}\r\n{head}\r\n".encode())
        if kind == "close":
            assert connection.recv(100) == b""
        else:
            with pytest.raises(ConnectionResetError):
                connection.recv(100)


def test_truncated_html_and_no_id_raise_nothing_in_boto3(fake_ses: FakeSes) -> None:
    for kind in ("truncated", "html", "no_id"):
        fake_ses.plan([Fault(kind)])
        assert "MessageId" not in client(fake_ses.url).send_email(**raw_call())


@pytest.mark.parametrize("off_by", [-2, -1, 1])
def test_a_wrong_number_of_results(fake_ses: FakeSes, off_by: int) -> None:
    fake_ses.plan([Fault("count", off_by=off_by)])
    assert len(bulk(fake_ses, 4)) == 4 + off_by
    assert len(fake_ses.accepted()) == 4


def test_429_before_acceptance_is_a_definite_refusal(fake_ses: FakeSes) -> None:
    throttle = Fault(
        "error", status=429, code="TooManyRequestsException", message="Too many requests.", requests=(2,)
    )
    fake_ses.plan([throttle])
    outcomes = [sender(fake_ses.url).send(letters(1))[0] for _ in range(3)]
    assert [outcome.effect for outcome in outcomes] == [Effect.NONE, Effect.SLOW, Effect.NONE]
    assert len(fake_ses.accepted()) == 2
    assert fake_ses.faults_used() == [1]


@pytest.mark.parametrize("status", [*STATUSES, "A_NEW_ONE"])
def test_entries_end_with_any_status_and_only_the_others_are_accepted(fake_ses: FakeSes, status: str) -> None:
    fake_ses.plan([Fault("entry", entry_status=status, entries=(0, 2))])
    assert statuses(bulk(fake_ses, 4)) == [status, "SUCCESS", status, "SUCCESS"]
    assert fake_ses.addresses() == ["reader2@example.org", "reader4@example.org"]
    assert fake_ses.counts()["entries"] == {status: 2, "SUCCESS": 2}
    assert client(fake_ses.url).get_account()["SendQuota"]["SentLast24Hours"] == 2


def test_one_entry_in_n_fails_for_now_by_chance_and_the_same_with_the_same_seed(fake_ses: FakeSes) -> None:
    runs = []
    for seed in (1, 1, 2):
        fake_ses.plan([Fault("entry", entry_status="TRANSIENT_FAILURE", share=1 / 5)], seed=seed)
        runs.append([status for _ in range(8) for status in statuses(bulk(fake_ses, 50))])
    assert runs[0] == runs[1] != runs[2]
    assert 50 < runs[0].count("TRANSIENT_FAILURE") < 110  # of 400


def test_an_entry_fails_by_address_so_often_and_then_passes(fake_ses: FakeSes) -> None:
    fake_ses.plan([Fault("entry", address="reader2@example.org", times=2)])
    tries = [statuses(bulk(fake_ses, 2))[1] for _ in range(3)]
    assert tries == ["TRANSIENT_FAILURE", "TRANSIENT_FAILURE", "SUCCESS"]


def test_calls_are_chosen_by_number_by_turns_and_by_address(fake_ses: FakeSes) -> None:
    fake_ses.plan(
        [
            Fault("error", message="by number", requests=(1, 5)),
            Fault("error", message="by turns", every=4),
            Fault("error", message="by address", address="bad@example.org"),
        ]
    )
    sending, met = client(fake_ses.url), []
    for number in range(1, 9):
        try:
            sending.send_email(**raw_call("bad@example.org" if number in {5, 6} else "ada@example.org"))
            met.append("")
        except ClientError as error:
            met.append(error.response["Error"]["Message"])
    assert met == ["by number", "", "", "by turns", "by number", "by address", "", "by turns"]
    assert fake_ses.faults_used() == [2, 2, 1]


def test_a_call_that_ends_before_acceptance_does_not_use_up_what_would_come_after(fake_ses: FakeSes) -> None:
    fake_ses.plan([Fault("reset", after=True, times=1), Fault("error", requests=(1,))])
    with pytest.raises(ClientError):
        client(fake_ses.url).send_email(**raw_call())
    assert fake_ses.faults_used() == [0, 1]
    with pytest.raises(ConnectionClosedError):
        client(fake_ses.url).send_email(**raw_call())
    assert fake_ses.faults_used() == [1, 1]


def test_calls_break_with_a_probability(fake_ses: FakeSes) -> None:
    fake_ses.plan([Fault("no_id", share=0.3)], seed=3)
    sending = client(fake_ses.url)
    broken = sum("MessageId" not in sending.send_email(**raw_call()) for _ in range(60))
    assert 6 <= broken <= 32
    assert fake_ses.faults_used() == [broken]


@pytest.mark.parametrize(("kind", "effect"), [("pause", Effect.HALT), ("suspend", Effect.HALT)])
def test_the_account_stops_in_the_middle_of_a_run(fake_ses: FakeSes, kind: str, effect: Effect) -> None:
    fake_ses.plan([Fault(kind, requests=(3,))])
    outcomes = [sender(fake_ses.url, "bulk").send(letters(2, "bulk"))[0] for _ in range(4)]
    assert [outcome.effect for outcome in outcomes] == [Effect.NONE, Effect.NONE, effect, effect]
    assert len(fake_ses.accepted()) == 4


def test_latency_is_fixed_or_log_normal_around_its_median(fake_ses: FakeSes) -> None:
    fake_ses.plan([Fault("delay", ms=40)])
    began = time.perf_counter()
    client(fake_ses.url).send_email(**raw_call())
    assert time.perf_counter() - began >= 0.04
    spread = Fault("delay", ms=80, sigma=0.4)
    chance = Random(1)
    seconds = sorted(spread.seconds(chance) for _ in range(2001))
    assert 0.07 < seconds[1000] < 0.09
    assert seconds[200] < 0.06 < 0.11 < seconds[1800]


def test_a_delay_before_or_after_acceptance_adds_to_what_else_happens(fake_ses: FakeSes) -> None:
    fake_ses.plan([Fault("delay", ms=600, after=True)])
    [outcome] = sender(fake_ses.url).send(letters(1))  # which waits half a second
    assert outcome.kind is UNKNOWN
    assert len(fake_ses.accepted()) == 1


def test_a_request_is_worked_on_although_its_client_has_gone(fake_ses: FakeSes) -> None:
    fake_ses.plan([Fault("delay", ms=150)])
    with pytest.raises(ReadTimeoutError):
        client(fake_ses.url, read_timeout=0.05).send_email(**raw_call())
    assert fake_ses.accepted() == []
    until = time.monotonic() + 5
    while not fake_ses.accepted():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_an_answer_that_drips_arrives_if_the_client_is_patient(fake_ses: FakeSes) -> None:
    fake_ses.plan([Fault("drip", ms=1)])
    began = time.perf_counter()
    assert client(fake_ses.url).send_email(**raw_call())["MessageId"]
    assert time.perf_counter() - began > 0.15


def test_a_hang_may_end(fake_ses: FakeSes) -> None:
    fake_ses.plan([Fault("hang", ms=50)])
    with pytest.raises(ConnectionClosedError):
        client(fake_ses.url, read_timeout=5).send_email(**raw_call())


def test_get_account_has_faults_of_its_own(fake_ses: FakeSes) -> None:
    fake_ses.plan([Fault("error", operation="GetAccount", requests=(2,))])
    sending = client(fake_ses.url)
    sending.send_email(**raw_call())
    sending.send_email(**raw_call())
    assert sending.get_account()
    with pytest.raises(SendError):
        sender(fake_ses.url).allowance()
    assert sending.get_account()


def test_a_fault_for_one_operation_spares_the_other(fake_ses: FakeSes) -> None:
    fake_ses.plan([Fault("error", operation="SendBulkEmail")])
    assert client(fake_ses.url).send_email(**raw_call())
    with pytest.raises(ClientError):
        client(fake_ses.url).send_bulk_email(**bulk_call([entry()]))


@pytest.mark.parametrize(
    "wrong", [{"do": "explode"}, {"do": "reset", "when": "now"}, {"do": "reset", "share": 2}, {"after": True}]
)
def test_a_plan_that_makes_no_sense_is_refused_and_changes_nothing(
    fake_ses: FakeSes, wrong: dict[str, Any]
) -> None:
    fake_ses.plan([Fault("no_id")])
    with pytest.raises(ValueError, match="Error: "):
        fake_ses._control("plan", {"faults": [wrong]})
    assert fake_ses.faults_used() == [0]
