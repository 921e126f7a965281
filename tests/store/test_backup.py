"""Backups: whole, private, made while others write, and only so many."""

import os
import shutil
import stat
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from newsletter.errors import NewsletterError
from newsletter.people.adding import add_subscriber
from newsletter.store.backup import NoPgDump, back_up, backups
from newsletter.store.engine import check, migrate, open_engine, reading
from newsletter.store.tables import subscribers
from tests.databases import PostgresServer

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
ENV = {"PATH": os.environ.get("PATH", "")}


@pytest.fixture
def ada(engine: Engine) -> Engine:
    """A list with Ada on it."""
    add_subscriber(engine, "ada@example.org", name="Zoé", clock=lambda: NOON)
    return engine


def test_a_backup_is_one_file_for_its_owner_alone(ada: Engine, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    made = back_up(ada, folder, now=NOON, env=ENV)
    assert stat.S_IMODE(made.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert made.name == "newsletter-20261101-120000-000000." + ("db" if made.suffix == ".db" else "dump")
    assert list(folder.iterdir()) == [made] == backups(folder)


def test_a_backup_of_sqlite_opens_as_the_list_it_was(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'list.db'}")
    migrate(engine)
    add_subscriber(engine, "ada@example.org", clock=lambda: NOON)
    with engine.begin() as writer:  # somebody is writing all the while
        writer.execute(subscribers.update().values(name="not committed"))
        made = back_up(engine, tmp_path / "backups", now=NOON, env={})
    engine.dispose()
    copy = open_engine(f"sqlite:///{made}")
    with reading(copy) as connection:
        assert connection.execute(select(subscribers.c.email, subscribers.c.name)).all() == [
            ("ada@example.org", "")
        ]
    assert check(copy) == []
    copy.dispose()


@pytest.mark.postgres
def test_a_backup_of_postgresql_is_restored_by_pg_restore(
    postgres_server: PostgresServer, tmp_path: Path
) -> None:
    name, other = postgres_server.create(), postgres_server.create()
    engine = open_engine(postgres_server.url(name))
    migrate(engine)
    add_subscriber(engine, "ada@example.org", name="Zoé", clock=lambda: NOON)
    made = back_up(engine, tmp_path, now=NOON, env=ENV)
    engine.dispose()
    target = postgres_server.url(other).replace("+psycopg", "")
    restore = shutil.which("pg_restore")
    assert restore is not None
    subprocess.run([restore, "--no-owner", f"--dbname={target}", made], check=True)
    copy = open_engine(postgres_server.url(other))
    with reading(copy) as connection:
        assert connection.scalars(select(subscribers.c.name)).all() == ["Zoé"]
    copy.dispose()
    postgres_server.drop(name)
    postgres_server.drop(other)


@pytest.mark.postgres
def test_without_pg_dump_the_error_says_so(postgres_server: PostgresServer, tmp_path: Path) -> None:
    engine = open_engine(postgres_server.admin_url)
    with pytest.raises(NoPgDump, match="not on this computer") as caught:
        back_up(engine, tmp_path / "backups", now=NOON, env={"PATH": str(tmp_path)})
    assert "client programs" in caught.value.hint
    assert backups(tmp_path / "backups") == []
    engine.dispose()


@pytest.mark.postgres
def test_a_pg_dump_that_fails_leaves_no_half_backup_and_shows_no_password(
    postgres_server: PostgresServer, tmp_path: Path
) -> None:
    program = tmp_path / "pg_dump"
    program.write_text('#!/bin/sh\necho "pg_dump: error: $* too old" >&2\nexit 1\n')
    program.chmod(0o755)
    url = postgres_server.admin_url.replace("postgres@", "postgres:hunter2@")
    engine = open_engine(url)
    with pytest.raises(NewsletterError, match="too old") as caught:
        back_up(engine, tmp_path / "backups", now=NOON, env={"PATH": f"{tmp_path}:{ENV['PATH']}"})
    assert "hunter2" not in str(caught.value)
    assert list((tmp_path / "backups").iterdir()) == []
    engine.dispose()


def test_the_newest_are_kept_and_what_is_not_a_backup_is_left_alone(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'list.db'}")
    folder = tmp_path / "backups"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    made = [
        back_up(engine, folder, now=NOON + timedelta(minutes=minute), env={}, keep=3) for minute in range(5)
    ]
    assert backups(folder) == made[2:]
    assert (folder / "notes.txt").read_text() == "mine"
    engine.dispose()


def test_a_folder_that_cannot_be_written_is_a_clear_error(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'list.db'}")
    (tmp_path / "backups").mkdir()
    (tmp_path / "backups" / "newsletter-20261101-120000-000000.db").mkdir()  # in the way
    with pytest.raises(NewsletterError, match="No backup could be made"):
        back_up(engine, tmp_path / "backups", now=NOON, env={})
    assert [path.name for path in (tmp_path / "backups").glob(".*")] == []
    engine.dispose()
