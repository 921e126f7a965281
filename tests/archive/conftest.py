"""A newsletter whose letters are on the web, and a bucket to publish them to (moto's server, over HTTP)."""

import dataclasses
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from lxml.html import document_fromstring
from moto.server import ThreadedMotoServer

from newsletter.compose.compiling import compile_issue
from newsletter.model import CampaignState, CompiledIssue
from newsletter.settings import Workspace
from newsletter.settings_file import load_settings
from newsletter.store import campaigns
from newsletter.wiring import Services
from tests.workspaces import AWS, Desk, make_desk

__all__ = ["BASE", "NOVEMBER", "PUBLIC", "Bucket", "Library", "dom"]

BASE = "https://news.example.org"
PUBLIC = {"NEWSLETTER_NEWSLETTER__PUBLIC_URL": BASE}
NOVEMBER = "2026-11-individual-vs-group"


def dom(html: str) -> Any:
    """Return a page as a tree."""
    return document_fromstring(html)


@dataclass
class Library:
    """A workspace with letters in its ledger, none of them mailed, and the command line on it."""

    desk: Desk
    services: Services
    model: CompiledIssue

    @property
    def folder(self) -> Path:
        """The root of the archive."""
        return self.desk.root / "out" / "archive"

    def shelve(self, slug: str, at: datetime, *, cancelled: bool = False, **changes: Any) -> CompiledIssue:
        """Put an issue into the ledger as sent at an instant: November's, with another slug and title."""
        issue = dataclasses.replace(self.model, **{"slug": slug, "title": f"Letter {slug}", **changes})
        with self.services.engine.begin() as connection:
            made = campaigns.create_campaign(connection, issue, segment="", now=at)
            over = CampaignState.CANCELLED if cancelled else CampaignState.FINISHED
            campaigns.move(connection, made.id, to=over, since=[CampaignState.PLANNING], now=at)
        return issue

    def build(self) -> Any:
        """Build, and return what the command says."""
        return self.desk.json("archive", "build")

    def page(self, slug: str = NOVEMBER) -> str:
        """Return an issue's page."""
        return (self.folder / "archive" / f"{slug}.html").read_text("utf-8")

    def files(self) -> Mapping[str, bytes]:
        """Return every file of the archive."""
        found = sorted(path for path in self.folder.rglob("*") if path.is_file())
        return {str(path.relative_to(self.folder)): path.read_bytes() for path in found}

    def times(self) -> Mapping[str, int]:
        """Return when every file was written."""
        found = [path for path in self.folder.rglob("*") if path.is_file()]
        return {str(path.relative_to(self.folder)): path.stat().st_mtime_ns for path in found}


@pytest.fixture(scope="session")
def empty_library(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, CompiledIssue]:
    """A workspace with tables and nothing in them, and November's letter; to be copied."""
    desk = make_desk(tmp_path_factory.mktemp("library") / "desk", **PUBLIC)
    made = _open(desk.root)
    assert made.engine is not None  # the tables are made now, and the file is whole when it is closed
    made.close()
    workspace = made.workspace
    return desk.root, compile_issue(workspace, workspace.issues / f"{NOVEMBER}.md")


def _open(folder: Path) -> Services:
    env = {"NEWSLETTER_SECRET": "s" * 40, **PUBLIC}
    return Services(Workspace(root=folder, settings=load_settings(folder, env)), env=env)


@pytest.fixture
def library(empty_library: tuple[Path, CompiledIssue], tmp_path: Path) -> Iterator[Library]:
    """A library with nothing on its shelf."""
    template, model = empty_library
    folder = tmp_path / "desk"
    shutil.copytree(template, folder)
    services = _open(folder)
    yield Library(Desk(folder, services.env), services, model)
    services.close()


@pytest.fixture
def three(library: Library) -> Library:
    """Two letters of 2026 and one of 2025."""
    library.shelve("2025-12-before-the-snow", datetime(2025, 12, 2, 13, tzinfo=UTC))
    library.shelve("2026-10-songs", datetime(2026, 10, 6, 12, tzinfo=UTC))
    library.shelve(NOVEMBER, datetime(2026, 11, 3, 13, 0, 0, 123456, tzinfo=UTC), title=library.model.title)
    return library


@dataclass(frozen=True)
class Bucket:
    """A bucket and a client of it."""

    client: Any
    name: str = "letters"  # all servers of one process share what they hold

    @property
    def env(self) -> dict[str, str]:
        """Variables that let a workspace publish to it."""
        url = self.client.meta.endpoint_url
        return {**AWS, "AWS_ENDPOINT_URL_S3": url, "NEWSLETTER_ARCHIVE__S3_BUCKET": self.name}

    def held(self) -> set[str]:
        """Return the keys in it."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name)
        return {item["Key"] for page in pages for item in page.get("Contents", ())}

    def get(self, key: str) -> Any:
        """Return an object."""
        return self.client.get_object(Bucket=self.name, Key=key)

    def put(self, key: str, body: bytes) -> None:
        """Put an object there."""
        self.client.put_object(Bucket=self.name, Key=key, Body=body)


@pytest.fixture(scope="module")
def s3_server() -> Iterator[str]:
    """A real S3 endpoint."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(s3_server: str) -> Iterator[Bucket]:
    """An empty bucket."""
    client = boto3.session.Session(
        aws_access_key_id="example", aws_secret_access_key="example", region_name="eu-central-1"
    ).client("s3", endpoint_url=s3_server)
    made = Bucket(client)
    where = {"LocationConstraint": "eu-central-1"}
    client.create_bucket(Bucket=made.name, CreateBucketConfiguration=where)
    yield made
    for key in made.held():
        client.delete_object(Bucket=made.name, Key=key)
    client.delete_bucket(Bucket=made.name)
    client.close()
