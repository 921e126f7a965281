"""A copy of the database must not mail again what the original has mailed since."""

import shutil
from pathlib import Path

import pytest
from sqlalchemy import Engine

from newsletter.errors import ConfigError
from newsletter.model import CampaignState
from newsletter.ports import Allowance
from newsletter.senders.memory import MemorySender
from newsletter.store.engine import migrate, open_engine
from newsletter.store.guard import adopt, advance_epoch, check_home, here, problems
from tests.delivery.driver import Driver, people


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """An SQLite database that has sent once."""
    path = tmp_path / "newsletter.db"
    engine = opened(path)
    migrate(engine)
    check_home(engine, here(engine))
    advance_epoch(engine, here(engine))
    engine.dispose()
    return path


def opened(path: Path) -> Engine:
    return open_engine(f"sqlite:///{path}")


def reasons(path: Path, *, host: str | None = None) -> str:
    engine = opened(path)
    try:
        return " ".join(problems(engine, here(engine, host=host)))
    finally:
        engine.dispose()


def test_a_database_sends_where_it_is_at_home(engine: Engine) -> None:
    for expected in (1, 2, 3):
        check_home(engine, here(engine))
        assert advance_epoch(engine, here(engine)) == expected
    assert problems(engine, here(engine)) == []


def test_a_new_database_may_be_moved_before_its_first_send(engine: Engine, tmp_path: Path) -> None:
    assert problems(engine, here(engine)) == []


def test_a_file_that_moved_refuses_and_says_what_to_do(file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    for name in ("newsletter.db", "newsletter.db.epoch"):
        shutil.copy(tmp_path / name, folder / name)
    engine = opened(folder / "newsletter.db")
    with pytest.raises(ConfigError, match="at home at") as caught:
        check_home(engine, here(engine))
    assert "newsletter db adopt" in caught.value.hint
    assert caught.value.exit_code == 3
    engine.dispose()


def test_another_computer_refuses(file: Path) -> None:
    assert reasons(file) == ""
    assert "another computer" in reasons(file, host="somebody else")


def test_a_computer_without_an_identity_is_not_compared(file: Path) -> None:
    assert reasons(file, host="") == ""


def test_an_older_copy_put_back_in_place_refuses(file: Path) -> None:
    backup = file.with_name("backup.db")
    shutil.copy(file, backup)
    engine = opened(file)
    advance_epoch(engine, here(engine))
    engine.dispose()
    shutil.copy(backup, file)
    assert "older copy: it knows 1 of 2" in reasons(file)


def test_a_file_that_came_without_its_stamp_refuses(file: Path) -> None:
    file.with_name("newsletter.db.epoch").unlink()
    assert "newsletter.db.epoch is missing" in reasons(file)


def test_a_crash_between_database_and_stamp_is_no_problem(file: Path) -> None:
    stamp = file.with_name("newsletter.db.epoch")
    older = stamp.read_text()
    engine = opened(file)
    advance_epoch(engine, here(engine))
    engine.dispose()
    stamp.write_text(older)
    assert reasons(file) == ""


def test_a_crash_between_the_very_first_step_and_its_stamp_is_no_problem_either(tmp_path: Path) -> None:
    path = tmp_path / "newsletter.db"
    engine = opened(path)
    migrate(engine)
    check_home(engine, here(engine))
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE meta SET value = '1' WHERE key = 'epoch'")
    engine.dispose()
    assert reasons(path) == ""


def test_a_stamp_that_is_no_number_is_an_error_not_a_guess(file: Path) -> None:
    file.with_name("newsletter.db.epoch").write_text("soon")
    with pytest.raises(ConfigError, match="cannot be read"):
        reasons(file)


def test_a_stamp_is_never_set_back_by_a_slower_process(file: Path) -> None:
    stamp = file.with_name("newsletter.db.epoch")
    stamp.write_text("9\n")
    engine = opened(file)
    advance_epoch(engine, here(engine))
    engine.dispose()
    assert stamp.read_text() == "9\n"


def test_an_adopted_copy_sends_and_the_original_is_behind(file: Path) -> None:
    stamp = file.with_name("newsletter.db.epoch")
    stamp.write_text("7\n")
    engine = opened(file)
    adopt(engine, here(engine))
    check_home(engine, here(engine))
    assert stamp.read_text() == "8\n"
    assert advance_epoch(engine, here(engine)) == 9
    engine.dispose()


def test_adopting_pauses_what_is_open_because_it_may_have_gone_out(engine: Engine) -> None:
    driver = Driver(engine)
    driver.queue(*people(2))
    check_home(engine, here(engine))
    adopt(engine, here(engine))
    assert driver.campaign.state is CampaignState.PAUSED
    assert "adopted" in driver.campaign.reason


def test_delivering_checks_the_guard_and_steps_the_epoch(file: Path) -> None:
    engine = opened(file)
    driver = Driver(engine)
    driver.queue(*people(2))
    with pytest.raises(ConfigError, match="may not send"):
        driver.deliver()  # the driver says that the database is used elsewhere
    assert driver.mailed == []
    engine.dispose()


def test_a_backup_made_during_a_send_looks_old_after_it(file: Path) -> None:
    engine = opened(file)
    driver = Driver(engine, place=here(engine))
    backup = file.with_name("backup.db")

    def make_backup(letters: object) -> None:
        backup.unlink(missing_ok=True)
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.connection.execute(f"VACUUM INTO '{backup}'")

    driver.sender = MemorySender(max_batch=1, before_call=make_backup)
    driver.queue(*people(2))
    driver.deliver()
    engine.dispose()
    shutil.copy(backup, file)
    for name in ("newsletter.db-wal", "newsletter.db-shm"):
        file.with_name(name).unlink(missing_ok=True)
    assert "older copy" in reasons(file)


def test_the_epoch_steps_each_minute_of_a_send(engine: Engine) -> None:
    driver = Driver(engine)
    driver.sender = MemorySender(max_batch=1, allowance=Allowance(per_second=0.1, today=None))
    driver.queue(*people(19))  # three minutes
    driver.deliver()
    assert advance_epoch(engine, driver.place) == 1 + 3 + 1 + 1  # start, minutes, end, and this one


def test_many_hosts_may_use_one_postgresql_database(engine: Engine) -> None:
    if engine.dialect.name == "postgresql":
        assert here(engine, host="one") == here(engine, host="two")


def test_a_dump_loaded_into_another_database_refuses(engine: Engine) -> None:
    """A loaded dump has tables with other internal numbers; here the table is made anew."""
    if engine.dialect.name != "postgresql":
        return
    check_home(engine, here(engine))
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE copy (LIKE deliveries)")
        connection.exec_driver_sql("DROP TABLE deliveries")
        connection.exec_driver_sql("ALTER TABLE copy RENAME TO deliveries")
    with pytest.raises(ConfigError, match="restored, replaced or failed over"):
        check_home(engine, here(engine))


def test_a_user_who_may_not_ask_for_the_clusters_number_is_guarded_by_name(engine: Engine) -> None:
    if engine.dialect.name != "postgresql":
        return
    before = here(engine).database
    with engine.begin() as connection:
        connection.exec_driver_sql("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC")
        connection.exec_driver_sql("CREATE ROLE plain LOGIN")
        connection.exec_driver_sql("GRANT ALL ON ALL TABLES IN SCHEMA public TO plain")
    try:
        plain = open_engine(engine.url.set(username="plain").render_as_string(hide_password=False))
        place = here(plain)
        assert place.database != before
        assert str(engine.url.database) in place.database
        check_home(plain, place)
        plain.dispose()
    finally:
        with engine.begin() as connection:
            connection.exec_driver_sql("DROP OWNED BY plain")
            connection.exec_driver_sql("DROP ROLE plain")
