"""Several processes at one database: nobody sees a lock, and nothing is lost."""

import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import func, select

from newsletter.store.engine import check, migrate, open_engine, reading
from newsletter.store.tables import meta

#: Reads before it writes: the order in which two SQLite processes run into each other, unless the
#: write lock is taken at the beginning.
_WRITER = """
import sys
from sqlalchemy import insert, select, func
from newsletter.store.engine import ensure_current, open_engine, reading
from newsletter.store.tables import meta

name, url, times = sys.argv[1], sys.argv[2], int(sys.argv[3])
engine = open_engine(url)
ensure_current(engine)
for number in range(times):
    with engine.begin() as connection:
        connection.scalar(select(func.count()).select_from(meta))
        connection.execute(insert(meta).values(key=f"{name}-{number}", value="v"))
    with reading(engine) as connection:
        connection.scalar(select(func.count()).select_from(meta))
"""


def run_together(url: str, *, writers: int, times: int) -> None:
    running = [
        subprocess.Popen(
            [sys.executable, "-c", _WRITER, f"writer{number}", url, str(times)],
            cwd=Path(__file__).parents[2],
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(writers)
    ]
    for process in running:
        _, errors = process.communicate(timeout=120)
        assert (process.returncode, errors) == (0, "")


@pytest.mark.slow
def test_two_processes_write_at_once_and_none_is_turned_away(database_url: str) -> None:
    migrate_engine = open_engine(database_url)
    migrate(migrate_engine)
    migrate_engine.dispose()
    run_together(database_url, writers=2, times=150)
    engine = open_engine(database_url)
    with reading(engine) as connection:
        assert connection.scalar(select(func.count()).select_from(meta)) == 300
    engine.dispose()


@pytest.mark.slow
def test_processes_that_find_an_empty_database_make_its_tables_once(database_url: str) -> None:
    run_together(database_url, writers=4, times=1)
    engine = open_engine(database_url)
    with reading(engine) as connection:
        assert connection.scalar(select(func.count()).select_from(meta)) == 4
    assert check(engine) == []
    engine.dispose()
