"""A newsletter with web pages, and a browser-like client for them that keeps nothing and follows nothing."""

import asyncio
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, MetaData, select
from starlette.applications import Starlette

from newsletter.people.adding import add_subscriber
from newsletter.settings import Workspace
from newsletter.settings_file import load_settings
from newsletter.store import subscribers
from newsletter.store.engine import reading
from newsletter.tokens import Tokens
from newsletter.web.app import web_app
from newsletter.wiring import Services
from tests.browsers import chromium
from tests.workspaces import Desk, make_desk

__all__ = ["NOON", "Pages", "chromium"]

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass
class Pages:
    """The pages of a newsletter, a clock that can be set, and what stands in the database."""

    desk: Desk
    services: Services
    app: Starlette
    now: datetime = NOON

    @property
    def engine(self) -> Engine:
        """The database."""
        return self.services.engine

    @property
    def tokens(self) -> Tokens:
        """The signer of links."""
        return self.services.tokens

    def ask(
        self,
        method: str,
        path: str,
        *,
        data: Mapping[str, Any] | None = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        client: str = "192.0.2.7",
    ) -> httpx.Response:
        """Return the answer to a request; what the app raises is raised here."""

        request: dict[str, Any] = {"headers": dict(headers or {})}
        if data is not None:
            request["data"] = data
        if content is not None:
            request["content"] = content
        return asyncio.run(self._send(method, path, client, request))

    def ask_many(self, requests: Sequence[Mapping[str, Any]]) -> list[int]:
        """Return the status codes of the answers to many requests, one after the other."""

        async def send() -> list[int]:
            answers = []
            for request in requests:
                more = {key: request[key] for key in ("content", "headers")}
                answer = await self._send(request["method"], request["path"], request["client"], more)
                answers.append(answer.status_code)
            return answers

        return asyncio.run(send())

    async def _send(self, method: str, path: str, client: str, request: Mapping[str, Any]) -> httpx.Response:
        transport = httpx.ASGITransport(self.app, client=(client, 4711))
        async with httpx.AsyncClient(transport=transport) as browser:
            return await browser.request(method, f"https://news.example.org{path}", **request)

    def get(self, path: str, **more: Any) -> httpx.Response:
        """Return a page."""
        return self.ask("GET", path, **more)

    def post(self, path: str, data: Mapping[str, Any] | None = None, **more: Any) -> httpx.Response:
        """Return the answer to a form."""
        return self.ask("POST", path, data={} if data is None else data, **more)

    def subscribe(self, email: str, *, name: str = "", **more: Any) -> httpx.Response:
        """Send the form as the page does."""
        return self.post("/subscribe", {"email": email, "name": name, "topic_url": ""}, **more)

    def link(self, message: Any) -> str:
        """Return the path of the one link in a confirmation mail."""
        text = message.get_body(("plain",)).get_content()
        [url] = re.findall(r"https://news\.example\.org(/\S*c/\S+)", text)
        return str(url)

    def token(self, purpose: str, subscriber_id: int, campaign: str = "k3xw9q") -> str:
        """Return the path of a link."""
        return f"/{purpose}/{self.tokens.sign(purpose, subscriber_id, campaign)}"

    def add(self, email: str, **more: Any) -> int:
        """Put a confirmed person on the list; return their number."""
        return add_subscriber(self.engine, email, clock=lambda: self.now, **more).id

    def who(self, email: str) -> subscribers.SubscriberHistory:
        """Return all that is known of a person."""
        with reading(self.engine) as connection:
            found = subscribers.show(connection, email)
        assert found is not None
        return found

    def later(self, **span: float) -> None:
        """Set the clock forward."""
        self.now += timedelta(**span)

    def dump(self) -> Mapping[str, list[tuple[Any, ...]]]:
        """Return every row of every table."""
        tables = MetaData()
        with self.engine.connect() as connection:
            tables.reflect(connection)
            return {
                name: sorted((tuple(row) for row in connection.execute(select(table))), key=repr)
                for name, table in tables.tables.items()
            }


def open_pages(folder: Path, engine: Engine | None = None, **env: str) -> Pages:
    """Return the pages of a workspace in folder; engine: its database, an SQLite file if none is given."""
    desk = make_desk(folder, **{"NEWSLETTER_NEWSLETTER__PUBLIC_URL": "https://news.example.org", **env})
    workspace = Workspace(root=desk.root, settings=load_settings(desk.root, desk.env))
    made: list[Pages] = []
    services = Services(
        workspace, env=desk.env, clock=lambda: made[0].now if made else NOON, sleep=lambda _: None
    )
    if engine is not None:
        vars(services)["raw_engine"] = engine  # where a cached_property keeps it
    made.append(Pages(desk, services, web_app(services)))
    return made[0]


@pytest.fixture
def pages(tmp_path: Path, engine: Engine) -> Pages:
    """The pages of Ignite Music Therapy, with nobody on the list."""
    return open_pages(tmp_path / "desk", engine)


@pytest.fixture
def make_pages(tmp_path: Path) -> Iterator[Any]:
    """Open pages with settings of one's own, on SQLite."""
    opened: list[Pages] = []

    def make(**env: str) -> Pages:
        opened.append(open_pages(tmp_path / f"desk{len(opened)}", None, **env))
        return opened[-1]

    yield make
    for made in opened:
        made.engine.dispose()
