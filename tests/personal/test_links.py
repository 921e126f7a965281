"""Unsubscribe links and their headers (RFC 2369, RFC 8058)."""

import re

import pytest

from newsletter.errors import ConfigError
from newsletter.tokens import Claim
from tests.personal.samples import TOKENS, links


def test_with_web_pages_https_comes_first_then_mailto_then_one_click() -> None:
    headers = links().headers(7)
    match = re.fullmatch(
        r"<https://news\.example\.org/u/([^<>]+)>, "
        r"<mailto:leave@example\.org\?subject=unsubscribe%20([^<>]+)>",
        headers["List-Unsubscribe"],
    )
    assert match
    assert match[1] == match[2]
    assert TOKENS.read(match[1]) == Claim("u", 7, "k3xw9q")
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_without_web_pages_mailto_stands_alone_and_there_is_no_one_click() -> None:
    made = links(public_url="")
    assert made.headers(7) == {"List-Unsubscribe": f"<{made.unsubscribe_mailto(7)}>"}
    assert made.unsubscribe_url(7) == made.unsubscribe_mailto(7)


def test_plain_http_on_this_machine_is_a_link_but_not_one_click() -> None:
    headers = links(public_url="http://localhost:8000/").headers(7)
    assert headers["List-Unsubscribe"].startswith("<http://localhost:8000/u/")
    assert "List-Unsubscribe-Post" not in headers


@pytest.mark.parametrize(
    ("public_url", "base"),
    [
        ("https://news.example.org/a/b/", "https://news.example.org/a/b/u/"),
        ("https://news.example.org:8443/a", "https://news.example.org:8443/a/u/"),
        ("https://bücher.example/ä b", "https://xn--bcher-kva.example/%C3%A4%20b/u/"),
        ("https://news.example.org/a%20b?x=1#y", "https://news.example.org/a%20b/u/"),
        ("HTTPS://News.Example.org", "https://news.example.org/u/"),
    ],
)
def test_a_path_prefix_is_kept_and_everything_is_ascii(public_url: str, base: str) -> None:
    made = links(public_url=public_url)
    assert made.unsubscribe_url(7).startswith(base)
    for header in made.headers(7).values():
        assert header.isascii() and header.isprintable() and len(header) < 900


@pytest.mark.parametrize(
    ("news", "mailto"),
    [
        ({"unsubscribe_email": "off+now@example.org"}, "mailto:off+now@example.org?"),
        ({"unsubscribe_email": "Off <off@example.org>"}, "mailto:off@example.org?"),
        ({"unsubscribe_email": ""}, "mailto:answers@example.org?"),
        ({"unsubscribe_email": "", "reply_to": ""}, "mailto:hello@example.org?"),
        ({"unsubscribe_email": "a&b?c@bücher.example"}, "mailto:a%26b%3Fc@xn--bcher-kva.example?"),
    ],
)
def test_the_mailto_form_goes_where_the_settings_say(news: dict[str, str], mailto: str) -> None:
    assert links(**news).unsubscribe_mailto(7).startswith(mailto + "subject=unsubscribe%20u.7.")


def test_each_page_has_a_token_of_its_own_purpose() -> None:
    made = links()
    tokens = [made.unsubscribe_url(7), made.preferences_url(7), made.confirm_url(7, "c0de")]
    assert [url.removeprefix("https://news.example.org/")[:2] for url in tokens] == ["u/", "p/", "c/"]
    claims = [TOKENS.read(url.rsplit("/", 1)[1]) for url in tokens]
    assert claims == [Claim("u", 7, "k3xw9q"), Claim("p", 7, "k3xw9q"), Claim("c", 7, "c0de")]


def test_without_web_pages_there_are_no_pages_to_link_to() -> None:
    made = links(public_url="")
    assert made.preferences_url(7) == made.confirm_url(7, "c0de") == ""


def test_a_link_too_long_for_a_header_is_refused_at_the_start() -> None:
    with pytest.raises(ConfigError, match="public_url"):
        links(public_url="https://news.example.org/" + "x" * 400)


def test_people_have_different_links_and_each_keeps_theirs() -> None:
    made = links()
    first = made.unsubscribe_url(1)
    assert made.unsubscribe_url(2) != first
    assert made.unsubscribe_url(1) == first
