"""Subject, preheader, postal address, and what was left from the issue before."""

import dataclasses

import pytest

from newsletter.checks import preflight
from newsletter.model import Level
from tests.checks.drafts import GOOD, Table, change, make_table

LONG = (
    "We sat by the window for an hour and listened to the rain until somebody began to hum along, and so " * 2
)
LAST = f"""\
---
title: November songs
subject: News of November 2026
preheader: What we sang.
---
{LONG}

A short farewell.
"""


def test_a_good_issue_has_no_findings(table: Table) -> None:
    assert table.findings(GOOD) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (change("preheader: Why a pause is part of the music.\n", ""), ("preheader-missing", "issue")),
        (change("Why a pause is part of the music.", "Rhythm and rest"), ("preheader-repeats-subject", "3")),
        (change("Why a pause", "Why a pause " * 12), ("preheader-long", "3")),
        (change("title: Rhythm and rest", "title: RHYTHM AND REST"), ("subject-capitals", "2")),
        (change("title: Rhythm and rest", "title: R\nsubject: " + "Rhythm " * 12), ("subject-long", "3")),
        (change("title: Rhythm and rest", "title: R\nsubject: " + "Rhythm " * 40), ("subject-cut", "3")),
        (change("title: Rhythm and rest", "title: R\nsend_at: tomorrow"), ("send-at", "3")),
        (change("title: Rhythm and rest", "title: R\nsend_at: 2027-02-30 09:00"), ("send-at", "3")),
    ],
)
def test_each_finding_names_the_line(table: Table, text: str, expected: tuple[str, str]) -> None:
    check, where = expected
    assert table.found(text) == [(check, "issues/2026-12-under-test.md" if where == "issue" else where)]


def test_a_time_to_send_that_can_be_read_is_no_finding(table: Table) -> None:
    assert table.found(change("title: Rhythm and rest", "title: R\nsend_at: 2026-12-30 09:00")) == []


def test_the_subject_is_measured_with_a_usual_name_and_its_longest_branch(table: Table) -> None:
    branch = "{% if 'a' in subscriber.tags %}" + "x" * 60 + "{% else %}short{% endif %}"
    name = "{{ subscriber.first_name | default('a very long text that nobody sees') }}"
    short = change("title: Rhythm and rest", f'title: R\nsubject: "{name}, {branch}"')
    assert table.found(short) == []
    assert table.found(change("x" * 60, "x" * 70, short)) == [("subject-long", "3")]


def test_without_a_postal_address_the_settings_are_named(table: Table) -> None:
    draft = table.draft(GOOD)
    news = dataclasses.replace(draft.workspace.settings.newsletter, postal_address="")
    workspace = dataclasses.replace(
        draft.workspace, settings=dataclasses.replace(draft.workspace.settings, newsletter=news)
    )
    [finding] = preflight.findings(dataclasses.replace(draft, workspace=workspace))
    assert (finding.check, finding.where) == ("postal-address-missing", "newsletter.toml")


@pytest.fixture(scope="module")
def monthly(tmp_path_factory: pytest.TempPathFactory) -> Table:
    """A table on which lies last month's issue."""
    made = make_table(tmp_path_factory.mktemp("last") / "table")
    made.write("issues/2026-11-november-songs.md", LAST)
    made.write("issues/2026-10-broken.md", "no front matter")
    return made


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (change("Rhythm and rest", "What November brought"), ("last-month", "2")),
        (change("Why a pause", "Now in November, why a pause"), ("last-month", "3")),
        (
            change("title: Rhythm and rest", "title: R\nsubject: news of  november 2026"),
            ("subject-again", "3"),
        ),
        (change("Why a pause is part of the music.", "What we sang."), ("preheader-again", "3")),
        (change("Some words", f"{LONG}\n\nSome words"), ("paragraphs-again", "8")),
    ],
)
def test_what_is_left_from_the_issue_before_is_found(
    monthly: Table, text: str, expected: tuple[str, str]
) -> None:
    assert monthly.found(text) == [expected]


@pytest.mark.parametrize(
    "text",
    [
        change("Rhythm and rest", "From November to December"),  # both months: it is meant
        change("Rhythm and rest", "Novembers of my life"),
        change("Some words", "A short farewell.\n\nSome words"),
        change("Rhythm and rest", "December 2026"),
    ],
)
def test_what_is_meant_is_not_found(monthly: Table, text: str) -> None:
    assert monthly.found(text) == []


def test_a_month_is_known_in_the_language_of_the_issue(monthly: Table) -> None:
    german = change("title: Rhythm and rest", "language: de\ntitle: Lieder im November und Mai")
    assert monthly.found(german) == [("last-month", "3")]
    assert monthly.found(change("im November", "im Dezember und November", german)) == []


def test_the_year_before_is_found_in_january_only(tmp_path_factory: pytest.TempPathFactory) -> None:
    table = make_table(tmp_path_factory.mktemp("year") / "table")
    table.write("issues/2025-12-last.md", LAST)
    found = table.one(change("Rhythm and rest", "Concerts of 2025"), "last-year")
    assert found.level is Level.WARNING
    assert table.found(change("Rhythm and rest", "From 2025 to 2026")) == []
