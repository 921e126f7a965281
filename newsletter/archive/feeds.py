"""What programs read: the Atom feed (RFC 4287), the JSON feed (version 1.1), the map of the site, robots.txt.

All dates come from the ledger, so that the same letters always give the same bytes.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final
from xml.sax.saxutils import escape

from newsletter.archive.entries import Entry
from newsletter.archive.imprint import Imprint
from newsletter.senders.wire import split_mailbox

__all__ = ["atom_feed", "json_feed", "linked_data", "robots", "sitemap"]

MOST_IN_FEED: Final = 20  #: the newest letters; a reader of feeds has seen the others


def atom_feed(imprint: Imprint, entries: Sequence[Entry]) -> bytes:
    """Return the feed. entries: newest first; at least one, as a feed must say when it last changed."""
    from feedgen.feed import FeedGenerator

    news, words = imprint.settings.newsletter, imprint.words
    feed = FeedGenerator()
    feed.id(f"{imprint.settings.archive_url}/feed.xml")
    feed.title(news.name)
    feed.subtitle(words("archive_lead"))
    feed.language(news.language)
    feed.link(href=f"{imprint.settings.archive_url}/feed.xml", rel="self", type="application/atom+xml")
    feed.link(href=f"{imprint.settings.archive_url}/index.html", rel="alternate", type="text/html")
    feed.author({"name": split_mailbox(news.from_)[0] or news.name})
    feed.generator("newsletter")
    if imprint.logo:
        feed.icon(f"{imprint.settings.archive_url}/{imprint.logo[0]}")
    shown = entries[:MOST_IN_FEED]
    feed.updated(max(entry.updated for entry in shown))
    for entry in shown:
        url = _url(imprint, entry)
        made = feed.add_entry(order="append")
        made.id(url)
        made.title(entry.title)
        made.link(href=url, rel="alternate", type="text/html")
        made.published(entry.published)
        made.updated(entry.updated)
        made.author({"name": entry.author or news.name})
        made.content(entry.feed, type="html")
        if entry.summary:
            made.summary(entry.summary)
        for tag in entry.tags:
            made.category(term=tag)
    written: bytes = feed.atom_str(pretty=True)
    return written


def json_feed(imprint: Imprint, entries: Sequence[Entry]) -> bytes:
    """Return the feed. entries: newest first."""
    news = imprint.settings.newsletter
    feed: dict[str, Any] = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": news.name,
        "home_page_url": f"{imprint.settings.archive_url}/index.html",
        "feed_url": f"{imprint.settings.archive_url}/feed.json",
        "description": imprint.words("archive_lead"),
        "language": news.language,
        "authors": [{"name": news.name, **({"url": news.website} if news.website else {})}],
    }
    if imprint.logo:
        feed["icon"] = f"{imprint.settings.archive_url}/{imprint.logo[0]}"
    feed["items"] = [_item(imprint, entry) for entry in entries[:MOST_IN_FEED]]
    return json.dumps(feed, ensure_ascii=False, indent=1).encode() + b"\n"


def _item(imprint: Imprint, entry: Entry) -> Mapping[str, Any]:
    item: dict[str, Any] = {
        "id": _url(imprint, entry),
        "url": _url(imprint, entry),
        "title": entry.title,
        "content_html": entry.feed,
        "summary": entry.summary,
        "date_published": entry.published.isoformat(),
        "date_modified": entry.updated.isoformat(),
        "language": entry.language,
        "tags": list(entry.tags),
    }
    if entry.author:
        item["authors"] = [{"name": entry.author}]
    if entry.cover:
        item["image"] = f"{imprint.base}/images/{entry.cover.name}"
    return {name: value for name, value in item.items() if value}


def sitemap(imprint: Imprint, entries: Sequence[Entry]) -> bytes:
    """Return the map of the site (sitemaps.org, version 0.9)."""
    lines = [
        f"<url><loc>{escape(_url(imprint, entry))}</loc><lastmod>{entry.updated.isoformat()}</lastmod></url>"
        for entry in entries
    ]
    first = f"<url><loc>{escape(imprint.settings.archive_url)}/index.html</loc></url>"
    return "\n".join(
        [
            '<?xml version="1.0" encoding="UTF-8"?>',
            '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">',
            first,
            *lines,
            "</urlset>",
            "",
        ]
    ).encode()


def robots(imprint: Imprint) -> bytes:
    """Return robots.txt (RFC 9309): the letters may be found, people's own pages may not."""
    below = imprint.base.removeprefix(imprint.origin)
    closed = [f"Disallow: {below}/{page}/" for page in ("c", "m", "p", "reply", "u")]
    where = f"Sitemap: {imprint.settings.archive_url}/sitemap.xml"
    return "\n".join(["User-agent: *", *closed, "", where, ""]).encode()


def linked_data(imprint: Imprint, entry: Entry) -> str:
    """Return what search engines want to know about a letter (schema.org, BlogPosting, as JSON-LD)."""
    news = imprint.settings.newsletter
    publisher: dict[str, Any] = {"@type": "Organization", "name": news.name}
    if news.website:
        publisher["url"] = news.website
    if imprint.logo:
        publisher["logo"] = {
            "@type": "ImageObject",
            "url": f"{imprint.settings.archive_url}/{imprint.logo[0]}",
        }
    about: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "BlogPosting",
        "headline": entry.title,
        "description": entry.summary,
        "url": _url(imprint, entry),
        "mainEntityOfPage": _url(imprint, entry),
        "datePublished": entry.published.isoformat(),
        "dateModified": entry.updated.isoformat(),
        "inLanguage": entry.language,
        "author": {"@type": "Person", "name": entry.author} if entry.author else publisher,
        "publisher": publisher,
        "keywords": list(entry.tags),
        "image": [f"{imprint.base}/images/{entry.cover.name}"] if entry.cover else [],
    }
    plain = json.dumps({name: value for name, value in about.items() if value}, ensure_ascii=False)
    # inside of a script element, only this could end it or begin a comment
    return plain.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _url(imprint: Imprint, entry: Entry) -> str:
    return f"{imprint.settings.archive_url}/{entry.page}"
