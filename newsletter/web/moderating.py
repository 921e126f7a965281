"""The owner's decision on a reply, by the link in the mail about it. Opening the page decides nothing."""

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from newsletter.archive.remarks import as_html
from newsletter.store import replies
from newsletter.store.engine import reading
from newsletter.store.replies import Reply
from newsletter.web.asking import Form, read_form
from newsletter.web.reading import Reading
from newsletter.web.site import Site
from newsletter.web.telling import who_wrote

__all__ = ["Moderating"]

_DECISIONS = ("approve", "delete", "ban")


class Moderating:
    """The page with the buttons."""

    def __init__(self, site: Site, pages: Reading) -> None:
        self._site, self._pages = site, pages

    def ask(self, request: Request) -> Response:
        """GET /m/TOKEN: the reply, and buttons."""
        claim = self._site.claim(request, "m")
        with reading(self._site.services.engine) as connection:
            reply = replies.find(connection, claim.subscriber, claim.campaign)
        if reply is None:
            return self._said(request, "gone", "")
        words, imprint = self._site.words, self._site.services.shelf.imprint
        return self._site.page(
            request,
            "moderate.html",
            title=words("moderate_title", title=self._title(reply)),
            lead=words(
                "moderate_lead", who=who_wrote(self._site, reply), date=words.date(imprint.day(reply.at))
            ),
            html=as_html(reply.body),
            reply=reply,
        )

    async def decide(self, request: Request) -> Response:
        """POST /m/TOKEN: it is shown, deleted, or deleted and its writer banned. Repeating it is harmless."""
        form = await read_form(request)
        return await run_in_threadpool(self._decide, request, form)

    def _decide(self, request: Request, form: Form) -> Response:
        claim = self._site.claim(request, "m")
        decision = form.get("do", [""])[0]
        if decision not in _DECISIONS:
            raise HTTPException(400)
        services = self._site.services
        with services.engine.begin() as connection:
            reply = replies.find(connection, claim.subscriber, claim.campaign)
            if reply is None:
                return self._said(request, "gone", "")
            if decision == "approve":
                replies.approve(connection, reply.id, services.clock())
            elif decision == "delete":
                replies.remove(connection, reply.id)
            else:
                replies.ban(connection, reply.id, services.clock())
        done = {"approve": "approved", "delete": "deleted", "ban": "banned"}[decision]
        return self._said(request, done, f"/archive/{reply.slug}.html")

    def _title(self, reply: Reply) -> str:
        entry = self._pages.archive().entry(reply.slug)
        return entry.title if entry is not None else reply.slug

    def _said(self, request: Request, what: str, back: str) -> Response:
        words = self._site.words
        return self._site.page(
            request,
            "said.html",
            status=410 if what == "gone" else 200,
            title=words(f"moderate_{what}_title"),
            lead=words(f"moderate_{what}_lead"),
            back=back,
        )
