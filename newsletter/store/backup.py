"""Backups of the database, made while others read and write it.

SQLite: its online backup, a file of one moment that opens as a database. PostgreSQL: ``pg_dump`` in its own
format, for ``pg_restore``. Both are readable by their owner only, are looked at before they count as made,
appear when they are whole and on disk, and only the newest are kept. ``store.restoring`` puts them back.
"""

import os
import sqlite3
from collections.abc import Mapping
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Engine

from newsletter.errors import NewsletterError
from newsletter.store.postgres_programs import NoPgDump, address, call

__all__ = ["KEEP", "NoPgDump", "back_up", "backups", "damage", "on_disk", "private_draft", "sweep"]

KEEP: Final = 14  #: how many backups stay in the folder, unless [schedule] keep_backups says otherwise

_STALE_SECONDS: Final = 3600.0


def back_up(
    engine: Engine, folder: Path, *, now: datetime, env: Mapping[str, str], keep: int | None = KEEP
) -> Path:
    """Copy the database into a new file of the folder and return it; the oldest beyond ``keep`` are removed.

    env: the process's environment, for ``pg_dump`` (PATH, PG* variables). keep: None removes none.

    Raises NoPgDump where there is none; NewsletterError if the backup fails, or the copy is not whole (then
    the database itself is damaged). No half backup is left, and none is removed.
    """
    sqlite = engine.dialect.name == "sqlite"
    name = f"newsletter-{now:%Y%m%d-%H%M%S-%f}.{'db' if sqlite else 'dump'}"
    draft = folder / f".{name}.{os.getpid()}.tmp"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if folder.stat().st_mode & 0o077:
            folder.chmod(0o700)
        private_draft(draft)
        sweep(draft, ".newsletter-*.tmp*")
        if sqlite:
            _copy(engine, draft)
        else:
            _dump(engine, draft, env)
        on_disk(draft)
        draft.replace(folder / name)
        on_disk(folder)
    except OSError as error:
        raise _failed(folder, error.strerror or str(error)) from error
    finally:
        for leftover in folder.glob(f"{draft.name}*"):  # SQLite may leave a journal beside it
            leftover.unlink(missing_ok=True)
    for old in [] if keep is None else backups(folder)[:-keep]:
        old.unlink(missing_ok=True)
    return folder / name


def backups(folder: Path) -> list[Path]:
    """Return the backups in a folder, oldest first."""
    return sorted(path for path in folder.glob("newsletter-*") if path.suffix in (".db", ".dump"))


def damage(connection: sqlite3.Connection) -> str:
    """Return what is wrong with an SQLite database, on one line; "" if it is whole. Reads every page."""
    try:
        lines = [str(line) for (line,) in connection.execute("PRAGMA integrity_check(1)")]
    except sqlite3.DatabaseError as error:
        return str(error)
    return "" if lines == ["ok"] else " ".join(" ".join(lines).split())[:200]


def private_draft(path: Path) -> None:
    """Make an empty file that only its owner can read, before somebody else's program fills it."""
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600))


def sweep(draft: Path, pattern: str) -> None:
    """Remove what a killed process left beside a draft just made: drafts an hour older, full of addresses."""
    fresh = draft.stat().st_mtime
    for leftover in draft.parent.glob(pattern):
        with suppress(FileNotFoundError):  # another process sweeps, too
            if fresh - leftover.stat().st_mtime > _STALE_SECONDS:
                leftover.unlink()


def on_disk(path: Path) -> None:
    """Return once a file, or a folder's list of files, would survive a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _copy(engine: Engine, target: Path) -> None:
    raw = engine.raw_connection()
    try:
        source: Any = raw.driver_connection
        with closing(sqlite3.connect(target)) as copy:
            source.backup(copy)
            wrong = damage(copy)
    except sqlite3.Error as error:
        raise _failed(target.parent, str(error)) from error
    finally:
        raw.close()
    if wrong:
        raise NewsletterError(
            f"No backup was made: the database file is damaged: {wrong}.",
            hint="Stop all newsletter commands, and put the last backup back: newsletter db restore FILE",
        )


def _dump(engine: Engine, target: Path, env: Mapping[str, str]) -> None:
    place, secret = address(engine.url)
    call(
        "pg_dump",
        ["--format=custom", "--no-owner", f"--file={target}", f"--dbname={place}"],
        env={**env, **secret},
        failed="could not make a backup",
        hint="Is it at least as new as the server? An import can go without: --no-backup.",
    )
    call(
        "pg_restore",
        ["--list", str(target)],
        env=env,
        failed="cannot read the backup that was just made",
        hint="Is there enough free space? Repeat the command.",
    )


def _failed(folder: Path, why: str) -> NewsletterError:
    return NewsletterError(
        f"No backup could be made in {folder}: {why}.", hint="Check the folder's permissions and free space."
    )
