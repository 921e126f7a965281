"""From a past revision with people in it: everybody is there afterwards, with their number."""

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, inspect, text

from newsletter.store.engine import check, migrate, open_engine
from newsletter.store.migrations import REVISIONS

TABLES = ("subscribers", "subscriber_tags", "consent_events", "import_batches", "deliveries")


def upgrade(engine: Engine, revision: str) -> None:
    """Bring an empty database to a past revision."""
    config = Config()
    config.set_main_option("script_location", "newsletter.store:migrations")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def rows(engine: Engine) -> dict[str, list[dict[str, str]]]:
    """All rows, the columns as text, by table."""
    found = {}
    with engine.connect() as connection:
        for table in TABLES:
            result = connection.execute(text(f"SELECT * FROM {table} ORDER BY 1, 2"))
            found[table] = [{key: str(value) for key, value in row._mapping.items()} for row in result]
    return found


@pytest.fixture(params=REVISIONS[:2])
def old(request: pytest.FixtureRequest, database_url: str) -> Engine:
    """A database of a past revision with two people, of whom the newest was mailed and is gone since."""
    engine = open_engine(database_url)
    upgrade(engine, request.param)
    at = "'2026-11-01 12:00:00'"
    columns = "id, email, email_key, status, name, attributes, created_at, updated_at"
    with engine.begin() as connection:
        for statement in (
            f"""INSERT INTO subscribers ({columns}) VALUES
            (3, 'Ada@example.org', 'ada@example.org', 'confirmed', 'Zoé', '{{"a": "b"}}', {at}, {at}),
            (7, 'bob@example.org', 'bob@example.org', 'unsubscribed', '', '{{}}', {at}, {at})""",
            "INSERT INTO subscriber_tags (tag, subscriber_id) VALUES ('a', 3), ('b', 3), ('a', 7)",
            f"INSERT INTO import_batches (id, file, source, at) VALUES (5, 'people.csv', 'fair', {at})",
            f"""INSERT INTO consent_events (id, subscriber_id, kind, at, how, ip, batch_id)
            VALUES (1, 3, 'imported', {at}, 'import', '', 5),
                   (4, 7, 'unsubscribed', {at}, 'mailto', '::1', NULL)""",
            f"""INSERT INTO campaigns (id, key, slug, state, content, content_hash, created_at, ceiling)
            VALUES (1, 'k', 'x', 'finished', 'c', 'h', {at}, 12)""",
            f"""INSERT INTO deliveries (campaign_id, subscriber_id, email_key, state, updated_at)
            VALUES (1, 9, 'gone@example.org', 'sent', {at}), (1, 3, 'ada@example.org', 'sent', {at})""",
        ):
            connection.exec_driver_sql(statement)
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT setval('subscribers_id_seq', 12)"))
    return engine


def test_everybody_is_there_afterwards(old: Engine) -> None:
    before = rows(old)
    migrate(old)
    after = rows(old)
    for table, known in before.items():
        kept = [{key: row[key] for key in known[0]} for row in after[table]]
        assert kept == known, table
    assert check(old) == []
    old.dispose()


def test_links_between_the_tables_are_as_before(old: Engine) -> None:
    migrate(old)
    with old.begin() as connection:
        connection.execute(text("DELETE FROM subscribers WHERE id = 3"))
        assert connection.execute(text("SELECT count(*) FROM subscriber_tags")).scalar_one() == 1
        assert connection.execute(text("SELECT count(*) FROM consent_events")).scalar_one() == 1
    indexes = {index["name"] for index in inspect(old).get_indexes("consent_events")}
    assert indexes == {"ix_consent_events_subscriber_id"}
    old.dispose()


def test_a_number_that_the_ledger_knows_is_not_given_again(old: Engine) -> None:
    migrate(old)
    with old.begin() as connection:
        number = connection.execute(
            text(
                """INSERT INTO subscribers (email, email_key, status, created_at, updated_at)
                VALUES ('n@example.org', 'n@example.org', 'pending', '2026-11-01', '2026-11-01')
                RETURNING id"""
            )
        ).scalar_one()
    assert number == 13  # above the ceiling of the campaign, too
    old.dispose()
