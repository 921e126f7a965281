"""Shared by all tests: a scrubbed environment, real databases, the SES emulator, a workspace."""

import os
from pathlib import Path

import pytest

from tests.databases import database_url, engine, postgres_server
from tests.emulators import ses_endpoint
from tests.queues import queue, sqs_endpoint
from tests.workspaces import Desk, make_desk

__all__ = [
    "database_url",
    "desk",
    "engine",
    "postgres_server",
    "queue",
    "scrubbed_environment",
    "ses_endpoint",
    "sqs_endpoint",
]


@pytest.fixture(autouse=True)
def scrubbed_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the person who runs the tests reaches the program: no settings, no AWS account."""
    for name in list(os.environ):
        if name.startswith(("NEWSLETTER_", "AWS_")) and name != "NEWSLETTER_TEST_ALL":
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Ignite Music Therapy's workspace with three confirmed subscribers and one who left."""
    made = make_desk(tmp_path / "desk")
    for address, name, tag in (
        ("ada@example.org", "Ada Byron", "families"),
        ("ben@example.org", "", "group"),
        ("zoe@example.org", "Zoé Ångström", "professionals"),
        ("cyd@example.org", "Cyd Left", "families"),
    ):
        made.ok("subscribers", "add", address, "--name", name, "--tag", tag, "--consent", "asked me")
    made.ok("subscribers", "unsubscribe", "cyd@example.org")
    return made
