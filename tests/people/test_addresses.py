"""What is one e-mail address, and which two are the same person."""

import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.people.addresses import Address, InvalidAddress, parse_address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("Ada@Example.org", Address("Ada@Example.org", "ada@example.org")),
        ("  ada@example.org\t\xa0", Address("ada@example.org", "ada@example.org")),
        (
            "o'hara+list@mail.example.org",
            Address("o'hara+list@mail.example.org", "o'hara+list@mail.example.org"),
        ),
        ("Joe@BÜCHER.example", Address("Joe@bücher.example", "joe@xn--bcher-kva.example")),
        ("joe@xn--bcher-kva.example", Address("joe@xn--bcher-kva.example", "joe@xn--bcher-kva.example")),
    ],
)
def test_an_address_keeps_its_spelling_and_gets_one_key(text: str, address: Address) -> None:
    assert parse_address(text) == address


def test_a_local_part_that_amazon_cannot_mail_is_kept_but_not_sendable() -> None:
    assert parse_address("Jörg@bücher.example") == Address(
        "Jörg@bücher.example", "jörg@xn--bcher-kva.example", sendable=False
    )


def test_two_ways_to_write_an_umlaut_are_one_person() -> None:
    composed, decomposed = "jörg@example.org", "jo\u0308rg@example.org"
    assert parse_address(composed).key == parse_address(decomposed).key


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("   ", "empty"),
        ("ada", "no @"),
        ("ada@@example.org", "more than one @"),
        ("ada@example.org, bob@example.org", "more than one address"),
        ("ada@example.org;bob@example.org", "more than one address"),
        ("Ada <ada@example.org>", "without a name"),
        ("ada@example.org\r\nBcc: bob@example.org", "line break"),
        ("ada@example.org\n", "line break"),
        ("ada\x00@example.org", "control character"),
        ("\u200bada@example.org", "invisible"),
        ("ada\udc80@example.org", "control character"),
        ("ada byron@example.org", "space"),
        ("a..b@example.org", "two periods"),
        (".ada@example.org", "period"),
        ("ada.@example.org", "period"),
        ("ada@example", "period"),
        ("ada@localhost", "period"),
        ("ada@example.test", "reserved"),
        ("ada@[192.0.2.1]", "IP address"),
        ("ada@-example.org", "hyphen"),
        ("ada@xn--zz.example", "IDNA"),
        ("a" * 65 + "@example.org", "too long"),
        ("a@" + "b" * 64 + ".org", "so many characters"),
        ("a@" + "b.c" * 100 + ".org", "too long"),
        ("a" * 400 + "@example.org", "longer than 320"),
    ],
)
def test_what_is_no_address_is_refused_with_a_plain_reason(text: str, reason: str) -> None:
    with pytest.raises(InvalidAddress, match=reason):
        parse_address(text)


@pytest.mark.parametrize(
    "text", ["grace@exa mple.org", "grace@exa_mple.org", "gra(ce@example.org", "grace@xn--zz.de"]
)
def test_a_reason_does_not_repeat_the_address(text: str) -> None:
    with pytest.raises(InvalidAddress) as caught:
        parse_address(text)
    assert "grace" not in str(caught.value)
    assert "mple" not in str(caught.value)


_PARTS = st.text(alphabet="abcXYZ019.-_+!'@ ", min_size=1, max_size=30)


@settings(deadline=None)
@given(
    local=_PARTS,
    domain=_PARTS,
    last=st.sampled_from(["org", "de", "test", "local", "x", "1", "o-g", "Example"]),
)
def test_the_fast_way_takes_nothing_that_the_slow_way_refuses(local: str, domain: str, last: str) -> None:
    text = f"{local}@{domain}.{last}".strip()
    try:
        ours = parse_address(text)
    except InvalidAddress:
        return
    try:
        theirs = validate_email(text, check_deliverability=False, strict=True)
    except EmailNotValidError as error:
        raise AssertionError(f"{text!r} passed, but: {error}") from error
    assert ours.key == theirs.normalized.lower()


@settings(deadline=None)
@given(st.text(max_size=400))
def test_any_text_is_an_address_or_refused(text: str) -> None:
    try:
        address = parse_address(text)
    except InvalidAddress as error:
        assert str(error)
    else:
        assert address.key.count("@") == 1
        assert address.key.rpartition("@")[2].isascii()
        assert parse_address(address.email).key == address.key
