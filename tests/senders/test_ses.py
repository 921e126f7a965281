"""What goes out to SES, what is refused before it goes, and what the account may send."""

import base64
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from newsletter.errors import SendError
from newsletter.model import CompiledIssue, Effect, Image, OutcomeKind, Residual
from newsletter.senders.ses import choose_form, open_ses
from newsletter.settings import Newsletter, Ses, Settings
from tests.senders.misbehaving import Misbehaving, answer, error, misbehaving
from tests.senders.samples import MIME, TAGS, StoppedClock, client, letters, sender, template

HEADER = {"List-Id": "<n.example.org>"}


@pytest.fixture
def server() -> Iterator[Misbehaving]:
    """A server that accepts everything unless told otherwise."""
    with misbehaving() as running:
        yield running


def account(server: Misbehaving, **quota: Any) -> None:
    plain = {"MaxSendRate": 14.0, "Max24HourSend": 50_000.0, "SentLast24Hours": 1_000.0}
    server.act = answer(
        {"SendQuota": {**plain, **quota}, "SendingEnabled": True, "EnforcementStatus": "HEALTHY"}
    )


def test_a_raw_letter_goes_whole_with_its_address_tags_and_configuration_set(server: Misbehaving) -> None:
    [outcome] = sender(server.url, configuration_set="news").send(letters(1))
    [(path, body)] = server.requests
    assert path == "/v2/email/outbound-emails"
    assert body == {
        "Content": {"Raw": {"Data": base64.b64encode(MIME).decode()}},
        "Destination": {"ToAddresses": ["reader1@example.org"]},
        "EmailTags": [
            {"Name": "campaign", "Value": "k3xw9q"},
            {"Name": "delivery", "Value": "1"},
            {"Name": "attempt", "Value": "1"},
        ],
        "ConfigurationSetName": "news",
    }
    assert (outcome.kind, outcome.message_id) == (OutcomeKind.ACCEPTED, "m-1")


def test_a_bulk_call_shares_the_template_and_gives_each_letter_one_address(server: Misbehaving) -> None:
    server.act = answer(
        {"BulkEmailEntryResults": [{"Status": "SUCCESS", "MessageId": f"m-{n}"} for n in (1, 2)]}
    )
    picture = Image(name="a.png", cid="a@example.org", content_type="image/png", data=b"\x89PNG")
    shared = template(images=(picture,))
    batch = [replace(letter, template=shared) for letter in letters(2, "bulk")]
    outcomes = sender(server.url, "bulk").send(batch)
    assert [outcome.message_id for outcome in outcomes] == ["m-1", "m-2"]
    [(path, body)] = server.requests
    assert path == "/v2/email/outbound-bulk-emails"
    assert body["FromEmailAddress"] == "Ignite <hello@example.org>"
    assert body["ReplyToAddresses"] == ["answers@example.org"]
    assert "ConfigurationSetName" not in body
    content = body["DefaultContent"]["Template"]
    assert content["TemplateContent"] == {"Subject": "{{s}}", "Html": "<p>{{h0}}</p>", "Text": "{{t0}}"}
    assert content["TemplateData"] == '{"b0":"{{"}'
    assert content["Headers"] == [{"Name": "List-Id", "Value": "<n.example.org>"}]
    [attachment] = content["Attachments"]
    assert attachment["RawContent"] == base64.b64encode(picture.data).decode()
    assert (attachment["ContentDisposition"], attachment["ContentId"]) == ("INLINE", "a@example.org")
    for number, entry in enumerate(body["BulkEmailEntries"], 1):
        assert entry["Destination"] == {"ToAddresses": [f"reader{number}@example.org"]}
        assert {"Name": "delivery", "Value": str(number)} in entry["ReplacementTags"]
        [header] = entry["ReplacementHeaders"]
        assert header["Name"] == "List-Unsubscribe" and header["Value"].endswith(f"%20{number}>")
        data = entry["ReplacementEmailContent"]["ReplacementTemplate"]["ReplacementTemplateData"]
        assert f'"h0":"&lt;{number}"' in data


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ada",
        "ada@localhost",
        "a b@example.org",
        "ada@example.org,eve@example.org",
        "m\\r@example.org",
        "é@example.org",
    ],
)
@pytest.mark.parametrize("form", ["raw", "bulk"])
def test_an_address_that_ses_cannot_take_fails_alone(server: Misbehaving, address: str, form: str) -> None:
    server.act = answer(
        {"MessageId": "m", "BulkEmailEntryResults": [{"Status": "SUCCESS", "MessageId": "m"}] * 2}
    )
    batch = letters(3, form)
    batch[1] = replace(batch[1], to=address)
    outcomes = sender(server.url, form).send(batch)
    kinds = [outcome.kind for outcome in outcomes]
    assert kinds == [OutcomeKind.ACCEPTED, OutcomeKind.REFUSED_FINAL, OutcomeKind.ACCEPTED]
    sent = str(server.requests)
    assert "reader1@" in sent and "reader3@" in sent and "reader2@" not in sent


def test_what_is_too_long_for_one_bulk_entry_fails_alone(server: Misbehaving) -> None:
    batch = letters(2, "bulk")
    batch[0] = replace(batch[0], values={"h0": "x" * 262_144})
    server.act = answer({"BulkEmailEntryResults": [{"Status": "SUCCESS", "MessageId": "m"}]})
    outcomes = sender(server.url, "bulk").send(batch)
    assert [outcome.kind for outcome in outcomes] == [OutcomeKind.REFUSED_FINAL, OutcomeKind.ACCEPTED]


@pytest.mark.parametrize(
    "change",
    [
        {"tags": {**TAGS, "delivery": "ada@example.org"}},
        {"tags": {"a b": "1"}},
        {"headers": {"List-Unsubscribe": "x" * 996}},
        {"headers": {"List-Unsubscribe": "<https://x>\r\nBcc: eve"}},
        {"headers": {"Bad Name": "x"}},
        {"headers": {"X-Empty": ""}},
        {"headers": {"X-A": "x" * 995}},
        {"headers": {f"X-{n}": "x" for n in range(16)}},
    ],
    ids=str,
)
def test_a_mistake_of_ours_halts_the_run_and_fails_nobody(
    server: Misbehaving, change: dict[str, Any]
) -> None:
    batch = letters(2, "bulk")
    batch[1] = replace(batch[1], **change)
    outcomes = sender(server.url, "bulk").send(batch)
    assert [(o.kind, o.effect) for o in outcomes] == [(OutcomeKind.REFUSED_RETRY, Effect.HALT)] * 2
    assert not server.requests


def test_a_message_over_40_mb_halts_the_run(server: Misbehaving) -> None:
    [outcome] = sender(server.url).send([replace(letters(1)[0], mime=b"x" * 31_500_000)])
    assert (outcome.kind, outcome.effect) == (OutcomeKind.REFUSED_RETRY, Effect.HALT)
    assert "40 MB" in outcome.reason and not server.requests


def test_letters_of_two_issues_or_in_raw_form_are_no_bulk_call(server: Misbehaving) -> None:
    for batch in (letters(1, "bulk") + letters(1, "bulk"), letters(2, "raw")):
        outcomes = sender(server.url, "bulk").send(batch)
        assert [outcome.effect for outcome in outcomes] == [Effect.HALT] * 2
    assert not server.requests


def test_a_bulk_call_over_1_mb_is_split_before_it_goes_and_halts_when_one_letter_is_too_much(
    server: Misbehaving,
) -> None:
    batch = [replace(letter, values={"h0": "x" * 200_000}) for letter in letters(6, "bulk")]
    outcomes = sender(server.url, "bulk").send(batch)
    assert [(o.kind, o.effect) for o in outcomes] == [(OutcomeKind.REFUSED_RETRY, Effect.SPLIT)] * 6
    big = template(images=(Image(name="a", cid="a", content_type="image/png", data=b"x" * 900_000),))
    [alone] = sender(server.url, "bulk").send([replace(letters(1, "bulk")[0], template=big)])
    assert (alone.kind, alone.effect) == (OutcomeKind.REFUSED_RETRY, Effect.HALT)
    assert not server.requests


def test_more_than_50_letters_are_split_and_none_make_no_call(server: Misbehaving) -> None:
    made = sender(server.url, "bulk")
    assert {outcome.effect for outcome in made.send(letters(51, "bulk"))} == {Effect.SPLIT}
    assert list(made.send([])) == list(sender(server.url).send([])) == []
    assert not server.requests
    assert (made.max_batch, sender(server.url).max_batch) == (50, 1)


def test_the_allowance_is_our_share_of_the_rate_and_the_quota_less_the_reserve(server: Misbehaving) -> None:
    account(server)
    allowed = sender(server.url, share=0.5, quota_reserve=0.1).allowance()
    assert (allowed.per_second, allowed.today) == (7.0, 50_000 - 1_000 - 5_000)
    assert [path for path, _ in server.requests] == ["/v2/email/account"]


def test_an_unlimited_quota_is_none_and_a_used_one_is_zero(server: Misbehaving) -> None:
    account(server, Max24HourSend=-1.0)
    assert sender(server.url).allowance().today is None
    account(server, SentLast24Hours=49_999.0)
    assert sender(server.url).allowance().today == 0


def test_the_account_is_asked_once_a_minute_and_the_answer_says_how_old_it_is(server: Misbehaving) -> None:
    clock = StoppedClock()
    made = sender(server.url, clock=clock, quota_reserve=0)
    account(server)
    first = made.allowance()
    assert (first.today, first.as_of) == (49_000, clock())
    clock.advance(59)
    assert made.allowance() == first
    account(server, SentLast24Hours=1_002.0)
    clock.advance(1)
    second = made.allowance()
    assert (second.today, second.as_of) == (48_998, clock())
    assert [path for path, _ in server.requests].count("/v2/email/account") == 2


@pytest.mark.parametrize(
    "act",
    [
        error(404, "", ""),
        answer(b"<UnknownOperationException/>", 404),
        error(400, "BadRequestException", "Account not found"),
        error(403, "AccessDeniedException", "not authorized to perform ses:GetAccount for ada@example.org"),
        error(500),
        answer({}),
        answer(b"<html>"),
        answer({"SendQuota": {"MaxSendRate": 14.0}}),
        answer({"SendQuota": {"MaxSendRate": 0, "Max24HourSend": 0, "SentLast24Hours": 0}}),
    ],
)
def test_an_account_that_cannot_be_asked_is_a_send_error_with_a_hint(server: Misbehaving, act: Any) -> None:
    server.act = act
    with pytest.raises(SendError) as caught:
        sender(server.url).allowance()
    assert caught.value.hint and "@" not in str(caught.value)


@pytest.mark.parametrize("stop", [{"SendingEnabled": False}, {"EnforcementStatus": "SHUTDOWN"}])
def test_an_account_that_amazon_stopped_is_a_send_error(server: Misbehaving, stop: dict[str, Any]) -> None:
    quota = {"MaxSendRate": 14.0, "Max24HourSend": 50_000.0, "SentLast24Hours": 0.0}
    server.act = answer({"SendQuota": quota, "SendingEnabled": True, **stop})
    with pytest.raises(SendError, match="stopped"):
        sender(server.url).allowance()


@pytest.mark.parametrize(
    ("api", "rate", "image_bytes", "form"),
    [
        ("auto", 1, 0, "raw"),
        ("auto", 200, 0, "raw"),
        ("auto", 201, 0, "bulk"),
        ("auto", 500, 450_000, "bulk"),
        ("auto", 500, 460_000, "raw"),
        ("raw", 5_000, 0, "raw"),
        ("bulk", 1, 450_000, "bulk"),
    ],
)
def test_auto_is_raw_for_small_accounts_and_large_pictures(
    api: str, rate: float, image_bytes: int, form: str
) -> None:
    assert choose_form(api, rate, image_bytes) == form


def test_pictures_too_large_for_bulk_are_refused_when_bulk_was_asked_for() -> None:
    with pytest.raises(SendError) as caught:
        choose_form("bulk", 1, 460_000)
    assert "450,000" in caught.value.hint


@pytest.mark.parametrize(("rate", "form"), [(14.0, "raw"), (200.0, "raw"), (201.0, "bulk")])
def test_the_sender_for_an_issue_takes_the_form_from_the_accounts_whole_rate(
    server: Misbehaving, rate: float, form: str
) -> None:
    account(server, MaxSendRate=rate)
    empty = Residual(source="")
    issue = CompiledIssue(slug="s", title="t", language="en", subject=empty, html=empty, text=empty)
    settings = Settings(newsletter=Newsletter(name="N", from_="hello@example.org"), ses=Ses(share=0.3))
    opened = open_ses(client(server.url), settings, issue, clock=StoppedClock())
    assert (opened.kind, opened.form) == ("ses", form)
    assert opened.allowance().per_second == pytest.approx(rate * 0.3)
    assert len(server.requests) == 1
