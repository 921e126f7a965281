"""What 0002 changes: campaigns keep their rows and deliveries; what is cancelled may be begun anew."""

from datetime import timedelta

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from newsletter.model import CampaignState
from newsletter.store import campaigns
from newsletter.store.engine import check, migrate, open_engine
from newsletter.store.limits import Grant, Limit, call_size, look, note_rest, slow, spend
from tests.databases import database_url, engine, postgres_server
from tests.delivery.driver import NOON, Driver, an_issue, people

__all__ = ["database_url", "engine", "postgres_server"]

SES = Limit(key="ses eu-central-1", clock=lambda: NOON)
GRANT = Grant(per_second=100, max_call=50)


def upgrade(engine: Engine, revision: str) -> None:
    """Bring a database to a revision, as ``migrate`` does to the newest."""
    config = Config()
    config.set_main_option("script_location", "newsletter.store:migrations")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def test_a_ledger_of_the_first_version_keeps_its_campaigns_and_deliveries(database_url: str) -> None:
    engine = open_engine(database_url)
    upgrade(engine, "m0001_first")
    rows = """INSERT INTO campaigns
            (id, key, slug, segment, state, content, content_hash, created_at, ceiling)
        VALUES (7, 'k7', '2026-10-notes', '', 'finished', :content, 'h', '2026-10-01 10:00:00+00:00', 3),
               (9, 'k9', '2026-11-notes', '', 'sending', :content, 'h', '2026-11-01 10:00:00+00:00', 3)"""
    with engine.begin() as connection:
        connection.execute(text(rows), {"content": b"\x00\xff"})
        for number in range(1, 4):
            connection.execute(
                text(
                    """INSERT INTO deliveries (campaign_id, subscriber_id, email_key, state, updated_at)
                    VALUES (9, :n, :email, 'queued', '2026-11-01 10:00:00+00:00')"""
                ),
                {"n": number, "email": f"reader{number}@example.org"},
            )
    migrate(engine)
    with engine.begin() as connection:
        kept = connection.execute(text("SELECT id, key, state, content FROM campaigns ORDER BY id")).all()
        assert [(row.id, row.key, row.state, bytes(row.content)) for row in kept] == [
            (7, "k7", "finished", b"\x00\xff"),
            (9, "k9", "sending", b"\x00\xff"),
        ]
        assert connection.execute(text("SELECT count(*) FROM deliveries")).scalar_one() == 3
        with pytest.raises(IntegrityError), connection.begin_nested():  # the foreign key is still kept
            connection.execute(text("DELETE FROM campaigns WHERE id = 9"))
    assert check(engine) == []
    engine.dispose()


def test_a_cancelled_campaign_makes_room_for_one_more_and_a_finished_one_does_not(engine: Engine) -> None:
    driver = Driver(engine)
    for _ in range(2):  # any number of cancelled ones may stand beside each other
        driver.queue(*people(1)) if not driver.campaign_id else driver.plan()
        with engine.begin() as connection:
            campaigns.move(
                connection, driver.campaign_id, to=CampaignState.CANCELLED, since=campaigns.OPEN, now=NOON
            )
    with engine.begin() as connection:
        assert campaigns.find_campaign(connection, "2026-11-notes", "") is None
        made = campaigns.create_campaign(connection, an_issue(), segment="", now=NOON)
        assert campaigns.find_campaign(connection, "2026-11-notes", "") == made
        assert len(connection.execute(text("SELECT id FROM campaigns")).all()) == 3


# -- the shared pace ------------------------------------------------------------------------------


def test_what_one_takes_the_other_does_not_find(engine: Engine) -> None:
    with engine.begin() as connection:
        spend(connection, SES, look(connection, SES, GRANT), 10)
    with engine.begin() as connection:
        assert look(connection, SES, GRANT).tokens == 0


def test_a_claim_that_is_rolled_back_gives_its_tokens_back(engine: Engine) -> None:
    with pytest.raises(KeyboardInterrupt), engine.begin() as connection:
        spend(connection, SES, look(connection, SES, GRANT), 10)
        raise KeyboardInterrupt
    with engine.begin() as connection:
        assert look(connection, SES, GRANT).tokens == 10


def test_tokens_come_in_at_the_rate(engine: Engine) -> None:
    later = Limit(key=SES.key, clock=lambda: NOON + timedelta(seconds=0.05))
    with engine.begin() as connection:
        spend(connection, SES, look(connection, SES, GRANT), 10)
        assert look(connection, later, GRANT).tokens == pytest.approx(5)


def test_the_rest_of_the_day_is_counted_down_with_the_tokens(engine: Engine) -> None:
    with engine.begin() as connection:
        note_rest(connection, SES, GRANT, 25)
        assert spend(connection, SES, look(connection, SES, GRANT), 10).left_today == 15
        assert look(connection, SES, GRANT).left_today == 15


def test_the_database_may_count_the_time_itself(engine: Engine) -> None:
    own = Limit(key="ses", clock=None)
    with engine.begin() as connection:
        first, second = look(connection, own, GRANT), look(connection, own, GRANT)
    assert 1.7e9 < first.at <= second.at


def test_a_throttle_of_a_call_begun_before_the_last_throttle_says_nothing_new(engine: Engine) -> None:
    with engine.begin() as connection:
        assert slow(connection, SES, GRANT, begun=NOON.timestamp()).rate == 50
        assert slow(connection, SES, GRANT, begun=NOON.timestamp() - 1).rate == 50


@pytest.mark.parametrize(("rate", "size"), [(0.1, 1), (14, 1), (100, 5), (1000, 50), (50_000, 50)])
def test_calls_are_small_when_the_rate_is(rate: float, size: int) -> None:
    assert call_size(rate, 50) == size
