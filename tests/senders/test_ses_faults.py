"""What a real boto3 client makes of a server that misbehaves: one request, and the right outcome."""

import re
import socket
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from newsletter.model import Effect, OutcomeKind
from newsletter.senders.ses import SesSender, client_config
from newsletter.settings import Ses
from tests.senders.misbehaving import Act, Misbehaving, answer, close, error, hang, misbehaving, reset, short
from tests.senders.samples import StoppedClock, client, letters, sender

RETRY, FINAL, UNKNOWN = OutcomeKind.REFUSED_RETRY, OutcomeKind.REFUSED_FINAL, OutcomeKind.UNKNOWN


@pytest.fixture
def server() -> Iterator[Misbehaving]:
    """A server to be told how to misbehave."""
    with misbehaving() as running:
        yield running


IN_DOUBT: dict[str, Act] = {
    "read timeout": hang,
    "close": close,
    "reset": reset,
    "500": error(500, "InternalServiceErrorException", "oops"),
    "503": error(503, "ServiceUnavailable", "Maximum sending rate exceeded."),
    "504 html": answer(b"<html>gateway</html>", 504, {"Content-Type": "text/html"}),
    "408": error(408, "RequestTimeout", "slow"),
    "302": answer({}, 302, {"Location": "http://127.0.0.1:9/"}),
    "truncated json": answer(b'{"MessageId": "m'),
    "html 200": answer(b"<html>hello</html>"),
    "empty 200": answer(b""),
    "no message id": answer({}),
    "empty message id": answer({"MessageId": ""}),
    "a list": answer([]),
    "short body": short,
}


@pytest.mark.parametrize("form", ["raw", "bulk"])
@pytest.mark.parametrize("act", IN_DOUBT.values(), ids=IN_DOUBT)
def test_when_nobody_can_tell_every_letter_is_in_doubt_after_one_request(
    server: Misbehaving, act: Act, form: str
) -> None:
    server.act = act
    batch = letters(3 if form == "bulk" else 1, form)
    outcomes = sender(server.url, form).send(batch)
    assert [outcome.kind for outcome in outcomes] == [UNKNOWN] * len(batch)
    assert all(outcome.reason and outcome.effect is Effect.NONE for outcome in outcomes)
    assert len(server.requests) == 1


REFUSALS: list[tuple[int, str, str, OutcomeKind, Effect]] = [
    (429, "TooManyRequestsException", "Too many requests", RETRY, Effect.SLOW),
    (429, "", "", RETRY, Effect.SLOW),
    (400, "ThrottlingException", "Maximum sending rate exceeded.", RETRY, Effect.SLOW),
    (400, "ThrottlingException", "Daily message quota exceeded.", RETRY, Effect.PARK),
    (429, "TooManyRequestsException", "Daily message quota exceeded.", RETRY, Effect.PARK),
    (400, "LimitExceededException", "", RETRY, Effect.PARK),
    (400, "AccountSuspendedException", "", RETRY, Effect.HALT),
    (400, "SendingPausedException", "", RETRY, Effect.HALT),
    (400, "MailFromDomainNotVerifiedException", "", RETRY, Effect.HALT),
    (404, "NotFoundException", "Configuration set <x> does not exist.", RETRY, Effect.HALT),
    (404, "", "", RETRY, Effect.HALT),
    (403, "InvalidSignatureException", "", RETRY, Effect.HALT),
    (403, "UnrecognizedClientException", "The security token included is invalid.", RETRY, Effect.HALT),
    (403, "AccessDeniedException", "not authorized to perform ses:SendEmail", RETRY, Effect.HALT),
    (400, "ExpiredTokenException", "", RETRY, Effect.HALT),
    (400, "MessageRejected", "Email address is not verified. Failed: hello@example.org", RETRY, Effect.HALT),
    (400, "MessageRejected", "The message contains a virus.", FINAL, Effect.NONE),
    (400, "BadRequestException", "Illegal address", FINAL, Effect.NONE),
    (400, "ValidationException", "", FINAL, Effect.NONE),
    (413, "", "too large", FINAL, Effect.NONE),
]


@pytest.mark.parametrize(
    "refusal", REFUSALS, ids=lambda refusal: f"{refusal[0]} {refusal[1]} {refusal[2]}"[:50]
)
def test_a_refusal_says_what_to_do_next_after_one_request(
    server: Misbehaving, refusal: tuple[int, str, str, OutcomeKind, Effect]
) -> None:
    status, code, message, kind, effect = refusal
    server.act = error(status, code, message)
    [outcome] = sender(server.url).send(letters(1))
    assert (outcome.kind, outcome.effect) == (kind, effect)
    assert outcome.reason and "@" not in outcome.reason
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "refusal", REFUSALS, ids=lambda refusal: f"{refusal[0]} {refusal[1]} {refusal[2]}"[:50]
)
def test_one_letter_that_spoils_a_bulk_call_splits_it_and_everything_else_is_as_for_one(
    server: Misbehaving, refusal: tuple[int, str, str, OutcomeKind, Effect]
) -> None:
    status, code, message, kind, effect = refusal
    server.act = error(status, code, message)
    several = sender(server.url, "bulk").send(letters(3, "bulk"))
    expected = (RETRY, Effect.SPLIT) if kind is FINAL else (kind, effect)
    assert [(outcome.kind, outcome.effect) for outcome in several] == [expected] * 3
    [alone] = sender(server.url, "bulk").send(letters(1, "bulk"))
    assert (alone.kind, alone.effect) == (kind, effect)
    assert len(server.requests) == 2


STATUSES: list[tuple[dict[str, str], OutcomeKind, Effect]] = [
    ({"Status": "SUCCESS", "MessageId": "m-1"}, OutcomeKind.ACCEPTED, Effect.NONE),
    ({"Status": "SUCCESS"}, UNKNOWN, Effect.NONE),
    ({"Status": "MESSAGE_REJECTED"}, FINAL, Effect.NONE),
    (
        {"Status": "MESSAGE_REJECTED", "Error": "Email address is not verified: a@example.org"},
        RETRY,
        Effect.HALT,
    ),
    ({"Status": "INVALID_PARAMETER"}, FINAL, Effect.NONE),
    ({"Status": "INVALID_PARAMETER_VALUE"}, FINAL, Effect.NONE),
    ({"Status": "ACCOUNT_THROTTLED"}, RETRY, Effect.SLOW),
    ({"Status": "FAILED", "Error": "Maximum sending rate exceeded."}, RETRY, Effect.SLOW),
    ({"Status": "ACCOUNT_DAILY_QUOTA_EXCEEDED"}, RETRY, Effect.PARK),
    ({"Status": "ACCOUNT_SUSPENDED"}, RETRY, Effect.HALT),
    ({"Status": "ACCOUNT_SENDING_PAUSED"}, RETRY, Effect.HALT),
    ({"Status": "CONFIGURATION_SET_SENDING_PAUSED"}, RETRY, Effect.HALT),
    ({"Status": "CONFIGURATION_SET_NOT_FOUND"}, RETRY, Effect.HALT),
    ({"Status": "CONFIGURATION_SET_DOES_NOT_EXIST"}, RETRY, Effect.HALT),
    ({"Status": "TEMPLATE_NOT_FOUND"}, RETRY, Effect.HALT),
    ({"Status": "TEMPLATE_DOES_NOT_EXIST"}, RETRY, Effect.HALT),
    ({"Status": "MAIL_FROM_DOMAIN_NOT_VERIFIED"}, RETRY, Effect.HALT),
    ({"Status": "INVALID_SENDING_POOL_NAME"}, RETRY, Effect.HALT),
    ({"Status": "TRANSIENT_FAILURE"}, RETRY, Effect.NONE),
    ({"Status": "FAILED", "Error": "something with ada@example.org"}, RETRY, Effect.NONE),
    ({"Status": "A_NEW_ONE"}, UNKNOWN, Effect.NONE),
    ({}, UNKNOWN, Effect.NONE),
]


def test_one_answer_may_mix_statuses_and_each_letter_gets_its_own(server: Misbehaving) -> None:
    server.act = answer({"BulkEmailEntryResults": [result for result, _, _ in STATUSES]})
    outcomes = sender(server.url, "bulk").send(letters(len(STATUSES), "bulk"))
    assert [(outcome.kind, outcome.effect) for outcome in outcomes] == [row[1:] for row in STATUSES]
    assert outcomes[0].message_id == "m-1"
    assert not any("@" in outcome.reason for outcome in outcomes)
    assert len(server.requests) == 1


def test_the_statuses_of_the_installed_model_are_all_known(server: Misbehaving) -> None:
    shape = client(server.url).meta.service_model.shape_for("BulkEmailStatus")
    assert set(shape.enum) <= {result.get("Status") for result, _, _ in STATUSES}


@pytest.mark.parametrize("results", [[], [{"Status": "SUCCESS", "MessageId": "m"}] * 2, None, "x", {"a": 1}])
def test_a_wrong_number_of_results_puts_all_letters_in_doubt(server: Misbehaving, results: Any) -> None:
    server.act = answer({"BulkEmailEntryResults": results})
    outcomes = sender(server.url, "bulk").send(letters(3, "bulk"))
    assert [outcome.kind for outcome in outcomes] == [UNKNOWN] * 3


def test_a_refused_connection_is_no_doubt_and_halts() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    [outcome] = sender(f"http://127.0.0.1:{port}").send(letters(1))
    assert (outcome.kind, outcome.effect) == (RETRY, Effect.HALT)
    assert "EndpointConnectionError" in outcome.reason


def test_a_name_that_does_not_exist_is_no_doubt_and_halts() -> None:
    [outcome] = sender("http://ses.invalid:9").send(letters(1))
    assert (outcome.kind, outcome.effect) == (RETRY, Effect.HALT)


def test_tls_to_a_server_without_it_is_no_doubt_and_halts(server: Misbehaving) -> None:
    [outcome] = sender(server.url.replace("http:", "https:")).send(letters(1))
    assert (outcome.kind, outcome.effect) == (RETRY, Effect.HALT)
    assert not server.requests


def test_without_credentials_nothing_leaves_and_the_run_halts(
    server: Misbehaving, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    session = boto3.session.Session(region_name="eu-central-1")
    anonymous = session.client("sesv2", endpoint_url=server.url, config=client_config())
    without = SesSender(anonymous, Ses(), "hello@example.org", "raw", clock=StoppedClock())
    [outcome] = without.send(letters(1))
    assert (outcome.kind, outcome.effect) == (RETRY, Effect.HALT)
    assert "NoCredentialsError" in outcome.reason
    assert not server.requests


def test_a_connection_kept_idle_is_not_used_again(server: Misbehaving) -> None:
    clock = StoppedClock()
    sending = sender(server.url, clock=clock)
    for pause in (1, 14, 16):
        clock.advance(pause)
        sending.send(letters(1))
    first, second, third = server.connections
    assert first == second != third


@pytest.mark.parametrize("variable", ["AWS_MAX_ATTEMPTS", "AWS_RETRY_MODE"])
def test_no_variable_brings_retries_back(
    server: Misbehaving, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "5" if variable == "AWS_MAX_ATTEMPTS" else "adaptive")
    server.act = error(500)
    sender(server.url).send(letters(1))
    assert len(server.requests) == 1


def test_after_a_refusal_of_the_account_the_other_raw_letters_are_not_tried(server: Misbehaving) -> None:
    server.act = error(429, "TooManyRequestsException", "slow down")
    outcomes = sender(server.url).send(letters(3))
    assert [outcome.effect for outcome in outcomes] == [Effect.SLOW] * 3
    assert len(server.requests) == 1


def test_reasons_hold_no_address_and_are_short(server: Misbehaving) -> None:
    server.act = error(400, "MessageRejected", "bad <a.b+c@example.org>, é@bücher.example " + "x" * 900)
    [outcome] = sender(server.url).send(letters(1))
    assert not re.search(r"\S@\S", outcome.reason)
    assert len(outcome.reason) <= 300
