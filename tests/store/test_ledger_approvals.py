"""What was looked at is tied to what goes, by its hash."""

from datetime import UTC, datetime

from sqlalchemy import Engine

from newsletter.store.approvals import is_recorded, latest_hash, record_hash

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)


def test_the_latest_hash_of_each_kind_is_remembered(engine: Engine) -> None:
    with engine.begin() as connection:
        record_hash(connection, "2026-11-notes", "tested", "a" * 64, NOON)
        record_hash(connection, "2026-11-notes", "tested", "b" * 64, NOON)
        record_hash(connection, "2026-12-notes", "approved", "c" * 64, NOON)
        assert latest_hash(connection, "2026-11-notes", "tested") == "b" * 64
        assert latest_hash(connection, "2026-11-notes", "approved") is None
        assert is_recorded(connection, "2026-11-notes", "tested", "a" * 64)
        assert not is_recorded(connection, "2026-11-notes", "approved", "a" * 64)
