"""A mailbox folder, an author's desk, and a browser-like client for either."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from email.message import EmailMessage
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from newsletter.preview.authoring import authoring_app
from newsletter.preview.mailbox import mailbox_app
from newsletter.settings import Workspace
from newsletter.settings_file import load_settings
from newsletter.wiring import Services
from tests.browsers import chromium
from tests.workspaces import Desk, make_desk

__all__ = ["ISSUE", "SLUG", "Browser", "Deliver", "ViewOf", "chromium", "services_of"]

PICTURE = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89"
    b"\x00\x00\x00\rIDATx\x9cc\xf8\xcf\xc0\xf0\x1f\x00\x05\x00\x01\xff\x89\x99=\x1d\x00\x00\x00\x00IEND\xaeB`\x82"
)

HTML = '<html><head></head><body><p>Hello</p><img src="cid:hero" alt="Two people"></body></html>'

Deliver = Callable[..., str]


class Browser:
    """Asks an app for pages, over ASGI and without a socket."""

    def __init__(self, app: Starlette, *, host: str = "localhost:8025") -> None:
        self._app, self._base = app, f"http://{host}"

    def get(self, path: str, params: Mapping[str, str] | None = None) -> httpx.Response:
        """Return the answer to a GET request; what the app raises is raised here."""

        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self._app)
            async with httpx.AsyncClient(transport=transport, base_url=self._base) as client:
                return await client.get(path, params=params)

        return asyncio.run(ask())


SLUG = "2026-12-lanterns"

ISSUE = """---
title: Lanterns
subject: "{{ subscriber.first_name | default('Friend') }}, bring a light"
preheader: Why we sing when it is dark.
---
Dear {{ subscriber.first_name | default('friend') }}, come in.

## Songs

{% if 'group' in subscriber.tags %}
The drum circle meets on Tuesday.
{% endif %}

![A lantern](images/drum-circle.png)
"""


ViewOf = Callable[..., "Browser"]


@pytest.fixture
def writing(tmp_path: Path) -> Desk:
    """A workspace with one short issue besides those of the repository, and nobody on its list."""
    desk = make_desk(tmp_path / "desk")
    desk.write(f"issues/{SLUG}.md", ISSUE)
    return desk


@pytest.fixture
def view_of() -> Iterator[ViewOf]:
    """Open the authoring view of a desk; nothing is watched, so a change is seen with again=1."""
    opened: list[Services] = []

    def make(desk: Desk, *, first: str = "latest", host: str = "localhost:8026") -> Browser:
        def open_services() -> Services:
            opened.append(services_of(desk))
            return opened[-1]

        return Browser(authoring_app(desk.root, open_services, first=first), host=host)

    yield make
    for services in opened:
        if "raw_engine" in vars(services):
            services.raw_engine.dispose()


@pytest.fixture
def author(writing: Desk, view_of: ViewOf) -> Browser:
    """A browser on the authoring view of the workspace with the short issue."""
    return view_of(writing)


def services_of(desk: Desk) -> Services:
    """Return the services of a desk, with its settings as they are now."""
    workspace = Workspace(root=desk.root, settings=load_settings(desk.root, desk.env))
    return Services(workspace, env=desk.env)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty mailbox folder."""
    path = tmp_path / "mailbox"
    path.mkdir()
    return path


@pytest.fixture
def client(folder: Path) -> Browser:
    """A browser on this computer."""
    return Browser(mailbox_app(folder))


@pytest.fixture
def deliver(folder: Path) -> Deliver:
    """Put a message with text, HTML and one embedded picture into the folder; return its file name."""

    def put(
        name: str = "1.eml",
        *,
        subject: str = "One to one or together?",
        to: str = "Ada <ada@example.org>",
        html: str = HTML,
        text: str = "Hello in plain text\n",
    ) -> str:
        message = EmailMessage()
        message["Subject"], message["To"], message["From"] = subject, to, "Ignite <hello@ignite.example.org>"
        message["Date"] = "Tue, 03 Nov 2026 09:00:00 -0400"
        message.set_content(text)
        message.add_alternative(html, subtype="html")
        message.get_payload()[1].add_related(PICTURE, "image", "png", cid="<hero>")  # type: ignore[union-attr,index]
        (folder / name).write_bytes(message.as_bytes())
        return name

    return put
