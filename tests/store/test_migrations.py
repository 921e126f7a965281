"""The tables that the migrations make are the tables that the queries are written for."""

import logging
import re
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import CheckConstraint, Engine, inspect, text

from newsletter.errors import ConfigError
from newsletter.store import migrations
from newsletter.store.engine import check, ensure_current, migrate, open_engine, pending
from newsletter.store.tables import metadata


def test_the_migrated_tables_equal_the_tables_of_the_queries(engine: Engine) -> None:
    # alembic reads SQLite's DEFAULT '' wrongly; the next test compares all of SQLite's text
    defaults = engine.dialect.name == "postgresql"
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": defaults}
        )
        assert compare_metadata(context, metadata) == []


def test_on_sqlite_the_migrated_tables_are_the_same_to_the_letter(tmp_path: Path) -> None:
    migrated = open_engine(f"sqlite:///{tmp_path / 'migrated.db'}")
    migrate(migrated)
    direct = open_engine(f"sqlite:///{tmp_path / 'direct.db'}")
    metadata.create_all(direct)
    assert _clauses(migrated) == _clauses(direct)
    migrated.dispose()
    direct.dispose()


def _clauses(engine: Engine) -> dict[str, list[str]]:
    """The lines of each CREATE statement, in any order; a column added later stands behind another one."""
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL"))
        added_later = r"\n|(?<=NULL), (?=\w)|(?<=\)), (?=tended)|(?<=DATETIME), (?=compacted)"
        return {
            name: sorted(line.strip(" \t,") for line in re.split(added_later, sql))
            for name, sql in rows
            if name != "alembic_version"
        }


def test_constraints_have_the_names_of_the_queries(engine: Engine) -> None:
    """compare_metadata looks at neither the CHECKs nor the primary keys."""
    inspector = inspect(engine)
    for table in metadata.sorted_tables:
        assert inspector.get_pk_constraint(table.name)["constrained_columns"] == [
            column.name for column in table.primary_key
        ]
        assert {c["name"] for c in inspector.get_check_constraints(table.name)} == {
            str(c.name) for c in table.constraints if isinstance(c, CheckConstraint)
        }


def test_an_empty_database_is_migrated_by_itself(database_url: str) -> None:
    engine = open_engine(database_url)
    assert pending(engine) == list(migrations.REVISIONS)
    ensure_current(engine)
    assert pending(engine) == []
    assert check(engine) == []
    engine.dispose()


def test_migrating_names_what_was_applied_and_twice_does_nothing(
    database_url: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.WARNING)
    engine = open_engine(database_url)
    assert migrate(engine) == list(migrations.REVISIONS)
    assert migrate(engine) == []
    assert caplog.records == []
    assert capfd.readouterr() == ("", "")
    engine.dispose()


def test_the_list_of_revisions_is_that_of_the_files() -> None:
    config = Config()
    config.set_main_option("script_location", "newsletter.store:migrations")
    script = ScriptDirectory.from_config(config)
    assert [r.revision for r in reversed(list(script.walk_revisions()))] == list(migrations.REVISIONS)
    files = (Path(migrations.__file__).parent / "versions").glob("m*.py")
    assert sorted(path.stem for path in files) == list(migrations.REVISIONS)


def test_older_tables_are_refused_with_the_command_that_helps(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("newsletter.store.engine.REVISIONS", (*migrations.REVISIONS, "m9999_next"))
    with pytest.raises(ConfigError, match="older version") as caught:
        ensure_current(engine)
    assert "newsletter db migrate" in caught.value.hint
    assert check(engine) == [
        "The tables are not up to date: m9999_next to be applied (newsletter db migrate)."
    ]


def test_newer_tables_are_refused(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'm9999_next'"))
    for function in (ensure_current, migrate, check):
        with pytest.raises(ConfigError, match=r"newer version.*m9999_next"):
            function(engine)


def test_tables_of_another_program_are_left_alone(database_url: str) -> None:
    engine = open_engine(database_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE campaigns (id integer)"))
    with pytest.raises(ConfigError, match="another program"):
        ensure_current(engine)
    engine.dispose()


def test_a_database_shared_with_other_tables_is_migrated(database_url: str) -> None:
    engine = open_engine(database_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE invoices (id integer)"))
    ensure_current(engine)
    assert check(engine) == []
    engine.dispose()


def test_a_migration_that_fails_leaves_nothing_behind(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = open_engine(database_url)

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("power cut")

    monkeypatch.setattr("alembic.op.create_index", broken)
    with pytest.raises(RuntimeError, match="power cut"):
        migrate(engine)
    assert inspect(engine).get_table_names() == []
    engine.dispose()
