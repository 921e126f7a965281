"""The archive, served: the same pages at the same addresses as in a folder, from the ledger alone."""

import re
from typing import Any

import pytest
from lxml.html import document_fromstring

from .conftest import Pages
from .test_replying import NOVEMBER, PAGE, shelve

BASE = "https://news.example.org"


@pytest.fixture
def letters(make_pages: Any) -> Pages:
    """Pages with November's letter."""
    return shelve(make_pages())


def test_the_same_files_are_served_as_are_built(letters: Pages) -> None:
    letters.desk.ok("archive", "build")
    folder = letters.desk.root / "out" / "archive"
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if not path.is_file() or name.startswith((".", "images/")):
            continue
        answer = letters.get(f"/{name}")
        assert answer.status_code == 200, name
        if name.endswith(".html"):
            served = re.sub(r'<form id="reply_form".*?</form>', "", answer.text, flags=re.DOTALL)
            served = served.replace('action="../', f'action="{BASE}/')
            built = re.sub(r'<p><a class="action" data-reply.*?</p>', "", path.read_text("utf-8"))
            assert served.split() == built.split(), name
        else:
            assert answer.content == path.read_bytes(), name


def test_pictures_are_served_from_the_ledger_when_there_is_no_folder(letters: Pages) -> None:
    page: Any = document_fromstring(letters.get(PAGE).text)
    sources = [source.removeprefix("..") for source in page.xpath("//article//img/@src")]
    sets = ",".join(page.xpath("//@srcset")).split(",")
    sources += [f"/archive/{part.split()[0]}" for part in sets]
    assert len(sources) == 10 and not (letters.desk.root / "out").exists()
    for source in sources:
        answer = letters.get(source.replace("/archive/..", ""))
        assert answer.headers["content-type"] in {"image/png", "image/webp"}
        assert "immutable" in answer.headers["cache-control"]
    assert letters.get("/images/none-0123456789ab.png").status_code == 404
    assert letters.get("/archive/pictures/none.webp").status_code == 404


def test_pages_may_do_what_they_need_and_nothing_else(letters: Pages) -> None:
    headers = letters.get(PAGE).headers
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; ") and "unsafe" not in policy
    assert headers["x-robots-tag"] == "all" and "set-cookie" not in headers
    assert letters.get("/archive").headers["location"] == "/archive/index.html"
    assert letters.get("/archive/nothing.html").status_code == 404
    assert "Sitemap: https://news.example.org/archive/sitemap.xml" in letters.get("/robots.txt").text


def test_pages_below_a_path_refer_to_one_another(make_pages: Any) -> None:
    letters = shelve(make_pages(NEWSLETTER_NEWSLETTER__PUBLIC_URL="https://news.example.org/news"))
    page: Any = document_fromstring(letters.get(f"/news{PAGE}").text)
    assert page.xpath("//link[@rel='canonical']/@href") == [
        f"https://news.example.org/news/archive/{NOVEMBER}.html"
    ]
    assert page.xpath("//form/@action") == [f"../reply/{NOVEMBER}", "../subscribe"]
    assert letters.get("/news/archive/").headers["location"] == "/news/archive/index.html"
    assert "Disallow: /news/u/" in letters.get("/news/robots.txt").text


def test_a_letter_that_was_sent_meanwhile_is_there_at_once(make_pages: Any) -> None:
    letters = make_pages()
    assert letters.get(PAGE).status_code == 404
    assert "Nothing has been sent yet" in letters.get("/archive/index.html").text
    shelve(letters)
    assert letters.get(PAGE).status_code == 200
    assert PAGE.removeprefix("/archive/") in letters.get("/archive/index.html").text


def test_an_owner_without_an_archive_has_none(make_pages: Any) -> None:
    letters = shelve(make_pages(NEWSLETTER_ARCHIVE__OUTPUT=""))
    for path in (PAGE, "/archive", "/robots.txt", f"/reply/{NOVEMBER}"):
        assert letters.get(path).status_code == 404
