"""The archive as files: their names, and each one's content when it is asked for.

    index.html  YEAR.html  SLUG.html   site-HASH.css  search-HASH.js  search-HASH.json  reader-HASH.js
    feed.xml  feed.json  sitemap.xml   logo-HASH.png     all under archive/, as is pictures/ ; and robots.txt

`newsletter archive` writes them into a folder, `newsletter serve` shows them as they are asked for.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property, partial
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from newsletter.archive import feeds
from newsletter.archive.entries import Entry
from newsletter.archive.forms import HONEYPOT, MOST_LETTERS, MOST_NAME
from newsletter.archive.imprint import Imprint, short_hash
from newsletter.archive.pictures import CACHE
from newsletter.archive.remarks import Remark
from newsletter.archive.sizes import Picture

__all__ = ["File", "Site", "Typed", "snippet"]

PAGES: Final = Path(__file__).parent / "pages"
_SOON: Final = "public, max-age=300"
_AT_ONCE: Final = "no-cache"  #: of a page that we serve: an approved reply is there at once
_HTML: Final = "text/html; charset=utf-8"
_ON_INDEX: Final = 12  #: letters, at least; then the index ends with the year
_pages: Final = Environment(
    loader=FileSystemLoader(PAGES),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class File:
    """A file of the site. cache: its Cache-Control."""

    content_type: str
    cache: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Typed:
    """What somebody has typed into the reply form. reader: the key of their own mail, "" for none."""

    text: str = ""
    name: str = ""
    email: str = ""
    reader: str = ""


def snippet(imprint: Imprint) -> str:
    """Return a form without any script, for other websites, by which people sign up."""
    template = _pages.get_template("snippet.html")
    return template.render(words=imprint.words, server=imprint.base, honeypot=HONEYPOT)


class Site:
    """The archive of one moment. Safe to share by threads."""

    def __init__(
        self,
        imprint: Imprint,
        entries: Sequence[Entry],
        remarks: Mapping[str, Sequence[Remark]],
        *,
        live: bool = False,
    ) -> None:
        """entries: oldest first. remarks: shown below each, by slug. live: pages have the reply form."""
        self.imprint, self.entries = imprint, list(reversed(entries))
        self._remarks, self._live = remarks, live
        self._places = {entry.page: place for place, entry in enumerate(self.entries)}
        self._years = [
            (year, list(group)) for year, group in groupby(self.entries, lambda entry: self._day(entry).year)
        ]

    def names(self) -> list[str]:
        """Return the paths of all files but the pictures, from the root; what others refer to comes first."""
        return [f"archive/{name}" for name in self._files] + ["robots.txt"]

    def file(self, path: str) -> File | None:
        """Return a file, None if there is none of this name."""
        if path == "robots.txt":
            return File(
                content_type="text/plain; charset=utf-8", cache=_SOON, data=feeds.robots(self.imprint)
            )
        make = self._files.get(path.removeprefix("archive/")) if path.startswith("archive/") else None
        return None if make is None else make()

    def entry(self, slug: str) -> Entry | None:
        """Return an issue, None if it is not in the archive."""
        place = self._places.get(f"{slug}.html")
        return None if place is None else self.entries[place]

    @cached_property
    def _files(self) -> Mapping[str, Callable[[], File]]:
        files: dict[str, Callable[[], File]] = {}
        for name, kind, data in (self._css, self._reader, self._search, self._words):
            files[name] = partial(File, content_type=kind, cache=CACHE, data=data)
        if self.imprint.logo:
            name, kind, data = self.imprint.logo
            files[name] = partial(File, content_type=kind, cache=CACHE, data=data)
        for entry in self.entries:
            files[entry.page] = partial(self._issue, entry)
        for year, group in self._years:
            files[f"{year}.html"] = partial(self._year, year, group)
        files["index.html"] = self._index
        if self.entries:  # an Atom feed says when it last changed
            files["feed.xml"] = partial(self._feed, "application/atom+xml", feeds.atom_feed)
        files["feed.json"] = partial(self._feed, "application/feed+json", feeds.json_feed)
        files["sitemap.xml"] = partial(self._feed, "application/xml", feeds.sitemap)
        return files

    # -- what pages refer to; a name holds the hash of the content ------------------------------

    @cached_property
    def _css(self) -> tuple[str, str, bytes]:
        data = _pages.get_template("site.css").render(self.imprint.colours).encode()
        return f"site-{short_hash(data)}.css", "text/css; charset=utf-8", data

    @cached_property
    def _reader(self) -> tuple[str, str, bytes]:
        return _script("reader")

    @cached_property
    def _search(self) -> tuple[str, str, bytes]:
        return _script("search")

    @cached_property
    def _words(self) -> tuple[str, str, bytes]:
        """The words of all letters, for searching."""
        words = [
            {
                "title": entry.title,
                "page": entry.page,
                "day": self.imprint.words.date(self._day(entry)),
                "language": entry.language,
                "tags": list(entry.tags),
                "summary": entry.summary,
                "text": entry.text,
            }
            for entry in self.entries
        ]
        data = json.dumps(words, ensure_ascii=False, separators=(",", ":")).encode()
        return f"search-{short_hash(data)}.json", "application/json", data

    # -- pages ----------------------------------------------------------------------------------

    def _issue(self, entry: Entry) -> File:
        place = self._places[entry.page]
        page = self._page(
            "issue.html",
            entry.page,
            title=entry.title,
            description=entry.summary or entry.title,
            entry=entry,
            newer=self.entries[place - 1] if place else None,
            older=self.entries[place + 1] if place + 1 < len(self.entries) else None,
            linked_data=feeds.linked_data(self.imprint, entry),
            comments=self.imprint.settings.archive.comments,
            remarks=self._remarks.get(entry.slug, ()),
            at=lambda remark: self.imprint.day(remark.at),
            mailto=self.imprint.mailto(entry.title),
            slug=entry.slug,
            typed=Typed(),
            fault="",
            fault_in="",
            most_letters=MOST_LETTERS,
            most_name=MOST_NAME,
        )
        return self._page_file(page)

    def _year(self, year: int, entries: Sequence[Entry]) -> File:
        title = self.imprint.words("year_title", year=year)
        page = self._page(
            "year.html",
            f"{year}.html",
            title=title,
            description=f"{title} · {self.imprint.settings.newsletter.name}",
            entries=entries,
            year=year,
            years=self._numbers,
        )
        return self._page_file(page)

    def _index(self) -> File:
        shown: list[tuple[int, list[Entry]]] = []
        for group in self._years:
            if sum(len(entries) for _, entries in shown) >= _ON_INDEX:
                break
            shown.append(group)
        page = self._page(
            "index.html",
            "index.html",
            title=self.imprint.words("archive_title"),
            description=self.imprint.words("archive_lead"),
            entries=self.entries,
            newest=self.entries[0] if self.entries else None,
            groups=shown,
            years=self._numbers,
            search_index=self._words[0],
            search_js=self._search[0],
        )
        return self._page_file(page)

    def _feed(self, kind: str, make: Callable[[Imprint, Sequence[Entry]], bytes]) -> File:
        return File(content_type=kind, cache=_SOON, data=make(self.imprint, self.entries))

    def _page(self, template: str, name: str, **context: Any) -> bytes:
        imprint = self.imprint
        html = _pages.get_template(template).render(
            words=imprint.words,
            news=imprint.settings.newsletter,
            reply_to=imprint.reply_to,
            base=imprint.base,
            url=f"{imprint.settings.archive_url}/{name}",
            # a page that we serve ourselves works wherever it is reached
            server=".." if self._live else imprint.base,
            live=self._live,
            policy=_policy(imprint.origin),
            css=self._css[0],
            reader_js=self._reader[0],
            logo=imprint.logo[0] if imprint.logo else "",
            any_entries=bool(self.entries),
            day=self._day,
            small=_small,
            honeypot=HONEYPOT,
            **context,
        )
        return html.encode()

    def _page_file(self, data: bytes) -> File:
        return File(content_type=_HTML, cache=_AT_ONCE if self._live else _SOON, data=data)

    @property
    def _numbers(self) -> list[tuple[int, int]]:
        return [(year, len(entries)) for year, entries in self._years]

    def _day(self, entry: Entry) -> date:
        return self.imprint.day(entry.published)


def _script(name: str) -> tuple[str, str, bytes]:
    data = (PAGES / f"{name}.js").read_bytes()
    return f"{name}-{short_hash(data)}.js", "text/javascript; charset=utf-8", data


def _small(picture: Picture) -> str:
    return f"pictures/{picture.small}" if picture.small else f"../images/{picture.name}"


def _policy(origin: str) -> str:
    """Return what a page may do (CSP 3): its own styles and scripts, pictures, and the newsletter's forms."""
    return (
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
        f"img-src 'self' https: data:; form-action 'self' {origin}; base-uri 'none'"
    )
