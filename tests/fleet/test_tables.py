"""Procrastinate's tables: made once, and brought up to date when a newer version is installed."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from procrastinate.schema import SchemaManager
from sqlalchemy import Connection, Engine, text

from newsletter.fleet.jobs import ensure_tables
from newsletter.store import fleet
from newsletter.store.engine import open_engine

pytestmark = [pytest.mark.postgres]

SCRIPTS = sorted(Path(SchemaManager.get_migrations_path()).glob("*.sql"))


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    """A database without those tables."""
    made = open_engine(url)
    yield made
    made.dispose()


def functions(connection: Connection) -> list[str]:
    found = connection.execute(
        text("SELECT proname FROM pg_proc WHERE proname LIKE 'procrastinate%' ORDER BY 1")
    )
    return list(found.scalars())


def test_new_tables_are_known_to_be_up_to_date(engine: Engine) -> None:
    ensure_tables(engine)
    with engine.connect() as connection:
        before = functions(connection)
        assert fleet.jobs_comment(connection) == SCRIPTS[-1].stem
    ensure_tables(engine)
    with engine.connect() as connection:
        assert functions(connection) == before


def test_tables_of_an_older_version_are_brought_up_to_date_once(engine: Engine) -> None:
    old = [script for script in SCRIPTS if script.stem < "03.04"]
    assert len(old) < len(SCRIPTS)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for script in old:
            driver = connection.connection.driver_connection
            assert driver is not None
            driver.execute(script.read_text("utf-8"))
        fleet.change_tables(connection, "SELECT 1", old[-1].stem)
        before = functions(connection)
    ensure_tables(engine)
    with engine.connect() as connection:
        assert fleet.jobs_comment(connection) == SCRIPTS[-1].stem
        assert set(functions(connection)) - set(before) == {"procrastinate_retry_job_v2"}
    ensure_tables(engine)  # a second time the same script would fail
