"""Putting an SQLite backup back.

The backup is first copied beside the database and looked at, page by page; what must not be un-known is put
into that copy; then the copy goes into the database in one transaction of SQLite's own. Whoever has the
database open meanwhile sees the state before or the state after, and a process killed at any moment leaves
the one or the other. Only a file that is damaged, or not there, is replaced by renaming; that is refused
while another process has it open.
"""

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import psutil

from newsletter.errors import NewsletterError, UsageError
from newsletter.store.backup import damage, on_disk, private_draft, sweep
from newsletter.store.carrying import SOURCES, Columns, Contents

__all__ = ["contents", "copy_of", "is_whole", "put_in", "replace", "rewrite"]

_BUSY_SECONDS: Final = 30.0
_SIDE_FILES: Final = ("-wal", "-shm", "-journal")


@contextlib.contextmanager
def copy_of(file: Path, folder: Path) -> Iterator[Path]:
    """Give a whole copy of an SQLite file, in the folder, for its owner alone; it is gone in the end.

    Raises NewsletterError if the file is no database, or damaged.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = folder / f".restore-{os.getpid()}.tmp"
    try:
        private_draft(draft)
        sweep(draft, ".restore-*.tmp*")
        try:
            with closing(_open(file)) as source, closing(sqlite3.connect(draft)) as copy:
                source.backup(copy)
                wrong = damage(copy)
                if not wrong:
                    copy.execute("PRAGMA journal_mode = DELETE").fetchall()
        except sqlite3.Error as error:
            wrong = str(error)
        if wrong:
            raise NewsletterError(
                f"{file.name} is damaged or no database: {wrong}.",
                hint="Nothing was changed. Choose another: newsletter db backup --list",
            )
        yield draft
    finally:
        for name in ("", *_SIDE_FILES):
            draft.with_name(draft.name + name).unlink(missing_ok=True)


def _open(file: Path) -> sqlite3.Connection:
    """Open for reading alone, also from a medium that cannot be written."""
    address = f"{file.resolve().as_uri()}?mode=ro"
    if not os.access(file.parent, os.W_OK) and not file.with_name(file.name + "-wal").exists():
        address += "&immutable=1"
    return sqlite3.connect(address, uri=True)


def contents(file: Path) -> Contents | None:
    """Return what an SQLite file holds, None if its tables are not ours."""
    with closing(_open(file)) as connection:
        tables = _columns(connection)
        if not {"alembic_version", "subscribers", "campaigns", "deliveries"} <= tables.keys():
            return None
        revision = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        return Contents(
            tables=tables,
            revision=revision[0] if revision else "",
            subscribers=connection.execute("SELECT count(*) FROM subscribers").fetchone()[0],
            campaigns=dict(connection.execute("SELECT id, key FROM campaigns").fetchall()),
            compacted="sums" in tables and connection.execute("SELECT 1 FROM sums").fetchone() is not None,
        )


def _columns(connection: sqlite3.Connection) -> Columns:
    names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    return {
        name: [row[0] for row in connection.execute("SELECT name FROM pragma_table_info(?)", (name,))]
        for (name,) in names
    }


def is_whole(file: Path) -> bool:
    """Return whether there is a database in the file, and not damaged; an empty file has none."""
    if not file.is_file() or not file.stat().st_size:
        return False
    try:
        with closing(_open(file)) as connection:
            return not damage(connection)
    except sqlite3.Error:
        return False


def rewrite(draft: Path, present: Path | None, statements: Iterable[str]) -> None:
    """Run statements in the copy, in one transaction; ``present_…`` are the present database's rows."""
    with closing(sqlite3.connect(f"{draft.resolve().as_uri()}", uri=True, isolation_level=None)) as copy:
        there: Columns = {}
        if present is not None:
            copy.execute("ATTACH ? AS present", (f"{present.resolve().as_uri()}?mode=ro",))
            with closing(_open(present)) as looked_at:
                there = _columns(looked_at)
            for name, (table, condition) in SOURCES.items():
                if table in there:
                    copy.execute(
                        f"CREATE TEMP VIEW {name} AS SELECT * FROM present.{table} WHERE {condition}"  # noqa: S608
                    )
        copy.execute("PRAGMA foreign_keys = ON")
        copy.execute("BEGIN IMMEDIATE")
        for statement in statements:
            copy.execute(statement)
        counted = copy.execute("SELECT 1 FROM main.sqlite_master WHERE name = 'sqlite_sequence'").fetchone()
        if counted:  # revisions before m0003 did not count; it takes the highest number of the ledger
            copy.execute(_next_number(known="sqlite_sequence" in there))
        copy.execute("COMMIT")


def _next_number(*, known: bool) -> str:
    """A subscriber's number is never given twice: links in mail that is out there name people by it."""
    ahead = (
        "COALESCE((SELECT p.seq FROM present.sqlite_sequence p WHERE p.name = 'subscribers'), 0)"
        if known
        else "seq + 1000000"  # who came after the backup was made is not known here
    )
    return f"UPDATE main.sqlite_sequence SET seq = MAX(seq, {ahead}) WHERE name = 'subscribers'"  # noqa: S608


def put_in(draft: Path, database: Path) -> None:
    """Make the database what the copy is, in one transaction.

    Raises NewsletterError if somebody else writes for half a minute.
    """
    deadline = time.monotonic() + _BUSY_SECONDS

    def give_up(_status: int, _remaining: int, _total: int) -> None:
        if time.monotonic() > deadline:
            raise TimeoutError

    with closing(sqlite3.connect(draft)) as copy, closing(sqlite3.connect(database, timeout=1)) as target:
        size = target.execute("PRAGMA page_size").fetchone()[0]
        if size != copy.execute("PRAGMA page_size").fetchone()[0]:  # SQLite does not change it in place
            copy.execute(f"PRAGMA page_size = {int(size)}")
            copy.execute("VACUUM")
        target.execute("PRAGMA synchronous = FULL")
        try:
            copy.backup(target, progress=give_up, sleep=0.1)
        except TimeoutError as error:
            raise NewsletterError(
                "The database is locked: another newsletter command has been writing for a long time.",
                hint="Wait for it to end, then repeat this one. Nothing was changed.",
            ) from error
        target.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def replace(draft: Path, database: Path, aside: Path) -> Path | None:
    """Put the copy in the place of a file that is damaged or not there; return where the damaged one is now.

    Raises UsageError while another process of this computer has it open.
    """
    users = _users(database)
    if users:
        raise UsageError(
            f"The database file is damaged, and in use by process {', '.join(map(str, users))}.",
            hint="Stop newsletter run, newsletter serve and all other newsletter commands first.",
        )
    database.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    on_disk(draft)
    kept = None
    if database.exists() and database.stat().st_size:
        kept = aside
        os.link(database, aside)
    # before the file: a journal of the old database must never be replayed into the new one
    for name in _SIDE_FILES:
        beside = database.with_name(database.name + name)
        if kept is not None and beside.exists():
            beside.replace(aside.with_name(aside.name + name))
        beside.unlink(missing_ok=True)
    on_disk(database.parent)
    draft.replace(database)
    on_disk(database.parent)
    return kept


def _users(file: Path) -> list[int]:
    """Return the other processes that have a file open, as far as we may see them."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.pid != os.getpid() and any(
                opened.path == str(file.resolve()) for opened in process.open_files()
            ):
                found.append(process.pid)
    return found
