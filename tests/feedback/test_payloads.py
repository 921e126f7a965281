"""What Amazon documents is understood as it is meant, in both shapes, for each person it is about."""

import json
import re
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from newsletter.feedback.events import Unreadable, email_key, read_events
from newsletter.model import EventKind
from tests.feedback.reports import EXAMPLES, example, report
from tests.queues import envelope

READER = "recipient@example.com"

#: File: kind, recipients, when, bounce, detail, link.
DOCUMENTED: dict[str, tuple[str, list[str], datetime, str, str, str]] = {
    "event-bounce": (
        "bounce",
        [READER],
        datetime(2017, 8, 5, 0, 41, 2, 669000, UTC),
        "hard",
        "Permanent General 5.1.1: smtp; 550 5.1.1 user unknown",
        "",
    ),
    "event-complaint": (
        "complaint",
        [READER],
        datetime(2017, 8, 5, 0, 41, 2, 669000, UTC),
        "",
        "abuse",
        "",
    ),
    "event-delivery": (
        "delivery",
        [READER],
        datetime(2016, 10, 19, 23, 21, 4, 133000, UTC),
        "",
        "250 2.6.0 Message received",
        "",
    ),
    "event-send": ("send", [READER], datetime(2016, 10, 14, 5, 2, 16, 645000, UTC), "", "", ""),
    "event-reject": (
        "reject",
        ["sender@example.com"],
        datetime(2016, 10, 14, 17, 38, 15, 211000, UTC),
        "",
        "Bad content",
        "",
    ),
    "event-open": ("open", [READER], datetime(2017, 8, 9, 22, 0, 19, 652000, UTC), "", "", ""),
    "event-click": (
        "click",
        [READER],
        datetime(2017, 8, 9, 23, 51, 25, 570000, UTC),
        "",
        "",
        "http://docs.aws.amazon.com/ses/latest/DeveloperGuide/send-email-smtp.html",
    ),
    "event-rendering-failure": (
        "rendering-failure",
        [READER],
        datetime(2018, 1, 22, 18, 43, 6, 197000, UTC),
        "",
        "Attribute 'attributeName' is not present in the rendering data.",
        "",
    ),
    "event-delivery-delay": (
        "delivery-delay",
        [READER],
        datetime(2020, 6, 16, 0, 25, 40, 95000, UTC),
        "",
        "TransientCommunicationFailure, 4.4.1, smtp; 421 4.4.1 Unable to connect to remote host",
        "",
    ),
    "event-subscription": (
        "subscription",
        [READER],
        datetime(2022, 1, 12, 1, 0, 17, 910000, UTC),
        "",
        "UnsubscribeHeader",
        "",
    ),
    "notification-bounce": (
        "bounce",
        ["jane@example.com"],
        datetime(2016, 1, 27, 14, 59, 38, 237000, UTC),
        "hard",
        "Permanent General 5.1.1: smtp; 550 5.1.1 <(address)>... User",
        "",
    ),
    "notification-bounce-without-dsn": (
        "bounce",
        ["jane@example.com", "richard@example.com"],
        datetime(2016, 1, 27, 14, 59, 38, 237000, UTC),
        "hard",
        "Permanent General",
        "",
    ),
    "notification-complaint": (
        "complaint",
        ["richard@example.com"],
        datetime(2016, 1, 27, 14, 59, 38, 237000, UTC),
        "",
        "abuse",
        "",
    ),
    "notification-complaint-without-report": (
        "complaint",
        ["richard@example.com"],
        datetime(2016, 1, 27, 14, 59, 38, 237000, UTC),
        "",
        "",
        "",
    ),
    "notification-delivery": (
        "delivery",
        ["jane@example.com"],
        datetime(2016, 1, 27, 14, 59, 38, 237000, UTC),
        "",
        "250 ok: Message 64111812 accepted",
        "",
    ),
}


@pytest.mark.parametrize("wrapped", [False, True], ids=["raw", "in SNS's envelope"])
@pytest.mark.parametrize("name", DOCUMENTED)
def test_each_documented_example_is_read(name: str, wrapped: bool) -> None:
    body = json.dumps(example(name))
    found = read_events(envelope(body) if wrapped else body)
    kind, people, at, bounce, detail, link = DOCUMENTED[name]
    assert [event.recipient for event in found] == people
    for event in found:
        assert (event.kind, event.at, event.bounce, event.detail, event.link) == (
            kind,
            at,
            bounce,
            detail,
            link,
        )
        assert event.message_id == example(name)["mail"]["messageId"]
        assert not event.machine
    assert len({event.dedupe for event in found}) == len(found)


def test_all_kinds_are_documented_and_each_file_has_its_address() -> None:
    files = sorted(path.stem for path in EXAMPLES.glob("*.json"))
    assert files == sorted(DOCUMENTED)
    assert {example(name)["eventType"] for name in files if name.startswith("event-")} == {
        "Bounce", "Click", "Complaint", "Delivery", "DeliveryDelay", "Open", "Reject", "Rendering Failure",
        "Send", "Subscription",
    }  # fmt: skip
    assert {DOCUMENTED[name][0] for name in files} == {kind.value for kind in EventKind}
    index = (EXAMPLES / "README.md").read_text("utf-8")
    assert re.findall(r"`([\w-]+)\.json` \|", index) and all(f"`{name}.json`" in index for name in files)


def test_our_tags_are_read_and_those_of_others_are_nothing_to_us() -> None:
    [ours] = read_events(report("send", campaign="k3xw9q", delivery=42))
    assert (ours.campaign, ours.delivery) == ("k3xw9q", 42)
    for delivery in ("test-1", "", "-4", "4.2", "９", "1" * 40):
        [event] = read_events(report("send", campaign="k3xw9q", delivery=delivery))
        assert event.delivery is None
    [theirs] = read_events(json.dumps(example("event-send")))
    assert (theirs.campaign, theirs.delivery) == ("", None)


def test_where_a_mail_went_to_one_address_the_report_is_about_that_one() -> None:
    plain = json.loads(report("bounce", "ada@example.org"))
    plain["bounce"]["bouncedRecipients"][0]["emailAddress"] = "her-other-mailbox@example.com"
    [event] = read_events(json.dumps(plain))
    assert event.recipient == "ada@example.org"


def test_a_report_about_several_people_is_kept_for_each_without_the_others() -> None:
    jane, richard = read_events(json.dumps(example("notification-bounce-without-dsn")))
    assert jane.raw is not None and richard.raw is not None
    kept = json.loads(zlib.decompress(jane.raw))
    assert kept["bounce"]["bouncedRecipients"] == [{"emailAddress": "jane@example.com"}]
    assert "richard" not in json.dumps(kept) and "mary" not in json.dumps(kept)
    assert "jane" not in zlib.decompress(richard.raw).decode()


def test_what_came_is_kept_as_it_came() -> None:
    body = report("delivery", delivery=1)
    for given in (body, envelope(body)):
        [event] = read_events(given)
        assert event.raw is not None and zlib.decompress(event.raw).decode() == body


def test_the_same_event_twice_has_one_name_and_two_have_two() -> None:
    def name(body: str) -> str:
        [event] = read_events(body)
        return event.dedupe

    again = json.loads(report("delivery", delivery=1))
    again["mail"]["headers"] = []
    assert name(report("delivery", delivery=1)) == name(json.dumps(again))
    others = [
        report("delivery", delivery=2),
        report("send", delivery=1),
        report("delivery", delivery=1, at=datetime(2026, 11, 3, tzinfo=UTC)),
        report("click", delivery=1, link="https://example.org/a"),
        report("click", delivery=1, link="https://example.org/b"),
    ]
    assert len({name(body) for body in [report("delivery", delivery=1), *others]}) == 6


def test_tokens_in_links_are_not_kept_in_the_link() -> None:
    link = "https://news.example.org/u/u.512.k3xw9q.AbCdEfGhIjKlMnOpQrStUvWxYz0123456789_-abc?x=1"
    [event] = read_events(report("click", delivery=1, link=link))
    assert event.link == "https://news.example.org/u/u.(token)?x=1"


def test_addresses_become_the_keys_that_the_list_has() -> None:
    assert email_key('"Ada" <Ada@EXAMPLE.org>') == "ada@example.org"
    assert email_key("ada@bücher.example") == "ada@xn--bcher-kva.example"
    for wrong in (
        "",
        "ada",
        "a@b@c",
        "ada@example.org, eve@example.org",
        "a\x00@b.c",
        7,
        None,
        "x" * 400 + "@b.c",
    ):
        assert email_key(wrong) == ""


@pytest.mark.parametrize(
    ("body", "notice"),
    [
        ("", False),
        ("ada@example.org", False),
        ("[" * 100_000, False),
        ("9" * 10_000, False),
        ("[]", False),
        ("{}", False),
        ('{"eventType": "Teleport", "mail": {"messageId": "m"}}', False),
        ('{"eventType": 7}', False),
        ('{"eventType": "Send"}', False),
        ('{"eventType": "Send", "mail": {"messageId": ["m"]}}', False),
        (envelope("Hello"), False),
        (json.dumps({"Type": "Notification", "TopicArn": "x"}), False),
        (json.dumps({"Type": "SubscriptionConfirmation", "TopicArn": "x", "Token": "t"}), True),
        (envelope("Successfully validated SNS topic for Amazon SES event publishing."), True),
        ('{"notificationType":"AmazonSnsSubscriptionSucceeded","message":"…"}', True),
    ],
)
def test_what_is_no_event_is_said_to_be_none_without_quoting_it(body: str, notice: bool) -> None:
    with pytest.raises(Unreadable) as caught:
        read_events(body)
    assert caught.value.notice is notice
    assert not body or body[:20] not in str(caught.value)


def _nothing(plain: Any) -> Any:
    return None


#: Ways to put something else in a place of a report.
SPOILERS: list[Callable[[Any], Any]] = [
    _nothing,
    lambda _: 7,
    lambda _: "x\x00\ud800\n" * 3,
    lambda _: [],
    lambda _: {},
    lambda _: [None, 3, {}, [[]]],
    lambda _: "9" * 5000,
    lambda _: True,
    lambda plain: {"x": plain},
    lambda plain: [plain] * 60,
]


@pytest.mark.parametrize("name", DOCUMENTED)
def test_no_field_need_be_what_it_should(name: str) -> None:
    """Whatever stands wherever: events that any database takes, or Unreadable."""
    for path in _paths(example(name)):
        for spoil in SPOILERS:
            spoilt = example(name)
            holder = spoilt
            for step in path[:-1]:
                holder = holder[step]
            holder[path[-1]] = spoil(holder[path[-1]])
            try:
                found = read_events(json.dumps(spoilt))
            except Unreadable:
                continue
            for event in found:
                texts = (event.message_id, event.recipient, event.campaign, event.detail, event.link)
                for text in texts:
                    text.encode()
                    assert "\x00" not in text and "\n" not in text and len(text) <= 2000
                assert (
                    len(event.message_id) <= 120 and len(event.recipient) <= 320 and len(event.dedupe) == 64
                )
                assert event.at is None or event.at.tzinfo is not None


def _paths(plain: Any, before: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [before] if before else []
    steps = plain if isinstance(plain, dict) else range(len(plain)) if isinstance(plain, list) else ()
    for step in steps:
        found += _paths(plain[step], (*before, step))
    return found
