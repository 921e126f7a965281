"""Addresses and names on the wire."""

from email.header import decode_header, make_header
from email.utils import parseaddr

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.senders.wire import (
    encoded_words,
    is_deliverable,
    mailbox,
    phrase,
    split_mailbox,
    wire_address,
)


@pytest.mark.parametrize(
    ("address", "ok"),
    [
        ("ada@example.org", True),
        ("a.b+c'd=e@sub.example-1.org", True),
        ("ada@xn--bcher-kva.example", True),
        ("ada@example.xn--p1ai", True),
        ("ada", False),
        ("ada@localhost", False),
        ("a@b@example.org", False),
        ("a..b@example.org", False),
        (".a@example.org", False),
        ("ada@-example.org", False),
        ("ada@example.org\n", False),
        ("ada@example.org,eve@example.org", False),
        ('"a b"@example.org', False),
        ("<ada@example.org>", False),
        ("x" * 310 + "@example.org", False),
    ],
)
def test_an_address_is_deliverable_or_not(address: str, ok: bool) -> None:
    assert is_deliverable(address) is ok


@given(st.text(max_size=60))
def test_an_address_can_never_end_a_header_or_become_another_ones(text: str) -> None:
    wire = wire_address(text)
    assert wire.isascii() and wire.isprintable() and " " not in wire
    local = text.rpartition("@")[0]
    assert not is_deliverable(wire) or wire.rpartition("@")[0] == local


@given(st.text(max_size=200))
def test_a_name_comes_back_and_is_printable_ascii(text: str) -> None:
    name = phrase(text)
    assert name.isascii() and (not name or name.isprintable())
    assert all(len(word) <= 75 for word in name.split(" ") if word.startswith("=?"))


@given(st.text(st.characters(min_codepoint=0xA0, exclude_categories=["Cs", "Cc"]), min_size=1, max_size=200))
def test_encoded_words_decode_to_the_text(text: str) -> None:
    assert str(make_header(decode_header("\r\n ".join(encoded_words(text))))) == text


@pytest.mark.parametrize(
    ("text", "name", "address"),
    [
        ("Ignite <hello@example.org>", "Ignite", "hello@example.org"),
        ("hello@example.org", "", "hello@example.org"),
        ("<hello@example.org>", "", "hello@example.org"),
        ('"Ignite, Inc." <hello@example.org>', "Ignite, Inc.", "hello@example.org"),
        ("Ignite, Inc. <hello@example.org>", "Ignite, Inc.", "hello@example.org"),
        ('"The \\"Good\\" News" <hello@example.org>', 'The "Good" News', "hello@example.org"),
    ],
)
def test_a_mailbox_is_read_and_written_alike(text: str, name: str, address: str) -> None:
    assert split_mailbox(text) == (name, address)
    assert parseaddr(mailbox(text)) == (name, address)
