"""Placeholders, fields, language, headings."""

import pytest

from newsletter.errors import IssueError
from tests.checks.drafts import GOOD, Table, change

GERMAN = (
    "Wir haben für euch ein neues Lied, und das ist nicht schwer: der Anfang geht mit der Hand auf dem "
    "Tisch, und wir singen es auch im Stehen. Wer mag, bringt eine Trommel mit, oder ein Tuch für die Augen. "
)
HEBREW = "שלום לכולם, זה המכתב החודשי שלנו על מוזיקה ועל שקט, ועל מה שביניהם. "


@pytest.mark.parametrize(
    ("left", "line"),
    [
        ("Lorem ipsum dolor", "8"),
        ("TODO: words", "8"),
        ("*|FNAME|*", "8"),
        ("[[first name]]", "8"),
        ("%first_name%", "8"),
        ("[a file](file:///home/ada/a.pdf)", "8"),
        ("{{ '{{' }} name }}", None),  # written in pieces: it stands nowhere as it is shown
    ],
)
def test_a_placeholder_is_an_error(table: Table, left: str, line: str | None) -> None:
    [found] = table.found(change("Some words", left))
    assert found == ("placeholder", line or "issues/2026-12-under-test.md")


@pytest.mark.parametrize(
    "html",
    [
        "<script>alert(1)</script>",
        "<form action='https://example.org/'><input name='x'></form>",
        "<iframe src='https://example.org/'></iframe>",
        "<p onclick='alert(1)'>Press me</p>",
    ],
)
def test_what_does_something_is_an_error_because_mail_programs_take_it_out(table: Table, html: str) -> None:
    found = table.found(change("Some words", f"Some\n\n{html}\n\nwords"))
    assert found[0] == ("active-content", "10")


def test_a_placeholder_in_the_subject_is_found_at_its_key(table: Table) -> None:
    assert table.found(change("title: Rhythm and rest", "title: R\nsubject: TBD")) == [("placeholder", "3")]


@pytest.mark.parametrize(
    ("text", "check", "says"),
    [
        (change("first_name", "frist_name"), "field-unknown", 'Did you mean "first_name"?'),
        (change("subscriber.first_name", "subscriber.ctiy"), "field-unknown", 'Did you mean "city"?'),
        (change(" | default('friend')", ""), "field-without-default", "no default"),
    ],
)
def test_a_merge_field_is_one_that_somebody_has(table: Table, text: str, check: str, says: str) -> None:
    found = table.one(text, check)
    assert found.where == "issues/2026-12-under-test.md:5"
    assert says in found.what


@pytest.mark.parametrize(
    "written",
    [
        "{{ subscriber.name | safe }}",
        "{% set n = subscriber.name | safe %}{{ n }}",
        "{{ (subscriber.name ~ '!') | safe }}",
    ],
)
def test_a_readers_field_that_goes_through_safe_is_refused_at_its_line(table: Table, written: str) -> None:
    with pytest.raises(IssueError) as refused:
        table.draft(change("Some words", written))
    assert (refused.value.line, refused.value.exit_code) == (8, 4)
    assert "safe" in str(refused.value)


@pytest.mark.parametrize(
    ("language", "says"),
    [
        ("english", "Did you mean en?"),
        ("en_CA", "Did you mean en-CA?"),
        ("jp", "Did you mean ja?"),
        ("x", ""),
    ],
)
def test_a_language_is_one_that_programs_know(table: Table, language: str, says: str) -> None:
    found = table.one(change("title:", f"language: {language}\ntitle:"), "language-tag")
    assert found.where == "issues/2026-12-under-test.md:2"
    assert says in found.what


@pytest.mark.parametrize("language", ["en", "en-CA", "fil", "zh-Hant-TW", "sr-Latn"])
def test_a_plausible_language_is_not_found(table: Table, language: str) -> None:
    assert table.found(change("title:", f"language: {language}\ntitle:")) == []


def test_a_letter_in_another_language_than_it_says_is_found(table: Table) -> None:
    german = change("Some words", GERMAN * 2)
    assert table.found(german) == [("language-other", "2")]
    assert "de" in table.one(german, "language-other").mend
    assert table.found(change("title:", "language: de\ntitle:", german)) == []


def test_a_quotation_in_another_language_is_no_finding(table: Table) -> None:
    own = "We have sung this for you and it is the one that the children like; you are welcome with it. " * 5
    assert table.found(change("Some words", own + GERMAN)) == []


def test_letters_that_run_the_other_way_are_found(table: Table) -> None:
    hebrew = change("Some words", HEBREW * 4)
    assert table.found(hebrew) == [("language-direction", "2")]
    assert table.found(change("title:", "language: he\ntitle:", hebrew)) == []


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("## A section\n\n#### Too deep", ("heading-skipped", "11")),
        ("## A section\n\n<h4>Too deep</h4>\n", ("heading-skipped", "11")),
        ("# A title", ("heading-second-title", "9")),
        ("::: callout A title\nWords.\n:::\n", ("heading-block", "9")),
        ("## A section\n\n### \n\nWords.", ("heading-empty", "11")),
    ],
)
def test_headings_have_one_title_and_leave_out_no_level(
    table: Table, body: str, expected: tuple[str, str]
) -> None:
    assert table.found(change("## A section", f"Words.\n\n{body}")) == [expected]


def test_headings_in_order_are_no_finding(table: Table) -> None:
    body = "## A section\n\n### One\n\n#### Deeper\n\n### Two\n\n## Next\n\n::: callout Title\nWords.\n:::\n"
    assert table.found(change("## A section", body)) == []


def test_words_in_a_letter_are_found_at_their_own_line(table: Table) -> None:
    text = GOOD + "\n## B\n\n*One* quoted “word's” end\n\n##### Too deep: *a “word”*\n"
    assert table.found(text) == [("heading-skipped", "16")]
