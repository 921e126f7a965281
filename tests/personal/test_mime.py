"""The whole message, read back by the standard library's parser."""

import email
import email.policy
import re
from email.message import EmailMessage
from email.utils import getaddresses, parsedate_to_datetime
from typing import Any

import pytest

from newsletter.errors import ConfigError
from newsletter.model import Image, Person
from newsletter.personal.fill import Filler, context_for
from newsletter.personal.mime import Skeleton
from tests.personal.samples import ADA, CAST, HOSTILE, LONG, NOON, PICTURE, TAGS, compiled, links, settings


def skeleton(images: tuple[Image, ...] = (), issue: dict[str, Any] | None = None, **news: Any) -> Skeleton:
    made = compiled(images=images, **(issue or {}))
    return Skeleton(made, settings(**news), links(**news), campaign_key="k3xw9q", clock=lambda: NOON)


def parsed(message: bytes) -> EmailMessage:
    read = email.message_from_bytes(message, policy=email.policy.default)
    assert isinstance(read, EmailMessage)
    for part in read.walk():
        assert not part.defects
    return read


def content(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert part is not None
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload.decode("utf-8")


@pytest.mark.parametrize("images", [(), (PICTURE,)], ids=["plain", "pictures"])
@pytest.mark.parametrize("person", CAST, ids=lambda person: person.email)
def test_both_parts_equal_the_plain_render(person: Person, images: tuple[Image, ...]) -> None:
    message = parsed(skeleton(images).message(person, TAGS))
    filler, context = Filler(compiled()), context_for(person, links())
    assert content(message, "plain") == filler.text(context).replace("\n", "\r\n")
    assert content(message, "html") == filler.html(context).replace("\n", "\r\n")
    assert message["Subject"] == filler.subject(context)


@pytest.mark.parametrize("person", CAST, ids=lambda person: person.email)
def test_lines_are_short_ascii_and_end_with_crlf(person: Person) -> None:
    raw = skeleton((PICTURE,), name="Gruß & Söhne, Inc. " * 9).message(person, TAGS)
    assert b"\n" not in raw.replace(b"\r\n", b"") and b"\r" not in raw.replace(b"\r\n", b"")
    head, _, body = raw.decode("ascii").partition("\r\n\r\n")
    assert all(len(line) <= 76 for line in body.split("\r\n"))
    links_aside = [
        line for line in head.split("\r\n") if "example.org/u/" not in line and "mailto:" not in line
    ]
    assert all(len(line) <= 78 for line in links_aside)


def test_the_headers_are_those_of_a_newsletter() -> None:
    message = parsed(skeleton().message(ADA, TAGS))
    assert message["From"] == "Ignite Music Therapy <hello@example.org>"
    assert message["To"] == "ada@example.org"
    assert message["Reply-To"] == "answers@example.org"
    assert message["Subject"] == "Ada, a word"
    assert parsedate_to_datetime(message["Date"]) == NOON
    assert message["Message-ID"] == "<k3xw9q.42.1@example.org>"
    assert message["MIME-Version"] == "1.0"
    assert message["List-Id"] == "Ignite Music Therapy <ignite-music-therapy.example.org>"
    assert dict(message.items()).items() >= links().headers(ADA.id).items()
    assert message["Feedback-ID"] == "k3xw9q:ignite-music-therapy:newsletter:ignite-music-th"
    assert message["Content-Language"] == "en"
    assert len(message.keys()) == len(set(message.keys()))


def test_without_web_pages_there_is_no_one_click_header() -> None:
    message = parsed(skeleton(public_url="").message(ADA, TAGS))
    assert message["List-Unsubscribe"].startswith("<mailto:leave@example.org?subject=unsubscribe%20")
    assert message["List-Unsubscribe-Post"] is None


def test_pictures_travel_inside_the_html_by_content_id() -> None:
    odd = Image(name='b"\r\nX: y/ü.jpg', cid="b>\r\nX: y", content_type="image/jpeg\r\nX: y", data=b"")
    message = parsed(skeleton((PICTURE, odd)).message(ADA, TAGS))
    text, related = message.iter_parts()
    assert text.get_content_type() == "text/plain"
    html, picture, other = related.iter_parts()
    assert html.get_content_type() == "text/html"
    assert picture["Content-ID"] == "<hero.1@example.org>"
    assert picture.get_content_type() == "image/png"
    assert picture.get_content_disposition() == "inline"
    assert picture.get_payload(decode=True) == PICTURE.data
    assert other["X"] is None and other.get_payload(decode=True) == b""


@pytest.mark.parametrize(
    "news",
    [
        {"name": "Good\r\nBcc: eve@example.org"},
        {"from_": "Good\r\nBcc: eve@example.org <hello@example.org>"},
        {"reply_to": "Good\nBcc: eve@example.org <hello@example.org>"},
        {"unsubscribe_email": "a\r\nBcc: eve@example.org"},
        {"public_url": "https://news.example.org/\r\nBcc: eve@example.org"},
    ],
)
def test_no_setting_can_add_a_header(news: dict[str, Any]) -> None:
    message = parsed(skeleton(**news).message(ADA, TAGS))
    assert message["Bcc"] is None
    assert len(message.keys()) == 13


@pytest.mark.parametrize(
    "address",
    [
        "eve@example.org\r\nBcc: x@example.org",
        "eve@example.org\n\nbody",
        "éve@example.org\r\nBcc: x@example.org",
    ],
)
def test_no_person_can_add_a_header(address: str) -> None:
    person = Person(
        id=9, email=address, name=HOSTILE.name, attributes={"first_name": "A\r\nBcc: x@example.org"}
    )
    message = parsed(skeleton().message(person, {**TAGS, "delivery": "4\r\nBcc: x@example.org"}))
    assert message["Bcc"] is None
    assert len(message.keys()) == 13


def test_no_issue_can_add_a_header() -> None:
    issue = {"language": "en\r\nBcc: x@example.org", "subject": "A\r\nBcc: x@example.org", "slug": "a\r\nb"}
    message = parsed(skeleton((PICTURE,), issue).message(ADA, TAGS))
    assert message["Bcc"] is None
    assert message["Subject"] == "A Bcc: x@example.org"
    assert message["Content-Language"] is None


def test_names_and_domains_beyond_ascii_are_encoded() -> None:
    made = skeleton(
        name="Música, hoy",
        from_="Müller, Ada <ada@bücher.example>",
        reply_to='"A. B" <b@example.org>',
    )
    raw = made.message(Person(id=1, email="zoe@bücher.example"), TAGS)
    assert b"From: =?utf-8?b?TcO8bGxlciwgQWRh?= <ada@xn--bcher-kva.example>\r\n" in raw
    assert b"To: zoe@xn--bcher-kva.example\r\n" in raw
    message = parsed(raw)
    assert getaddresses([message["From"]]) == [("Müller, Ada", "ada@xn--bcher-kva.example")]
    assert getaddresses([message["Reply-To"]]) == [("A. B", "b@example.org")]
    assert str(message["List-Id"]) == "Música, hoy <musica-hoy.xn--bcher-kva.example>"
    assert message["Message-ID"].endswith("@xn--bcher-kva.example>")


@pytest.mark.parametrize(
    "subject",
    [
        "short",
        "",
        "a word " * 40,
        "x" * 500,
        "Grüße aus der Praxis 😀 " * 20,
        "=?utf-8?q?not_encoded?=",
        "a" * 60 + " " + "b" * 30,
    ],
)
def test_a_subject_of_any_length_comes_back_whole(subject: str) -> None:
    raw = skeleton(issue={"subject": subject}).message(ADA, TAGS)
    assert parsed(raw)["Subject"] == subject.strip()
    [header] = re.findall(rb"^Subject:[^\r]*(?:\r\n [^\r]*)*", raw, re.MULTILINE)
    assert all(len(line) <= 76 for line in header.split(b"\r\n"))
    assert b"\r\n\r\n" not in header and b"\r\n \r\n" not in header


def test_mail_of_one_person_holds_nothing_of_another() -> None:
    made = skeleton()
    first = made.message(ADA, TAGS)
    made.message(LONG, {**TAGS, "delivery": "43"})
    assert made.message(ADA, TAGS) == first
    assert links().unsubscribe_url(LONG.id).encode() not in first.replace(b"=\r\n", b"")


def test_messages_without_tags_have_ids_of_their_own() -> None:
    made = skeleton()
    ids = {parsed(made.message(ADA, {}))["Message-ID"] for _ in range(3)}
    assert len(ids) == 3


@pytest.mark.parametrize("sender", ["A <müller@example.org>", "A <a b@example.org>", "A <ada@localhost>"])
def test_mail_that_can_come_from_nowhere_is_refused_at_the_start(sender: str) -> None:
    with pytest.raises(ConfigError, match="from"):
        skeleton(from_=sender)
