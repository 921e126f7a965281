"""A page shows the whole letter to nobody in particular, and does nothing behind a reader's back."""

import json
import re
from datetime import UTC, datetime

import pytest

from newsletter.archive.articles import for_anybody, plain_words, read_body, with_pictures, written
from newsletter.model import Residual
from newsletter.personal.fill import DELIMITERS

from .conftest import BASE, NOVEMBER, Library, dom

#: Everything that a letter may be opened with besides its pictures.
BUDGET = 100_000


def value(code: str) -> str:
    return f"{DELIMITERS['variable_start_string']} {code} {DELIMITERS['variable_end_string']}"


def test_a_page_is_for_nobody_in_particular(three: Library) -> None:
    three.build()
    page = three.page()
    assert "Dear friend, it is the question" in page
    assert "You asked about groups" not in page and "If you refer people" not in page
    assert "/u/" not in page and "/p/" not in page and "#w." not in page
    assert "Unsubscribe" not in page and "\ue000" not in page


def test_a_page_has_all_that_the_mail_says(three: Library) -> None:
    three.build()
    words = " ".join(dom(three.page()).find(".//article").text_content().split())
    for said in (
        "One to one: the hour follows you",
        "Privacy, personal goals",
        "Two chairs, a guitar, no hurry.",
        "A member of the Tuesday group",
        "12 Example Street, Halifax (step-free)",
        "Mara Lindgren, MTA",
    ):
        assert said in words
    assert "https://ignite.example.org/first-call" in three.page()


def test_nothing_on_a_page_is_fetched_from_elsewhere_and_nothing_is_inline(three: Library) -> None:
    three.build()
    for slug in (NOVEMBER, "index", "2026", "2025-12-before-the-snow"):
        page = dom(three.page(slug))
        fetched = [*page.xpath("//img/@src | //script/@src"), *page.xpath("//link[@rel='stylesheet']/@href")]
        fetched += [part.split()[0] for srcset in page.xpath("//@srcset") for part in srcset.split(",")]
        assert fetched
        for address in fetched:
            assert "//" not in address
            assert (three.folder / "archive" / address).is_file(), address
        assert not page.xpath(
            "//@style | //style | //@onclick | //script[not(@src)][not(contains(@type, 'json'))]"
        )
        policy = page.xpath("//meta[@http-equiv='Content-Security-Policy']/@content")[0]
        assert policy.startswith("default-src 'none'; style-src 'self'; script-src 'self'")


def test_the_head_says_what_search_engines_and_messengers_show(three: Library) -> None:
    three.build()
    page = dom(three.page())
    url = f"{BASE}/archive/{NOVEMBER}.html"
    assert page.xpath("//link[@rel='canonical']/@href") == [url]
    about = dict(zip(page.xpath("//meta/@property"), page.xpath("//meta[@property]/@content"), strict=True))
    assert about["og:title"] == "Individual vs. group music therapy"
    assert about["og:description"].startswith("How the two differ")
    assert about["og:type"] == "article" and about["og:url"] == url
    assert re.fullmatch(rf"{BASE}/images/hero-individual-and-group-\w+\.png", about["og:image"])
    assert about["og:image:width"] == "1200" and about["og:image:alt"].startswith("On the left")
    data = json.loads(page.xpath("//script[@type='application/ld+json']/text()")[0])
    assert data["@type"] == "BlogPosting" and data["headline"] == about["og:title"]
    assert data["datePublished"] == "2026-11-03T13:00:00+00:00"
    assert data["author"] == {"@type": "Person", "name": "Mara Lindgren"}


def test_pictures_come_in_sizes_without_making_the_page_jump(three: Library) -> None:
    three.build()
    images = dom(three.page()).xpath("//article//img")
    assert len(images) == 4
    assert all(image.get("width") and image.get("height") for image in images)
    assert [bool(image.get("srcset")) for image in images] == [True, True, True, False]  # a portrait is small
    assert images[0].get("loading") is None and images[1].get("loading") == "lazy"


def test_each_page_leads_to_the_letter_before_and_after_and_to_its_year(three: Library) -> None:
    three.build()
    middle = dom(three.page("2026-10-songs"))
    assert middle.xpath("//a[@rel='prev']/@href") == ["2025-12-before-the-snow.html"]
    assert middle.xpath("//a[@rel='next']/@href") == [f"{NOVEMBER}.html"]
    index = dom(three.page("index"))
    assert index.xpath("//section/h2/a/@href") == ["2026.html", "2025.html"]
    assert [a.get("href") for a in index.xpath("//article//a")] == [
        f"{NOVEMBER}.html", "2026-10-songs.html", "2025-12-before-the-snow.html",
    ]  # fmt: skip
    assert dom(three.page("2025")).xpath("//article//a/@href") == ["2025-12-before-the-snow.html"]


def test_the_sign_up_form_on_each_page_sends_what_the_server_takes(three: Library) -> None:
    three.build()
    for slug in (NOVEMBER, "index", "2025"):
        [form] = dom(three.page(slug)).xpath("//form[@id='box_form']")
        assert (form.get("method"), form.get("action")) == ("post", f"{BASE}/subscribe")
        assert set(form.xpath(".//input/@name")) == {"email", "topic_url"}
        assert three.services.shelf.imprint.words("consent") in form.text_content()
    html = three.desk.ok("archive", "snippet").stdout
    assert "<script" not in html and f'action="{BASE}/subscribe"' in html and 'name="topic_url"' in html


def test_an_answer_in_private_has_the_issue_in_its_subject(three: Library) -> None:
    three.build()
    assert "mailto:hello@ignite.example.org?subject=Re%3A%20Individual%20vs.%20group" in three.page()


def test_every_page_is_light_however_many_letters_there_are(library: Library) -> None:
    for number in range(60):
        year, month = 2021 + number // 12, number % 12 + 1
        library.shelve(f"{year}-{month:02}-letter", datetime(year, month, 3, tzinfo=UTC))
    library.build()
    sizes = {path.name: path.stat().st_size for path in (library.folder / "archive").glob("*.*")}
    shared = sum(size for name, size in sizes.items() if re.fullmatch(r"\w+-\w+\.(css|js)", name))
    assert max(size for name, size in sizes.items() if name.endswith(".html")) + shared < BUDGET


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ('<p><a href="' + value("(unsubscribe_url)|safe_url") + '">Leave</a></p>', "<p>Leave</p>"),
        ("<p>" + value("subscriber.email") + "!</p>", "<p>!</p>"),
        ('<p><img src="https://t.example/p.gif" width="1" height="1">x</p>', "<p>x</p>"),
        ('<p onclick="x()" style="color:red">a<script>b</script><iframe src="//c"></iframe></p>', "<p>a</p>"),
        ('<p><a href="javascript:alert(1)">x</a><img src="cid:gone@newsletter"></p>', "<p>x</p>"),
        ("<h1>Again</h1>", "<h2>Again</h2>"),
        ('<td align="right">1</td>', "1"),
    ],
)  # fmt: skip
def test_what_a_page_cannot_show_is_left_out(source: str, shown: str) -> None:
    assert written(with_pictures(for_anybody(Residual(source=source)), lambda src: None)) == shown


def test_words_of_different_blocks_do_not_run_together() -> None:
    html = "<h2>Heading</h2><p>One. <em>Two</em></p><ul><li>a</li><li>b!</li></ul>c"
    assert plain_words(read_body(html)) == "Heading · One. Two · a · b! c"


def test_a_right_to_left_letter_says_so(library: Library) -> None:
    assert library.model.web is not None
    web = library.model.web.__class__(
        body=Residual(source="<p>שלום</p>"), summary=Residual(source=""), direction="rtl"
    )
    library.shelve("2026-12-hebrew", datetime(2026, 12, 1, tzinfo=UTC), language="he", web=web)
    library.build()
    [article] = dom(library.page("2026-12-hebrew")).xpath("//article[@class='letter']")
    assert (article.get("lang"), article.get("dir")) == ("he", "rtl")
