"""Feeds are valid, hold the whole letters, and do not change by themselves."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

from lxml import etree

from .conftest import BASE, NOVEMBER, Library

ATOM = {"a": "http://www.w3.org/2005/Atom"}
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)")  # RFC 3339


def _one(element: Any, path: str) -> Any:
    [found] = element.xpath(path, namespaces=ATOM)
    return found


def test_the_atom_feed_has_what_rfc_4287_requires(three: Library) -> None:
    three.build()
    feed: Any = etree.fromstring(three.files()["archive/feed.xml"])
    assert feed.tag == "{http://www.w3.org/2005/Atom}feed"
    entries = feed.xpath("a:entry", namespaces=ATOM)
    assert len(entries) == 3
    ids = set()
    for element in (feed, *entries):  # sections 4.1.1 and 4.1.2: exactly one of each
        ids.add(_one(element, "a:id/text()"))
        assert _one(element, "a:title").text
        assert _INSTANT.fullmatch(_one(element, "a:updated/text()"))
        assert element.xpath("a:author/a:name/text()", namespaces=ATOM)
    assert len(ids) == 4 and all(identity.startswith(f"{BASE}/archive/") for identity in ids)
    assert _one(feed, "a:link[@rel='self']/@href") == f"{BASE}/archive/feed.xml"
    assert _one(feed, "a:updated/text()") == "2026-11-03T13:00:00+00:00"
    newest = entries[0]
    assert _one(newest, "a:link[not(@rel)]/@href") == f"{BASE}/archive/{NOVEMBER}.html"  # alternate: 4.2.7.2
    assert _one(newest, "a:content/@type") == "html"
    assert "Good for" in _one(newest, "a:content/text()")
    assert newest.xpath("a:category/@term", namespaces=ATOM) == ["individual", "group", "getting started"]


def test_the_json_feed_has_what_its_specification_requires(three: Library) -> None:
    three.build()
    feed = json.loads(three.files()["archive/feed.json"])
    assert feed["version"] == "https://jsonfeed.org/version/1.1"
    assert feed["title"] and feed["feed_url"] == f"{BASE}/archive/feed.json"
    assert len(feed["items"]) == 3 and len({item["id"] for item in feed["items"]}) == 3
    for item in feed["items"]:
        assert isinstance(item["id"], str) and item["content_html"]
        assert _INSTANT.fullmatch(item["date_published"]) and _INSTANT.fullmatch(item["date_modified"])
        assert all(isinstance(author, dict) for author in item["authors"])
    known = {
        "version",
        "title",
        "home_page_url",
        "feed_url",
        "description",
        "language",
        "authors",
        "icon",
        "items",
    }
    assert set(feed) <= known


def test_every_address_in_a_feed_is_whole(three: Library) -> None:
    three.build()
    for content in [item["content_html"] for item in json.loads(three.files()["archive/feed.json"])["items"]]:
        addresses = re.findall(r'(?:href|src)="([^"]*)"', content)
        assert addresses and all(re.match(r"https://|mailto:|tel:", address) for address in addresses)
        assert "srcset" not in content


def test_feeds_hold_the_newest_twenty_and_the_map_holds_all(library: Library) -> None:
    for number in range(25):
        at = datetime(2024, 1, 5, tzinfo=UTC) + timedelta(days=31 * number)
        library.shelve(f"{at:%Y-%m}-letter", at)
    library.build()
    files = library.files()
    assert len(json.loads(files["archive/feed.json"])["items"]) == 20
    site: Any = etree.fromstring(files["archive/sitemap.xml"])
    assert len(site.xpath("//*[local-name()='lastmod']")) == 25
    robots = files["robots.txt"].decode()
    assert f"Sitemap: {BASE}/archive/sitemap.xml" in robots and "Disallow: /u/" in robots


def test_an_archive_without_letters_is_whole_too(library: Library) -> None:
    assert library.build()["issues"] == 0
    assert "Nothing has been sent yet" in library.page("index")
    assert "feed.xml" not in library.page("index") and "archive/feed.xml" not in library.files()
