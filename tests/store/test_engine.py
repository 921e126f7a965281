"""Opening a database: what is made, what is promised, and what is said when it cannot be."""

import os
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, insert, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from newsletter.errors import ConfigError, NewsletterError
from newsletter.store.engine import (
    check,
    ensure_current,
    let_write,
    migrate,
    open_engine,
    reading,
    staging,
    translate_errors,
)
from newsletter.store.tables import meta, subscriber_tags
from tests.databases import PostgresServer


@pytest.fixture
def closed_folder() -> Iterator[Path]:
    """A folder of the user nobody, as whom the test goes on if it was root, whom nothing is closed to."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if os.geteuid() == 0:
            os.chown(folder, 65534, 65534)
            os.seteuid(65534)
            try:
                yield folder
            finally:
                os.seteuid(0)
        else:
            yield folder
        folder.chmod(0o700)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


# -- SQLite ---------------------------------------------------------------------------------------


def test_the_file_and_its_folder_are_made_and_closed_to_others(tmp_path: Path) -> None:
    file = tmp_path / "subscribers" / "newsletter.db"
    engine = open_engine(f"sqlite:///{file}")
    migrate(engine)
    with engine.begin() as connection:
        connection.execute(insert(meta).values(key="k", value="v"))
        beside = [mode(path) for path in file.parent.iterdir()]
    assert mode(file.parent) == 0o700
    assert beside == [0o600] * 3  # the file, -wal and -shm
    engine.dispose()


def test_a_file_that_is_there_keeps_its_mode(tmp_path: Path) -> None:
    file = tmp_path / "newsletter.db"
    file.touch(0o640)
    file.chmod(0o640)
    open_engine(f"sqlite:///{file}").dispose()
    assert mode(file) == 0o640


def test_each_connection_keeps_the_promises_of_the_ledger(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'a.db'}")
    for _ in range(2):
        with engine.connect() as connection:
            assert connection.scalar(text("PRAGMA journal_mode")) == "wal"
            assert connection.scalar(text("PRAGMA synchronous")) == 2  # FULL
            assert connection.scalar(text("PRAGMA foreign_keys")) == 1
            assert connection.scalar(text("PRAGMA busy_timeout")) == 30_000
        engine.dispose()


def test_a_missing_file_is_an_error_when_it_is_not_to_be_made(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="There is no database") as caught:
        open_engine(f"sqlite:///{tmp_path / 'a.db'}", create=False)
    assert "newsletter db migrate" in caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_another_kind_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "a.db"
    file.write_text("Dear diary, " * 200)
    with pytest.raises(ConfigError, match="not an SQLite database"):
        open_engine(f"sqlite:///{file}")
    assert file.read_text() == "Dear diary, " * 200


def test_a_folder_in_place_of_the_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is a folder"):
        open_engine(f"sqlite:///{tmp_path}")


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "subscribers").touch()
    with pytest.raises(ConfigError, match="cannot be made"):
        open_engine(f"sqlite:///{tmp_path / 'subscribers' / 'a.db'}")


@pytest.mark.skipif(sys.platform == "win32", reason="modes are of Unix")
def test_a_folder_that_may_not_be_written_is_refused(closed_folder: Path) -> None:
    file = closed_folder / "a.db"
    open_engine(f"sqlite:///{file}").dispose()
    closed_folder.chmod(0o500)
    with pytest.raises(ConfigError, match="may not write") as caught:
        open_engine(f"sqlite:///{file}")
    assert "permission" in caught.value.hint
    with pytest.raises(ConfigError, match="cannot be made"):
        open_engine(f"sqlite:///{closed_folder / 'b.db'}")


@pytest.mark.skipif(sys.platform == "win32", reason="modes are of Unix")
def test_a_file_that_may_not_be_written_is_refused(closed_folder: Path) -> None:
    file = closed_folder / "a.db"
    open_engine(f"sqlite:///{file}").dispose()
    file.chmod(0o400)
    with pytest.raises(ConfigError, match="may not write"):
        open_engine(f"sqlite:///{file}")


def test_a_full_disk_is_said_so(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'a.db'}")
    migrate(engine)
    with (
        pytest.raises(NewsletterError, match="disk is full") as caught,
        translate_errors(engine.url),
        engine.begin() as connection,
    ):
        connection.exec_driver_sql("PRAGMA max_page_count=1")  # SQLite's own way to a full disk
        connection.execute(insert(meta).values(key="k", value="x" * 1_000_000))
    assert "Free some space" in caught.value.hint
    assert check(engine) == []
    engine.dispose()


def test_a_damaged_file_is_found(tmp_path: Path) -> None:
    file = tmp_path / "a.db"
    engine = open_engine(f"sqlite:///{file}")
    migrate(engine)
    with engine.begin() as connection:
        connection.execute(insert(meta), [{"key": f"k{n}", "value": "x" * 500} for n in range(200)])
    engine.dispose()
    data = bytearray(file.read_bytes())
    data[-3 * 4096 :] = b"\x55" * (3 * 4096)
    file.write_bytes(data)
    problems = check(open_engine(f"sqlite:///{file}"))
    assert problems
    assert all(problem.startswith("The file is damaged") for problem in problems)


def test_orphans_are_found(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'a.db'}")
    migrate(engine)
    with engine.connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        driver.execute("PRAGMA foreign_keys=OFF")
        connection.execute(insert(subscriber_tags), [{"tag": t, "subscriber_id": 7} for t in "ab"])
        connection.commit()
    assert check(engine) == ["2 rows of subscriber_tags belong to no row of subscribers."]
    engine.dispose()


def test_a_missing_table_is_found(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE approvals")
    assert check(engine) == ["The table approvals is missing."]


# -- URLs and servers -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("newsletter.db", "cannot be understood"),
        ("", "cannot be understood"),
        ("postgresql://ada:hunter2@db.example.org:port/news", "cannot be understood"),
        ("mysql://ada:hunter2@db.example.org/news", "not a database we know"),
        ("nosuch://ada:hunter2@db.example.org/news", "not a database we know"),
        ("postgresql+psycopg2://ada:hunter2@db.example.org/news", "not a database we know"),
    ],
)
def test_a_url_that_is_not_ours_is_refused_without_its_password(url: str, what: str) -> None:
    with pytest.raises(ConfigError, match=what) as caught:
        open_engine(url)
    assert "hunter2" not in str(caught.value) + caught.value.hint.replace("user:password", "")
    assert "[database] url" in caught.value.hint


def test_a_missing_driver_is_said_with_the_command_that_helps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ConfigError, match="not installed") as caught:
        open_engine("postgresql://ada:hunter2@127.0.0.1:1/news")
    assert "newsletter[postgres]" in caught.value.hint


def test_a_server_that_does_not_answer_is_said_so_without_the_password() -> None:
    with pytest.raises(ConfigError, match=r'does not answer.*"news" on 127\.0\.0\.1') as caught:
        open_engine("postgresql://ada:hunter2@127.0.0.1:1/news")
    shown = str(caught.value) + caught.value.hint
    assert "hunter2" not in shown
    assert "ada" not in shown


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("change", "what"),
    [
        (("/postgres", "/nosuch"), "no such database"),
        (("postgres@", "nosuch:hunter2@"), "refused the user name or the password"),
    ],
)
def test_a_server_that_refuses_is_said_so(
    postgres_server: PostgresServer, change: tuple[str, str], what: str
) -> None:
    head, _, tail = postgres_server.admin_url.partition("://")
    with pytest.raises(ConfigError, match=what) as caught:
        open_engine(f"{head}://{tail.replace(*change)}")
    assert "hunter2" not in str(caught.value)


@pytest.mark.postgres
def test_a_plain_postgresql_url_means_psycopg(postgres_server: PostgresServer) -> None:
    for scheme in ("postgresql", "postgres"):
        engine = open_engine(postgres_server.admin_url.replace("postgresql+psycopg", scheme))
        assert engine.driver == "psycopg"
        engine.dispose()


@pytest.mark.postgres
def test_a_connection_that_is_lost_is_said_so(postgres_server: PostgresServer) -> None:
    name = postgres_server.create()
    engine = open_engine(postgres_server.url(name))
    with (
        pytest.raises(NewsletterError, match=r"connection to the database was lost|shutting down"),
        translate_errors(engine.url),
        engine.connect() as connection,
    ):
        postgres_server.drop(name)
        connection.execute(text("SELECT 1"))
    engine.dispose()


# -- transactions ---------------------------------------------------------------------------------


def test_what_fails_inside_a_transaction_is_undone(engine: Engine) -> None:
    with pytest.raises(RuntimeError, match="power cut"), engine.begin() as connection:
        connection.execute(insert(meta).values(key="k", value="v"))
        raise RuntimeError("power cut")
    with reading(engine) as connection:
        assert connection.execute(meta.select()).all() == []


def test_a_reader_sees_one_moment_and_does_not_hold_up_a_writer(engine: Engine) -> None:
    with reading(engine) as reader:
        assert reader.execute(meta.select()).all() == []
        with engine.begin() as writer:
            writer.execute(insert(meta).values(key="k", value="v"))
        assert reader.execute(meta.select()).all() == []
    with reading(engine) as reader:
        assert len(reader.execute(meta.select()).all()) == 1


def test_a_writer_does_not_hold_up_a_reader(engine: Engine) -> None:
    with engine.begin() as writer:
        writer.execute(insert(meta).values(key="k", value="v"))
        with reading(engine) as reader:
            assert reader.execute(meta.select()).all() == []


def test_staging_holds_up_no_writer_and_may_write_later(engine: Engine) -> None:
    with staging(engine) as area:
        area.exec_driver_sql("CREATE TEMPORARY TABLE staged (a integer)")
        area.exec_driver_sql("INSERT INTO staged VALUES (1)")
        with engine.begin() as writer:
            writer.execute(insert(meta).values(key="k", value="v"))
        area.commit()
        let_write(area, True)
        area.execute(insert(meta).values(key="l", value="v"))
        area.exec_driver_sql("DROP TABLE staged")
        area.commit()
    with reading(engine) as reader:
        assert reader.execute(meta.select().order_by(meta.c.key)).all() == [("k", "v"), ("l", "v")]


def test_a_defect_of_ours_is_not_taken_for_a_fault_of_the_database(engine: Engine) -> None:
    with pytest.raises(IntegrityError), translate_errors(engine.url), engine.begin() as connection:
        connection.execute(insert(meta), [{"key": "k", "value": "v"}] * 2)
    with pytest.raises(DBAPIError), translate_errors(engine.url), engine.begin() as connection:
        connection.execute(text("SELECT nonsense FROM meta"))


def test_an_error_does_not_show_the_values_of_a_statement(engine: Engine) -> None:
    wrong = text("SELECT nonsense FROM meta WHERE key = :key")
    with pytest.raises(DBAPIError, match="nonsense") as caught, engine.begin() as connection:
        connection.execute(wrong, {"key": "grace@example.org"})
    assert "grace" not in str(caught.value)


def test_ensure_current_is_quiet_on_a_current_database(engine: Engine) -> None:
    ensure_current(engine)
    assert check(engine) == []
