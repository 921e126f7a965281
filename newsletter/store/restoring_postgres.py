"""Putting a PostgreSQL backup back: one transaction of psql, around what pg_restore makes of the archive.

The archive is turned into SQL as a whole before the database is touched, so that a damaged one changes
nothing. Then, in one transaction: keep what must not be un-known in temporary tables, drop our tables, run
the archive's SQL, put the kept rows in.
"""

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from sqlalchemy import Engine, inspect

from newsletter.errors import NewsletterError
from newsletter.store.backup import private_draft, sweep
from newsletter.store.carrying import SOURCES, Columns, Contents
from newsletter.store.engine import reading
from newsletter.store.postgres_programs import address, call
from newsletter.store.tables import metadata

__all__ = ["contents", "contents_of_script", "put_in", "script_of"]

_VERSION_TABLE: Final = "alembic_version"


@contextlib.contextmanager
def script_of(file: Path, folder: Path, env: Mapping[str, str]) -> Iterator[Path]:
    """Give the SQL of an archive, in the folder, for its owner alone; it is gone in the end.

    Raises NewsletterError if the file is no archive, or damaged.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = folder / f".restore-{os.getpid()}.tmp"
    try:
        private_draft(draft)
        sweep(draft, ".restore-*.tmp*")
        call(
            "pg_restore",
            ["--clean", "--if-exists", "--no-owner", "--no-privileges", f"--file={draft}", str(file)],
            env=env,
            failed=f"cannot read {file.name}",
            hint="Nothing was changed. Choose another: newsletter db backup --list",
        )
        yield draft
    finally:
        draft.unlink(missing_ok=True)


def contents_of_script(script: Path) -> Contents | None:
    """Return what a script holds, None if its tables are not ours."""
    tables: dict[str, list[str]] = {}
    revision, subscribers, campaigns = "", 0, {}
    for table, names, row in _rows(script):
        tables.setdefault(table, names)
        if row is None:
            continue
        if table == "subscribers":
            subscribers += 1
        elif table == "campaigns":
            campaigns[int(row[names.index("id")])] = row[names.index("key")]
        elif table == _VERSION_TABLE:
            revision = row[0]
    if not {_VERSION_TABLE, "subscribers", "campaigns", "deliveries"} <= tables.keys():
        return None
    return Contents(tables=tables, revision=revision, subscribers=subscribers, campaigns=campaigns)


def _rows(script: Path) -> Iterator[tuple[str, list[str], list[str] | None]]:
    """Yield table, names of columns and one row's values, as COPY writes them; first None for the values."""
    table = ""
    names: list[str] = []
    with script.open(encoding="utf-8", errors="replace", newline="\n") as lines:
        for line in lines:
            if table and line == "\\.\n":
                table = ""
            elif table:
                yield table, names, line.rstrip("\n").split("\t")
            elif line.startswith("COPY ") and line.endswith(" FROM stdin;\n"):
                head, _, rest = line.removeprefix("COPY ").partition(" (")
                table = head.rpartition(".")[2].strip('"')
                names = [name.strip(' "') for name in rest.partition(")")[0].split(",")]
                yield table, names, None


def contents(engine: Engine) -> Contents | None:
    """Return what the database holds, None if its tables are not ours."""
    with reading(engine) as connection:
        inspector = inspect(connection)
        found = inspector.get_multi_columns()
        tables = {name: [column["name"] for column in row] for (_schema, name), row in found.items()}
        if not {_VERSION_TABLE, "subscribers", "campaigns", "deliveries"} <= tables.keys():
            return None
        numbers = connection.exec_driver_sql("SELECT id, key FROM campaigns").all()
        return Contents(
            tables=tables,
            revision=connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar() or "",
            subscribers=connection.exec_driver_sql("SELECT count(*) FROM subscribers").scalar_one(),
            campaigns={row.id: row.key for row in numbers},
            compacted="sums" in tables
            and connection.exec_driver_sql("SELECT 1 FROM sums LIMIT 1").first() is not None,
        )


def put_in(
    script: Path,
    engine: Engine,
    *,
    backup: Columns,
    present: Columns,
    statements: Iterable[str],
    env: Mapping[str, str],
) -> None:
    """Make the database what the script says and the statements add, in one transaction.

    Raises NewsletterError if that fails, or if somebody else uses the tables for half a minute.
    """
    before, after = script.with_name(f"{script.name}.before"), script.with_name(f"{script.name}.after")
    try:
        for path, lines in ((before, _before(present)), (after, _after(backup, present, statements))):
            private_draft(path)
            path.write_text("".join(f"{line};\n" for line in lines), "utf-8")
        place, secret = address(engine.url)
        engine.dispose()
        call(
            "psql",
            [
                "--no-psqlrc",
                "--quiet",
                "--single-transaction",
                "--set=ON_ERROR_STOP=1",
                "--set=VERBOSITY=terse",  # details would show rows
                "--output=/dev/null",
                *(f"--file={path}" for path in (before, script, after)),
                f"--dbname={place}",
            ],
            env={**env, **secret},
            failed="could not restore; nothing was changed",
            hint="Is the backup of a newer PostgreSQL? Do other commands use the database? Stop them first.",
        )
    except OSError as error:
        raise NewsletterError(
            f"{script.parent} cannot be written: {error.strerror}.", hint="Check the free space."
        ) from error
    finally:
        before.unlink(missing_ok=True)
        after.unlink(missing_ok=True)


def _before(present: Columns) -> Iterator[str]:
    yield "SET client_min_messages = warning"
    yield "SET lock_timeout = '30s'"
    ours = [name for name in (*metadata.tables, _VERSION_TABLE) if name in present]
    for name in ours:
        yield f'LOCK TABLE "{name}" IN ACCESS EXCLUSIVE MODE'
    for name, (table, condition) in SOURCES.items():
        if table in present:
            yield f'CREATE TEMP TABLE {name} AS SELECT * FROM "{table}" WHERE {condition}'  # noqa: S608
    if "subscribers" in present:
        yield (
            "CREATE TEMP TABLE present_numbers AS SELECT nextval(pg_get_serial_sequence('subscribers', 'id'))"
        )
    for name in ours:
        yield f'DROP TABLE "{name}" CASCADE'


def _after(backup: Columns, present: Columns, statements: Iterable[str]) -> Iterator[str]:
    yield "RESET search_path"  # the archive's script empties it
    yield from statements
    for table in ("campaigns", "deliveries", "schedules"):
        if table in backup:
            yield (
                f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) "  # noqa: S608
                f'FROM "{table}" HAVING max(id) > 0'
            )
    # a subscriber's number is never given twice: links in mail that is out there name people by it
    number = "nextval(pg_get_serial_sequence('subscribers', 'id'))"
    ahead = "(SELECT nextval FROM present_numbers)" if "subscribers" in present else f"{number} + 1000000"
    yield f"SELECT setval(pg_get_serial_sequence('subscribers', 'id'), GREATEST({ahead}, {number}))"
