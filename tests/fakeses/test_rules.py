"""What SES takes and what it does not: the same limits, errors and fillings, over real HTTP."""

import base64
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

import botocore.session
import pytest

from newsletter.model import Effect, OutcomeKind
from newsletter.senders.ses_calls import MAX_BULK
from tests.fakeses.calling import SIGNED, bulk, bulk_call, entry, raw_call, refusal, simple_call, statuses
from tests.fakeses.client import FakeSes
from tests.fakeses.faults import Fault
from tests.fakeses.refusals import STATUSES
from tests.senders.samples import TAGS, client, letters, sender


@pytest.mark.parametrize("form", ["raw", "bulk"])
def test_our_own_letters_are_accepted_with_tags_and_headers(fake_ses: FakeSes, form: str) -> None:
    outcomes = sender(fake_ses.url, form).send(letters(3, form))
    accepted = fake_ses.accepted()
    assert [outcome.message_id for outcome in outcomes] == [each.message_id for each in accepted]
    assert len({each.message_id for each in accepted}) == 3
    assert [each.address for each in accepted] == [f"reader{number}@example.org" for number in (1, 2, 3)]
    assert [each.tags for each in accepted] == [{**TAGS, "delivery": str(number)} for number in (1, 2, 3)]
    assert [each.call for each in accepted] == ([1, 2, 3] if form == "raw" else [1, 1, 1])
    if form == "bulk":
        assert accepted[1].headers == {
            "From": "Ignite <hello@example.org>",
            "Reply-To": "answers@example.org",
            "List-Id": "<n.example.org>",
            "List-Unsubscribe": "<mailto:leave@example.org?subject=unsubscribe%202>",
        }


def test_simple_raw_and_bulk_are_kept_as_a_reader_sees_them(fake_ses: FakeSes) -> None:
    ses = client(fake_ses.url)
    ses.send_email(**simple_call())
    mime = (
        b"From: a@example.org\r\nSubject: =?utf-8?q?Zo=C3=AB?=\r\nContent-Type: text/html\r\n\r\n<p>x</p>\r\n"
    )
    ses.send_email(**raw_call(mime=mime))
    ses.send_bulk_email(**bulk_call([entry(values={"x": "<b>&</b>"})], html="<p>{{x}}</p>"))
    assert [each.content for each in fake_ses.accepted()] == [
        {"subject": "Hello", "html": "<p>Hello</p>", "text": "Hello"},
        {"subject": "Zoë", "html": "<p>x</p>\n", "text": ""},
        {"subject": "Hello", "html": "<p><b>&</b></p>", "text": "Hello"},
    ]


def test_an_entrys_values_and_headers_replace_those_of_the_call(fake_ses: FakeSes) -> None:
    own = [{"Name": "X-Whose", "Value": "own"}]
    shared = {
        "TemplateData": json.dumps({"x": "shared", "y": "{{"}),
        "Headers": [{"Name": "X-Whose", "Value": "all"}],
    }
    entries = [entry("a@example.org"), entry("b@example.org", {"x": "own"}, ReplacementHeaders=own)]
    client(fake_ses.url).send_bulk_email(**bulk_call(entries, html="{{ x }}{{{y}}}", more=shared))
    first, second = fake_ses.accepted()
    assert (first.content["html"], first.headers["X-Whose"]) == ("shared{{", "all")
    assert (second.content["html"], second.headers["X-Whose"]) == ("own{{", "own")


@pytest.mark.parametrize(
    ("html", "why"),
    [
        ("{{absent}}", "Attribute 'absent'"),
        ("{{#if x}}y{{/if}}", "simple substitutions"),
        ("\\{{x}}", "simple substitutions"),
    ],
)
def test_a_mail_that_cannot_be_rendered_is_accepted_and_never_sent(
    fake_ses: FakeSes, html: str, why: str
) -> None:
    call = bulk_call([entry(values={"x": "y"})], html=html)
    assert statuses(client(fake_ses.url).send_bulk_email(**call)["BulkEmailEntryResults"]) == ["SUCCESS"]
    [accepted] = fake_ses.accepted()
    assert why in accepted.failed and not accepted.content


def test_a_bulk_call_carries_fifty_entries_and_not_one_more(fake_ses: FakeSes) -> None:
    assert statuses(bulk(fake_ses, MAX_BULK)) == ["SUCCESS"] * 50
    status, code, message = refusal(lambda: bulk(fake_ses, MAX_BULK + 1))
    assert (status, code) == (400, "BadRequestException")
    assert "51" in message
    assert len(fake_ses.accepted()) == 50


def _pairs(count: int, name: str = "X-{}", value: str = "v") -> list[dict[str, str]]:
    return [{"Name": name.format(number), "Value": value} for number in range(count)]


REFUSED_IN_BULK: dict[str, dict[str, Any]] = {
    "no entries": bulk_call([]),
    "16 headers": bulk_call([entry()], more={"Headers": _pairs(16)}),
    "a header with a colon": bulk_call([entry(ReplacementHeaders=_pairs(1, "X:{}"))]),
    "a header without a value": bulk_call([entry(ReplacementHeaders=_pairs(1, value=""))]),
    "a header value of 996": bulk_call([entry(ReplacementHeaders=_pairs(1, value="v" * 996))]),
    "a header value with an accent": bulk_call([entry(ReplacementHeaders=_pairs(1, value="é"))]),
    "a header of 997 in all": bulk_call([entry(ReplacementHeaders=_pairs(1, value="v" * 994))]),
    "a tag that is an address": bulk_call([entry(ReplacementTags=_pairs(1, value="ada@example.org"))]),
    "a tag of 257": bulk_call([entry(ReplacementTags=_pairs(1, "{}", value="v" * 257))]),
    "values of 262,145": bulk_call([entry(values={"x": "v" * (262_145 - len('{"x": ""}'))})]),
    "a megabyte": bulk_call([entry()], html="v" * 1_000_000),
    "no sender": {**bulk_call([entry()]), "FromEmailAddress": ""},
    "a reply to nobody": bulk_call([entry()], ReplyToAddresses=["nobody"]),
    "an address without a domain": bulk_call([entry("ada")]),
    "an address with an accent": bulk_call([entry("zoë@example.org")]),
    "15 headers of all and one of its own": bulk_call(
        [entry(ReplacementHeaders=_pairs(1, "Y-{}"))], more={"Headers": _pairs(15)}
    ),
}


@pytest.mark.parametrize("call", REFUSED_IN_BULK.values(), ids=REFUSED_IN_BULK)
def test_a_bulk_call_beyond_the_limits_is_refused_and_nobody_gets_it(
    fake_ses: FakeSes, call: dict[str, Any]
) -> None:
    status, code, message = refusal(lambda: client(fake_ses.url).send_bulk_email(**call))
    assert (status, code) == (400, "BadRequestException")
    assert message
    assert fake_ses.accepted() == []


TAKEN_IN_BULK: dict[str, dict[str, Any]] = {
    "15 headers": bulk_call([entry(ReplacementHeaders=_pairs(15))]),
    "a header value of 993": bulk_call([entry(ReplacementHeaders=_pairs(1, value="v" * 993))]),
    "a tag of 256": bulk_call([entry(ReplacementTags=_pairs(1, "{}", value="v" * 256))]),
    "values of 262,144": bulk_call([entry(values={"x": "v" * (262_144 - len('{"x": ""}'))})]),
    "nearly a megabyte": bulk_call([entry()], html="v" * 999_000),
}


@pytest.mark.parametrize("call", TAKEN_IN_BULK.values(), ids=TAKEN_IN_BULK)
def test_a_bulk_call_at_the_limits_is_taken(fake_ses: FakeSes, call: dict[str, Any]) -> None:
    assert statuses(client(fake_ses.url).send_bulk_email(**call)["BulkEmailEntryResults"]) == ["SUCCESS"]


REFUSED_SINGLY: dict[str, dict[str, Any]] = {
    "without From": raw_call(mime=b"To: a@example.org\r\n\r\nHello\r\n"),
    "without a body": raw_call(mime=b"From: a@example.org\r\nTo: a@example.org\r\n"),
    "a line of 1,001": raw_call(mime=b"From: a@example.org\r\n\r\n" + b"x" * 999 + b"\r\n"),
    "no recipient": {**raw_call(), "Destination": {"ToAddresses": []}},
    "51 recipients": {**raw_call(), "Destination": {"ToAddresses": ["a@example.org"] * 51}},
    "a tag with a blank": raw_call(EmailTags=[{"Name": "a", "Value": "b c"}]),
    "16 simple headers": simple_call(Headers=_pairs(16)),
    "no simple body": simple_call(Body={}),
}


@pytest.mark.parametrize("call", REFUSED_SINGLY.values(), ids=REFUSED_SINGLY)
def test_a_message_that_is_none_is_refused(fake_ses: FakeSes, call: dict[str, Any]) -> None:
    assert refusal(lambda: client(fake_ses.url).send_email(**call))[:2] == (400, "BadRequestException")
    assert fake_ses.accepted() == []


def test_with_per_entry_one_bad_address_fails_alone(fake_ses: FakeSes, tmp_path: Any) -> None:
    with FakeSes.start(tmp_path / "own", per_entry=True, in_thread=True) as ses:
        call = bulk_call([entry("a@example.org"), entry("nobody"), entry("b@example.org")])
        results = client(ses.url).send_bulk_email(**call)["BulkEmailEntryResults"]
        assert statuses(results) == ["SUCCESS", "INVALID_PARAMETER", "SUCCESS"]
        assert ses.addresses() == ["a@example.org", "b@example.org"]


def test_a_stored_template_is_not_found(fake_ses: FakeSes) -> None:
    call = bulk_call([entry()])
    call["DefaultContent"] = {"Template": {"TemplateName": "monthly", "TemplateData": "{}"}}
    assert refusal(lambda: client(fake_ses.url).send_bulk_email(**call))[:2] == (404, "NotFoundException")


def _post(ses: FakeSes, path: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, str | None, Any]:
    request = urllib.request.Request(ses.url + path, data=body, headers=dict(headers))
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=5)
    with caught.value as answer:
        return answer.code, answer.headers["x-amzn-ErrorType"], json.load(answer)


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "MissingAuthenticationTokenException"),
        ({"Authorization": "Bearer x"}, "IncompleteSignatureException"),
        (
            {**SIGNED, "Authorization": SIGNED["Authorization"].replace("/ses/", "/email/")},
            "SignatureDoesNotMatch",
        ),
    ],
)
def test_a_request_that_is_not_signed_for_ses_is_forbidden(
    fake_ses: FakeSes, headers: dict[str, str], code: str
) -> None:
    status, error, body = _post(fake_ses, "/v2/email/outbound-emails", b"{}", headers)
    assert (status, error, list(body)) == (403, code, ["message"])


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"Content": 1}', b'{"Content": {"Raw": {"Data": "?"}}}']
)
def test_what_is_no_request_is_a_serialization_error(fake_ses: FakeSes, body: bytes) -> None:
    assert _post(fake_ses, "/v2/email/outbound-emails", body, SIGNED)[:2] == (400, "SerializationException")


def test_an_operation_that_is_not_played_is_unknown(fake_ses: FakeSes) -> None:
    assert refusal(lambda: client(fake_ses.url).list_contact_lists())[:2] == (
        404,
        "UnknownOperationException",
    )


def test_several_recipients_of_one_message_share_its_id_and_count_each(fake_ses: FakeSes) -> None:
    call = {**raw_call(), "Destination": {"ToAddresses": ["a@example.org", "B <b@example.org>"]}}
    message_id = client(fake_ses.url).send_email(**call)["MessageId"]
    assert [(each.address, each.message_id) for each in fake_ses.accepted()] == [
        ("a@example.org", message_id),
        ("b@example.org", message_id),
    ]
    assert client(fake_ses.url).get_account()["SendQuota"]["SentLast24Hours"] == 2


def test_a_large_raw_message_arrives_whole(fake_ses: FakeSes) -> None:
    lines = (base64.b64encode(bytes(57)) + b"\r\n") * 40_000
    mime = b"From: a@example.org\r\nSubject: large\r\n\r\n" + lines
    sending = client(fake_ses.url, read_timeout=10)
    assert sending.send_email(**raw_call(mime=mime))["MessageId"]
    assert len(fake_ses.accepted()[0].content["text"]) == len(lines) - 40_000


def test_each_status_of_the_installed_model_can_be_played() -> None:
    shape = botocore.session.get_session().get_service_model("sesv2").shape_for("BulkEmailStatus")
    assert set(shape.enum) == {"SUCCESS", *STATUSES}


def test_our_sender_finds_the_one_that_spoils_a_call_by_splitting(fake_ses: FakeSes) -> None:
    bad = Fault(
        "error", status=400, code="BadRequestException", message="Illegal.", address="reader2@example.org"
    )
    fake_ses.plan([bad])
    several = sender(fake_ses.url, "bulk").send(letters(3, "bulk"))
    assert {outcome.effect for outcome in several} == {Effect.SPLIT}
    one_by_one = [sender(fake_ses.url, "bulk").send([letter])[0] for letter in letters(3, "bulk")]
    accepted, final = OutcomeKind.ACCEPTED, OutcomeKind.REFUSED_FINAL
    assert [outcome.kind for outcome in one_by_one] == [accepted, final, accepted]
