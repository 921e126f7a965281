"""Issues that use every block, in English, Hebrew and German, are whole in every template."""

import itertools
import re

import pytest
from lxml import html as lxml_html

from .conftest import EVERY_BLOCK, LEFTOVERS, READERS, Letters

#: What each issue says, block by block: lead, button, event, callout, list, caption, quotation, its author,
#: table, column, signature; and what the templates say themselves: month, when, contact, unsubscribe.
SAYS = {
    "a-choir-for-beginners": (
        (
            "mouth the words",
            "Keep a chair for me",
            "19:00 to 20:15",
            "You asked about groups",
            "humming cannot",
        ),
        (
            "if you would rather",
            "stopped since March",
            "A tenor",
            "What you can",
            "Nobody",
            "Mara Lindgren, MTA",
        ),
        ("February 2027", "When", "Contact us", "Unsubscribe"),
    ),
    "ivrit": (
        ("להזיז את השפתיים", "שמרו לי כיסא", "19:00 עד 20:15", "שאלתם על קבוצות", "בזמזום אי אפשר"),
        ("למי שמעדיף", "מאז מרץ", "טנור", "כפי יכולתכם", "איש", "מארה לינדגרן"),
        ("מרץ 2027", "מתי", "צרו קשר", "הסרה מהרשימה"),
    ),
    "deutsch": (
        (
            "Lippen bewegen",
            "Halten Sie mir einen Stuhl frei",
            "bis 20:15 Uhr",
            "nach Gruppen gefragt",
            "Summen kann",
        ),
        (
            "wenn Ihnen das lieber ist",
            "Seit April",
            "Ein Tenor",
            "nach Möglichkeit",
            "Niemand",
            "Mara Lindgren",
        ),
        ("April 2027", "Wann", "Schreiben Sie uns", "Abbestellen"),
    ),
}


def told(letters: Letters) -> tuple[str, ...]:
    """Return what an issue must say."""
    return sum(SAYS[next(name for name in SAYS if name in letters.issue.slug)], ())


def spoken(html: str) -> str:
    """Return the words of a page, as one line."""
    return " ".join(str(lxml_html.fromstring(html).xpath("string(body)")).split())


def test_there_is_an_issue_in_each_language() -> None:
    assert sorted(path.stem[8:] for path in EVERY_BLOCK) == sorted(SAYS)


def test_every_block_is_there_in_both_parts(full: Letters) -> None:
    page, text = spoken(full.html("everything")), " ".join(full.text("everything").split())
    captions = {"if you would rather", "למי שמעדיף", "wenn Ihnen das lieber ist"}  # the text part has none
    mentioned = {"When", "מתי", "Unsubscribe", "הסרה מהרשימה", "Abbestellen"}  # said in other words there
    for words in told(full):
        assert words in page
        assert words in text or words in captions | mentioned


@pytest.mark.parametrize("reader", READERS)
def test_nothing_unfinished_reaches_anybody(full: Letters, reader: str) -> None:
    for part in (full.subject(reader), full.html(reader), full.text(reader)):
        for what, pattern in LEFTOVERS.items():
            assert not re.search(pattern, part, re.MULTILINE), what


def test_passages_for_some_reach_only_them(full: Letters) -> None:
    asked = told(full)[3]
    for part in (full.html, full.text):
        assert asked in part("group")
        assert asked not in part("known")


def test_language_and_direction_are_stated_once_and_for_all(full: Letters) -> None:
    language, direction = {"ivrit": ("he", "rtl"), "deutsch": ("de", "ltr")}.get(
        full.issue.slug.split("-")[2], ("en", "ltr")
    )
    html = full.html()
    assert f'<html lang="{language}" dir="{direction}"' in html
    sides = {"rtl": ("left", "right"), "ltr": ("right", "left")}[direction]
    visible = re.sub(r"<style.*?</style>", "", html, flags=re.DOTALL)
    other, own = (len(re.findall(rf"(?:border|padding)-{side}:\s*[1-9]", visible)) for side in sides)
    assert own >= 5
    assert other == 0
    for address in ("tel:", "mailto:hello@"):
        assert re.search(rf'href="{re.escape(address)}[^"]*" dir="ltr"', html)


def test_mail_programs_get_what_they_need(full: Letters) -> None:
    html = full.html("everything")
    assert 'name="color-scheme" content="light dark"' in html
    assert "@media (prefers-color-scheme: dark)" in html
    assert "[data-ogsc]" in html
    assert not re.search(r"(?i)[:\"]\s*#[0-9a-f]{3}\s*[;\"!]", html), "Outlook wants six digits"
    assert html.count("<!--[if") == html.count("<![endif]-->")
    assert spoken(html)[:600].count("\u034f") >= 50  # the preheader is not followed by the body
    assert len(html.encode()) < 90_000  # Gmail cuts at 102 kB


def test_nothing_is_fetched_from_the_web_when_the_mail_is_opened(full: Letters) -> None:
    html = full.html("everything")
    assert all(image.get("src", "").startswith("cid:") for image in lxml_html.fromstring(html).iter("img"))
    assert not re.search(r"@import|@font-face|url\(|<link\b|<script\b|<iframe\b|background=\"http", html)


def test_everybody_can_leave_from_both_parts(full: Letters) -> None:
    way_out = "mailto:unsubscribe@ignite.example.org?subject=unsubscribe%20"
    assert full.html("nameless").count(f'href="{way_out}') == 1
    assert way_out in full.text("nameless")
    assert set(full.issue.uses_unsubscribe) == {"html", "text"}


def test_headings_go_down_one_level_at_a_time(full: Letters) -> None:
    page = lxml_html.fromstring(full.html("everything"))
    levels = [int(str(heading.tag)[1]) for heading in page.iter("h1", "h2", "h3", "h4")]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
