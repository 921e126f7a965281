"""``check --online``: what answers and what does not, where it stands, and that it has an end."""

import socket
import time
from dataclasses import replace
from typing import Any

import pytest

from newsletter.checks import online
from newsletter.model import Finding
from tests.checks.drafts import Table, change
from tests.checks.website import Web, anywhere


def look(table: Table, *links: str, picture: str = "", seconds: float = 20.0) -> list[Finding]:
    """Return what is found of these links, each on a line of its own from line 8."""
    body = "\n".join(f"[link {number}]({url})" for number, url in enumerate(links))
    text = change("Some words with [a link](https://example.org/).", body)
    if picture:
        text = change("images/two-chairs.png", picture, text)
    draft = table.draft(text)
    own = [
        link for link in draft.report.links if "ignite" not in link.href
    ]  # the template's own are no sites
    report = replace(draft.report, links=own)
    return online.check(report, seconds=seconds, seconds_each=min(5.0, seconds), allow_address=anywhere)


def short(found: list[Finding]) -> list[tuple[str, str]]:
    return [(finding.check, finding.where.rpartition(":")[2]) for finding in found]


def test_links_that_answer_are_no_finding_and_each_is_asked_once(table: Table, site: str) -> None:
    assert look(table, f"{site}/a", f"{site}/a#part", f"{site}/to//b", "mailto:ada@example.org") == []
    assert sorted(Web.asked) == ["HEAD /a", "HEAD /b", "HEAD /to//b"]


def test_a_dead_link_says_its_status_and_line(table: Table, site: str) -> None:
    found = look(table, f"{site}/fine", f"{site}/status/404", f"{site}/status/503", f"{site}/status/403")
    assert short(found) == [("link-dead", "9"), ("link-dead", "10"), ("link-refused", "11")]
    assert "404" in found[0].what and "link 1" in found[0].what


def test_a_picture_on_the_web_is_asked_and_weighed(table: Table, site: str) -> None:
    assert short(look(table, picture=f"{site}/heavy")) == [("web-picture-heavy", "10")]
    assert short(look(table, picture=f"{site}/status/410")) == [("link-dead", "10")]


def test_a_link_that_waits_for_the_reader_is_not_asked(table: Table, site: str) -> None:
    assert look(table, f"{site}/{{{{ subscriber.city }}}}") == []
    assert Web.asked == []


def test_the_whole_check_has_an_end_and_says_what_was_not_asked(table: Table, site: str) -> None:
    began = time.monotonic()
    found = look(table, *(f"{site}/slow/{number}" for number in range(9)), seconds=0.5)
    assert time.monotonic() - began < 3
    assert short(found)[-1][0] == "link-not-asked"


def test_what_is_no_web_server_is_said_in_plain_words(table: Table, site: str) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound and not listening: refuses
        closed = f"http://127.0.0.1:{nobody.getsockname()[1]}/"
        found = look(table, f"{site}/noise", closed, f"{site}/")
    assert short(found) == [("link-unreachable", "8"), ("link-unreachable", "9")]
    assert "does not speak HTTP" in found[0].what and "refuses connections" in found[1].what


def test_when_nothing_answers_there_is_one_finding(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*args: Any, **kwargs: Any) -> Any:
        raise socket.gaierror(socket.EAI_AGAIN, "no network")

    monkeypatch.setattr(socket, "getaddrinfo", offline)
    found = look(table, "https://a.example.org/", "https://b.example.org/")
    assert short(found) == [("offline", "issues/2026-12-under-test.md")]


def test_a_private_link_is_a_finding(table: Table) -> None:
    draft = table.draft(change("https://example.org/", "http://192.168.1.10/draft"))
    own = [link for link in draft.report.links if "ignite" not in link.href]
    report = draft.report.__class__(
        file=draft.report.file, field_uses=(), pictures=(), links=own, warnings=()
    )
    assert short(online.check(report)) == [("link-private", "8")]
