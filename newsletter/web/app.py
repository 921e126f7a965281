"""The newsletter's web pages as one Starlette application: READ FIRST.

    /subscribe          the form; POST notes the wish and mails a link     subscribing
    /c/TOKEN            POST confirms it: double opt-in                    subscribing
    /p/TOKEN            name, interests, a break                           choosing
    /u/TOKEN            POST unsubscribes, also by RFC 8058                leaving
    /archive/…          the sent issues, feeds, search                     reading
    /reply/SLUG         POST leaves a reply below an issue                 replying
    /m/TOKEN            POST: the owner shows it or deletes it             moderating
    /images/…           pictures that letters refer to; /health; /metrics  monitor
    /events/ses         POST by Amazon SNS: what became of mail            events

True everywhere: no GET changes anything, at any age of its link. No cookies, nothing from elsewhere; scripts,
two small ones, only in the archive and beside the reply form, which work without them. Whether an address is
known cannot be told from outside. The paths stand below the path of public_url, whether or not a proxy takes
that off; behind a proxy, X-Forwarded-For is believed only from ``[web] trusted_proxies``.
"""

import logging
import re
from collections.abc import Awaitable, Callable
from typing import Final

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from newsletter.archive.pictures import CACHE
from newsletter.errors import NewsletterError
from newsletter.feedback.fetching import fetch
from newsletter.store.engine import reading
from newsletter.web.choosing import Choosing
from newsletter.web.events import EventHook
from newsletter.web.leaving import Leaving
from newsletter.web.moderating import Moderating
from newsletter.web.monitor import Monitor
from newsletter.web.reading import Reading
from newsletter.web.replying import Replying
from newsletter.web.site import ENTERED_BELOW, Site
from newsletter.web.subscribing import Subscribing
from newsletter.wiring import Services

__all__ = ["web_app"]

_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",  # addresses of pages are keys
    "X-Robots-Tag": "noindex",
    "Cache-Control": "no-store",
}
_FOR_AN_HOUR: Final = {"Cache-Control": "public, max-age=3600"}
_PICTURE: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}")
_log = logging.getLogger(__name__)


def web_app(
    services: Services,
    *,
    fetch: Callable[[str], bytes] = fetch,
    metrics: Callable[[], tuple[bytes, str]] | None = None,
) -> Starlette:
    """Return the application. Raises ConfigError or IssueError if the pages cannot work as set up.

    fetch: gets what Amazon holds at an https address, as ``feedback.fetching.fetch``. metrics: returns
    figures for a monitor and their content type; None for no such page.
    """
    site = Site(services).opened()
    house = _House(site, Reading(site))
    routes = _routes(site, house)
    routes.append(Route("/events/ses", EventHook(services, fetch).receive, methods=["POST"]))
    if metrics is not None:
        routes.append(Route("/metrics", Monitor(services.settings, metrics).show))
    prefix = site.prefix
    proxies = list(services.settings.web.trusted_proxies)
    middleware = [Middleware(_Entrance)]
    if proxies:
        middleware.insert(0, Middleware(ProxyHeadersMiddleware, trusted_hosts=proxies))
    app = Starlette(
        routes=[Mount(prefix, routes=routes), *routes] if prefix else routes,
        middleware=middleware,
        exception_handlers={
            HTTPException: house.problem,
            NewsletterError: house.unavailable,
            SQLAlchemyError: house.unavailable,
            OSError: house.unavailable,
            ClientDisconnect: house.gone,
        },
    )
    app.router.redirect_slashes = False  # it would make addresses out of the Host header
    return app


def _routes(site: Site, house: "_House") -> list[BaseRoute]:
    come, go, choose = Subscribing(site), Leaving(site), Choosing(site)
    return [
        Route("/", house.start),
        _page("/subscribe", come.form, come.submit),
        Route("/subscribe/sent", come.sent),
        _page("/c/{token}", come.ask, come.confirm),
        _page("/u/{token}", go.ask, go.leave),
        Route("/u/{token}/back", go.back, methods=["POST"]),
        _page("/p/{token}", choose.show, choose.submit),
        Route("/health", house.health),
        Route("/style.css", house.style),
        Route("/logo", house.logo),
        Route("/images/{name}", house.picture),
        *_archive(site, house.pages),
    ]


def _archive(site: Site, pages: Reading) -> list[BaseRoute]:
    write, decide = Replying(site, pages), Moderating(site, pages)
    return [
        Route("/archive", pages.start),
        Route("/archive/", pages.start),
        Route("/archive/{name}", pages.show),
        Route("/archive/pictures/{name}", pages.small_picture),
        Route("/robots.txt", pages.show),
        Route("/reply/name", write.name, methods=["POST"]),
        Route("/reply/sent", write.sent),
        _page("/reply/{slug}", write.show, write.submit),
        _page("/m/{token}", decide.ask, decide.decide),
        Route("/reader.js", pages.reader_script),
    ]


def _page(
    path: str,
    show: Callable[[Request], Response],
    act: Callable[[Request], Awaitable[Response]],
) -> Route:
    """Return the route of a page that GET shows and whose button POSTs."""

    async def serve(request: Request) -> Response:
        return await act(request) if request.method == "POST" else await run_in_threadpool(show, request)

    return Route(path, serve, methods=["GET", "POST"])


class _House:
    """What is not a page of its own."""

    def __init__(self, site: Site, pages: Reading) -> None:
        self._site, self.pages = site, pages

    def start(self, request: Request) -> Response:
        """GET /: the form, for now."""
        return RedirectResponse(f"{self._site.base(request)}/subscribe", 307)

    def health(self, request: Request) -> Response:
        """GET /health: 200 if the database answers, else 503. Says nothing about anybody."""
        try:
            with reading(self._site.services.engine) as connection:
                connection.execute(select(1))
        except (SQLAlchemyError, NewsletterError):
            return JSONResponse({"status": "database unavailable"}, 503)
        return JSONResponse({"status": "ok"})

    def style(self, request: Request) -> Response:
        """GET /style.css."""
        return Response(self._site.style, media_type="text/css", headers=_FOR_AN_HOUR)

    def logo(self, request: Request) -> Response:
        """GET /logo: the picture above each page."""
        if self._site.logo is None:
            raise HTTPException(404)
        path, kind = self._site.logo
        return FileResponse(path, media_type=kind, headers=_FOR_AN_HOUR)

    def picture(self, request: Request) -> Response:
        """GET /images/NAME: a published picture, to which letters refer. Its name holds a hash of it."""
        name = request.path_params["name"]
        path = self._site.services.workspace.pictures / name
        if not _PICTURE.fullmatch(name):
            raise HTTPException(404)
        if not path.is_file():  # it is in a bucket, or travelled with the mail
            return self.pages.picture(name)
        return FileResponse(path, headers={"Cache-Control": CACHE})

    def problem(self, request: Request, error: Exception) -> Response:
        """A page for what was asked wrongly."""
        status = error.status_code if isinstance(error, HTTPException) else 400
        headers = dict(getattr(error, "headers", None) or {})
        if status == 405 and request.method == "OPTIONS":
            return Response(status_code=204, headers=headers)
        if status == 429:
            headers["Retry-After"] = "3600"
        return self._problem(request, status, headers)

    def unavailable(self, request: Request, error: Exception) -> Response:
        """A page for when something of ours does not answer. The log names the kind of error, and nobody."""
        _log.error("A page could not be served: %s", type(error).__name__)
        return self._problem(request, 503, {"Retry-After": "300"})

    def gone(self, request: Request, error: Exception) -> Response:
        """An answer for nobody: the reader has left while sending."""
        return Response(status_code=400)

    def _problem(self, request: Request, status: int, headers: dict[str, str]) -> Response:
        known = status if status in {400, 404, 405, 413, 415, 429, 503} else 400
        words = self._site.words
        title, lead = words(f"{known}_title"), words(f"{known}_lead")
        response = self._site.page(request, "problem.html", status=status, title=title, lead=lead)
        response.headers.update(headers)
        return response


class _Entrance:
    """Notes where this application is mounted, and puts the headers on every answer without its own."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; ASGI calls this."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        below = str(scope.get("root_path", "")).rstrip("/")
        await self._app({**scope, ENTERED_BELOW: below}, receive, with_headers)
