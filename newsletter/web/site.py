"""What all pages share: the services, the words, the tags that are offered, and how a page is made."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse

from newsletter.archive.site import PAGES as SHARED
from newsletter.archive.words import Words
from newsletter.checks.colours import palette
from newsletter.errors import ConfigError
from newsletter.people.joining import Statement
from newsletter.people.naming import tag_name
from newsletter.senders.wire import split_mailbox
from newsletter.settings import duration
from newsletter.store.signups import Often, admit
from newsletter.tokens import Claim
from newsletter.web.asking import address_of, network_of
from newsletter.web.mails import ConfirmationMail
from newsletter.wiring import Services

__all__ = ["ENTERED_BELOW", "PER_ADDRESS", "PER_NETWORK", "Site"]

#: In a request's scope: the path below which another application has mounted this one.
ENTERED_BELOW: Final = "newsletter.entered_below"
PAGES: Final = Path(__file__).parent / "pages"
PER_ADDRESS: Final = Often(times=3, seconds=8 * 3600)  #: confirmations to one address
PER_NETWORK: Final = Often(times=20, seconds=180)  #: sign-ups from one network
_PICTURES: Final = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif"}


@dataclass(frozen=True)
class Site:
    """The pages of one newsletter. Made once; what is wrong with its settings is found by ``opened``."""

    services: Services

    def opened(self) -> "Site":
        """Return the site, made ready. Raises ConfigError or IssueError if it cannot work as it is set up."""
        if not self.services.settings.newsletter.public_url:
            raise ConfigError(
                "The pages have no address, so no mail can link to them.",
                hint="Set public_url in [newsletter] to where they are reachable.",
            )
        for ready in (self.services.engine, self.offered, self.mail, self.style):
            assert ready is not None  # noqa: S101  (each is made here, or says why it cannot be)
        return self

    @cached_property
    def words(self) -> Words:
        """The words, in the newsletter's language."""
        settings = self.services.settings
        hours = int(self.within / timedelta(hours=1))
        language = settings.newsletter.language
        words = Words(language)
        span = words("days", number=hours // 24) if hours >= 48 else words("hours", number=max(1, hours))
        return Words(language, name=settings.newsletter.name, span=span)

    @cached_property
    def within(self) -> timedelta:
        """How long a sign-up may wait for its confirmation."""
        return duration(self.services.settings.web.confirm_within)

    @cached_property
    def offered(self) -> Mapping[str, str]:
        """The tags that readers may choose, each with the words for it. Raises ConfigError."""
        found: dict[str, str] = {}
        for text in self.services.settings.web.offered_tags:
            tag, _, label = text.partition(":")
            try:
                found[tag_name(tag)] = label.strip() or tag.strip()
            except ValueError as error:
                raise ConfigError(
                    f"[web] offered_tags has {text!r}: {error}.", hint='Write "families: For families".'
                ) from error
        return found

    @cached_property
    def mail(self) -> ConfirmationMail:
        """The confirmation mail. Raises IssueError for a fault in its layout."""
        return ConfirmationMail(self.services, self.words)

    @cached_property
    def prefix(self) -> str:
        """The path of public_url, "" or such as "/news": what stands before the path of every page."""
        path = urlsplit(self.services.settings.newsletter.public_url).path.rstrip("/")
        return quote(path, safe="/%~")

    @cached_property
    def logo(self) -> tuple[Path, str] | None:
        """The picture above each page and its type, None if there is none that browsers show."""
        root, name = self.services.workspace.root.resolve(), self.services.settings.newsletter.logo
        path = (root / name).resolve()
        kind = _PICTURES.get(path.suffix.lower(), "")
        return (path, kind) if name and kind and path.is_relative_to(root) and path.is_file() else None

    @cached_property
    def style(self) -> str:
        """The style sheet, in the newsletter's colours."""
        news = self.services.settings.newsletter
        colours = palette(news.brand_color, news.accent_color or news.brand_color)
        return self._pages.get_template("style.css").render(colours)

    @cached_property
    def _pages(self) -> Environment:
        return Environment(
            loader=FileSystemLoader([PAGES, SHARED]),  # the reply form is the archive's
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def base(self, request: Request) -> str:
        """Return what stands before the path of a page, as the reader's browser sees it."""
        return self.prefix or str(request.scope[ENTERED_BELOW])

    def page(self, request: Request, template: str, *, status: int = 200, **context: Any) -> HTMLResponse:
        """Return a page. context: what its template names, besides what all of them know."""
        news = self.services.settings.newsletter
        html = self._pages.get_template(template).render(
            words=self.words,
            newsletter=news,
            reply_to=split_mailbox(news.reply_to or news.from_)[1],
            logo=self.logo,
            base=self.base(request),
            version=hashlib.sha256(self.style.encode()).hexdigest()[:8],
            **context,
        )
        return HTMLResponse(html, status)

    @cached_property
    def reader_script(self) -> bytes:
        """The script of the reply form."""
        return (SHARED / "reader.js").read_bytes()

    def claim(self, request: Request, purpose: str) -> Claim:
        """Return what the token in the address says. Raises HTTPException 404 if it has another purpose."""
        # mail programs take what follows an address in a sentence for a part of it
        token = request.path_params["token"].rstrip(".,;:!?)>]}\"' ")
        claim = self.services.tokens.read(token)
        if claim is None or claim.purpose != purpose:
            raise HTTPException(404)
        return claim

    def statement(self, request: Request, how: str) -> Statement:
        """Return what a person says by pressing the button of a page, for the proof of consent."""
        words = self.words
        return Statement(
            how=how, ip=address_of(request), text=words("consent"), version=words.consent_version
        )

    def admitted(self, request: Request, whom: str) -> bool:
        """Count a request for a mail; return whether it may be sent. whom: tells whose mailbox it is.

        Raises HTTPException 429 if too many came from one network.
        """
        network = network_of(address_of(request))
        asked = {f"address {whom}": PER_ADDRESS}
        if network:
            asked[f"network {network}"] = PER_NETWORK
        refused = self.refused(asked)
        if network and f"network {network}" in refused:
            raise HTTPException(429)
        return not refused

    def refused(self, asked: Mapping[str, Often]) -> set[str]:
        """Count one request under each key; return those that have asked too often (``signups.admit``)."""
        hashed = {self.hashed(what): what for what in asked}
        often = {key: asked[what] for key, what in hashed.items()}
        with self.services.engine.begin() as connection:
            return {hashed[key] for key in admit(connection, often, self.services.clock())}

    def hashed(self, what: str) -> str:
        """Return the keyed hash of an address or network, 64 characters, to know it again by."""
        return self.services.tokens.fingerprints(what)[0].removeprefix("hmac:")
