"""Faults of the database as plain sentences. A password in the database's URL is never shown.

Only what the owner can mend is translated: a full disk, a missing permission, a server that is down.
A broken constraint or wrong SQL is a defect of ours and stays a traceback.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from newsletter.errors import ConfigError, NewsletterError

__all__ = ["explain", "place", "translate_errors"]

#: SQLite's result code (its first two parts) -> error class, what happened, what to do.
_SQLITE: dict[str, tuple[type[NewsletterError], str, str]] = {
    "SQLITE_BUSY": (
        NewsletterError,
        "The database is locked: another newsletter command has been writing for a long time.",
        "Wait for it to end, then repeat this one. Nothing was changed.",
    ),
    "SQLITE_LOCKED": (
        NewsletterError,
        "The database is locked by another part of this program.",
        "Repeat the command. Nothing was changed.",
    ),
    "SQLITE_FULL": (
        NewsletterError,
        "The disk is full: the database could not be written.",
        "Free some space, then repeat the command. What was already recorded is safe.",
    ),
    "SQLITE_READONLY": (
        ConfigError,
        "The database may be read but not written.",
        "Give yourself write permission on the file and on its folder.",
    ),
    "SQLITE_PERM": (
        ConfigError,
        "The database may not be used by you.",
        "Give yourself read and write permission on the file and on its folder.",
    ),
    "SQLITE_CANTOPEN": (
        ConfigError,
        "The database file cannot be opened.",
        "Check that its folder exists and that you may write there.",
    ),
    "SQLITE_NOTADB": (
        ConfigError,
        "The database file is not an SQLite database.",
        "Check [database] url in newsletter.toml, or restore a backup.",
    ),
    "SQLITE_CORRUPT": (
        NewsletterError,
        "The database file is damaged.",
        "Stop all newsletter commands, keep a copy of the file, and restore the last backup.",
    ),
    "SQLITE_IOERR": (
        NewsletterError,
        "The disk reported an error while the database was in use.",
        "Check the disk and its free space. Network drives are not safe for SQLite.",
    ),
}

#: PostgreSQL's SQLSTATE (or its class of two characters) -> the same.
_POSTGRESQL: dict[str, tuple[type[NewsletterError], str, str]] = {
    "25006": (
        ConfigError,
        "The database server allows only reading.",
        "Is it a standby? Set [database] url to the primary server.",
    ),
    "42501": (
        ConfigError,
        "The database user lacks a permission.",
        "Let the user own the database, or grant it all rights on its tables and on the schema.",
    ),
    "28": (
        ConfigError,
        "The database server refused the user name or the password.",
        "Check the name and the password in [database] url.",
    ),
    "3D": (
        ConfigError,
        "There is no such database on the server.",
        "Make it with createdb, or change its name in [database] url.",
    ),
    "53100": (
        NewsletterError,
        "The disk of the database server is full.",
        "Free some space there, then repeat the command. What was already recorded is safe.",
    ),
    "53300": (
        NewsletterError,
        "The database server has no connection to spare.",
        "Stop other programs that use it, or raise its max_connections.",
    ),
    "55P03": (
        NewsletterError,
        "The database is locked by another program.",
        "Wait for it to end, then repeat the command. Nothing was changed.",
    ),
    "57": (
        NewsletterError,
        "The database server is shutting down or starting.",
        "Wait until it runs again, then repeat the command. What was already recorded is safe.",
    ),
}

#: libpq reports a failed start of a connection without SQLSTATE; these words are in its English messages.
_REFUSED_BY_WORD = {
    "starting up": "57",
    "shutting down": "57",
    "password authentication failed": "28",
    "no password supplied": "28",
    "no pg_hba.conf entry": "28",
    "role ": "28",
    "database ": "3D",
    "too many clients": "53300",
}


def place(url: URL) -> str:
    """Return where a database is, for people: its file, or its name and host. Never user or password.

    >>> from sqlalchemy.engine import make_url
    >>> place(make_url("postgresql://ada:secret@db.example.org/news"))
    'the database "news" on db.example.org'
    """
    if url.get_backend_name() == "sqlite":
        return url.database or "the database in memory"
    return f'the database "{url.database or ""}" on {url.host or "this computer"}'


def explain(error: DBAPIError, url: URL | None = None) -> NewsletterError | None:
    """Return the error to show for what a database driver raised, or None for a defect of ours.

    url: the database in question; named in the message, without its password.
    """
    where = "" if url is None else f" ({place(url)})"
    name = getattr(error.orig, "sqlite_errorname", None)
    if isinstance(name, str):
        known = _SQLITE.get("_".join(name.split("_")[:2]))
        return None if known is None else known[0](known[1] + where, hint=known[2])
    state = getattr(error.orig, "sqlstate", None) or _state_by_word(error)
    if state is not None:
        known = _POSTGRESQL.get(state) or _POSTGRESQL.get(state[:2])
        if known is not None:
            return known[0](known[1] + where, hint=known[2])
    if error.connection_invalidated:
        return NewsletterError(
            f"The connection to the database was lost{where}.",
            hint="Check that the server runs, then repeat the command. What was already recorded is safe.",
        )
    if isinstance(error, OperationalError | InterfaceError) and state is None:
        return ConfigError(
            f"The database server does not answer{where}.",
            hint="Check the host and port in [database] url, and that the server runs.",
        )
    return None


def _state_by_word(error: DBAPIError) -> str | None:
    text = str(error.orig)
    fatal = re.search(r"FATAL: +(.*)", text)
    if fatal is None:
        return "28" if "no password supplied" in text else None
    return next((state for word, state in _REFUSED_BY_WORD.items() if word in fatal[1]), None)


@contextmanager
def translate_errors(url: URL | None = None) -> Iterator[None]:
    """Turn faults of the database inside the block into a NewsletterError; defects pass through.

    For the command line's error boundary: ``with translate_errors(engine.url): …``.
    """
    try:
        yield
    except DBAPIError as error:
        plain = explain(error, url)
        if plain is None:
            raise
        raise plain from error
