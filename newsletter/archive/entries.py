"""One issue as the archive shows it, made from what was frozen when it was sent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from newsletter.archive.articles import (
    for_anybody,
    plain_words,
    read_body,
    text_for_anybody,
    with_pictures,
    written,
)
from newsletter.archive.sizes import SMALLER, Picture, measure
from newsletter.model import CompiledIssue
from newsletter.personal.values import clean

__all__ = ["Entry", "make_entry"]

_SHOWN = "(max-width: 759px) 100vw, 680px"  #: how wide a page shows a picture; see site.css


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """An issue of the archive. published, updated: when its first and its newest send were begun, UTC.

    page: its file's name. html: the body for its page; feed: for readers of feeds, with whole addresses.
    text: the body's words. cover: its first picture, or None; cover_alt: what that shows.
    """

    slug: str
    page: str
    title: str
    language: str
    direction: str
    author: str
    tags: Sequence[str]
    summary: str
    html: str
    feed: str
    text: str
    pictures: Sequence[Picture]
    cover: Picture | None
    cover_alt: str
    published: datetime
    updated: datetime


def make_entry(issue: CompiledIssue, *, published: datetime, updated: datetime, base: str) -> Entry | None:
    """Return the entry of an issue, None if it is not public. base: public_url, no slash at its end.

    Raises IssueError if the frozen issue cannot be read.
    """
    if issue.web is None:
        return None
    body = for_anybody(issue.web.body)
    shown = {image.src for image in issue.images if image.src in body}
    pictures = {image.src: measure(image) for image in issue.images if image.src in shown}
    page = f"{base}/archive/{issue.page}"
    tree = with_pictures(body, _OnPages(pictures))
    in_feeds = with_pictures(
        body,
        lambda src: {"src": f"{base}/images/{pictures[src].name}"} if src in pictures else None,
        lambda href: f"{page}{href}" if href.startswith("#") else href,
    )
    cover = next(((pictures[src], alt) for src, alt in _sources(body) if src in pictures), None)
    return Entry(
        slug=issue.slug,
        page=issue.page,
        title=clean(issue.title),
        language=issue.language,
        direction=issue.web.direction,
        author=clean(issue.web.author),
        tags=tuple(map(clean, issue.web.tags)),
        summary=text_for_anybody(issue.web.summary),
        html=written(tree),
        feed=written(in_feeds),
        text=plain_words(tree),
        pictures=tuple(pictures.values()),
        cover=cover[0] if cover else None,
        cover_alt=cover[1] if cover else "",
        published=published.replace(microsecond=0),
        updated=updated.replace(microsecond=0),
    )


def _sources(body: str) -> list[tuple[str, str]]:
    return [(image.get("src", ""), image.get("alt", "")) for image in read_body(body).iter("img")]


class _OnPages:
    """What a page's ``img`` gets: the first one is loaded at once, the others when they come into sight."""

    def __init__(self, pictures: Mapping[str, Picture]) -> None:
        self._pictures, self._first = pictures, True

    def __call__(self, src: str) -> Mapping[str, str] | None:
        when = {"fetchpriority": "high"} if self._first else {"loading": "lazy", "decoding": "async"}
        self._first = False
        picture = self._pictures.get(src)
        if picture is None:
            return None
        found = {"src": f"../images/{picture.name}", **when}
        if picture.small:
            sizes = f"pictures/{picture.small} {SMALLER}w, ../images/{picture.name} {picture.width}w"
            found |= {"srcset": sizes, "sizes": _SHOWN}
        return found
