"""Backups of the database, made while others read and write it.

SQLite: its online backup, a file of one moment that opens as a database. PostgreSQL: ``pg_dump`` in its own
format, for ``pg_restore``. Both are readable by their owner only, appear when they are whole, and the newest
ten are kept. They are made before each import and by ``newsletter db backup``.
"""

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Engine

from newsletter.errors import NewsletterError

__all__ = ["KEEP", "NoPgDump", "back_up", "backups"]

KEEP: Final = 10  #: how many backups stay in the folder


class NoPgDump(NewsletterError):  # noqa: N818
    """PostgreSQL's own program for backups is not on this computer."""


def back_up(engine: Engine, folder: Path, *, now: datetime, env: Mapping[str, str], keep: int = KEEP) -> Path:
    """Copy the database into a new file of the folder and return it; the oldest beyond ``keep`` are removed.

    env: the process's environment, for ``pg_dump`` (PATH, PG* variables).

    Raises NoPgDump where there is none; NewsletterError if the backup fails. No half backup is left.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    sqlite = engine.dialect.name == "sqlite"
    name = f"newsletter-{now:%Y%m%d-%H%M%S-%f}.{'db' if sqlite else 'dump'}"
    draft = folder / f".{name}.{os.getpid()}.tmp"
    try:
        os.close(os.open(draft, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600))
        if sqlite:
            _copy(engine, draft)
        else:
            _dump(engine, draft, env)
        draft.replace(folder / name)
    except OSError as error:
        raise NewsletterError(
            f"No backup could be made in {folder}: {error.strerror}.",
            hint="Check the folder's permissions and the free space.",
        ) from error
    finally:
        for leftover in folder.glob(f"{draft.name}*"):  # SQLite may leave a journal beside it
            leftover.unlink(missing_ok=True)
    for old in backups(folder)[:-keep]:
        old.unlink(missing_ok=True)
    return folder / name


def backups(folder: Path) -> list[Path]:
    """Return the backups in a folder, oldest first."""
    return sorted(path for path in folder.glob("newsletter-*") if path.suffix in (".db", ".dump"))


def _copy(engine: Engine, target: Path) -> None:
    raw = engine.raw_connection()
    try:
        source: Any = raw.driver_connection
        copy = sqlite3.connect(target)
        try:
            source.backup(copy)
        finally:
            copy.close()
    except sqlite3.Error as error:
        raise NewsletterError(
            f"No backup could be made in {target.parent}: {error}.",
            hint="Check the folder's permissions and the free space.",
        ) from error
    finally:
        raw.close()


def _dump(engine: Engine, target: Path, env: Mapping[str, str]) -> None:
    program = shutil.which("pg_dump", path=env.get("PATH"))
    if program is None:
        raise NoPgDump(
            "pg_dump is not on this computer, so no backup was made.",
            hint="Install PostgreSQL's client programs (postgresql-client), or back up on the server.",
        )
    url = engine.url
    secret = {} if url.password is None else {"PGPASSWORD": str(url.password)}
    # everybody on this computer can read a command line: the password is not in it
    place = URL.create("postgresql", url.username, None, url.host, url.port, url.database, url.query)
    done = subprocess.run(  # noqa: S603  (the program and the place are ours, the address is one argument)
        [
            program,
            "--format=custom",
            "--no-owner",
            f"--file={target}",
            f"--dbname={place.render_as_string(hide_password=False)}",
        ],
        env={**env, **secret},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = " ".join(done.stderr.split())
        raise NewsletterError(
            f"pg_dump could not make a backup: {said[:300]}",
            hint="Is it at least as new as the server? Go without with --no-backup.",
        )
