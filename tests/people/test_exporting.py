"""Exporting the list: safe in a spreadsheet, and read back exactly."""

import csv
import gzip
import json
import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, insert, select, true, update

from newsletter.errors import UsageError
from newsletter.people.adding import add_subscriber
from newsletter.people.exporting import export
from newsletter.people.formulas import disarm, rearm
from newsletter.people.importing import import_csv
from newsletter.people.leaving import unsubscribe
from newsletter.people.segments import audience
from newsletter.store.engine import migrate, open_engine, reading
from newsletter.store.subscribers import list_subscribers
from newsletter.store.tables import subscriber_tags, subscribers

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)

NASTY = [
    ("=1+1@example.org", '=HYPERLINK("http://x")', {"city": "+49 30", "note": "-1"}),
    ("'=x@example.org", "'=already", {"city": "@home", "note": "''-"}),
    ("bob@example.org", 'Bob "Bobby" O\'Hara', {"note": 'two\nlines, "quoted"; and\r\nthree'}),
    ("zoe@example.org", "Zoé 🎵", {"status": "VIP", "vorname": "Zoé", "full_name": "x", "mail": "y"}),
    ("nobody@example.org", "", {"first_name": "No", "last_name": "Body"}),
    ("'s@example.org", "'s-Hertogenbosch", {}),
]


def put(engine: Engine, people: list[tuple[str, str, dict[str, Any]]]) -> None:
    with engine.begin() as connection:
        for email, name, attributes in people:
            connection.execute(
                insert(subscribers).values(
                    email=email,
                    email_key=email.lower(),
                    status="confirmed",
                    name=name,
                    attributes=attributes,
                    created_at=NOON,
                    updated_at=NOON,
                )
            )


def listed(engine: Engine) -> list[tuple[Any, ...]]:
    with reading(engine) as connection:
        return [
            (p.email, p.status, p.name, list(p.tags), dict(p.attributes), p.sendable)
            for p in list_subscribers(connection)
        ]


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Engine]:
    """Another database, with nobody in it."""
    opened = open_engine(f"sqlite:///{tmp_path / 'other.db'}")
    migrate(opened)
    yield opened
    opened.dispose()


def test_an_export_is_imported_back_exactly(engine: Engine, other: Engine, tmp_path: Path) -> None:
    put(engine, NASTY)
    add_subscriber(engine, "ada@example.org", tags=["b", "a", "+plus"], clock=lambda: NOON)
    add_subscriber(engine, "jörg@bücher.example", name="Jörg", clock=lambda: NOON)
    file = tmp_path / "all.csv"
    assert export(engine, file, true()) == 8
    result = import_csv(other, file, source="moved", clock=lambda: NOON)
    assert (result.new, result.refused) == (8, [])
    assert listed(other) == listed(engine)
    # and into the list that it came from, it changes nothing
    assert import_csv(engine, file, source="again", clock=lambda: NOON).unchanged == 8


def test_no_cell_begins_like_a_formula(engine: Engine, tmp_path: Path) -> None:
    put(engine, NASTY)
    export(engine, tmp_path / "all.csv", true())
    with (tmp_path / "all.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0][:4] == ["email", "status", "name", "tags"]
    assert not [cell for row in rows for cell in row if cell[:1] in ("=", "+", "-", "@", "\t", "\r")]
    assert rows[1][:3] == ["'=1+1@example.org", "confirmed", '\'=HYPERLINK("http://x")']


@given(st.text())
def test_any_text_is_disarmed_and_rearmed(text: str) -> None:
    assert rearm(disarm(text)) == text
    assert disarm(text)[:1] not in ("=", "+", "-", "@", "\t", "\r")


_VALUE = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=30
).filter(lambda text: text == text.strip() and bool(text))


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.lists(st.dictionaries(st.sampled_from(["a", "b", "status", "tag"]), _VALUE), max_size=4))
def test_any_fields_come_back_as_they_were(
    other: Engine, tmp_path: Path, values: list[dict[str, str]]
) -> None:
    with other.begin() as connection:
        connection.execute(subscribers.delete())
    put(other, [(f"reader{number}@example.org", "", fields) for number, fields in enumerate(values)])
    before = listed(other)
    export(other, tmp_path / "all.csv", true(), replace=True)
    with other.begin() as connection:
        connection.execute(subscribers.delete())
    result = import_csv(other, tmp_path / "all.csv", source="x", clock=lambda: NOON)
    assert result.refused == []
    assert listed(other) == before


def test_whoever_left_is_exported_as_such_and_never_confirmed_by_an_import(
    engine: Engine, other: Engine, tmp_path: Path
) -> None:
    for name in ("ada", "bob", "cyd"):
        add_subscriber(engine, f"{name}@example.org", clock=lambda: NOON)
    unsubscribe(engine, "bob@example.org", how="cli", clock=lambda: NOON)
    with engine.begin() as connection:
        cyd = subscribers.c.email == "cyd@example.org"
        connection.execute(update(subscribers).where(cyd).values(status="pending"))
    export(engine, tmp_path / "all.csv", true())
    result = import_csv(other, tmp_path / "all.csv", source="moved", clock=lambda: NOON)
    assert result.new == 1
    assert [(p.line, p.kind) for p in result.refused] == [(3, "unsubscribed"), (4, "pending")]


def test_only_a_segment(engine: Engine, tmp_path: Path) -> None:
    add_subscriber(engine, "ada@example.org", tags=["x"], fields={"a": "1"}, clock=lambda: NOON)
    add_subscriber(engine, "bob@example.org", fields={"b": "1"}, clock=lambda: NOON)
    assert export(engine, tmp_path / "x.csv", audience("tag:x")) == 1
    first = (tmp_path / "x.csv").read_text("utf-8-sig").splitlines()[0]
    assert first == "email,status,name,tags,a"


def test_json_is_one_object_a_line(engine: Engine, tmp_path: Path) -> None:
    put(engine, NASTY)
    with engine.begin() as connection:
        connection.execute(
            insert(subscriber_tags).from_select(
                ["tag", "subscriber_id"], select(subscribers.c.email.label("tag"), subscribers.c.id).limit(1)
            )
        )
    assert export(engine, tmp_path / "all.json", true(), form="json") == len(NASTY)
    lines = [json.loads(line) for line in (tmp_path / "all.json").read_text("utf-8").splitlines()]
    assert [(line["email"], line["name"], line["attributes"]) for line in lines] == NASTY
    assert lines[0]["tags"] == ["=1+1@example.org"]
    assert lines[0]["created_at"] == "2026-11-02T12:00:00+00:00"


def test_the_file_is_for_its_owner_alone_and_nothing_is_overwritten(engine: Engine, tmp_path: Path) -> None:
    file = tmp_path / "all.csv"
    export(engine, file, true())
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.write_text("mine")
    with pytest.raises(UsageError, match="exists already"):
        export(engine, file, true())
    assert file.read_text() == "mine"
    export(engine, file, true(), replace=True)
    assert "email" in file.read_text("utf-8")
    assert [path.name for path in tmp_path.glob(".all*")] == []


def test_a_name_that_ends_in_gz_is_compressed(engine: Engine, other: Engine, tmp_path: Path) -> None:
    put(engine, NASTY)
    file = tmp_path / "all.csv.gz"
    export(engine, file, true())
    assert gzip.decompress(file.read_bytes()).startswith(b"\xef\xbb\xbfemail,status,name,tags")
    assert import_csv(other, file, source="x", clock=lambda: NOON).new == len(NASTY)


def test_a_folder_that_is_not_there_is_a_usage_error(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be written"):
        export(engine, tmp_path / "nowhere" / "all.csv", true())


@pytest.mark.parametrize("name", ["-", "pipe"])
def test_what_is_no_file_is_a_usage_error_and_left_alone(engine: Engine, tmp_path: Path, name: str) -> None:
    """A pipe or device is not replaced by a file, whatever the owner of the terminal may do."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match="is not a file"):
        export(engine, tmp_path / name, true(), replace=True)
    assert (tmp_path / "pipe").is_fifo() and not (tmp_path / "-").exists()
