"""POST /events/ses: only what SNS has signed for a topic of ours is believed, and nothing else is written."""

import base64
import json
import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID
from sqlalchemy import Engine, select, text

from newsletter.store.engine import reading
from newsletter.store.tables import events, suppressions
from newsletter.web.app import web_app
from newsletter.web.events import MOST_BYTES
from tests.feedback.reports import report
from tests.web.conftest import NOON, Pages, open_pages

TOPIC = "arn:aws:sns:eu-central-1:123456789012:newsletter-events"
HOST = "https://sns.eu-central-1.amazonaws.com"
CERTIFICATE = f"{HOST}/SimpleNotificationService-0123456789abcdef.pem"
CONFIRM = f"{HOST}/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=abc"
HASHES = {"1": hashes.SHA1(), "2": hashes.SHA256()}
FIELDS = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": (
        "Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type",
    ),
}  # fmt: skip
FIELDS["UnsubscribeConfirmation"] = FIELDS["SubscriptionConfirmation"]


def certificate(key: Any, *, since: datetime, until: datetime) -> bytes:
    """A self-made certificate."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(since)
        .not_valid_after(until)
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM)


KEY = rsa.generate_private_key(65537, 2048)
VALID = certificate(KEY, since=NOON - timedelta(days=1), until=NOON + timedelta(days=300))


@dataclass
class Amazon:
    """What stands at Amazon's addresses, and what was asked for."""

    holds: dict[str, bytes | Exception] = field(
        default_factory=lambda: {CERTIFICATE: VALID, CONFIRM: b"<ok/>"}
    )
    asked: list[str] = field(default_factory=list)

    def fetch(self, url: str) -> bytes:
        """As ``feedback.fetching.fetch``."""
        self.asked.append(url)
        found = self.holds.get(url, LookupError("answered 404"))
        if isinstance(found, Exception):
            raise found
        return found


def message(body: str = "", *, version: str = "1", key: Any = KEY, **fields: str) -> dict[str, str]:
    """A message as SNS signs it. fields: in place of the usual ones, signed with the rest."""
    kind = fields.get("Type", "Notification")
    plain = {
        "Type": kind,
        "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
        "TopicArn": TOPIC,
        "Message": body or report("bounce", "ada@example.org"),
        "Timestamp": "2026-11-24T12:00:00.000Z",
        "SignatureVersion": version,
        "SigningCertURL": CERTIFICATE,
        **({"Subject": "Amazon SES Email Event Notification"} if kind == "Notification" else {}),
        **({"Token": "abc", "SubscribeURL": CONFIRM} if kind != "Notification" else {}),
        **fields,
    }
    return {**plain, "Signature": sign(plain, version, key)}


def sign(plain: Mapping[str, str], version: str, key: Any = KEY) -> str:
    """Sign as the SNS Developer Guide says."""
    lines = "".join(f"{name}\n{plain[name]}\n" for name in FIELDS[plain["Type"]] if name in plain)
    return base64.b64encode(key.sign(lines.encode(), padding.PKCS1v15(), HASHES[version])).decode()


@dataclass
class Hook:
    """The pages, and Amazon beside them."""

    pages: Pages
    amazon: Amazon

    def post(self, content: Any) -> int:
        """Return the status of the answer to a post."""
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        headers = {"Content-Type": "text/plain; charset=UTF-8"}
        return self.pages.ask("POST", "/events/ses", content=body, headers=headers).status_code

    def written(self) -> tuple[int, dict[str, str]]:
        """How many events, and which suppressions, are in the database."""
        with reading(self.pages.engine) as connection:
            kept = connection.execute(select(events.c.id)).all()
            rows = connection.execute(select(suppressions.c.email_key, suppressions.c.reason)).all()
        return len(kept), {row.email_key: row.reason for row in rows}


@pytest.fixture
def hook(tmp_path: Path, engine: Engine) -> Hook:
    """A webhook that believes one topic."""
    pages = open_pages(tmp_path / "desk", engine, NEWSLETTER_SES__EVENT_TOPICS=json.dumps([TOPIC]))
    amazon = Amazon()
    pages.app = web_app(pages.services, fetch=amazon.fetch)
    return Hook(pages, amazon)


NOTHING: tuple[int, dict[str, str]] = (0, {})


@pytest.mark.parametrize("version", ["1", "2"])
def test_what_sns_signed_is_kept_with_all_that_follows(hook: Hook, version: str) -> None:
    hook.pages.add("ada@example.org")
    assert hook.post(message(version=version)) == 200
    assert hook.written() == (1, {"ada@example.org": "bounce"})
    assert hook.pages.who("ada@example.org").subscriber.status == "bounced"


def test_a_message_without_a_subject_is_signed_without_it(hook: Hook) -> None:
    plain = message()
    del plain["Subject"]
    assert hook.post(plain) == 403
    assert hook.post({**plain, "Signature": sign(plain, "1")}) == 200


def test_the_same_message_again_changes_nothing(hook: Hook) -> None:
    assert [hook.post(message()), hook.post(message()), hook.post(message(version="2"))] == [200] * 3
    assert hook.written() == (1, {"ada@example.org": "bounce"})


def test_the_certificate_is_fetched_once(hook: Hook) -> None:
    for _ in range(3):
        hook.post(message())
    assert hook.amazon.asked == [CERTIFICATE]


@pytest.mark.parametrize("name", [*FIELDS["Notification"], "Signature", "SignatureVersion", "SigningCertURL"])
@pytest.mark.parametrize("value", ["", "x", None, 7, [], {}, "x\ny"])
def test_a_field_that_was_changed_or_is_missing_makes_it_forged(hook: Hook, name: str, value: Any) -> None:
    plain: dict[str, Any] = message()
    if value is None:
        del plain[name]
    else:
        plain[name] = value
    assert hook.post(plain) == 403
    assert hook.written() == NOTHING


def test_another_key_is_not_that_of_sns(hook: Hook) -> None:
    assert hook.post(message(key=rsa.generate_private_key(65537, 2048))) == 403
    assert hook.written() == NOTHING


def test_a_hash_of_the_other_version_is_none(hook: Hook) -> None:
    plain = message(version="1")
    assert hook.post({**plain, "SignatureVersion": "2"}) == 403
    assert hook.post({**message(version="2"), "SignatureVersion": "1"}) == 403


def test_another_spelling_of_the_signature_is_refused(hook: Hook) -> None:
    plain = message()
    signature = plain["Signature"]
    assert signature.endswith("==")
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    twin = letters[letters.index(signature[-3]) + 1]  # the last bits are not part of the bytes
    spelt = [signature[:-3] + twin + "==", signature + "\n", signature.rstrip("="), f" {signature}"]
    assert base64.b64decode(spelt[0]) == base64.b64decode(signature)
    assert [hook.post({**plain, "Signature": each}) for each in spelt] == [403] * 4
    assert hook.written() == NOTHING


def test_the_border_between_two_fields_cannot_be_moved(hook: Hook) -> None:
    plain = message()
    moved = {**plain, "MessageId": f"{plain['MessageId']}\nSubject\n{plain['Subject']}"}
    del moved["Subject"]
    assert sign(moved, "1") == plain["Signature"]  # the same text is signed
    assert hook.post(moved) == 403


@pytest.mark.parametrize(
    "topic",
    [
        TOPIC + "2",
        TOPIC.replace("123456789012", "210987654321"),
        TOPIC.replace("eu-central-1", "eu-central-2"),
        TOPIC.upper(),
        "*",
    ],
)
def test_a_topic_that_is_not_ours_is_refused_and_nothing_is_fetched(hook: Hook, topic: str) -> None:
    for kind in FIELDS:
        assert hook.post(message(TopicArn=topic, Type=kind)) == 403
    assert hook.written() == NOTHING
    assert hook.amazon.asked == []


@pytest.mark.parametrize(
    "url",
    [
        CERTIFICATE.replace("https", "http"),
        CERTIFICATE.replace("amazonaws.com", "example.org"),
        CERTIFICATE.replace("amazonaws.com", "amazonaws.com.example.org"),
        CERTIFICATE.replace("https://", "https://example.org/"),
        CERTIFICATE.replace("https://", "https://example.org#"),
        CERTIFICATE.replace("sns.eu", "example.org@sns.eu"),
        CERTIFICATE.replace(".com/", ".com@example.org/"),
        CERTIFICATE.replace(".com/", ".com:444/"),
        CERTIFICATE.replace(".com/", ".com\\@example.org/"),
        CERTIFICATE.replace("eu-central-1", "us-east-1"),
        CERTIFICATE.replace("sns.", "s3."),
        CERTIFICATE.replace("/Simple", "/mybucket/Simple"),
        CERTIFICATE.replace("Simple", "../Simple"),
        CERTIFICATE + "?x=1",
        CERTIFICATE + "#x",
        CERTIFICATE.replace(".pem", ".txt"),
        CERTIFICATE.replace("a", "а"),  # a Cyrillic letter
        CERTIFICATE + "\n",
        "https://[",
        "file:///etc/passwd",
    ],
)
def test_a_certificate_from_elsewhere_is_not_fetched(hook: Hook, url: str) -> None:
    hook.amazon.holds[url] = VALID
    assert hook.post(message(SigningCertURL=url)) == 403
    assert hook.amazon.asked == []


@pytest.mark.parametrize("days", [(-10, -1), (1, 10)])
def test_a_certificate_that_is_not_valid_now_is_refused(hook: Hook, days: tuple[int, int]) -> None:
    since, until = (NOON + timedelta(days=number) for number in days)
    hook.amazon.holds[CERTIFICATE] = certificate(KEY, since=since, until=until)
    assert hook.post(message()) == 403
    hook.pages.later(days=2.5) if days[0] > 0 else None
    assert hook.post(message()) == (200 if days[0] > 0 else 403)


def test_what_is_no_certificate_of_rsa_is_refused(hook: Hook) -> None:
    for holds in (b"", b"<html>", VALID[:300]):
        hook.amazon.holds[CERTIFICATE] = holds
        assert hook.post(message()) == 403
    curve = ec.generate_private_key(ec.SECP256R1())
    hook.amazon.holds[CERTIFICATE] = certificate(curve, since=NOON, until=NOON + timedelta(days=9))
    assert hook.post(message()) == 403
    assert hook.written() == NOTHING


def test_sns_brings_it_again_when_the_certificate_cannot_be_fetched_now(hook: Hook) -> None:
    hook.amazon.holds[CERTIFICATE] = TimeoutError()
    assert hook.post(message()) == 503
    hook.amazon.holds[CERTIFICATE] = VALID
    assert hook.post(message()) == 200


def test_sns_brings_it_again_when_the_database_does_not_take_it(hook: Hook) -> None:
    with hook.pages.engine.begin() as connection:
        connection.execute(text("ALTER TABLE events RENAME TO gone"))
    assert hook.post(message()) == 503
    with hook.pages.engine.begin() as connection:
        connection.execute(text("ALTER TABLE gone RENAME TO events"))
    assert hook.post(message()) == 200


# -- subscriptions ----------------------------------------------------------------------------------


def test_a_subscription_to_our_topic_is_confirmed(hook: Hook) -> None:
    assert hook.post(message("You have chosen", Type="SubscriptionConfirmation")) == 200
    assert hook.amazon.asked == [CERTIFICATE, CONFIRM]
    assert hook.written() == NOTHING


@pytest.mark.parametrize(
    "url",
    [
        CONFIRM.replace("https", "http"),
        CONFIRM.replace("amazonaws.com", "example.org"),
        CONFIRM.replace(".com/", ".com@example.org/"),
        "https://localhost/",
        "https://169.254.169.254/latest/meta-data",
    ],
)
def test_one_that_leads_elsewhere_is_not(hook: Hook, url: str) -> None:
    assert hook.post(message("You", Type="SubscriptionConfirmation", SubscribeURL=url)) == 403
    assert hook.amazon.asked == [CERTIFICATE]


def test_one_that_is_not_signed_is_not(hook: Hook) -> None:
    plain = message("You", Type="SubscriptionConfirmation")
    assert hook.post({**plain, "SubscribeURL": CONFIRM + "&x"}) == 403
    assert hook.post({**plain, "Type": "UnsubscribeConfirmation"}) == 403
    assert CONFIRM not in hook.amazon.asked


def test_confirming_is_tried_again_when_amazon_is_silent(hook: Hook) -> None:
    hook.amazon.holds[CONFIRM] = ConnectionError()
    assert hook.post(message("You", Type="SubscriptionConfirmation")) == 503
    hook.amazon.holds[CONFIRM] = LookupError("answered 400")
    assert hook.post(message("You", Type="SubscriptionConfirmation")) == 403


def test_the_end_of_a_subscription_is_noted_and_not_undone(
    hook: Hook, caplog: pytest.LogCaptureFixture
) -> None:
    assert hook.post(message("You", Type="UnsubscribeConfirmation")) == 200
    assert hook.amazon.asked == [CERTIFICATE]
    assert "no events come by it any more" in caplog.text


# -- what else may come -----------------------------------------------------------------------------


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"[]", b"7", b"null", b"[" * 200_000, b"{" * 9, b'{"a":'])
def test_what_is_no_json_object_is_400(hook: Hook, body: bytes) -> None:
    assert hook.post(body) == 400
    assert hook.written() == NOTHING


def test_a_body_that_is_too_long_is_413(hook: Hook) -> None:
    assert hook.post(b"{" + b" " * MOST_BYTES) == 413
    long = message(json.dumps({**json.loads(report("bounce")), "x": "y" * 180_000}))
    assert hook.post(long) == 200


def test_only_post_is_understood(hook: Hook) -> None:
    assert hook.pages.get("/events/ses").status_code == 405


def test_signed_things_that_are_no_event_are_taken_and_come_to_nothing(
    hook: Hook, caplog: pytest.LogCaptureFixture
) -> None:
    for body in ("Successfully validated SNS topic for Amazon SES event publishing.", "hello", "{}", "[1]"):
        assert hook.post(message(body)) == 200
    assert hook.written() == NOTHING
    assert "hello" not in caplog.text


def test_without_a_topic_there_is_no_webhook(make_pages: Callable[..., Pages]) -> None:
    pages = make_pages()
    assert pages.ask("POST", "/events/ses", content=json.dumps(message()).encode()).status_code == 404


def test_it_stands_below_the_path_of_public_url(make_pages: Callable[..., Pages]) -> None:
    pages = make_pages(
        NEWSLETTER_NEWSLETTER__PUBLIC_URL="https://example.org/news",
        NEWSLETTER_SES__EVENT_TOPICS=json.dumps([TOPIC]),
    )
    pages.app = web_app(pages.services, fetch=Amazon().fetch)
    for path in ("/news/events/ses", "/events/ses"):
        assert pages.ask("POST", path, content=json.dumps(message()).encode()).status_code == 200


def test_the_log_says_why_and_quotes_nothing(hook: Hook, caplog: pytest.LogCaptureFixture) -> None:
    hook.post({**message(), "Message": "secret@example.org"})
    assert "a wrong signature" in caplog.text and "secret" not in caplog.text


@pytest.mark.slow
def test_of_ten_thousand_spoilt_messages_none_is_believed_and_none_is_a_500(
    tmp_path: Path, make_pages: Callable[..., Pages]
) -> None:
    """Whatever is changed in what was signed, in the signature or in the JSON around it."""
    pages = make_pages(NEWSLETTER_SES__EVENT_TOPICS=json.dumps([TOPIC]))
    amazon = Amazon()
    pages.app = web_app(pages.services, fetch=amazon.fetch)
    hook = Hook(pages, amazon)
    chance = random.Random(20261124)
    originals = [
        message(version=version, **({"Type": kind} if kind != "Notification" else {}))
        for kind in FIELDS
        for version in ("1", "2")
    ]
    asked: list[dict[str, Any]] = []
    unchanged = 0
    while len(asked) < 10_000:
        original = chance.choice(originals)
        body = spoilt(original, chance)
        if says_the_same(body, original):
            unchanged += 1
            continue
        headers = {"Content-Type": "text/plain; charset=UTF-8"}
        asked.append(
            {
                "method": "POST",
                "path": "/events/ses",
                "client": "192.0.2.7",
                "content": body,
                "headers": headers,
            }
        )
    answers = pages.ask_many(asked)
    assert set(answers) <= {400, 403, 413}
    assert answers.count(403) > 3_000 and answers.count(400) > 1_000
    assert hook.written() == NOTHING
    assert all(re.fullmatch(rf"{HOST}/SimpleNotificationService-\w+\.pem", url) for url in amazon.asked)
    assert unchanged < 5_000
    assert [hook.post(original) for original in originals] == [200] * len(originals)  # they were good


def spoilt(original: Mapping[str, str], chance: random.Random) -> bytes:
    """Return a message with something wrong in it."""
    plain: dict[str, Any] = dict(original)
    name = chance.choice(list(plain))
    match chance.randrange(9):
        case 0:  # a character of a field
            at = chance.randrange(len(plain[name]))
            plain[name] = plain[name][:at] + chance.choice("aB3/=\n\x00é") + plain[name][at + 1 :]
        case 1:
            plain[name] = chance.choice(
                [None, 7, [], {}, True, "", "x" * chance.randrange(1, 5000), [plain[name]]]
            )
        case 2:
            del plain[name]
        case 3:  # two fields change places
            other = chance.choice(list(plain))
            plain[name], plain[other] = plain[other], plain[name]
        case 4:  # other bytes as a signature
            plain["Signature"] = base64.b64encode(
                chance.randbytes(chance.choice([0, 1, 255, 256, 257, 512]))
            ).decode()
        case 5:  # somebody else is to be suppressed
            plain["Message"] = plain["Message"].replace("ada@", "eve@") + " " * chance.randrange(2)
        case 6:
            plain["SignatureVersion"] = chance.choice(["0", "1", "2", "3", "1.0", "١"])
            plain["Type"] = chance.choice([*FIELDS, "Other", "notification"])
        case _:  # bytes of the body
            body = bytearray(json.dumps(plain).encode())
            for _ in range(chance.randrange(1, 6)):
                at = chance.randrange(len(body))
                if chance.random() < 0.3:
                    del body[at : at + chance.randrange(1, 40)]
                else:
                    body[at] = chance.randrange(256)
            return bytes(body)
    return json.dumps(plain, ensure_ascii=chance.random() < 0.5).encode("utf-8", "surrogatepass")


def says_the_same(body: bytes, original: Mapping[str, str]) -> bool:
    """Return whether all that counts is as it was signed: then it is no forgery."""
    try:
        found = json.loads(body.decode())
    except ValueError:
        return False
    names = {*FIELDS[original["Type"]], "Signature", "SignatureVersion", "SigningCertURL"}
    return isinstance(found, dict) and all(found.get(name) == original.get(name) for name in names)


def test_the_clock_that_counts_is_ours(hook: Hook) -> None:
    """A message that is old is not forged: SNS brings it for weeks. Its certificate must be valid now."""
    old = message(Timestamp=datetime(2026, 1, 1, tzinfo=UTC).isoformat())
    assert hook.post(old) == 200
