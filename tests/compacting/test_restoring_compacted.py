"""A restore and what was compacted: no issue comes back half, and nobody is mailed twice."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, select

from newsletter.delivery import planning
from newsletter.errors import UsageError
from newsletter.people.segments import audience
from newsletter.reporting.accounting import accounts
from newsletter.reporting.counting import count
from newsletter.store import compacting, restoring
from newsletter.store.backup import back_up
from newsletter.store.campaigns import all_campaigns
from newsletter.store.compacting import Rows
from newsletter.store.engine import check, migrate, open_engine, reading
from newsletter.store.tables import sums
from tests.compacting.past import begin, compact, rows_of, the_old, with_a_small_past
from tests.databases import PostgresServer

ENV = {"PATH": os.environ.get("PATH", "")}
NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """A database with an issue of long ago."""
    yield from with_a_small_past(database_url)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "backups"


def save(engine: Engine, folder: Path, minute: int = 0) -> Path:
    return back_up(engine, folder, now=NOW + timedelta(minutes=minute), env=ENV)


def restore(file: Path, url: str, folder: Path, *, as_it_was: bool = False) -> None:
    later = NOW + timedelta(hours=1)
    with restoring.open_backup(file, url, folder, ENV) as found:
        restoring.put_back(
            found, url, folder, now=later, env=ENV, is_dead=lambda _: True, as_it_was=as_it_was
        )


@pytest.mark.parametrize("half_way", [False, True])
def test_what_was_compacted_since_stays_compacted(
    engine: Engine, database_url: str, folder: Path, half_way: bool
) -> None:
    before = accounts(engine, 1)
    file = save(engine, folder)
    if half_way:
        compacting.compact(engine, the_old(engine, "long-ago"), count=count, now=NOW)
        going = compacting.empty(engine, "long-ago", now=NOW, chunk=1)
        next(going)
        going.close()
    else:
        compact(engine, "long-ago", now=NOW)
    restore(file, database_url, folder)
    assert all_campaigns(engine, "long-ago")[0].compacted_at == NOW
    assert accounts(engine, 1) == before and before.balances
    assert check(engine) == []
    with pytest.raises(UsageError, match="nobody knows any more who had it"):
        begin(engine, "long-ago", "tag:late")
    with reading(engine) as connection:  # events came back with the backup
        assert list(compacting.half_emptied(connection)) == ["long-ago"]
    list(compacting.empty(engine, "long-ago", now=NOW))
    assert rows_of(engine, "long-ago").total == 0
    assert accounts(engine, 1) == before


def test_a_backup_of_compacted_issues_comes_back_with_their_sums(
    engine: Engine, database_url: str, folder: Path
) -> None:
    compact(engine, "long-ago", now=NOW)
    before = accounts(engine, 1)
    file = save(engine, folder)
    for as_it_was in (True, False):
        with engine.begin() as connection:
            connection.execute(sums.update().values(emptied_at=None))
        restore(file, database_url, folder, as_it_was=as_it_was)
        assert accounts(engine, 1) == before
        with reading(engine) as connection:
            assert connection.scalars(select(sums.c.slug)).all() == ["long-ago"]


def test_as_it_was_brings_the_rows_back(engine: Engine, database_url: str, folder: Path) -> None:
    file = save(engine, folder)
    compact(engine, "long-ago", now=NOW)
    restore(file, database_url, folder, as_it_was=True)
    assert all_campaigns(engine, "long-ago")[0].compacted_at is None
    assert rows_of(engine, "long-ago") == Rows(deliveries=3, events=4)
    again = planning.preview_plan(engine, "long-ago", audience=audience(""))
    assert (again.queued, again.skipped) == (0, {"already-had-it": 3})


@pytest.fixture
def old(database_url: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """A database whose tables do not know compacting."""
    if database_url.startswith("sqlite"):
        url = f"sqlite:///{tmp_path / 'old.db'}"
    else:
        server: PostgresServer = request.getfixturevalue("postgres_server")
        name = server.create()
        url = server.url(name)
    opened = open_engine(url)
    config = Config()
    config.set_main_option("script_location", "newsletter.store:migrations")
    with opened.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "m0008_replies")
    yield opened
    opened.dispose()
    if not database_url.startswith("sqlite"):
        server.drop(name)


def test_a_backup_from_before_compacting_was_known_is_refused(
    engine: Engine, old: Engine, database_url: str, folder: Path
) -> None:
    """Its tables have no place for the sums: everybody would look as if they never had the issue."""
    compact(engine, "long-ago", now=NOW)
    key = all_campaigns(engine, "long-ago")[0].key
    with old.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO campaigns (id, key, slug, state, content, content_hash, created_at, ceiling) "
            f"VALUES (1, '{key}', 'long-ago', 'finished', '', '', '{NOW:%Y-%m-%d %H:%M:%S.%f}', 3)"
        )
    file = save(old, folder)
    with pytest.raises(UsageError, match="made by a version that did not compact") as caught:
        restore(file, database_url, folder)
    assert "--as-it-was" in caught.value.hint
    assert all_campaigns(engine, "long-ago")[0].compacted_at == NOW
    restore(file, database_url, folder, as_it_was=True)
    migrate(engine)
    assert [each.compacted_at for each in all_campaigns(engine)] == [None]
