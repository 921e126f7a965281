"""What counts as a wish to leave, and what only looks like one."""

import base64
import random
import time
from email.message import EmailMessage

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.feedback.wishes import LONGEST, Wish, read_wish
from newsletter.tokens import Claim, Tokens

TOKENS = Tokens(["s" * 32])
TOKEN = TOKENS.sign("u", 7, "k3xw9q")
SIGNED = Wish(claim=Claim("u", 7, "k3xw9q"))
BY_ADDRESS = Wish(claim=None, sender="ada@example.org")


def mail(
    subject: str = "", body: str = "", *, sender: str = "Ada <ada@example.org>", **headers: str
) -> bytes:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, "leave@example.org", subject
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content(body)
    return message.as_bytes()


def wish(raw: bytes) -> Wish | None:
    return read_wish(raw, TOKENS)


# -- signed ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "subject",
    [
        f"unsubscribe {TOKEN}",
        f"Unsubscribe  {TOKEN}",
        f"[EXTERNAL] unsubscribe {TOKEN}",
        f"***SPAM*** unsubscribe {TOKEN} (low confidence)",
    ],
)
def test_the_subject_that_our_mailto_writes_is_a_wish(subject: str) -> None:
    assert wish(mail(subject, sender="somebody.else@example.com")) == SIGNED


def test_a_subject_that_was_folded_or_encoded_on_its_way_is_still_ours() -> None:
    encoded = base64.b64encode(f"unsubscribe {TOKEN}".encode()).decode()
    assert wish(f"Subject: unsubscribe\r\n {TOKEN}\r\n\r\n".encode()) == SIGNED
    assert wish(f"Subject: =?utf-8?B?{encoded}?=\r\n\r\n".encode()) == SIGNED
    halves = f"Subject: =?utf-8?Q?unsubscribe_{TOKEN[:20]}?=\r\n =?utf-8?Q?{TOKEN[20:]}?=\r\n\r\n"
    assert wish(halves.encode()) == SIGNED


def test_what_apple_mail_sends_is_a_wish_although_it_calls_itself_an_automatic_reply() -> None:
    """As iOS and macOS do it: Auto-Submitted: auto-replied, X-Apple-Unsubscribe: true."""
    body = "Apple Mail sent this email to unsubscribe from the message “November”."
    automatic = {"Auto_Submitted": "auto-replied", "X_Apple_Unsubscribe": "true"}
    assert wish(mail(f"unsubscribe {TOKEN}", body, **automatic)) == SIGNED
    assert wish(mail("unsubscribe", body, **automatic)) == BY_ADDRESS
    assert wish(mail("", body, **automatic)) == BY_ADDRESS


def test_the_first_line_of_the_body_may_say_it() -> None:
    assert wish(mail("", f"\n\nunsubscribe {TOKEN}\n\nAda")) == SIGNED
    assert wish(mail("Hello", f"Hello,\nplease unsubscribe {TOKEN}")) == SIGNED


@pytest.mark.parametrize("name", ["To", "Delivered-To", "X-Original-To"])
def test_the_tag_of_an_address_that_it_went_to_may_say_it(name: str) -> None:
    assert wish(f"From: x@example.com\r\n{name}: <news+{TOKEN}@example.org>\r\n\r\n".encode()) == SIGNED


def test_a_token_of_an_older_secret_counts() -> None:
    rotated = Tokens(["n" * 32, "s" * 32])
    assert read_wish(mail(f"unsubscribe {TOKEN}"), rotated) == SIGNED


@pytest.mark.parametrize(
    "token",
    [
        TOKENS.sign("p", 7, "k3xw9q"),
        TOKENS.sign("c", 7, "k3xw9q"),
        TOKEN[:-1],
        TOKEN.replace("u.7.", "u.8."),
        Tokens(["z" * 32]).sign("u", 7, "k3xw9q"),
    ],
)
def test_a_token_for_something_else_or_of_somebody_else_is_nothing(token: str) -> None:
    assert wish(mail(f"unsubscribe {token}", sender="")) is None


def test_a_spoilt_token_leaves_a_plain_wish() -> None:
    assert wish(mail(f"unsubscribe {TOKEN.lower()}x")) == BY_ADDRESS


# -- quotations -----------------------------------------------------------------------------------

FOOTER = f"\n\n> To leave: https://news.example.org/u/{TOKEN}\n> unsubscribe {TOKEN}\n"


@pytest.mark.parametrize(
    ("subject", "body"),
    [
        ("Re: November", f"What a lovely issue!{FOOTER}"),
        ("Fwd: November", f"Have a look:{FOOTER}"),
        ("Re: November", FOOTER),
        ("Re: November", f"On Sunday, Ignite wrote:{FOOTER}"),
        ("Fwd: unsubscribe", "one more of those"),
        (f"https://news.example.org/u/{TOKEN}", "is this link safe?"),
        ("Do not unsubscribe me!", ""),
        ("How do I unsubscribe my mother?", ""),
        ("Please cancel Thursday's session", "I am ill."),
        ("Question", "When is the next group?\n\nunsubscribe"),
        ("", ""),
    ],
)
def test_quoting_our_mail_or_talking_about_leaving_is_no_wish(subject: str, body: str) -> None:
    assert wish(mail(subject, body)) is None


@pytest.mark.parametrize(
    "headers",
    [
        {"Auto_Submitted": "auto-replied"},
        {"Auto_Submitted": "auto-generated; owner-email=x@example.org"},
        {"Precedence": "bulk"},
        {"Precedence": "auto_reply"},
        {"X_Autoreply": "yes"},
        {"Return_Path": "<>"},
    ],
)
def test_an_automatic_reply_never_counts_whatever_it_quotes(headers: dict[str, str]) -> None:
    assert wish(mail("Out of office: November", f"unsubscribe {TOKEN}{FOOTER}", **headers)) is None
    assert wish(mail("unsubscribe", "unsubscribe", **headers)) is None
    assert wish(mail(f"Automatic reply: unsubscribe {TOKEN}", "", **headers)) is None


def test_a_mail_that_says_it_was_written_by_a_person_is_one() -> None:
    assert wish(mail("unsubscribe", Auto_Submitted="no")) == BY_ADDRESS


def test_a_bounce_never_counts_although_it_holds_our_mail() -> None:
    bounce = (
        "From: mailer-daemon@example.org\r\nReturn-Path: <>\r\n"
        f"Subject: unsubscribe {TOKEN}\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
        f"--b\r\nContent-Type: text/plain\r\n\r\nunsubscribe {TOKEN}\r\n--b\r\n"
        f"Content-Type: message/rfc822\r\n\r\nSubject: November\r\n\r\nunsubscribe {TOKEN}\r\n--b--\r\n"
    )
    assert wish(bounce.encode()) is None


@pytest.mark.parametrize("name", ["List_Id", "List_Unsubscribe", "List_Post"])
def test_what_comes_by_a_mailing_list_such_as_our_own_issue_never_counts(name: str) -> None:
    assert wish(mail(f"unsubscribe {TOKEN}", **{name: "<news.example.org>"})) is None


# -- by address -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("subject", "body"),
    [
        ("Unsubscribe", ""),
        ("UNSUBSCRIBE!!!", "Sent from my phone"),
        ("Re: November", "Please unsubscribe me from your mailing list. Thank you!"),
        ("November", "Hi Emily,\n\nplease take me off the list.\n\nAda"),
        ("Re: November", f"unsubscribe\n\n{FOOTER}"),
        ("Re: Unsubscribe", "Thanks"),
        ("stop", ""),
        ("Please remove me", ""),
        ("I would like to opt out", ""),
        ("Bitte abmelden", "Danke"),
        ("AW: November", "Bitte den Newsletter abbestellen, vielen Dank"),
    ],
)
def test_saying_plainly_that_one_wants_to_leave_is_a_wish_of_the_sender(subject: str, body: str) -> None:
    assert wish(mail(subject, body)) == BY_ADDRESS


def test_a_mail_in_html_alone_is_read() -> None:
    head = "From: ada@example.org\r\nSubject: November\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
    body = (
        "<html><head><style>p{color:red}</style></head><body><p>Hi,</p><div>please&nbsp;unsubscribe me</div>"
    )
    assert wish((head + body).encode()) == BY_ADDRESS


def test_the_first_text_of_nested_parts_is_read_in_any_encoding() -> None:
    inner = EmailMessage()
    inner["From"], inner["Subject"] = "ada@example.org", "November"
    inner.set_content("Ich möchte den Newsletter abbestellen", cte="base64")
    inner.add_alternative("<p>nothing of that kind</p>", subtype="html")
    inner.add_attachment(b"\0" * 3000, maintype="image", subtype="png")
    assert inner.get_content_type() == "multipart/mixed"
    assert wish(inner.as_bytes()) == BY_ADDRESS


@pytest.mark.parametrize("sender", ["", "ada@example.org, eve@example.org", "Ada", "undisclosed:;"])
def test_a_wish_of_nobody_or_of_two_is_nobodys(sender: str) -> None:
    assert wish(f"From: {sender}\r\nSubject: unsubscribe\r\n\r\n".encode()) is None


# -- hostile --------------------------------------------------------------------------------------


def nested(levels: int) -> bytes:
    head = b"".join(
        b"Content-Type: multipart/mixed; boundary=%d\r\n\r\n--%d\r\n" % (n, n) for n in range(levels)
    )
    return b"From: ada@example.org\r\n" + head + b"\r\nunsubscribe"


HOSTILE = {
    "20 MB": b"Subject: November\r\n\r\n" + b"x" * 20_000_000,
    "20 MB of header": b"Subject: November\r\n" + b"X: y\r\n" * 3_000_000,
    "20 MB in one line of header": b"Subject: " + b"unsubscribe " * 1_600_000,
    "10,000 parts": b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
    + b"--b\r\n\r\nunsubscribed?\r\n" * 10_000,
    "10,000 parts in parts": nested(10_000),
    "a boundary of 60,000 letters": b"Content-Type: multipart/mixed; boundary="
    + b"b" * 60_000
    + b"\r\n\r\nx",
    "60,000 parameters": b"Content-Type: text/plain" + b';"' * 30_000 + b"\r\n\r\nx",
    "numbered parameters": b"Content-Type: multipart/mixed" + b"; boundary*0*=%ff" * 999 + b"\r\n\r\nx",
    "half a surrogate": b"Subject: =?utf-8?B?7aCA?= =?x?Q?=ZZ?= =?utf-8?B?a?=\r\nFrom: \xff\xfe\r\n\r\n\xff",
    "no such charset": b"Content-Type: text/plain; charset=zip\r\nSubject: =?hex?Q?00?=\r\n\r\nx",
    "broken base64": b"Content-Transfer-Encoding: base64\r\n\r\nA====B\xff=C",
    "open tags": b"Content-Type: text/html\r\n\r\n" + b"<style <p <" * 200_000,
    "brackets in From": b"From: " + b"(" * 30_000 + b"<" * 30_000 + b"\r\nSubject: unsubscribe\r\n\r\n",
    "NUL": b"\0Subject: unsubscribe\0\r\n\0\r\n\r\n\0",
    "nothing": b"",
    "a line break in From": b"Subject: unsubscribe\r\nFrom: =?utf-8?Q?ada=0D=0ABcc:_eve?= <>\r\n\r\n",
}


@pytest.mark.parametrize("raw", HOSTILE.values(), ids=HOSTILE)
def test_a_mail_made_to_break_readers_is_no_wish_and_takes_no_time(raw: bytes) -> None:
    began = time.process_time()
    assert wish(raw) is None
    assert time.process_time() - began < 0.5


def test_what_lies_behind_the_part_that_is_read_does_not_count() -> None:
    assert wish(b"From: ada@example.org\r\n\r\n" + b"\r\n" * (LONGEST // 2) + b"unsubscribe") is None


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400), st.sampled_from(["Subject", "From", "Content-Type", "Return-Path"]))
def test_no_bytes_crash_it(data: bytes, name: str) -> None:
    for raw in (data, name.encode() + b": " + data + b"\r\n\r\n" + data):
        assert wish(raw) is None or b"unsubscribe" in raw or b"stop" in raw.lower()


def test_no_mutation_of_a_signed_mail_makes_a_claim_of_somebody_else() -> None:
    dice = random.Random(20261101)
    good = mail(f"unsubscribe {TOKEN}", "unsubscribe", sender="")
    for _ in range(5_000):
        raw = bytearray(good)
        for _ in range(dice.randint(1, 4)):
            raw[dice.randrange(len(raw))] = dice.randrange(256)
        found = wish(bytes(raw))
        assert found is None or found.claim in (None, SIGNED.claim)
