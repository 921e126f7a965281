"""Leaving: by the button of a page, or by the one that a mail program has (RFC 8058).

GET shows a page, whatever the age of the link, and looks at nothing. POST acts at once, whoever sends it: the
token in the address is all it takes. There are no cookies and no redirects, and repeating it is harmless.
"""

import logging

from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from newsletter.people import joining
from newsletter.people.leaving import unsubscribe
from newsletter.web.asking import address_of, read_body
from newsletter.web.site import Site

__all__ = ["Leaving"]

_log = logging.getLogger(__name__)


class Leaving:
    """The pages that people go out by, and the way back."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def ask(self, request: Request) -> Response:
        """GET /u/TOKEN: a button."""
        self._site.claim(request, "u")
        return self._site.page(request, "leave.html", title=self._site.words("leave_title"))

    async def leave(self, request: Request) -> Response:
        """POST /u/TOKEN: the person is off the list. A body of any kind and length is as good as none."""
        body = await read_body(request, whole=False)
        how = "one-click" if b"One-Click" in body else "page"
        return await run_in_threadpool(self._leave, request, how)

    def back(self, request: Request) -> Response:
        """POST /u/TOKEN/back: mail what confirms that the person wants to come back."""
        site, claim = self._site, self._site.claim(request, "u")
        sent = RedirectResponse(f"{site.base(request)}/subscribe/sent", 303)
        if site.admitted(request, f"subscriber {claim.subscriber}"):
            sent.background = BackgroundTask(self._invite, claim.subscriber, request)
        return sent

    def _leave(self, request: Request, how: str) -> Response:
        site, claim = self._site, self._site.claim(request, "u")
        outcome = unsubscribe(
            site.services.engine,
            claim.subscriber,
            how=how,
            source=f"link of {claim.campaign}" if claim.campaign else "",
            ip=address_of(request),
            clock=site.services.clock,
        )
        page = "nobody" if outcome == "unknown" else "left"
        token = site.services.tokens.sign("u", claim.subscriber, claim.campaign)
        return site.page(request, f"{page}.html", title=site.words(f"{page}_title"), back=f"/u/{token}/back")

    def _invite(self, subscriber_id: int, request: Request) -> None:
        site = self._site
        said = site.statement(request, "again")
        try:
            invitation = joining.ask_again(
                site.services.engine, subscriber_id, said=said, clock=site.services.clock
            )
        except Exception as error:  # the answer is given: the owner reads the log, which names nobody
            _log.error("A wish to come back was lost: %s", type(error).__name__)
            return
        if invitation is not None:
            site.mail.send(invitation)
