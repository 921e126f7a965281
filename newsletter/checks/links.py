"""Links that cannot work in mail, whatever the web says: empty, relative, without words.

Whether an address answers is asked by ``online``, on request.
"""

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote, urlsplit

from lxml.html import HtmlElement

from newsletter.checks.page import hidden, words_of
from newsletter.checks.places import Places
from newsletter.checks.residuals import GAP
from newsletter.checks.rules import Rule
from newsletter.model import Finding, Level

__all__ = ["check"]

EMPTY: Final = Rule("link-empty", Level.ERROR)
RELATIVE: Final = Rule("link-relative", Level.ERROR)
SCHEME: Final = Rule("link-scheme", Level.ERROR)
ANCHOR: Final = Rule("link-anchor", Level.WARNING)
WORDLESS: Final = Rule("link-without-words", Level.WARNING)

_SCHEMES: Final = frozenset({"http", "https", "mailto", "tel", "sms"})
_SCHEME: Final = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*):")
_HOST: Final = re.compile(r"(?:[\w-]+\.)+[a-zA-Z]{2,}(?:[:/?#]|\Z)")
_ADDRESS: Final = re.compile(r"[^@\s,;:/]+@[^@\s,;:/]+\.[^@\s,;:/]+")


def check(page: HtmlElement, places: Places) -> Iterator[Finding]:
    """Look at each link of the HTML. One that waits for a reader is judged by what is known of it."""
    names = {str(value) for element in page.iter() for value in (element.get("id"), element.get("name"))}
    seen: set[tuple[str, str]] = set()
    for link in page.iter("a"):
        href = link.get("href")
        if href is None or any(hidden(element) for element in (link, *link.iterancestors())):
            continue
        words = words_of(link)
        if (href, words) in seen:
            continue
        seen.add((href, words))
        yield from _address(href.strip(), words, places, names)
        if not words:
            yield WORDLESS(
                _where(href, "", places),
                f"the link to {_short(href)} has no words: screen readers have nothing to read out.",
                "Give the picture in it an alternative text, or write words.",
            )


def _address(href: str, words: str, places: Places, names: set[str]) -> Iterator[Finding]:
    where = _where(href, words, places)
    named = f'the link "{words[:40]}"' if words else "a link"
    if href in {"", "#"}:
        yield EMPTY(where, f"{named} leads nowhere.", "Give it an address: [text](https://…).")
    elif href.startswith("#"):
        if unquote(href[1:]) not in names and GAP not in href:
            what = f"{named} leads to {href}, which is not in this issue."
            yield ANCHOR(where, what, "Use the name of a section, as in #one-to-one, or a whole address.")
    elif href.startswith(GAP):
        pass  # the reader's own address; safe_url looks at it
    elif found := _SCHEME.match(href):
        if flaw := _flaw(found[1].lower(), href):
            yield SCHEME(where, f"{named} {flaw[0]}.", flaw[1])
    else:
        mend = "Write the whole address, beginning with https://."
        if _ADDRESS.fullmatch(href):
            mend = f"Write mailto:{href}"
        elif _HOST.match(href.lstrip("/")):
            mend = f"Write the whole address: https://{href.lstrip('/')}"
        yield RELATIVE(where, f"{named} leads to {_short(href)}, which means nothing in a mail.", mend)


def _flaw(scheme: str, href: str) -> tuple[str, str] | None:
    """Return what is wrong with a whole address, and how to mend it."""
    if scheme not in _SCHEMES:
        return (
            f"begins with {scheme}:, which mail programs do not open",
            "Use an address that begins with https:, mailto: or tel:.",
        )
    if scheme in {"http", "https"} and not _has_host(href):
        return f"leads to {_short(href)}, which names no website", "Write it as https://www.example.org/page."
    if scheme == "mailto" and not _ADDRESS.fullmatch(_recipient(href)):
        return f"leads to {_short(href)}, which names nobody", "Write mailto:name@example.org."
    return None


def _has_host(href: str) -> bool:
    try:
        host = urlsplit(href).hostname or ""
    except ValueError:
        return False
    return GAP in href or ("." in host.strip(".") and " " not in host) or ":" in host


def _recipient(href: str) -> str:
    address = unquote(href[len("mailto:") :].partition("?")[0])
    return "name@example.org" if GAP in href or "," in address else address


def _where(href: str, words: str, places: Places) -> str:
    """Return where the link is written: by its address, which is rarer, else by its words."""
    literal = href if GAP not in href else max(href.split(GAP), key=len)
    if len(literal) > 1:
        line = places.line(literal, ends=True) or places.line(unquote(literal), ends=True)
        if line:
            return places.at(line)
    return places.words(words.replace("…", " "))


def _short(href: str) -> str:
    return href.replace(GAP, "…")[:60]
