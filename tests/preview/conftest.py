"""A mailbox folder, an author's desk, and a browser-like client for either."""

import asyncio
from collections.abc import Callable, Mapping
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

__all__ = ["ISSUE", "SLUG", "Browser", "Deliver", "chromium", "opener"]

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


def opener(desk: Desk) -> Callable[[], Services]:
    """Return what reads a desk's settings anew and opens what they name."""

    def open_services() -> Services:
        workspace = Workspace(root=desk.root, settings=load_settings(desk.root, desk.env))
        return Services(workspace, env=desk.env)

    return open_services


@pytest.fixture
def writing(tmp_path: Path) -> Desk:
    """A workspace with one short issue besides those of the repository, and nobody on its list."""
    desk = make_desk(tmp_path / "desk")
    desk.write(f"issues/{SLUG}.md", ISSUE)
    return desk


@pytest.fixture
def author(writing: Desk) -> Browser:
    """A browser on the authoring view; nothing is watched, so a change is seen with again=1."""
    return Browser(authoring_app(writing.root, opener(writing)))


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
