"""Opening the database, SQLite or PostgreSQL, and bringing its tables up to date.

Decisions. On SQLite a transaction that may write begins with BEGIN IMMEDIATE: it waits for its turn
at the start, so that two processes never meet half-way ("database is locked"). Reading goes through
``reading``, which never waits for a writer (WAL). A commit is on disk when it returns
(synchronous=FULL): the ledger's promise rests on it.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, func, inspect, select, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, NoSuchModuleError

from newsletter.errors import ConfigError
from newsletter.store.faults import place, translate_errors
from newsletter.store.migrations import REVISIONS
from newsletter.store.sql import to_json
from newsletter.store.tables import metadata

__all__ = [
    "check",
    "ensure_current",
    "let_write",
    "migrate",
    "open_engine",
    "pending",
    "reading",
    "staging",
    "translate_errors",
]

_BUSY_SECONDS = 30
_VERSION_TABLE = "alembic_version"
_BEGIN = "newsletter_begin"
_URL_HINT = (
    "Set [database] url to sqlite:///subscribers/newsletter.db or postgresql://user:password@host/name."
)


def open_engine(url: str, *, create: bool = True) -> Engine:
    """Return an engine for the database at url, proved to be reachable. Makes no tables: ``ensure_current``.

    url: an SQLAlchemy URL; ``postgresql://…`` means the psycopg driver. create: make a missing SQLite
    file (mode 0600) and its folder (0700). Errors never show the values of a statement: addresses.

    Raises ConfigError for whatever is wrong with the file, the folder, the server or the URL.
    """
    parsed = _parse(url)
    if parsed.get_backend_name() == "sqlite":
        file = _file(parsed)
        if file is not None:
            _prepare(file, create=create)
        engine = create_engine(
            parsed, hide_parameters=True, json_serializer=to_json, connect_args={"timeout": _BUSY_SECONDS}
        )
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    else:
        try:
            engine = create_engine(parsed, hide_parameters=True, pool_pre_ping=True)
        except ModuleNotFoundError as error:
            raise ConfigError(
                "PostgreSQL needs a package that is not installed.",
                hint="Install it: pip install 'newsletter[postgres]'",
            ) from error
    try:
        with translate_errors(parsed), reading(engine) as connection:
            connection.execute(select(1))
    except BaseException:
        engine.dispose()
        raise
    return engine


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Give a connection whose one transaction only reads, sees one moment, and never waits for a writer."""
    options: dict[str, Any] = {_BEGIN: "BEGIN"}
    if engine.dialect.name == "postgresql":
        options |= {"postgresql_readonly": True, "isolation_level": "REPEATABLE READ"}
    with engine.connect() as connection:
        yield connection.execution_options(**options)


@contextmanager
def staging(engine: Engine) -> Iterator[Connection]:
    """Give a connection for filling temporary tables: it locks nobody out, and must not write to others.

    After a commit, ``let_write`` makes it fit to write.
    """
    with engine.connect() as connection:
        yield connection.execution_options(**{_BEGIN: "BEGIN"})


def let_write(connection: Connection, allowed: bool) -> None:
    """Say whether the next transactions of a ``staging`` connection may write. Call it between two."""
    connection.execution_options(**{_BEGIN: "BEGIN IMMEDIATE" if allowed else "BEGIN"})


# -- revisions ------------------------------------------------------------------------------------


def pending(engine: Engine) -> list[str]:
    """Return the revisions that ``migrate`` would apply, oldest first.

    Raises ConfigError if a newer version of this program made the tables, or another program.
    """
    with reading(engine) as connection:
        return _pending(connection)


def migrate(engine: Engine) -> list[str]:
    """Apply all pending revisions in one transaction and return their names, oldest first.

    Two processes may call it at once: the second waits, and finds nothing left to do.
    """
    # alembic takes a tenth of a second to import, and is needed only when there is something to do
    from alembic import command
    from alembic.config import Config

    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(select(func.pg_advisory_xact_lock(func.hashtext("newsletter.migrate"))))
        names = _pending(connection)
        if names:
            config = Config()
            config.set_main_option("script_location", "newsletter.store:migrations")
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
        return names


def ensure_current(engine: Engine) -> None:
    """Make the tables of an empty database; otherwise make sure that they are those of this version.

    Raises ConfigError if they are older (the owner migrates, after a backup) or newer.
    """
    names = pending(engine)
    if names == list(REVISIONS):
        migrate(engine)
    elif names:
        raise ConfigError(
            f"The tables of the database are of an older version ({place(engine.url)}).",
            hint="Make a backup, then run: newsletter db migrate",
        )


def _pending(connection: Connection) -> list[str]:
    inspector = inspect(connection)
    if not inspector.has_table(_VERSION_TABLE):
        if any(inspector.has_table(name) for name in metadata.tables):
            raise ConfigError(
                "The database has tables of another program with the names of ours.",
                hint="Give the newsletter a database of its own: change [database] url.",
            )
        return list(REVISIONS)
    current = connection.execute(text(f"SELECT version_num FROM {_VERSION_TABLE}")).scalar()  # noqa: S608
    if current is None:
        return list(REVISIONS)
    if current not in REVISIONS:
        raise ConfigError(
            f"The tables were made by a newer version of newsletter (revision {current}).",
            hint="Install that version, or restore the backup made before it.",
        )
    return list(REVISIONS[REVISIONS.index(current) + 1 :])


# -- health ---------------------------------------------------------------------------------------


def check(engine: Engine) -> list[str]:
    """Return what is wrong with the database, one sentence each; an empty list if nothing is.

    Reads every page of an SQLite file: seconds for a million subscribers.
    """
    names = pending(engine)
    if names:
        return [f"The tables are not up to date: {', '.join(names)} to be applied (newsletter db migrate)."]
    with reading(engine) as connection:
        # in a damaged file, the other questions may have no answer
        return list(_damage(connection)) or [*_missing_tables(connection), *_orphans(connection)]


def _damage(connection: Connection) -> Iterator[str]:
    if connection.dialect.name == "sqlite":
        try:
            for (line,) in connection.exec_driver_sql("PRAGMA integrity_check"):
                if line != "ok":
                    yield f"The file is damaged: {line}."
        except DatabaseError as error:
            yield f"The file is damaged: {error.orig}."


def _missing_tables(connection: Connection) -> Iterator[str]:
    present = set(inspect(connection).get_table_names())
    for name in sorted(set(metadata.tables) - present):
        yield f"The table {name} is missing."


def _orphans(connection: Connection) -> Iterator[str]:
    """Rows whose parent is gone. A foreign key forbids them, unless another program wrote with keys off."""
    present = set(inspect(connection).get_table_names())
    for child in metadata.sorted_tables:
        for key in child.foreign_keys:
            parent = key.column.table
            if not {child.name, parent.name} <= present:
                continue
            lost = select(func.count()).where(
                key.parent.is_not(None), ~select(parent).where(key.column == key.parent).exists()
            )
            count = connection.execute(lost.select_from(child)).scalar_one()
            if count:
                yield f"{count} rows of {child.name} belong to no row of {parent.name}."


# -- opening --------------------------------------------------------------------------------------


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
        backend = parsed.get_backend_name()
        if parsed.drivername in ("postgresql", "postgres"):
            parsed = parsed.set(drivername="postgresql+psycopg")
        if backend != "sqlite" and "connect_timeout" not in parsed.query:
            parsed = parsed.update_query_dict({"connect_timeout": "10"})  # seconds; libpq has no limit
        parsed.get_dialect()
    except NoSuchModuleError as error:
        raise ConfigError(f"{backend} is not a database we know.", hint=_URL_HINT) from error
    except (ArgumentError, ValueError) as error:
        # the URL itself is not repeated: it may hold a password
        raise ConfigError("The database URL cannot be understood.", hint=_URL_HINT) from error
    if parsed.drivername not in ("sqlite", "sqlite+pysqlite", "postgresql+psycopg"):
        raise ConfigError(f"{parsed.drivername} is not a database we know.", hint=_URL_HINT)
    return parsed


def _file(url: URL) -> Path | None:
    name = url.database
    return None if not name or name == ":memory:" or name.startswith("file:") else Path(name)


def _prepare(file: Path, *, create: bool) -> None:
    """Make the file, closed to others, before SQLite does; -wal and -shm files take over its mode."""
    try:
        if not file.exists():
            if not create:
                raise ConfigError(
                    f"There is no database at {file}.", hint="Make one with: newsletter db migrate"
                )
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(file, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise ConfigError(
            f"The database {file} cannot be made: {error.strerror}.",
            hint="Check that its folder exists and that you may write there.",
        ) from error
    if file.is_dir():
        raise ConfigError(f"{file} is a folder, not a database.", hint=_URL_HINT)
    for path, needed in ((file, os.R_OK | os.W_OK), (file.parent, os.W_OK | os.X_OK)):
        if not os.access(path, needed, effective_ids=os.access in os.supports_effective_ids):
            raise ConfigError(
                f"You may not write to {path}.",
                hint="Give yourself write permission on the database file and on its folder.",
            )


def _set_up_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # Python begins no transaction by itself: `_begin_sqlite` does
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA synchronous=FULL")
    if cursor.execute("PRAGMA journal_mode").fetchone() == ("delete",):
        _switch_to_wal(cursor)
    cursor.close()


def _switch_to_wal(cursor: Any) -> None:
    """Switch once for the file's life. SQLite does not wait here when others switch too, so we do."""
    deadline = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except cursor.connection.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get(_BEGIN, "BEGIN IMMEDIATE"))
