"""A reader who pauses is not mailed until the pause is over."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import update

from newsletter.store.engine import open_engine
from newsletter.store.tables import subscribers
from tests.workspaces import Desk

NOVEMBER = "2026-11-individual-vs-group"


def pause(desk: Desk, email: str, until: datetime) -> None:
    engine = open_engine(f"sqlite:///{desk.root}/subscribers/newsletter.db")
    with engine.begin() as connection:
        connection.execute(
            update(subscribers).where(subscribers.c.email_key == email).values(paused_until=until)
        )
    engine.dispose()


def test_who_is_paused_is_skipped_and_said_so_and_whose_pause_is_over_is_mailed(desk: Desk) -> None:
    now = datetime.now(UTC)
    pause(desk, "ada@example.org", now + timedelta(days=30))
    pause(desk, "ben@example.org", now - timedelta(days=1))
    result = desk.json("send", NOVEMBER, "--yes")
    assert desk.mailed() == ["ben@example.org", "zoe@example.org"]
    assert result["skipped"] == {"paused": 1, "unsubscribed": 1}


def test_when_the_pause_is_over_catch_up_reaches_them(desk: Desk) -> None:
    pause(desk, "ada@example.org", datetime.now(UTC) + timedelta(days=30))
    desk.ok("send", NOVEMBER, "--yes")
    pause(desk, "ada@example.org", datetime.now(UTC) - timedelta(seconds=1))
    desk.ok("catch-up", NOVEMBER, "--yes")
    assert desk.mailed() == ["ada@example.org", "ben@example.org", "zoe@example.org"]
