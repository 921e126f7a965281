"""Putting a backup back, so that nothing is lost on the way and nobody is mailed twice after it.

    look at all of it -> ask -> back up what is there -> put it in, at once or not at all -> refuse to send

What happened since the backup was made stays known (``store.carrying``), unless the owner wants the backup
exactly as it is. The restored database does not send before ``newsletter db adopt`` (``store.guard``).
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Engine, bindparam, inspect, make_url, text

from newsletter.errors import ConfigError, NewsletterError, UsageError
from newsletter.store import restoring_postgres, restoring_sqlite
from newsletter.store.backup import back_up
from newsletter.store.carrying import Columns, Contents, carried_over, held_back
from newsletter.store.engine import open_engine, reading
from newsletter.store.migrations import REVISIONS
from newsletter.store.tables import Instant

__all__ = ["Backup", "Restored", "open_backup", "put_back", "refuse_while_sending"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Backup:
    """A backup that was read as a whole. draft: our copy of it; of PostgreSQL, its SQL."""

    file: Path
    draft: Path
    contents: Contents

    @property
    def pending(self) -> tuple[str, ...]:
        """The revisions that ``db migrate`` will apply to it."""
        return REVISIONS[REVISIONS.index(self.contents.revision) + 1 :]


@dataclass(frozen=True, kw_only=True, slots=True)
class Restored:
    """What a restore did.

    saved: the backup of what was there before, None if nothing was. damaged: where the file is now that was
    no whole database. sends: campaigns that the backup did not know and that stay known.
    """

    saved: Path | None
    damaged: Path | None
    sends: int


@contextlib.contextmanager
def open_backup(file: Path, url: str, folder: Path, env: Mapping[str, str]) -> Iterator[Backup]:
    """Read a backup as a whole and give it, for ``put_back``. Changes nothing.

    url: of the database that it is for. folder: of the backups.

    Raises UsageError if there is no such file or it is for the other kind of database; NewsletterError if
    it is damaged; ConfigError if a newer version of this program made it, or another program.
    """
    sqlite = make_url(url).get_backend_name() == "sqlite"
    _refuse_other_kind(file, url, sqlite=sqlite)
    if sqlite:
        with restoring_sqlite.copy_of(file, _database_file(url).parent) as draft:
            yield Backup(file=file, draft=draft, contents=_ours(file, restoring_sqlite.contents(draft)))
    else:
        with restoring_postgres.script_of(file, folder, env) as draft:
            found = restoring_postgres.contents_of_script(draft)
            yield Backup(file=file, draft=draft, contents=_ours(file, found))


def put_back(
    backup: Backup,
    url: str,
    folder: Path,
    *,
    now: datetime,
    env: Mapping[str, str],
    is_dead: Callable[[str], bool],
    as_it_was: bool = False,
) -> Restored:
    """Make the database at url what the backup is, and return what was done.

    folder: of the backups; what is there now is backed up first, and no backup is removed for it.
    is_dead: whether the process that a claim names is gone (``delivery.owners.is_dead``). as_it_was: without
    what happened since the backup was made.

    Raises UsageError while another process sends, or if the backup is older than the tables that remember
    what was compacted since; NewsletterError if it cannot be done. Nothing is lost then.
    """
    if make_url(url).get_backend_name() != "sqlite":
        return _into_postgres(backup, url, folder, now=now, env=env, is_dead=is_dead, as_it_was=as_it_was)
    database = _database_file(url)
    if not restoring_sqlite.is_whole(database):
        restoring_sqlite.rewrite(backup.draft, None, _statements(backup, None, now, "sqlite"))
        aside = database.with_name(f"{database.name}.damaged-{now:%Y%m%d-%H%M%S-%f}")
        return Restored(saved=None, damaged=restoring_sqlite.replace(backup.draft, database, aside), sends=0)
    present = restoring_sqlite.contents(database)
    _refuse_half_known(backup, None if as_it_was else present)
    saved = _save(url, folder, now=now, env=env, is_dead=is_dead)
    known = None if as_it_was else present
    restoring_sqlite.rewrite(
        backup.draft, None if known is None else database, _statements(backup, known, now, "sqlite")
    )
    restoring_sqlite.put_in(backup.draft, database)
    return Restored(saved=saved, damaged=None, sends=_sends(backup, known))


def _into_postgres(
    backup: Backup,
    url: str,
    folder: Path,
    *,
    now: datetime,
    env: Mapping[str, str],
    is_dead: Callable[[str], bool],
    as_it_was: bool,
) -> Restored:
    engine = open_engine(url)
    try:
        present = restoring_postgres.contents(engine)
        _refuse_half_known(backup, None if as_it_was else present)
        saved = _save(url, folder, now=now, env=env, is_dead=is_dead) if present is not None else None
        known = None if as_it_was else present
        restoring_postgres.put_in(
            backup.draft,
            engine,
            backup=backup.contents.tables,
            present={} if present is None else present.tables,
            statements=_statements(backup, known, now, "postgresql"),
            env=env,
        )
    finally:
        engine.dispose()
    return Restored(saved=saved, damaged=None, sends=_sends(backup, known))


def _refuse_half_known(backup: Backup, present: Contents | None) -> None:
    """Refuse a backup that cannot hold what is known of compacted issues: they would be sent twice."""
    if present is None or not present.compacted or "sums" in backup.contents.tables:
        return
    if backup.contents.is_earlier_than(present):
        raise UsageError(
            f"{backup.file.name} was made by a version that did not compact, and issues were compacted "
            "since: nobody would know who had them.",
            hint="Choose a newer backup; or, to forget all that was sent since: --as-it-was",
        )


def refuse_while_sending(engine: Engine, *, now: datetime, is_dead: Callable[[str], bool]) -> None:
    """Raise UsageError if a process is sending: it has mail in flight, or waits at a campaign."""
    with reading(engine) as connection:
        inspector = inspect(connection)
        if not inspector.has_table("deliveries"):
            return
        owners = connection.execute(
            text(
                """SELECT DISTINCT claimed_by FROM deliveries WHERE state = 'sending'
                AND campaign_id IN (SELECT id FROM campaigns) AND lease_until > :now"""
            ).bindparams(bindparam("now", type_=Instant)),
            {"now": now},
        ).scalars()
        busy = [owner for owner in owners if owner and not is_dead(owner)]
        if "tended_by" in {column["name"] for column in inspector.get_columns("campaigns")}:
            tended = connection.execute(
                text("SELECT tended_by FROM campaigns WHERE tended_until > :now").bindparams(
                    bindparam("now", type_=Instant)
                ),
                {"now": now},
            ).scalars()
            busy += [owner for owner in tended if owner and not is_dead(owner)]
    if busy:
        raise UsageError(
            "A send is running, and a restore would lose what it did.",
            hint="Stop it first: newsletter pause ISSUE, or stop newsletter run.",
        )


def _save(
    url: str, folder: Path, *, now: datetime, env: Mapping[str, str], is_dead: Callable[[str], bool]
) -> Path:
    engine = open_engine(url)
    try:
        refuse_while_sending(engine, now=now, is_dead=is_dead)
        return back_up(engine, folder, now=now, env=env, keep=None)
    finally:
        engine.dispose()


def _statements(backup: Backup, present: Contents | None, now: datetime, dialect: str) -> Iterator[str]:
    mine: Columns = backup.contents.tables
    if present is not None:
        earlier = backup.contents.is_earlier_than(present)
        yield from carried_over(mine, present.tables, ledger=earlier, now=now, dialect=dialect)
    yield from held_back(mine, source=backup.file.name, now=now, dialect=dialect)


def _sends(backup: Backup, present: Contents | None) -> int:
    if present is None or not backup.contents.is_earlier_than(present):
        return 0
    return len(present.campaigns) - len(backup.contents.campaigns)


def _database_file(url: str) -> Path:
    name = make_url(url).database
    if not name or name == ":memory:" or name.startswith("file:"):
        raise ConfigError(
            "A database in memory cannot be restored.", hint="Set [database] url to a file or a server."
        )
    return Path(name)


def _refuse_other_kind(file: Path, url: str, *, sqlite: bool) -> None:
    if not file.is_file():
        raise UsageError(f"There is no file {file}.", hint="Those there are: newsletter db backup --list")
    if sqlite and _database_file(url).exists() and file.samefile(_database_file(url)):
        raise UsageError("That is the database itself.", hint="Name a backup of it.")
    try:
        with file.open("rb") as opened:
            start = opened.read(16)
    except OSError as error:
        raise NewsletterError(f"{file} cannot be read: {error.strerror}.", hint="Check its mode.") from error
    other = b"PGDMP" if sqlite else b"SQLite format 3\0"
    if start.startswith(other):
        kinds = ("PostgreSQL", "an SQLite file") if sqlite else ("SQLite", "on a PostgreSQL server")
        raise UsageError(
            f"{file.name} is a backup of {kinds[0]}, and the newsletter's database is {kinds[1]}.",
            hint="Set [database] url to a database of that kind, then repeat the command.",
        )


def _ours(file: Path, found: Contents | None) -> Contents:
    if found is None:
        raise ConfigError(
            f"{file.name} is a database of another program.", hint="Choose a backup of the newsletter."
        )
    if found.revision not in REVISIONS:
        raise ConfigError(
            f"A newer version of newsletter made {file.name} (revision {found.revision or 'unknown'}).",
            hint="Install that version, then repeat the command. Nothing was changed.",
        )
    return found
