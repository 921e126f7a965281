"""Whatever is sent, nothing breaks, and nothing changes that should not."""

import random
from typing import Any

import pytest

from newsletter.people.addresses import InvalidAddress, parse_address
from newsletter.people.leaving import unsubscribe

from .conftest import FORM, Pages

ADDRESSES = [
    "ada@bücher.example",
    "ada@xn--bcher-kva.example",
    "üser@example.org",
    "用户@例子.广告",
    '"quoted string"@example.org',
    '"a@b"@example.org',
    '"\\"<script>"@example.org',
    "a" * 64 + "@example.org",
    "a" * 308 + "@example.org",
    "a@" + "b." * 150 + "org",
    "a" * 65 + "@example.org",
    "ada\x00@example.org",
    "ada@example.org\x00",
    "ada@example.org\r\nBcc: eve@example.org",
    "ada@example.org%0d%0aBcc:eve@example.org",
    "ada@example.org,eve@example.org",
    "Ada <ada@example.org>",
    "\u202eada@example.org",
    "ada@\u202eexample.org",
    "ada\u200b@example.org",
    "\ud83d\ude00@example.org".encode("utf-16", "surrogatepass").decode("utf-16"),
    "ada@[127.0.0.1]",
    "ada@localhost",
    "ada@example",
    "ada@@example.org",
    "@example.org",
    "ada@",
    "",
    " ",
    "../../etc/passwd",
    "' OR 1=1 --@example.org",
    "{{ 7*7 }}@example.org",
    "${jndi:ldap://example.org}@example.org",
    "ada@example.org" + " " * 5000,
    "Ａda@example.org",
    "ada@ex\u00adample.org",
]


@pytest.mark.parametrize("typed", ADDRESSES, ids=lambda text: ascii(text)[:30])
def test_an_address_from_the_hostile_corpus_is_one_person_or_a_clear_refusal(
    pages: Pages, typed: str
) -> None:
    answer = pages.subscribe(typed, name="Ada")
    try:
        address = parse_address(typed)
    except InvalidAddress:
        address = None
    rows = pages.dump()["subscribers"]
    if address is None or not address.sendable:
        assert (answer.status_code, rows, pages.desk.mailbox()) == (422, [], [])
        assert "\x00" not in answer.text and "<script>" not in answer.text
        return
    assert answer.status_code == 303
    assert [row[2] for row in rows] == [address.key]
    for mail in pages.desk.mailbox():
        assert mail["Bcc"] is None and str(mail["To"]).isascii()
        assert len(mail.get_all("To", [])) == 1


def test_bytes_that_are_no_text_are_no_trouble(pages: Pages) -> None:
    for body in (
        b"email=%ff%fe@example.org",
        b"email=%00",
        b"email=\xff",
        b"&&&=;;=",
        b"email",
        b"%",
        b"=" * 999,
    ):
        assert pages.ask("POST", "/subscribe", content=body, headers=FORM).status_code in {400, 422}
    assert pages.dump()["subscribers"] == []


@pytest.mark.slow
def test_ten_thousand_fuzzed_requests_break_nothing_and_change_nothing_they_should_not(
    make_pages: Any,
) -> None:
    pages = make_pages()
    ada = pages.add("ada@example.org", name="Ada", tags=["families"])
    cyd = pages.add("cyd@example.org", name="Cyd")
    unsubscribe(pages.engine, cyd, how="cli", clock=lambda: pages.now)
    pages.subscribe("ben@example.org")
    real = {pages.token(kind, person) for kind in "ucp" for person in (ada, cyd)}
    real |= {pages.link(pages.desk.mailbox()[0])}
    before = pages.dump()
    dice = random.Random(20261124)
    answers: dict[int, int] = {}
    for _ in range(100):
        for status in pages.ask_many([_request(dice, sorted(real)) for _ in range(100)]):
            answers[status] = answers.get(status, 0) + 1
        pages.later(minutes=3)
    assert max(answers) < 500 and sum(answers.values()) == 10_000
    assert {200, 204, 303, 404, 405, 413, 415, 422} <= answers.keys(), answers
    after = pages.dump()
    old = {row[0] for row in before["subscribers"]}
    for table in ("subscribers", "subscriber_tags", "consent_events", "suppressions", "campaigns", "meta"):
        assert [row for row in before[table] if row not in after[table]] == []
    assert {row[4] for row in after["subscribers"] if row[0] not in old} <= {"pending"}
    assert {row[2] for row in after["consent_events"]} <= {"added", "unsubscribed", "requested"}


def _request(dice: random.Random, real: list[str]) -> dict[str, Any]:
    """Return a request that somebody could send: true links are only fetched, spoilt ones also posted to."""
    path = dice.choice(real)
    method = dice.choice(["GET", "HEAD", "OPTIONS", "PUT"])
    if dice.random() < 0.8:
        method = dice.choice(["GET", "POST", "POST", "POST", "DELETE", "HEAD", "BREW"])
        path = dice.choice(
            [
                _spoilt(dice, path),
                _spoilt(dice, path) + "/back",
                "/subscribe",
                "/",
                f"/{_junk(dice)}",
                "/images/%2e%2e/x",
            ]
        )
    body = dice.choice(
        [
            b"List-Unsubscribe=One-Click",
            f"name={_junk(dice)}&break=3&tag=staff".encode("utf-8", "replace"),
            f"email={dice.choice(ADDRESSES)}&name={_junk(dice)}".encode("utf-8", "replace"),
            f"email=p{dice.randrange(50)}%40example.org".encode(),
            bytes(dice.randrange(256) for _ in range(dice.randrange(40))),
            b"x" * dice.choice([0, 1, 17_000]),
        ]
    )
    kind = dice.choice(
        [FORM["Content-Type"]] * 4 + ["multipart/form-data; boundary=x", "application/json", "", ";;"]
    )
    return {
        "method": method,
        "path": path,
        "content": body,
        "headers": {"Content-Type": kind},
        "client": _client(dice),
    }


def _spoilt(dice: random.Random, path: str) -> str:
    """Return a link that is not quite what we signed."""
    at = dice.randrange(3, len(path))
    other = dice.choice("abcXYZ019-_~*%25")
    spoilt = dice.choice(
        [
            path[:at],
            path[:at] + other + path[at + 1 :],
            path[:at] + path[at + 1 :],
            path + other,
            path[:3] + path[at:],
        ]
    )
    same = spoilt == path or spoilt.rstrip(".,;:!?)>]}\"' ") == path
    return path[:3] + "x" + path[3:] if same else spoilt


def _junk(dice: random.Random) -> str:
    pool = "abc/.%2f%00<>'\"{}&=+ é漢\u202e"
    return "".join(dice.choice(pool) for _ in range(dice.randrange(1, 30)))


def _client(dice: random.Random) -> str:
    return dice.choice(["192.0.2.7", "2001:db8::1", "not an address", f"198.51.100.{dice.randrange(250)}"])
