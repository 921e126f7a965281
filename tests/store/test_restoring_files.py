"""Restoring an SQLite file: killed at any moment, or with a damaged file in the place."""

import os
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from newsletter.errors import NewsletterError, UsageError
from newsletter.store import restoring
from newsletter.store.backup import back_up, backups
from newsletter.store.engine import check, migrate, open_engine
from tests.delivery.driver import NOON, Driver, people

ENV = {"PATH": os.environ.get("PATH", "")}

RESTORE = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from newsletter.store import restoring
file, database = map(Path, sys.argv[1:3])
with restoring.open_backup(file, f"sqlite:///{database}", database.parent / "backups", {}) as found:
    print("begin", flush=True)
    restoring.put_back(found, f"sqlite:///{database}", database.parent / "backups",
        now=datetime.now(UTC), env={}, is_dead=lambda owner: True)
print("done", flush=True)
"""


def a_database(file: Path, count: int, *, extra: str = "") -> None:
    engine = open_engine(f"sqlite:///{file}")
    migrate(engine)
    driver = Driver(engine)
    driver.add(*people(count))
    if extra:
        driver.add(extra)
    engine.dispose()


def a_backup(file: Path) -> Path:
    engine = open_engine(f"sqlite:///{file}")
    made = back_up(engine, file.parent / "backups", now=NOON, env=ENV)
    engine.dispose()
    return made


def restore(file: Path, database: Path) -> restoring.Restored:
    folder, url = database.parent / "backups", f"sqlite:///{database}"
    with restoring.open_backup(file, url, folder, ENV) as found:
        return restoring.put_back(found, url, folder, now=NOON, env=ENV, is_dead=lambda owner: True)


def count(file: Path) -> int:
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return int(connection.execute("SELECT count(*) FROM subscribers").fetchone()[0])


@pytest.mark.slow
@pytest.mark.parametrize("damaged", [False, True], ids=["whole", "damaged"])
def test_killed_at_any_moment_it_leaves_the_state_before_or_after(damaged: bool, tmp_path: Path) -> None:
    database = tmp_path / "newsletter.db"
    a_database(database, 8_000)
    file = a_backup(database)
    kept = shutil.copy(file, tmp_path / "backup.db")
    engine = open_engine(f"sqlite:///{database}")
    Driver(engine).add("newest@example.org")
    engine.dispose()
    before = 8_001

    def one(seconds: float | None) -> float:
        if damaged:
            database.write_bytes(b"SQLite format 3\0 and then rubbish" * 1000)
        command = [sys.executable, "-c", RESTORE, str(kept), str(database)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "begin\n"
            begun = time.monotonic()
            if seconds is None:
                assert process.stdout.read() == "done\n"
            else:
                time.sleep(seconds)
                process.kill()
            process.wait()
        return time.monotonic() - begun

    took = one(None)
    assert count(database) == 8_000
    seen = set()
    for step in range(8):
        if not damaged:
            engine = open_engine(f"sqlite:///{database}")
            Driver(engine).add("newest@example.org") if count(database) == 8_000 else None
            engine.dispose()
        one(took * step / 7)
        if damaged and database.read_bytes().endswith(b"rubbish"):
            seen.add("before")
        else:
            found = count(database)
            assert found in {before, 8_000}
            seen.add("before" if found == before else "after")
    assert "before" in seen  # some were killed in the middle
    assert count(Path(kept)) == 8_000
    one(None)  # whatever a killed one left does not stand in the way
    assert count(database) == 8_000


def test_a_damaged_file_is_kept_aside_and_the_backup_takes_its_place(tmp_path: Path) -> None:
    database = tmp_path / "newsletter.db"
    a_database(database, 400)
    file = a_backup(database)
    rubbish = b"SQLite format 3\0" + b"rubbish" * 3000
    database.write_bytes(rubbish)
    database.with_name("newsletter.db-wal").write_bytes(b"what was not in the file yet")
    done = restore(file, database)
    assert done.damaged is not None and done.saved is None
    assert done.damaged.read_bytes() == rubbish
    assert done.damaged.with_name(done.damaged.name + "-wal").read_bytes() == b"what was not in the file yet"
    assert count(database) == 400
    assert database.stat().st_mode & 0o777 == 0o600
    engine = open_engine(f"sqlite:///{database}")
    assert check(engine) == []
    engine.dispose()


def test_a_damaged_file_that_is_in_use_is_not_replaced(tmp_path: Path) -> None:
    database = tmp_path / "newsletter.db"
    a_database(database, 3)
    file = a_backup(database)
    database.write_bytes(b"rubbish" * 3000)
    code = f"f = open({str(database)!r}); print('open', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as user:
        assert user.stdout is not None and user.stdout.readline() == "open\n"
        with pytest.raises(UsageError, match=f"in use by process {user.pid}"):
            restore(file, database)
        user.communicate("\n")
    assert database.read_bytes() == b"rubbish" * 3000
    restore(file, database)
    assert count(database) == 3


def test_a_file_that_is_gone_is_made_anew_and_an_old_journal_is_not_replayed_into_it(tmp_path: Path) -> None:
    database = tmp_path / "newsletter.db"
    a_database(database, 5)
    file = a_backup(database)
    engine = open_engine(f"sqlite:///{database}")
    Driver(engine).add("newest@example.org")
    journal = database.with_name("newsletter.db-wal").read_bytes()
    engine.dispose()
    database.unlink()
    database.with_name("newsletter.db-wal").write_bytes(journal)
    assert restore(file, database).damaged is None
    assert count(database) == 5


def test_a_damaged_database_is_not_backed_up_as_if_it_were_whole(tmp_path: Path) -> None:
    database = tmp_path / "newsletter.db"
    a_database(database, 2000)
    content = bytearray(database.read_bytes())
    for place in range(len(content) // 2 // 4096 * 4096, len(content), 4096):
        content[place : place + 200] = b"\xff" * 200
    database.write_bytes(content)
    engine = open_engine(f"sqlite:///{database}")
    with pytest.raises(NewsletterError, match="the database file is damaged") as caught:
        back_up(engine, tmp_path / "backups", now=NOON, env={})
    assert "db restore" in caught.value.hint
    assert list((tmp_path / "backups").iterdir()) == []
    engine.dispose()


def test_a_backup_with_another_page_size_fits_too(tmp_path: Path) -> None:
    database = tmp_path / "newsletter.db"
    a_database(database, 50)
    file = a_backup(database)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("PRAGMA page_size = 8192")
        connection.execute("VACUUM")
    a_database(tmp_path / "other.db", 1)
    (tmp_path / "other.db").replace(database)
    restore(file, database)
    assert count(database) == 50


def test_a_backup_on_a_medium_that_cannot_be_written_is_read(tmp_path: Path) -> None:
    database = tmp_path / "newsletter.db"
    a_database(database, 7)
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    file = shelf / "copy.db"
    a_backup(database).replace(file)
    file.chmod(0o400)
    shelf.chmod(0o500)
    try:
        restore(file, database)
    finally:
        shelf.chmod(0o700)
    assert count(database) == 7
    assert backups(tmp_path / "backups") != []
