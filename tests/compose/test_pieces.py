"""Markdown becomes pieces: sections, the ::: blocks, pictures; and the owner's HTML is made well-formed."""

import pytest

from newsletter.compose.images import Album
from newsletter.compose.issue_file import read_issue
from newsletter.compose.pictures import Pictures
from newsletter.compose.pieces import Body, read_body
from newsletter.compose.slots import Slots
from newsletter.compose.tidying import tidy_html

from .conftest import Bench


def body_of(bench: Bench, source: str, language: str = "en") -> Body:
    """Return the body of an issue without any expressions."""
    issue = read_issue(bench.issue(source), bench.root)
    slots = Slots("0123456789")
    return read_body(issue.body, issue, language, slots, Pictures(issue, Album(bench.root), slots))


def test_the_lead_ends_and_each_section_begins_at_two_hashes(bench: Bench) -> None:
    body = body_of(bench, "Lead\n\n# Big\n\n## One *two*\n\na\n\n### small\n\n## One two\n\n## ❤\n\nb")
    assert [piece["html"] for piece in body.lead] == ["<p>Lead</p>\n<h1>Big</h1>\n"]
    assert [(section.title, section.id) for section in body.sections] == [
        ("One two", "one-two"), ("One two", "one-two-2"), ("❤", "section"),
    ]  # fmt: skip
    assert body.sections[0].pieces[0]["html"] == "<p>a</p>\n<h3>small</h3>\n"
    assert body.sections[1].pieces == []


def test_quotation_marks_follow_the_language(bench: Bench) -> None:
    assert body_of(bench, 'He said "yes" -- twice...').lead[0]["html"] == "<p>He said “yes” – twice…</p>\n"
    assert "„ja“" in body_of(bench, '"ja"', "de-AT").lead[0]["html"]
    assert "«\xa0oui\xa0»" in body_of(bench, '"oui"', "fr").lead[0]["html"]


def test_a_button_is_a_link_alone(bench: Bench) -> None:
    (piece,) = body_of(bench, "::: button\n[Book *now*](https://example.org/a?b=1&c=2)\n:::").lead
    assert piece == {"kind": "button", "label": "Book now", "href": "https://example.org/a?b=1&c=2"}


def test_callout_quote_event_and_divider(bench: Bench) -> None:
    callout, divider, quote, other, event = body_of(
        bench,
        "::: callout Good to know\nText\n:::\n\n---\n\n::: quote\n"
        "Music!\n— Ada\n:::\n\n::: quote Bob B.\nWords\n:::\n\n"
        "::: event Open day\n**When:** Friday, 10:00\nwhere: The *big* room\n\nCome!\n:::\n",
    ).lead
    assert callout == {"kind": "callout", "title": "Good to know", "html": "<p>Text</p>\n"}
    assert divider == {"kind": "divider"}
    assert quote == {"kind": "quote", "author": "Ada", "html": "<p>Music!</p>\n"}
    assert other == {"kind": "quote", "author": "Bob B.", "html": "<p>Words</p>\n"}
    assert event == {
        "kind": "event",
        "title": "Open day",
        "when": "Friday, 10:00",
        "where": "The big room",
        "html": "<p>Come!</p>\n",
    }


def test_an_event_may_go_on_in_the_same_paragraph_and_know_other_languages(bench: Bench) -> None:
    (event,) = body_of(bench, "::: event\nWann: Freitag\nKommt!\n:::").lead
    assert (event["when"], event["where"], event["html"]) == ("Freitag", "", "<p>Kommt!</p>\n")
    for when, where in (("מתי", "איפה"), ("متى", "أين")):
        (event,) = body_of(bench, f"::: event\n{when}: 10:00\n{where}: 5\n\nx\n:::").lead
        assert (event["when"], event["where"]) == ("10:00", "5")


def test_columns_are_parted_by_rules_or_are_blocks_of_their_own(bench: Bench) -> None:
    for source in (
        "::: columns\nA\n\n---\n\nB\n:::",
        ":::: columns\n::: column\nA\n:::\n::: column\nB\n:::\n::::",
    ):
        (piece,) = body_of(bench, source).lead
        assert [column["html"] for column in piece["columns"]] == ["<p>A</p>\n", "<p>B</p>\n"]


def test_a_signature_has_a_name_a_picture_and_text(bench: Bench) -> None:
    bench.picture("issues/ada.jpg", (300, 300))
    (piece,) = body_of(bench, "::: signature Ada Byron\n![Ada](ada.jpg)\nTherapist\n:::\n").lead
    assert (piece["name"], piece["html"].strip()) == ("Ada Byron", "<p>Therapist</p>")
    assert piece["image"]["alt"] == "Ada" and piece["image"]["src"].startswith("cid:")
    assert piece["image"]["width"] == 160
    (bare,) = body_of(bench, "::: signature\nAda\n:::").lead
    assert (bare["name"], bare["image"]) == ("", None)


def test_a_picture_alone_in_a_paragraph_is_a_piece_with_caption_and_link(bench: Bench) -> None:
    bench.picture("issues/pictures/drum one.jpg", (800, 400))
    text, plain, linked, more = body_of(
        bench,
        'A\n\n![A drum](<pictures/drum one.jpg> "Saturday")\n\n[![](pictures/drum%20one.jpg)](https://example.org)\n\n'
        "inline ![x](<pictures/drum one.jpg>) here",
    ).lead
    assert (text["kind"], more["kind"]) == ("text", "text")
    assert (plain["alt"], plain["caption"], plain["href"]) == ("A drum", "Saturday", "")
    assert (plain["width"], plain["height"]) == (600, 300)
    assert (linked["kind"], linked["alt"], linked["href"]) == ("image", "", "https://example.org")
    assert f'<img src="{plain["src"]}" alt="x" width="600"' in more["html"]


def test_blocks_inside_blocks_become_html(bench: Bench) -> None:
    (piece,) = body_of(bench, ":::: callout\n::: button\n[Go](https://example.org)\n:::\n::::").lead
    assert piece["html"] == '<div class="button">\n<p><a href="https://example.org">Go</a></p>\n</div>\n'


@pytest.mark.parametrize(
    ("source", "line", "message"),
    [
        ("Hi\n\n::: buton\n[a](b)\n:::\n", 6, 'Did you mean "button"?'),
        ("Hi\n\n::: callout\nfor ever", 6, "::: callout is not closed"),
        ("::: quote\na\n:::\n\n::: quote\nb\n\n## c", 8, "::: quote is not closed"),
        ("Hi\n\n:::\n", 6, "A line ::: closes no block"),
        ("::: button\nno link\n:::", 4, "A button is one link"),
        ("::: button\n[a](https://x.org) [b](https://y.org)\n:::", 4, "A button is one link"),
        ("::: columns\nA\n:::", 4, "There are 1 columns"),
        ("::: column\nA\n:::", 4, "outside of columns"),
    ],
)
def test_mistakes_in_blocks_are_reported_at_their_line(
    bench: Bench, source: str, line: int, message: str
) -> None:
    error = bench.refuse(source)
    assert message in str(error)
    assert (error.file, error.line) == ("issues/2026-11-test.md", line)


@pytest.mark.parametrize(
    ("given", "tidy"),
    [
        ("<p>a <b>b<p>c & d < e", "<p>a <b>b</b></p><p>c &amp; d &lt; e</p>"),
        ("x<br>y<hr>z<img src=a.png alt='q\"'>", 'x<br />y<hr />z<img src="a.png" alt="q&quot;" />'),
        ("<!-- note --><?xml version='1.0' encoding='utf-8'?><!DOCTYPE html>a", "a"),
        ("<p></p><td>x</table></div>", "<p></p><td>x</td>"),
        ("a\x00b\x0bc &nbsp;&copy;", "abc \xa0©"),
        ("<![CDATA[x]]><o:p>y</o:p>", "<o:p>y</o:p>"),
        ("", ""),
    ],
)  # fmt: skip
def test_the_owners_html_is_made_well_formed(given: str, tidy: str) -> None:
    assert tidy_html(given) == tidy


def test_broken_html_in_an_issue_still_compiles(bench: Bench) -> None:
    letter = bench.compile(
        '<div class=x><p>a < b & c\n\n*text*\n\n</td></div><a href=https://example.org?a=1&b=2>l\n\n<img src="https://example.org/i.png">'
    )
    body = letter.body()
    assert "a &lt; b &amp; c" in body and 'href="https://example.org?a=1&amp;b=2"' in body
    assert '<img src="https://example.org/i.png" alt=""' in body
