"""The mailbox viewer: a small web app that shows the .eml files of one folder.

Mail is shown as a mail program would show it, and is trusted as little: HTML stands in a sandboxed frame
without scripts, may load nothing from anywhere (Content-Security-Policy), and pictures come from the
message itself. Only names on ``hosts`` are answered, so that no web site can read mail through the
browser of whoever runs this (DNS rebinding).
"""

import re
from collections.abc import Sequence
from email.utils import parseaddr
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from newsletter.preview.frames import as_in
from newsletter.preview.mail_files import Folder, Mail, read_mail

__all__ = ["mailbox_app"]

PAGE_LENGTH: Final = 50  #: messages on a page of the list
SOURCE_SHOWN: Final = 200_000  #: characters of the source on screen; the download has all of it
TABS: Final = ("html", "text", "headers", "source")
WIDTHS: Final = ("desktop", "phone")
SCHEMES: Final = ("light", "dark")
PAGES: Final = Path(__file__).parent / "pages"

_OURS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "img-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_MAIL = {
    **_OURS,
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'self'; "
    "sandbox allow-popups allow-popups-to-escape-sandbox",
}


def mailbox_app(folder: Path, *, hosts: Sequence[str] = ("localhost", "127.0.0.1")) -> Starlette:
    """Return the app for a folder of .eml files; the folder need not exist yet.

    hosts: names under which it answers. Others get 400.
    """
    viewer = _Viewer(Folder(folder))
    return Starlette(
        routes=[
            Route("/", viewer.list),
            Route("/newest", viewer.newest),
            Route("/mail/{name}", viewer.mail),
            Route("/mail/{name}/body", viewer.body),
            Route("/mail/{name}/file", viewer.file),
            Mount("/static", StaticFiles(directory=PAGES / "static")),
        ],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=list(hosts))],
        exception_handlers={HTTPException: viewer.problem},
    )


class _Viewer:
    """The pages. Handlers are not async: Starlette runs each in a thread, and file reads block nobody."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._pages = Environment(
            loader=FileSystemLoader(PAGES), autoescape=True, undefined=StrictUndefined, trim_blocks=True
        )
        self._pages.filters["size"] = _size
        self._pages.filters["who"] = _who
        self._pages.filters["address"] = lambda name: f"/mail/{quote(name, safe='')}"

    def list(self, request: Request) -> Response:
        """The list, newest first. ?q=words&page=2."""
        query = request.query_params.get("q", "").strip()[:200]
        found = self._folder.search(query)
        pages = max(1, -(-len(found) // PAGE_LENGTH))
        page = min(max(1, _number(request.query_params.get("page", ""))), pages)
        shown = found[(page - 1) * PAGE_LENGTH : page * PAGE_LENGTH]
        return self._page(
            "list.html",
            title=f"{query} · Mailbox" if query else "Mailbox",
            mails=[self._folder.summary(entry) for entry in shown],
            total=len(found),
            query=query,
            page=page,
            pages=pages,
            address=lambda number: (
                "/?" + urlencode({"q": query, "page": number} if query else {"page": number})
            ),
            newest=self._newest(),
        )

    def newest(self, request: Request) -> Response:
        """What the list page asks now and then, to say that new mail has come."""
        return JSONResponse({"newest": self._newest()}, headers=_OURS)

    def mail(self, request: Request) -> Response:
        """One message. ?tab=, width= and scheme= choose how it is shown, and are kept from mail to mail."""
        mail = self._read(request)
        view = {
            "tab": _choice(request, "tab", TABS, default="html" if mail.html is not None else "text"),
            "width": _choice(request, "width", WIDTHS),
            "scheme": _choice(request, "scheme", SCHEMES),
        }

        def link(name: str, **change: str) -> str:
            return f"/mail/{quote(name, safe='')}?{urlencode({**view, **change})}"

        names = [entry[0] for entry in self._folder.names()]
        at = names.index(mail.summary.name) if mail.summary.name in names else 0
        return self._page(
            "mail.html",
            title=f"{mail.summary.subject} · Mailbox",
            mail=mail,
            line=mail.summary,
            view=view,
            link=link,
            path=f"/mail/{quote(mail.summary.name, safe='')}",
            newer=names[at - 1] if at > 0 else "",
            older=names[at + 1] if at + 1 < len(names) else "",
            place=f"{at + 1} of {len(names)}",
            source=mail.source[:SOURCE_SHOWN],
            shortened=len(mail.source) > SOURCE_SHOWN,
        )

    def body(self, request: Request) -> Response:
        """The message's HTML, for the frame. ?scheme=dark|light."""
        html = self._read(request).html
        if html is None:
            raise HTTPException(404, "This message has no HTML part.")
        dark = request.query_params.get("scheme") == "dark"
        return HTMLResponse(as_in(html, dark=dark), headers=_MAIL)

    def file(self, request: Request) -> Response:
        """The message as a download."""
        path = self._path(request)
        return FileResponse(path, media_type="message/rfc822", filename=path.name, headers=_OURS)

    def problem(self, request: Request, error: Exception) -> Response:
        """A page for what is not there."""
        status, what = (
            (error.status_code, error.detail) if isinstance(error, HTTPException) else (500, "Failed.")
        )
        response = self._page("problem.html", title="Mailbox", status=status, what=what)
        response.status_code = status
        return response

    def _page(self, template: str, **context: object) -> Response:
        return HTMLResponse(self._pages.get_template(template).render(**context), headers=_OURS)

    def _path(self, request: Request) -> Path:
        path = self._folder.find(request.path_params["name"])
        if path is None:
            raise HTTPException(404, "There is no such message. It may have been deleted.")
        return path

    def _read(self, request: Request) -> Mail:
        try:
            return read_mail(self._path(request))
        except OSError as error:
            raise HTTPException(404, "The message cannot be read.") from error

    def _newest(self) -> str:
        """Return a text that changes when a message comes or goes."""
        names = self._folder.names()
        return f"{len(names)}:{names[0][0]}" if names else "0:"


def _choice(request: Request, key: str, choices: Sequence[str], default: str = "") -> str:
    """Return the query parameter if it is one of the choices, else the default or the first choice."""
    value = request.query_params.get(key, "")
    return value if value in choices else default or choices[0]


def _number(text: str) -> int:
    return int(text) if re.fullmatch(r"[0-9]{1,9}", text) else 1


def _who(address: str) -> str:
    """Return the name in "Name <address>", or the address, or what stands there when it is neither.

    >>> _who('"Ada Byron" <ada@example.org>'), _who("bob@example.org")
    ('Ada Byron', 'bob@example.org')
    """
    name, mailbox = parseaddr(address)
    return name or mailbox or address


def _size(count: int) -> str:
    """Return a number of bytes for people.

    >>> _size(34_567)
    '34 kB'
    """
    return (
        f"{count} B"
        if count < 1000
        else f"{count // 1000} kB"
        if count < 1_000_000
        else f"{count / 1e6:.1f} MB"
    )
