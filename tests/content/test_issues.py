"""The issues that we ship read well for everybody, and are fit to send."""

import re

import pytest
from lxml import html as lxml_html

from newsletter.settings import Workspace

from .conftest import ISSUES, LEFTOVERS, READERS, Letters


def test_there_is_an_issue_for_each_month_of_autumn() -> None:
    assert [path.stem[:7] for path in ISSUES[:3]] == ["2026-09", "2026-10", "2026-11"]


@pytest.mark.parametrize("reader", READERS)
def test_nothing_unfinished_reaches_anybody(letters: Letters, reader: str) -> None:
    for part in (letters.subject(reader), letters.html(reader), letters.text(reader)):
        for what, pattern in LEFTOVERS.items():
            assert not re.search(pattern, part, re.MULTILINE), what


@pytest.mark.parametrize("reader", READERS)
def test_everybody_can_leave_from_both_parts(letters: Letters, reader: str) -> None:
    ways_out = [a for a in lxml_html.fromstring(letters.html(reader)).iter("a") if a.text == "Unsubscribe"]
    assert len(ways_out) == 1
    assert (
        ways_out[0].get("href", "").startswith("mailto:unsubscribe@ignite.example.org?subject=unsubscribe%20")
    )
    assert "mailto:unsubscribe@ignite.example.org?subject=unsubscribe%20" in letters.text(reader)
    assert set(letters.issue.uses_unsubscribe) == {"html", "text"}


def test_every_issue_says_who_writes_and_ends_with_contact_us(letters: Letters) -> None:
    for part in (str(lxml_html.fromstring(letters.html()).xpath("string()")), letters.text()):
        contact = part.index("Contact us")
        assert part.index("Mara Lindgren") < contact
        for fact in (
            "+1 902 555 0142",
            "hello@ignite.example.org",
            "ignite.example.org",
            "12 Example Street",
        ):
            assert fact in part[contact:]
    assert 'href="tel:+19025550142"' in letters.html()


def test_readers_are_greeted_by_name_or_as_a_friend(letters: Letters) -> None:
    for part in (letters.html, letters.text):
        assert "Dear Ada," in part("known")
        assert "Dear friend," in part("nameless")


def test_gmail_will_not_cut_it(letters: Letters) -> None:
    assert len(letters.html("everything").encode()) < 90_000


def test_every_picture_says_what_it_shows_and_is_light(letters: Letters) -> None:
    pictures = list(lxml_html.fromstring(letters.html("everything")).iter("img"))
    assert pictures
    assert all(picture.get("alt") is not None for picture in pictures)
    decorative = [picture for picture in pictures if not picture.get("alt")]
    assert len(decorative) <= 2  # the logo beside the name, the portrait beside the signature
    assert all(len(image.data) < 200_000 for image in letters.issue.images)
    assert sum(len(image.data) for image in letters.issue.images) < 500_000


def test_nothing_is_fetched_from_the_web_when_the_mail_is_opened(letters: Letters) -> None:
    html = letters.html("everything")
    assert all(image.get("src", "").startswith("cid:") for image in lxml_html.fromstring(html).iter("img"))
    assert not re.search(r"@import|@font-face|url\(|<link\b|<script\b|<iframe\b|background=\"http", html)


def test_mail_programs_get_what_they_need(letters: Letters) -> None:
    html = letters.html()
    assert html.lower().startswith("<!doctype html>")
    assert '<html lang="en" dir="ltr"' in html
    assert 'name="color-scheme" content="light dark"' in html
    assert "@media (prefers-color-scheme: dark)" in html
    assert "[data-ogsc]" in html
    assert not re.search(r"(?i)[:\"]\s*#[0-9a-f]{3}\s*[;\"!]", html), "Outlook wants six digits"
    assert not re.search(r"(?i)(?<!style=\"display:none;font-size:1px;color:)#(?:000000|ffffff)", html), (
        "pure black or white"
    )


def test_the_preheader_is_followed_by_padding_not_by_the_body(letters: Letters) -> None:
    visible = str(lxml_html.fromstring(letters.html()).xpath("string(body)"))
    preheader = visible.lstrip()[:600]
    assert preheader.count("\u034f") >= 50


@pytest.mark.parametrize(
    ("month", "passage", "tag"),
    [
        ("2026-09", "For teachers and clinicians", "professional"),
        ("2026-10", "For care homes and clinics", "professional"),
        ("2026-11", "If you refer people to us", "professional"),
        ("2026-11", "You asked about groups", "group"),
    ],
)
def test_passages_for_some_reach_only_them(workspace: Workspace, month: str, passage: str, tag: str) -> None:
    letters = Letters(workspace, next(path for path in ISSUES if path.stem.startswith(month)))
    for reader in ("known", "nameless", "group", "professional", "everything"):
        expected = reader in {tag, "everything"}
        assert (passage in letters.html(reader)) is expected, reader
        assert (passage in letters.text(reader)) is expected, reader


def test_the_november_issue_calls_readers_by_name_in_its_subject(workspace: Workspace) -> None:
    letters = Letters(workspace, next(path for path in ISSUES if path.stem.startswith("2026-11")))
    assert letters.subject("known") == "Ada, one to one or together?"
    assert letters.subject("nameless") == "Friend, one to one or together?"
    assert letters.subject("arabic") == "طارق, one to one or together?"


def test_text_lines_fit_a_terminal_unless_they_are_an_address(letters: Letters) -> None:
    long = [
        line for line in letters.text("everything").splitlines() if len(line) > 78 and " " in line.strip()
    ]
    assert long == []
