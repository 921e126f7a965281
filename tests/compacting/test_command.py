"""``db compact`` at the terminal, as a process, and killed half-way."""

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from newsletter.store.engine import reading
from tests.compacting.past import rows_of, with_a_small_past
from tests.workspaces import Desk, make_desk

SHOWN = (("status",), ("proof", "long-ago"), ("report", "long-ago"), ("db", "check"))


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """The desk's database, with an issue of long ago."""
    yield from with_a_small_past(database_url)


@pytest.fixture
def desk(engine: Engine, database_url: str, tmp_path: Path) -> Desk:
    return make_desk(tmp_path / "desk", NEWSLETTER_DATABASE__URL=database_url)


def shown(desk: Desk) -> dict[str, Any]:
    """What the owner sees of her sends, without when she looked and when it was compacted."""
    found = {}
    for command in SHOWN:
        plain = json.dumps(desk.json(*command))
        found[" ".join(command)] = re.sub(r'"(as_of|until|compacted_at)": ("[^"]*"|null)', "", plain)
    return found


def test_rows_go_and_what_is_shown_stays(desk: Desk, engine: Engine) -> None:
    before = shown(desk)
    looked = desk.ok("db", "compact", "--dry-run")
    assert "Would remove 3 deliveries and 4 events of 1 issue" in looked.stdout
    assert "newer" not in looked.output  # not old enough to be worth a word
    assert rows_of(engine, "long-ago").total == 7
    done = desk.ok("db", "compact", "--yes")
    assert "Removed 3 deliveries and 4 events; their figures stay." in done.stdout
    assert "Backup: " in done.stderr
    assert rows_of(engine, "long-ago").total == 0
    assert shown(desk) == before
    assert "Its rows were compacted on" in desk.ok("proof", "long-ago").stdout
    assert desk.json("proof", "long-ago")["campaigns"][0]["compacted_at"]
    assert "Nothing to compact" in desk.ok("db", "compact", "--yes").stdout


def test_why_says_that_older_issues_are_not_known_any_more(desk: Desk, engine: Engine) -> None:
    assert "long-ago" in desk.ok("why", "zoe@example.org").stdout
    assert desk.json("why", "zoe@example.org")["compacted_until"] is None
    desk.ok("db", "compact", "--yes", "--no-backup")
    said = desk.ok("why", "zoe@example.org").stdout
    assert re.search(r"Of issues until \d{4}-\d\d-\d\d, only the sums are kept", said)
    assert "None was planned" not in said
    assert desk.json("why", "zoe@example.org")["compacted_until"]


def test_it_asks_for_the_number_of_rows(desk: Desk, engine: Engine) -> None:
    refused = desk.run("db", "compact")
    assert refused.exit_code == 2
    assert "nothing was done" in refused.output
    assert rows_of(engine, "long-ago").total == 7
    assert desk.run("db", "compact", "--older-than", "30", "--yes").exit_code == 2
    assert "has not been sent" in desk.run("db", "compact", "--issue", "nothing", "--yes").output
    told = desk.json("db", "compact", "--issue", "long-ago", "--dry-run")
    assert told["issues"] == [{"issue": "long-ago", "deliveries": 3, "events": 4}]


def test_resolve_and_catch_up_and_segments_are_refused_plainly(desk: Desk, engine: Engine) -> None:
    desk.ok("db", "compact", "--yes", "--no-backup")
    for command in (
        ("resolve", "long-ago", "--assume-sent"),
        ("resolve", "long-ago", "--from-events"),
        ("catch-up", "long-ago", "--dry-run"),
        ("segments", "show", "not received long-ago"),
        ("subscribers", "list", "--segment", "received long-ago"),
        ("send", "latest", "--segment", "not received long-ago", "--yes"),
        ("send", "latest", "--segment", "not received long-ago", "--dry-run"),
    ):
        refused = desk.run(*command)
        assert refused.exit_code == 2, command
        assert "nobody knows any more who had it" in refused.output
    assert desk.mailbox() == []
    assert [row["issue"] for row in desk.json("status")["campaigns"]].count("long-ago") == 1
    assert len(desk.json("status")["campaigns"]) == 4


def test_an_issue_that_a_named_segment_asks_about_is_kept(desk: Desk, engine: Engine) -> None:
    settings = (desk.root / "newsletter.toml").read_text("utf-8")
    settings = settings.replace("[segments]\n", '[segments]\nloyal = "received long-ago"\n')
    desk.write("newsletter.toml", settings)
    told = desk.json("db", "compact", "--yes")
    assert told["kept"][0]["reason"] == "the segment loyal in [segments] asks who received it"
    assert rows_of(engine, "long-ago").total == 7


def test_what_is_in_flight_of_a_cancelled_send_can_be_settled(desk: Desk, engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE campaigns SET state = 'cancelled' WHERE id = 1"))
        connection.execute(
            text(
                "UPDATE deliveries SET state = 'sending', claimed_by = 'gone:1:1', call_id = 'c', "
                "lease_until = updated_at WHERE id = 2"
            )
        )
    told = desk.json("db", "compact", "--yes")
    assert "newsletter resolve long-ago" in told["kept"][0]["hint"]
    desk.ok("resolve", "long-ago", "--assume-sent")
    desk.ok("db", "compact", "--yes", "--no-backup")
    assert desk.json("proof", "long-ago")["campaigns"][0]["sent"] == 3


@pytest.mark.slow
def test_two_processes_at_once_remove_the_rows_once(desk: Desk, engine: Engine) -> None:
    grow(engine, 2000)
    before = shown(desk)
    running = [desk.process("db", "compact", "--yes", "--no-backup", "--json") for _ in range(2)]
    told = [json.loads(process.communicate(timeout=60)[0]) for process in running]
    assert [process.returncode for process in running] == [0, 0]
    removed = [each["removed"] for each in told if "removed" in each]
    assert sum(each["deliveries"] for each in removed) == 2003
    assert sum(each["events"] for each in removed) == 4004
    assert rows_of(engine, "long-ago").total == 0
    assert shown(desk) == before


@pytest.mark.slow
def test_killed_half_way_it_is_gone_on_with(desk: Desk, engine: Engine) -> None:
    grow(engine, 40_000)
    before = shown(desk)
    process = desk.process("db", "compact", "--yes", "--no-backup")
    deadline = time.monotonic() + 60
    whole = left = 120_007
    while left == whole:
        assert time.monotonic() < deadline and process.poll() is None, process.communicate()
        left = rows_of(engine, "long-ago").total
    process.kill()
    process.communicate()
    left = rows_of(engine, "long-ago").total
    assert 0 < left < whole, "it must be killed half-way"
    assert shown(desk) == before
    looked = desk.ok("db", "compact", "--dry-run").stdout
    assert "left of a compacting that was stopped" in looked
    desk.ok("db", "compact", "--yes", "--no-backup")
    assert rows_of(engine, "long-ago").total == 0
    assert shown(desk) == before
    with reading(engine) as connection:
        assert connection.execute(text("SELECT count(*) FROM sums WHERE emptied_at IS NULL")).scalar() == 0


def grow(engine: Engine, people: int) -> None:
    """Let the issue of long ago have gone to so many more people, with two events each."""
    series = {
        "sqlite": f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {people})",
        "postgresql": f"WITH n(i) AS (SELECT * FROM generate_series(1, {people}))",
    }[engine.dialect.name]
    with engine.begin() as connection:
        columns = "subscribers (id, email, email_key, status, attributes, created_at, updated_at)"
        connection.exec_driver_sql(
            f"INSERT INTO {columns} {series} SELECT 1000 + i, 'r' || i || '@example.com', "
            "'r' || i || '@example.com', 'confirmed', '{}', created_at, created_at "
            "FROM n, subscribers WHERE subscribers.id = 1"
        )
        connection.exec_driver_sql(
            f"INSERT INTO deliveries (id, campaign_id, subscriber_id, email_key, state, updated_at) {series} "
            "SELECT 1000 + i, 1, 1000 + i, 'r' || i || '@example.com', 'sent', created_at "
            "FROM n, campaigns WHERE campaigns.id = 1"
        )
        for kind in ("send", "delivery"):
            connection.exec_driver_sql(
                "INSERT INTO events (dedupe, kind, at, received_at, message_id, campaign_id, delivery_id) "
                f"{series} SELECT '{kind}' || i, '{kind}', created_at, created_at, 'm', 1, 1000 + i "
                "FROM n, campaigns WHERE campaigns.id = 1"
            )
        connection.exec_driver_sql(f"UPDATE campaigns SET candidates = {people + 3} WHERE id = 1")
