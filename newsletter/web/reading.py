"""The archive, served: the same pages at the same addresses as in a folder, and a reply form below each.

They are made from the ledger when they are asked for, so there is nothing to build, and an approved reply is
there at once.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from newsletter.archive.pictures import CACHE
from newsletter.archive.site import Site as Archive
from newsletter.web.site import Site

__all__ = ["READING", "Reading"]

#: What these pages may do, unlike those that belong to one person: be found, run our own scripts, show
#: pictures of the web.
READING: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "img-src 'self' https: data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Robots-Tag": "all",
}
_KEPT: Final = 64  #: pictures; they are in the ledger, compressed with everything else


class Reading:
    """The pages of the sent issues."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._picture = lru_cache(maxsize=_KEPT)(self._find_picture)

    def archive(self) -> Archive:
        """Return the archive as it is now. Raises HTTPException 404 if there is none."""
        if not self._site.services.settings.archive_url:
            raise HTTPException(404)
        return self._site.services.shelf.live()

    def start(self, request: Request) -> Response:
        """GET /archive: the index has a name, so that it has the same one in a folder."""
        self.archive()
        return RedirectResponse(f"{self._site.base(request)}/archive/index.html", 308)

    def show(self, request: Request) -> Response:
        """GET /archive/NAME and /robots.txt: a page, a feed, or what pages refer to."""
        path = f"archive/{request.path_params['name']}" if request.path_params else "robots.txt"
        file = self.archive().file(path)
        if file is None:
            raise HTTPException(404)
        headers = {**READING, "Cache-Control": file.cache, "Content-Type": file.content_type}
        return Response(file.data, headers=headers)

    def reader_script(self, request: Request) -> Response:
        """GET /reader.js: the script of the reply form, for its page of its own."""
        script = self._site.reader_script
        return Response(
            script, media_type="text/javascript", headers={"Cache-Control": "public, max-age=3600"}
        )

    def small_picture(self, request: Request) -> Response:
        """GET /archive/pictures/NAME: a picture in the size that a page shows it at."""
        return self.picture(request.path_params["name"], small=True)

    def picture(self, name: str, *, small: bool = False) -> Response:
        """Return an issue's picture. Raises HTTPException 404 if no issue has it."""
        self.archive()
        found = self._picture(name, small)
        if found is None:
            raise HTTPException(404)
        return Response(found.data, media_type=found.content_type, headers={"Cache-Control": CACHE})

    def _find_picture(self, name: str, small: bool) -> "_Picture | None":
        found = self._site.services.shelf.picture(name, small=small)
        return None if found is None else _Picture(*found)


@dataclass(frozen=True, slots=True)
class _Picture:
    content_type: str
    data: bytes
