"""The authoring view: an issue as readers will see it, and what is wrong with it, while it is written.

    save a file --watching--> generation + 1 --Server-Sent Event--> page asks for itself again
                                                    workbench --compile--> Proof | Fault --> page, frame

Every view is a page of its own with an address of its own, and works without JavaScript; the script only
saves reloading. Nothing can be changed through it: there are GET requests only. Mail is trusted with
nothing: it stands in a sandboxed frame without scripts. Only names on ``hosts`` are answered, so that no
web site can read drafts and addresses through the browser of whoever runs this (DNS rebinding).
"""

import asyncio
import hashlib
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from newsletter.checks.size import CLIPPED, NEAR
from newsletter.preview import frames
from newsletter.preview.faults import Fault, excerpt, fault_of, place
from newsletter.preview.letters import Copy, copy_for
from newsletter.preview.readers import READERS, Reader
from newsletter.preview.watching import Watch
from newsletter.preview.workbench import Proof, Surroundings, Workbench
from newsletter.tokens import Tokens

__all__ = ["authoring_app"]

VIEWS: Final = ("desktop", "phone", "text", "headers")
SCHEMES: Final = ("light", "dark")
PICTURES: Final = ("on", "off")
PAGES: Final = Path(__file__).parent / "pages"

_OURS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "img-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
#: "allow-same-origin" lets our page keep the frame's place while it is swapped; without "allow-scripts",
#: and with no script-src, nothing in the mail can make use of it.
_SANDBOX: Final = "allow-same-origin allow-popups allow-popups-to-escape-sandbox"


def _mail_policy(*, pictures: bool) -> dict[str, str]:
    sources = "data: https:" if pictures else "data:"
    policy = (
        f"default-src 'none'; style-src 'unsafe-inline'; img-src {sources}; "
        f"form-action 'none'; base-uri 'none'; frame-ancestors 'self'; sandbox {_SANDBOX}"
    )
    return {**_OURS, "Content-Security-Policy": policy}


def authoring_app(
    root: Path,
    open_surroundings: Callable[[], Surroundings],
    *,
    first: str = "latest",
    hosts: Sequence[str] = ("localhost", "127.0.0.1"),
    stopping: Callable[[], bool] = lambda: False,
) -> Starlette:
    """Return the app for a workspace. It watches the workspace's files from start-up to shutdown.

    root: the workspace. open_surroundings: reads the settings anew and opens what they name; its errors
    are shown in the page. first: the slug of the issue to begin with. hosts: names under which the app
    answers; others get 400. stopping: says that the server wants to end, so that open streams end too.
    """
    bench = Workbench(root, open_surroundings)
    desk = _Desk(bench, first, stopping)

    @asynccontextmanager
    async def watching(_: Starlette) -> AsyncIterator[None]:
        desk.watch = Watch(bench.root, bench.changed)
        task = asyncio.create_task(desk.watch.run())
        yield
        desk.watch.end()
        await task
        bench.close()

    return Starlette(
        routes=[
            Route("/", desk.start),
            Route("/issue/{slug}", desk.issue),
            Route("/issue/{slug}/mail", desk.mail),
            Route("/events", desk.events),
            Mount("/static", StaticFiles(directory=PAGES / "static")),
        ],
        lifespan=watching,
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=list(hosts))],
        exception_handlers={HTTPException: desk.problem},
    )


@dataclass(frozen=True, kw_only=True)
class _Sight:
    """What a page's address asks for."""

    slug: str
    view: str
    scheme: str
    pictures: str
    reader: str

    def address(self, part: str = "", **change: str) -> str:
        """Return the address of this page, or of one that differs from it."""
        slug = quote(change.pop("slug", self.slug), safe="")
        query = {"view": self.view, "scheme": self.scheme, "pictures": self.pictures, "as": self.reader}
        return f"/issue/{slug}{part}?{urlencode({**query, **change})}"


class _Desk:
    """The pages. Handlers that compose are not async: Starlette runs each in a thread of its own."""

    def __init__(self, bench: Workbench, first: str, stopping: Callable[[], bool]) -> None:
        self.watch: Watch | None = None
        self._bench, self._first, self._stopping = bench, first, stopping
        self._run = secrets.token_hex(4)  # so that a page notices when the server was started anew
        # links of a preview are signed with a key that is gone with this process: they do nothing
        self._tokens = Tokens([secrets.token_urlsafe(32)])
        self._pages = Environment(
            loader=FileSystemLoader(PAGES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._pages.filters["kb"] = lambda count: f"{count / 1024:,.0f} KB"

    def start(self, request: Request) -> Response:
        """The issue to begin with, or a word to who has none yet."""
        issues = self._bench.issues()
        known = {line.slug for line in issues}
        if not issues:
            return self._page("author_empty.html", title="Preview", generation=self._generation())
        slug = self._first if self._first in known else issues[0].slug
        return RedirectResponse(_sight(request, slug).address(), 303, headers=_OURS)

    def issue(self, request: Request) -> Response:
        """One issue. ?view=, scheme=, pictures= and as= choose how and for whom; q= searches the list."""
        if "again" in request.query_params:
            self._bench.changed()
        generation = self._generation()  # read first: what is composed may be newer, never older
        sight = _sight(request, request.path_params["slug"])
        words = request.query_params.get("q", "").strip()[:100]
        made, reader, copy = self._copy(sight)
        issues = self._bench.issues()
        slugs = [line.slug for line in issues]
        at = slugs.index(sight.slug) if sight.slug in slugs else -1
        title = issues[at].title if at >= 0 else sight.slug
        return self._page(
            "author.html",
            status=404 if at < 0 and isinstance(made, Fault) else 200,
            title=title,
            generation=generation,
            sight=sight,
            issues=issues,
            newer=slugs[at - 1] if at > 0 else "",
            older=slugs[at + 1] if 0 <= at < len(slugs) - 1 else "",
            readers=list(READERS.values()),
            reader=reader,
            words=words,
            found=self._bench.search(words) if words else [],
            fault=made if isinstance(made, Fault) else None,
            findings=[] if isinstance(made, Fault) else self._findings(made),
            copy=copy,
            frame=sight.address("/mail", rev=_digest(copy.html, made)) if copy else "",
            sandbox=_SANDBOX,
            clipped=CLIPPED,
            near=NEAR,
        )

    def mail(self, request: Request) -> Response:
        """The HTML part, for the frame."""
        sight = _sight(request, request.path_params["slug"])
        made, _, copy = self._copy(sight)
        if copy is None or isinstance(made, Fault):
            raise HTTPException(404, "There is nothing to show until the issue is mended.")
        pictures = sight.pictures == "on"
        html = frames.with_pictures(copy.html, made.issue.images) if pictures else copy.html
        html = html if pictures else frames.without_pictures(html)
        html = frames.as_in(html, dark=sight.scheme == "dark")
        return HTMLResponse(html, headers=_mail_policy(pictures=pictures))

    async def events(self, request: Request) -> Response:
        """The generation, now and after each change, as Server-Sent Events."""
        if self.watch is None:
            raise HTTPException(503, "Nothing is watched.")
        stream = self.watch.stream(self._generation, self._stopping)
        return StreamingResponse(stream, media_type="text/event-stream", headers=_OURS)

    def problem(self, request: Request, error: Exception) -> Response:
        """A page for what is not there."""
        status, what = (
            (error.status_code, error.detail) if isinstance(error, HTTPException) else (500, "Failed.")
        )
        return self._page("author_problem.html", title="Preview", status=status, what=what)

    def _generation(self) -> str:
        return f"{self._run}.{self._bench.generation}"

    def _copy(self, sight: _Sight) -> tuple[Proof | Fault, Reader, Copy | None]:
        """Return the issue, who it is shown to, and the copy, which a fault leaves out."""
        made = self._bench.look(sight.slug)
        if isinstance(made, Fault):
            return made, READERS.get(sight.reader, READERS["example"]), None
        reader = self._bench.reader(sight.reader, made) or READERS["example"]
        try:
            return made, reader, copy_for(made, reader.person, self._tokens)
        except Exception as error:  # as in the workbench: the owner reads it in the page
            return fault_of(error, self._bench.root), reader, None

    def _findings(self, proof: Proof) -> list[dict[str, Any]]:
        """Return the findings, each with its line of the source when it names one."""
        return [
            {"finding": finding, "source": excerpt(self._bench.root, *place(finding.where), around=0)}
            for finding in proof.findings
        ]

    def _page(self, template: str, *, status: int = 200, **context: object) -> Response:
        html = self._pages.get_template(template).render(status=status, **context)
        return HTMLResponse(html, status, headers=_OURS)


def _sight(request: Request, slug: str) -> _Sight:
    query = request.query_params

    def choice(key: str, choices: Sequence[str]) -> str:
        return query[key] if query.get(key) in choices else choices[0]

    return _Sight(
        slug=slug,
        view=choice("view", VIEWS),
        scheme=choice("scheme", SCHEMES),
        pictures=choice("pictures", PICTURES),
        reader=query.get("as", "example")[:40],
    )


def _digest(html: str, made: Proof | Fault) -> str:
    """Return a text that changes when the frame would show something else."""
    pictures = [] if isinstance(made, Fault) else [image.cid for image in made.issue.images]
    return hashlib.sha256("\0".join([html, *pictures]).encode()).hexdigest()[:12]
