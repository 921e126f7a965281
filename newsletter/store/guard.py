"""The restored-copy guard: a copy of the database must not mail again what the original has mailed since.

Two facts are kept in ``meta`` and compared with the world before each send:

- *home*: where the database lives. SQLite: this computer and the file's path. PostgreSQL: the cluster,
  its timeline (it changes at every restore to a point in time, and at a failover), and the internal
  numbers of the database and of the ``deliveries`` table (they change when a dump is loaded); any number
  of hosts may use it.
- *epoch* (SQLite): a number that rises at the start and the end of a send and every minute in between.
  It is also written to a stamp beside the file, ``newsletter.db.epoch``. A database behind its stamp is an
  older copy put back.

A third fact, *restored*, is written by ``store.restoring`` with the content of a backup: it stands until the
owner adopts the database.

Decisions. A new database takes its home at its first send. A missing stamp is fine at epoch 0 only: later
it means that the file came here alone, from a backup. A database ahead of its stamp is fine: that is a crash
between the two writes. A computer without a lasting identity (some containers) is not compared. A copy of
the whole folder put back at the same place cannot be told from the original: not covered.
"""

import hashlib
import os
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, select, text
from sqlalchemy.exc import DBAPIError

from newsletter.errors import ConfigError
from newsletter.model import CampaignState
from newsletter.store.campaigns import UNDER_WAY, move
from newsletter.store.engine import reading
from newsletter.store.sql import insert_or_ignore
from newsletter.store.tables import campaigns, meta

__all__ = ["Place", "adopt", "advance_epoch", "check_home", "here", "problems"]

ADOPTED: Final = "the database was adopted; check that nothing went out from another copy, then resume"

_MACHINE_ID: Final = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))
_HINT: Final = (
    "If this is now the only copy that sends: newsletter db adopt. "
    "If it is an old copy or a backup, do not send from it."
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where a database is used. host: "" when nothing is known or it does not matter. stamp: SQLite only."""

    host: str
    database: str
    stamp: Path | None = None


def here(engine: Engine, *, host: str | None = None) -> Place:
    """Return the place of this database, on this computer. host: for tests."""
    if engine.dialect.name == "postgresql":
        return Place(host="", database=_cluster(engine))
    with reading(engine) as connection:
        file = connection.exec_driver_sql("PRAGMA database_list").all()[0][2]
    if not file:
        return Place(host="", database="memory")
    path = Path(file).resolve()
    return Place(
        host=_host() if host is None else host,
        database=str(path),
        stamp=path.with_name(path.name + ".epoch"),
    )


def problems(engine: Engine, place: Place) -> list[str]:
    """Return why this copy may not send, one sentence each; an empty list if it may. Changes nothing."""
    # the stamp first: a send that starts meanwhile raises both, the database first
    stamped = _read_stamp(place.stamp)
    with reading(engine) as connection:
        home = _read_home(connection)
        epoch = _epoch(connection)
        restored = connection.execute(select(meta.c.value).where(meta.c.key == "restored")).scalar()
    if stamped is None:  # the very first send may have begun in between; its stamp is there before its epoch
        stamped = _read_stamp(place.stamp)
    found = (
        [] if restored is None else [f"It was put back from the backup {restored}, and not adopted since."]
    )
    if home is not None:
        if home.host and place.host and home.host != place.host:
            found.append("The database is at home on another computer.")
        if home.database != place.database:
            found.append(
                "The database server was restored, replaced or failed over, or holds a copy."
                if place.stamp is None
                else f"The database file is at home at {home.database}, not at {place.database}."
            )
    if place.stamp is not None and stamped is None and epoch > 0:
        found.append(f"{place.stamp.name} is missing: the database file came here without it.")
    elif stamped is not None and epoch < stamped:
        found.append(
            f"The database is an older copy: it knows {epoch} of {stamped} steps that {place.stamp} records."
        )
    return found


def check_home(engine: Engine, place: Place) -> None:
    """Let a new database settle here. Raises ConfigError if this is not the copy that sends."""
    found = problems(engine, place)
    if found:
        raise ConfigError(f"This copy of the database may not send. {' '.join(found)}", hint=_HINT)
    with engine.begin() as connection:
        connection.execute(insert_or_ignore(connection, meta), [_home_row(place), _EPOCH_ZERO])
    # before the first step: whoever is killed between a step and its stamp must find one at the next start
    _write_stamp(place.stamp, 0)


def advance_epoch(engine: Engine, place: Place) -> int:
    """Raise the epoch, in the database and then in its stamp (both on disk on return); return it."""
    with engine.begin() as connection:
        connection.execute(insert_or_ignore(connection, meta), [_EPOCH_ZERO])
        epoch = int(
            connection.execute(
                text(
                    """UPDATE meta SET value = CAST(CAST(value AS BIGINT) + 1 AS VARCHAR)
                    WHERE key = 'epoch' RETURNING value"""
                )
            ).scalar_one()
        )
    _write_stamp(place.stamp, epoch)
    return epoch


def adopt(engine: Engine, place: Place) -> None:
    """Make this copy the one that sends, from here.

    A send that is open is paused: what it has queued may have gone out from another copy, and only the
    owner can know.
    """
    stamped = _read_stamp(place.stamp) or 0
    with engine.begin() as connection:
        connection.execute(meta.delete().where(meta.c.key == "restored"))
        for key, value in (
            ("home", _home_row(place)["value"]),
            ("epoch", str(max(stamped, _epoch(connection)) + 1)),
        ):
            connection.execute(meta.delete().where(meta.c.key == key))
            connection.execute(meta.insert().values(key=key, value=value))
        epoch = _epoch(connection)
        going = select(campaigns.c.id)
        for campaign_id in connection.execute(going).scalars().all():
            move(
                connection,
                campaign_id,
                to=CampaignState.PAUSED,
                since=UNDER_WAY,
                reason=ADOPTED,
            )
    _write_stamp(place.stamp, epoch)


_EPOCH_ZERO: Final = {"key": "epoch", "value": "0"}


def _home_row(place: Place) -> dict[str, str]:
    return {"key": "home", "value": f"{place.host} {place.database}"}


def _read_home(connection: Connection) -> Place | None:
    value = connection.execute(select(meta.c.value).where(meta.c.key == "home")).scalar_one_or_none()
    if value is None:
        return None
    host, _, database = value.partition(" ")
    return Place(host=host, database=database)


def _epoch(connection: Connection) -> int:
    value = connection.execute(select(meta.c.value).where(meta.c.key == "epoch")).scalar_one_or_none()
    return int(value or 0)


def _host() -> str:
    """A hash that stands for this computer, "" if it has nothing lasting to go by."""
    for path in _MACHINE_ID:
        try:
            known = path.read_text("ascii", "replace").strip()
        except OSError:
            continue
        if known:
            return _digest(known)
    node = uuid.getnode()
    # with this bit Python made the number up, for this process only (RFC 4122, section 4.5)
    return "" if node >> 40 & 1 else _digest(f"{node:012x}")


def _cluster(engine: Engine) -> str:
    name = f"{engine.url.host or ''}/{engine.url.database or ''}"
    with reading(engine) as connection:
        numbers = connection.exec_driver_sql(
            """SELECT oid, to_regclass('deliveries')::oid::bigint FROM pg_database
            WHERE datname = current_database()"""
        ).one()
    own = f"{numbers[0]}/{numbers[1]}"
    try:
        with reading(engine) as connection:
            system, timeline = connection.exec_driver_sql(
                """SELECT s.system_identifier, c.timeline_id
                FROM pg_control_system() AS s, pg_control_checkpoint() AS c"""
            ).one()
    except DBAPIError:  # not every user may ask
        return f"{name}/{own}"
    return f"{system}/{timeline}/{own}"


def _digest(text: str) -> str:
    return hashlib.sha256(f"newsletter home {text}".encode()).hexdigest()[:32]


def _read_stamp(stamp: Path | None) -> int | None:
    if stamp is None:
        return None
    try:
        return int(stamp.read_text("ascii"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{stamp} cannot be read as a number.", hint="Put the file back from a backup, or remove it."
        ) from error


def _write_stamp(stamp: Path | None, epoch: int) -> None:
    """Write the stamp unless it is ahead already; whole or not at all, and on disk on return."""
    known = _read_stamp(stamp)
    if stamp is None or (known is not None and known >= epoch):
        return
    draft = stamp.with_name(f"{stamp.name}.{os.getpid()}.tmp")
    try:
        with draft.open("w", encoding="ascii") as file:
            file.write(f"{epoch}\n")
            file.flush()
            os.fsync(file.fileno())
        draft.replace(stamp)
        folder = os.open(stamp.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise ConfigError(
            f"{stamp} cannot be written: {error.strerror}.", hint="Check the folder's permissions and space."
        ) from error
