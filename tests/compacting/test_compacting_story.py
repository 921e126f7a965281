"""An issue that was really sent, compacted years later: nobody can be made to get it twice."""

import json

import pytest
from sqlalchemy import text

from newsletter.store.engine import open_engine
from tests.workspaces import Desk

SENT = ["ada@example.org", "ben@example.org", "zoe@example.org"]


@pytest.mark.slow
def test_no_command_mails_it_again(desk: Desk) -> None:
    slug = json.loads(desk.ok("send", "latest", "--yes", "--json").stdout)["issue"]
    assert desk.mailed() == SENT
    before = desk.json("proof", slug)
    make_old(desk, slug)
    assert desk.json("db", "compact", "--yes")["issues"] == [{"issue": slug, "deliveries": 4, "events": 0}]
    desk.ok("subscribers", "add", "new@example.org", "--tag", "late", "--consent", "asked me")

    again = desk.ok("send", slug, "--yes")
    assert "3  sent" in again.stdout
    assert "already sent to everyone" in desk.run("schedule", "add", slug, "2099-01-05 09:00").output
    for command in (
        ("send", slug, "--segment", "tag:late", "--yes"),
        ("send", slug, "--segment", "tag:late", "--dry-run"),
        ("schedule", "add", slug, "2099-01-05 09:00", "--segment", "tag:late"),
        ("catch-up", slug, "--joined", "--yes"),
    ):
        refused = desk.run(*command)
        assert refused.exit_code == 2, command
        assert "nobody knows any more who had it" in refused.output
    assert desk.run("resume", slug).exit_code == 0
    assert desk.mailed() == SENT
    after = desk.json("proof", slug)
    assert after["campaigns"][0].pop("compacted_at")
    assert before["campaigns"][0].pop("compacted_at") is None
    assert after == before
    assert len(desk.json("status")["campaigns"]) == 4


def make_old(desk: Desk, slug: str) -> None:
    """Let three issues have come after it, to nobody, and years have gone by."""
    engine = open_engine(f"sqlite:///{desk.root / 'subscribers' / 'newsletter.db'}")
    with engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE campaigns SET created_at = '2020-01-01 09:00:00.000000', "
                "started_at = '2020-01-01 09:00:00.000000', finished_at = '2020-01-01 10:00:00.000000'"
            )
        )
        for year in (2021, 2022, 2023):
            connection.execute(
                text(
                    "INSERT INTO campaigns (key, slug, state, content, content_hash, created_at, ceiling) "
                    "SELECT :year, :slug, state, content, content_hash, :at, 0 "
                    "FROM campaigns WHERE slug = :first"
                ),
                {"year": year, "slug": f"in-{year}", "at": f"{year}-01-01 09:00:00.000000", "first": slug},
            )
    engine.dispose()
