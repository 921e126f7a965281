"""Signing up and confirming. Both are done by pressing a button; opening a page does nothing."""

import logging

from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from newsletter.archive.forms import HONEYPOT
from newsletter.people import joining
from newsletter.people.addresses import Address, InvalidAddress, parse_address
from newsletter.people.naming import one_line
from newsletter.web.asking import Form, read_form
from newsletter.web.site import Site

__all__ = ["Subscribing"]

_log = logging.getLogger(__name__)


class Subscribing:
    """The pages that people come in by."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def form(self, request: Request) -> Response:
        """GET /subscribe: the form."""
        return self._form(request)

    async def submit(self, request: Request) -> Response:
        """POST /subscribe: note the wish, and mail what confirms it.

        The answer is given before anybody looks whether the address is known, and is the same for all.
        """
        form = await read_form(request)
        return await run_in_threadpool(self._submit, request, form)

    def sent(self, request: Request) -> Response:
        """GET /subscribe/sent: what to do next."""
        return self._site.page(request, "sent.html", title=self._site.words("sent_title"))

    def ask(self, request: Request) -> Response:
        """GET /c/TOKEN: a button. Nothing is changed or even looked up."""
        self._site.claim(request, "c")
        return self._site.page(request, "confirm.html", title=self._site.words("confirm_title"))

    async def confirm(self, request: Request) -> Response:
        """POST /c/TOKEN: the person is on the list."""
        return await run_in_threadpool(self._confirm, request)

    def _confirm(self, request: Request) -> Response:
        site, claim = self._site, self._site.claim(request, "c")
        services = site.services
        outcome = joining.confirm(
            services.engine,
            claim.subscriber,
            claim.campaign,
            within=site.within,
            said=site.statement(request, "link"),
            fingerprints=services.tokens.fingerprints,
            clock=services.clock,
        )
        title = site.words(f"{outcome}_title")
        if outcome == "expired":
            return site.page(request, "expired.html", status=410, title=title)
        preferences = services.tokens.sign("p", claim.subscriber, "confirm")
        return site.page(
            request, "confirmed.html", title=title, outcome=outcome, preferences=f"/p/{preferences}"
        )

    def _submit(self, request: Request, form: Form) -> Response:
        typed, name = form.get("email", [""])[0], form.get("name", [""])[0]
        try:
            address = parse_address(typed)
        except InvalidAddress as error:
            return self._form(request, email=typed, name=name, fault=str(error))
        if not address.sendable:
            return self._form(request, email=typed, name=name, fault=self._site.words("unsendable"))
        sent = RedirectResponse(f"{self._site.base(request)}/subscribe/sent", 303)
        if any(form.get(HONEYPOT, [])):
            return sent
        if self._site.admitted(request, address.key):
            sent.background = BackgroundTask(self._invite, address, name, request)
        return sent

    def _invite(self, address: Address, name: str, request: Request) -> None:
        site = self._site
        services = site.services
        try:
            joining.expire(services.engine, within=site.within, clock=services.clock)
            said = site.statement(request, "form")
            invitation = joining.ask(services.engine, address, name=name, said=said, clock=services.clock)
        except Exception as error:  # the answer is given: the owner reads the log, which names nobody
            _log.error("A sign-up was lost: %s", type(error).__name__)
            return
        if invitation is not None:
            site.mail.send(invitation)

    def _form(self, request: Request, *, email: str = "", name: str = "", fault: str = "") -> Response:
        words = self._site.words
        title = words("subscribe_title")
        return self._site.page(
            request,
            "subscribe.html",
            status=422 if fault else 200,
            title=words("error_prefix") + title if fault else title,
            heading=title,
            email=one_line(email)[:320],
            name=one_line(name)[: joining.LONGEST_NAME],
            fault=fault,
            honeypot=HONEYPOT,
            longest_name=joining.LONGEST_NAME,
        )
