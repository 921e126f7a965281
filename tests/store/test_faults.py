"""Faults of the database in plain words."""

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError

from newsletter.errors import ConfigError, NewsletterError
from newsletter.store.faults import explain, place, translate_errors


def test_a_lock_that_does_not_end_is_said_so(tmp_path: Path) -> None:
    file = tmp_path / "a.db"
    engine = create_engine(f"sqlite:///{file}", connect_args={"timeout": 0})
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with (
        pytest.raises(NewsletterError, match=r"locked.*a\.db") as caught,
        translate_errors(engine.url),
        engine.connect() as connection,
    ):
        connection.execute(text("CREATE TABLE t (a)"))
    assert "Wait" in caught.value.hint
    other.close()
    engine.dispose()


def test_a_file_opened_for_reading_is_said_so(tmp_path: Path) -> None:
    file = tmp_path / "a.db"
    sqlite3.connect(file).close()
    engine = create_engine(f"sqlite:///file:{file}?mode=ro&uri=true")
    with (
        pytest.raises(ConfigError, match="read but not written"),
        translate_errors(),
        engine.connect() as connection,
    ):
        connection.execute(text("CREATE TABLE t (a)"))
    engine.dispose()


class ServerError(Exception):
    """What psycopg raises, with a state as PostgreSQL gives it."""

    def __init__(self, message: str, state: str | None = None) -> None:
        super().__init__(message)
        self.sqlstate = state


@pytest.mark.parametrize(
    ("message", "state", "what", "kind"),
    [
        ("cannot execute INSERT in a read-only transaction", "25006", "only reading", ConfigError),
        ("permission denied for table meta", "42501", "lacks a permission", ConfigError),
        ("could not extend file: No space left on device", "53100", "disk .* is full", NewsletterError),
        ("too many connections", "53300", "no connection to spare", NewsletterError),
        ("canceling statement due to lock timeout", "55P03", "locked", NewsletterError),
        ("terminating connection due to administrator command", "57P01", "shutting down", NewsletterError),
        ('FATAL:  password authentication failed for user "ada"', None, "refused the user", ConfigError),
        ("fe_sendauth: no password supplied", None, "refused the user", ConfigError),
        ('FATAL:  database "news" does not exist', None, "no such database", ConfigError),
        ("FATAL:  the database system is starting up", None, "starting", NewsletterError),
        ("connection refused", None, "does not answer", ConfigError),
    ],
)
def test_a_servers_fault_is_said_in_plain_words(
    message: str, state: str | None, what: str, kind: type[NewsletterError]
) -> None:
    found = explain(OperationalError("SELECT 1", {}, ServerError(message, state)))
    assert type(found) is kind
    with pytest.raises(kind, match=what):
        raise found


def test_where_a_database_is_never_shows_user_or_password() -> None:
    assert (
        place(make_url("postgresql://ada:hunter2@db.example.org/news"))
        == 'the database "news" on db.example.org'
    )
    assert place(make_url("postgresql:///news")) == 'the database "news" on this computer'
    assert place(make_url("sqlite:///subscribers/newsletter.db")) == "subscribers/newsletter.db"
    assert place(make_url("sqlite://")) == "the database in memory"
