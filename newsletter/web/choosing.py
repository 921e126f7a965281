"""Preferences: the name, what interests a person, and a break. The link is in every letter."""

from datetime import datetime
from zoneinfo import ZoneInfo

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from newsletter.model import SubscriberStatus
from newsletter.people import joining
from newsletter.people.joining import Choice
from newsletter.store.engine import reading
from newsletter.tokens import Claim
from newsletter.web.asking import Form, address_of, read_form
from newsletter.web.site import Site

__all__ = ["BREAKS", "Choosing", "later"]

BREAKS = (1, 3, 6)  #: months


class Choosing:
    """The page of preferences."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def show(self, request: Request) -> Response:
        """GET /p/TOKEN: what is chosen now."""
        claim = self._site.claim(request, "p")
        with reading(self._site.services.engine) as connection:
            return self._page(request, claim, joining.preferences(connection, claim.subscriber))

    async def submit(self, request: Request) -> Response:
        """POST /p/TOKEN: it is changed."""
        form = await read_form(request)
        return await run_in_threadpool(self._submit, request, form)

    def _submit(self, request: Request, form: Form) -> Response:
        site, claim = self._site, self._site.claim(request, "p")
        services = site.services
        if not {"name", "break"} <= form.keys():
            raise HTTPException(400)  # not our form: it would clear what it does not mention
        with reading(services.engine) as connection:
            before = joining.preferences(connection, claim.subscriber)
        chosen = form.get("tag", [])
        choice = joining.choose(
            services.engine,
            claim.subscriber,
            name=form["name"][0],
            tags={tag: tag in chosen for tag in site.offered},
            paused_until=self._paused_until(form["break"][0], before),
            ip=address_of(request),
            clock=services.clock,
        )
        return self._page(request, claim, choice, saved=True)

    def _paused_until(self, wish: str, before: Choice | None) -> datetime | None:
        if wish in {str(months) for months in BREAKS}:
            return later(self._site.services.clock(), int(wish))
        return None if wish == "none" or before is None else before.paused_until

    def _page(
        self, request: Request, claim: Claim, choice: Choice | None, *, saved: bool = False
    ) -> Response:
        site, words = self._site, self._site.words
        leave = f"/u/{site.services.tokens.sign('u', claim.subscriber, claim.campaign)}"
        if choice is None:
            return site.page(request, "nobody.html", title=words("nobody_title"))
        if choice.status is not SubscriberStatus.CONFIRMED:
            title = words("not_subscribed_title")
            return site.page(request, "not_subscribed.html", title=title, back=f"{leave}/back")
        paused = self._paused(choice)
        title = words("preferences_title")
        return site.page(
            request,
            "preferences.html",
            title=title,
            choice=choice,
            email=hidden(choice.email),
            offered=site.offered,
            breaks=BREAKS,
            paused=paused,
            saved=saved,
            leave=leave,
            longest_name=joining.LONGEST_NAME,
        )

    def _paused(self, choice: Choice) -> str:
        """Return the day until which a person is paused, in words; "" if they are not."""
        services = self._site.services
        until = choice.paused_until
        if until is None or until <= services.clock():
            return ""
        return self._site.words.date(until.astimezone(ZoneInfo(services.settings.newsletter.timezone)).date())


def later(now: datetime, months: int) -> datetime:
    """Return the same day and time so many months later, or the month's last day if it is shorter.

    >>> later(datetime(2026, 8, 31, 9), 6)
    datetime.datetime(2027, 2, 28, 9, 0)
    """
    years, month = divmod(now.month - 1 + months, 12)
    year = now.year + years
    for day in range(now.day, 27, -1):
        try:
            return now.replace(year=year, month=month + 1, day=day)
        except ValueError:
            continue
    return now.replace(year=year, month=month + 1)


def hidden(email: str) -> str:
    """Return an address that its owner knows again and nobody else learns: letters are forwarded.

    >>> hidden("ada@example.org")
    'a…@example.org'
    """
    local, _, domain = email.rpartition("@")
    return f"{local[:1]}…@{domain}"
