"""Addresses that are valid but probably not what was meant."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.people.doubts import is_role, likely_meant


@pytest.mark.parametrize("key", ["info@example.org", "admin@example.org", "no-reply@mail.example.org"])
def test_an_office_is_known_by_the_part_before_the_at(key: str) -> None:
    assert is_role(key)


@pytest.mark.parametrize("key", ["ada@example.org", "information@example.org", "ada@info.example.org"])
def test_a_person_is_no_office(key: str) -> None:
    assert not is_role(key)


@pytest.mark.parametrize(
    ("domain", "meant"),
    [
        ("gmial.com", "gmail.com"),  # two letters changed places
        ("mgail.com", "gmail.com"),
        ("gmai.com", "gmail.com"),  # one is missing
        ("hotmal.com", "hotmail.com"),
        ("gmaill.com", "gmail.com"),  # one too many
        ("yahooo.ca", "yahoo.ca"),
        ("gnail.com", "gmail.com"),  # one is wrong
        ("sympatico.ca".replace("i", "y"), "sympatico.ca"),
        ("gmail.con", "gmail.com"),  # the end
        ("gmail.co", "gmail.com"),
        ("example.con", "example.com"),
        ("t-onlne.de", "t-online.de"),
    ],
)
def test_one_slip_of_the_finger_is_noticed(domain: str, meant: str) -> None:
    assert likely_meant(domain) == meant


@pytest.mark.parametrize(
    "domain",
    [
        "gmail.com",
        "gmail.de",
        "email.com",
        "mail.com",
        "ymail.com",
        "cloud.com",
        "yahoo.es",
        "orange.com",
        "example.org",
        "example.co",
        "gmaill.example.com",
        "",
        "com",
    ],
)
def test_a_domain_of_its_own_is_left_alone(domain: str) -> None:
    assert likely_meant(domain) == ""


@given(st.text(max_size=80))
def test_what_is_suggested_is_never_suspect_itself(domain: str) -> None:
    assert likely_meant(likely_meant(domain)) == ""
