"""A restore: what was there is safe, what happened since stays known, and nothing is sent unasked."""

import os
import stat
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import inspect, select, text

from newsletter.delivery import planning
from newsletter.errors import ConfigError, NewsletterError, UsageError
from newsletter.model import CampaignState
from newsletter.people.adding import add_subscriber
from newsletter.people.leaving import unsubscribe
from newsletter.store import guard, restoring
from newsletter.store.backup import back_up, backups
from newsletter.store.campaigns import all_campaigns
from newsletter.store.engine import check, migrate, open_engine, pending, reading
from newsletter.store.migrations import REVISIONS
from newsletter.store.tables import deliveries, schedules, subscribers, suppressions
from tests.delivery.driver import NOON, Driver, an_issue, people

ENV = {"PATH": os.environ.get("PATH", "")}
LATER = NOON + timedelta(hours=1)


class Place:
    """A database with Ada and Bob on its list, and its folder of backups."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.folder = url, folder
        self.engine = open_engine(url)

    def people(self) -> dict[str, str]:
        with reading(self.engine) as connection:
            found = connection.execute(select(subscribers.c.email_key, subscribers.c.status)).all()
        return {row.email_key: row.status for row in found}

    def back_up(self) -> Path:
        return back_up(self.engine, self.folder, now=NOON, env=ENV)

    def restore(
        self,
        file: Path,
        *,
        as_it_was: bool = False,
        is_dead: Callable[[str], bool] = lambda owner: True,
        now: datetime = LATER,
    ) -> restoring.Restored:
        with restoring.open_backup(file, self.url, self.folder, ENV) as found:
            return restoring.put_back(
                found, self.url, self.folder, now=now, env=ENV, is_dead=is_dead, as_it_was=as_it_was
            )


@pytest.fixture
def place(database_url: str, tmp_path: Path) -> Iterator[Place]:
    made = Place(database_url, tmp_path / "backups")
    migrate(made.engine)
    for name in ("ada", "bob"):
        add_subscriber(made.engine, f"{name}@example.org", clock=lambda: NOON)
    yield made
    made.engine.dispose()


def test_a_restore_brings_back_who_was_deleted_and_saves_what_was_there(place: Place) -> None:
    file = place.back_up()
    with place.engine.begin() as connection:
        connection.execute(subscribers.delete().where(subscribers.c.email_key == "ada@example.org"))
    add_subscriber(place.engine, "new@example.org", clock=lambda: NOON)
    done = place.restore(file)
    assert sorted(place.people()) == ["ada@example.org", "bob@example.org"]
    assert done.saved is not None and done.damaged is None
    assert place.restore(done.saved, now=LATER + timedelta(minutes=1)).saved is not None
    assert sorted(place.people()) == ["bob@example.org", "new@example.org"]
    assert check(place.engine) == []
    leftovers = [path.name for folder in {place.folder, place.folder.parent} for path in folder.glob(".*")]
    assert leftovers == []
    assert {stat.S_IMODE(path.stat().st_mode) for path in backups(place.folder)} == {0o600}


def test_a_restored_database_sends_only_once_it_is_adopted(place: Place) -> None:
    file = place.back_up()  # nothing was ever sent, so that neither home nor epoch tells
    place.restore(file)
    with pytest.raises(ConfigError, match=f"put back from the backup {file.name}, on 2026-11-02 13:00 UTC"):
        guard.check_home(place.engine, guard.here(place.engine))
    guard.adopt(place.engine, guard.here(place.engine))
    guard.check_home(place.engine, guard.here(place.engine))


def test_who_left_or_was_suppressed_since_stays_off_the_list(place: Place) -> None:
    file = place.back_up()
    unsubscribe(place.engine, "ada@example.org", how="one-click", clock=lambda: NOON)
    with place.engine.begin() as connection:
        connection.execute(
            suppressions.insert().values(
                email_key="bob@example.org", reason="bounce", at=NOON, detail="5.1.1"
            )
        )
    place.restore(file)
    assert place.people() == {"ada@example.org": "unsubscribed", "bob@example.org": "confirmed"}
    with reading(place.engine) as connection:
        assert connection.execute(select(suppressions.c.email_key, suppressions.c.at)).all() == [
            ("bob@example.org", NOON)
        ]
        told = connection.execute(text("SELECT kind, how FROM consent_events WHERE how = 'restore'")).all()
    assert told == [("unsubscribed", "restore")]


def test_as_it_was_forgets_what_happened_since(place: Place) -> None:
    file = place.back_up()
    unsubscribe(place.engine, "ada@example.org", how="one-click", clock=lambda: NOON)
    place.restore(file, as_it_was=True)
    assert place.people() == {"ada@example.org": "confirmed", "bob@example.org": "confirmed"}


def test_what_was_sent_since_stays_known_so_nobody_is_mailed_twice(place: Place) -> None:
    driver = Driver(place.engine)
    driver.plan()
    file = place.back_up()  # in mid-send: both are queued in it
    driver.deliver()
    driver.plan(an_issue("2026-12-more"))
    driver.deliver()
    done = place.restore(file)
    assert done.sends == 1
    assert [(row.slug, row.state) for row in all_campaigns(place.engine)] == [
        ("2026-11-notes", CampaignState.FINISHED),
        ("2026-12-more", CampaignState.FINISHED),
    ]
    with reading(place.engine) as connection:
        assert connection.scalars(select(deliveries.c.state)).all() == ["sent"] * 4
    again = planning.begin(place.engine, an_issue("2026-12-more"), segment="", clock=lambda: NOON)
    assert again.state is CampaignState.FINISHED  # not a new one
    add_subscriber(place.engine, "eve@example.org", clock=lambda: NOON)
    driver.place = guard.here(place.engine)
    guard.adopt(place.engine, driver.place)
    driver.plan(an_issue("2027-01-on"))  # numbers go on above those that were kept
    driver.deliver()
    assert driver.mailed[4:] == ["ada@example.org", "bob@example.org", "eve@example.org"]
    assert driver.accounts.balances


def test_an_open_send_of_the_backup_is_paused_and_what_was_due_is_missed(place: Place) -> None:
    driver = Driver(place.engine)
    driver.plan()
    with place.engine.begin() as connection:
        for slug, at in (("due", NOON), ("coming", NOON + timedelta(days=9))):
            connection.execute(
                schedules.insert().values(slug=slug, send_at=at, wall="x", state="waiting", created_at=NOON)
            )
    file = place.back_up()
    place.restore(file, as_it_was=True)
    assert driver.campaign.state is CampaignState.PAUSED
    assert "backup was restored" in driver.campaign.reason
    with reading(place.engine) as connection:
        found = connection.execute(select(schedules.c.slug, schedules.c.state, schedules.c.settled_at)).all()
    assert sorted(found) == [("coming", "waiting", None), ("due", "missed", LATER)]


def test_a_date_of_a_slot_that_is_over_stays_over(place: Place) -> None:
    file = place.back_up()
    with place.engine.begin() as connection:
        connection.execute(
            schedules.insert().values(
                slug="2026-11",
                send_at=NOON,
                wall="x",
                slot="first monday 12:00",
                slot_date="2026-11-02",
                state="started",
                created_at=NOON,
            )
        )
    place.restore(file)
    with reading(place.engine) as connection:
        assert connection.execute(select(schedules.c.slot_date, schedules.c.state)).all() == [
            ("2026-11-02", "started")
        ]


def test_the_number_of_somebody_who_came_since_is_not_given_to_another(place: Place) -> None:
    file = place.back_up()
    add_subscriber(place.engine, "new@example.org", clock=lambda: NOON)
    place.restore(file)
    add_subscriber(place.engine, "newest@example.org", clock=lambda: NOON)
    with reading(place.engine) as connection:
        numbers = connection.execute(select(subscribers.c.email_key, subscribers.c.id)).all()
    assert dict(numbers)["newest@example.org"] > 3


def test_while_another_process_sends_a_restore_is_refused(place: Place) -> None:
    file = place.back_up()
    driver = Driver(place.engine)
    driver.plan()
    with place.engine.begin() as connection:
        connection.execute(
            deliveries.update().values(
                state="sending", claimed_by="host:1:2", lease_until=LATER + timedelta(minutes=5)
            )
        )
    with pytest.raises(UsageError, match="A send is running"):
        place.restore(file, is_dead=lambda owner: False)
    assert driver.campaign_id in {row.id for row in all_campaigns(place.engine)}
    assert backups(place.folder) == [file]
    place.restore(file, is_dead=lambda owner: True)  # a killed one is no obstacle


def test_while_another_process_tends_a_campaign_a_restore_is_refused(place: Place) -> None:
    file = place.back_up()
    Driver(place.engine).plan()
    with place.engine.begin() as connection:
        connection.execute(
            text("UPDATE campaigns SET tended_by = 'host:1:2', tended_until = :until"),
            {"until": "2099-01-01 00:00:00+00:00" if "postgresql" in place.url else "2099-01-01 00:00:00"},
        )
    with pytest.raises(UsageError, match="A send is running"):
        place.restore(file, is_dead=lambda owner: False)


def test_restoring_the_oldest_of_a_full_folder_does_not_remove_it(place: Place) -> None:
    oldest = place.back_up()
    for minute in range(1, 4):
        back_up(place.engine, place.folder, now=NOON + timedelta(minutes=minute), env=ENV, keep=4)
    place.restore(oldest)
    assert oldest in backups(place.folder)
    assert len(backups(place.folder)) == 5


@pytest.mark.parametrize("revision", REVISIONS[:-1])
def test_a_backup_of_an_older_revision_comes_back_and_is_migrated_by_the_owner(
    revision: str, database_url: str, tmp_path: Path
) -> None:
    old = open_engine(database_url)
    config = Config()
    config.set_main_option("script_location", "newsletter.store:migrations")
    at = "'2026-11-01 12:00:00'"
    with old.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        connection.exec_driver_sql(
            f"""INSERT INTO subscribers (email, email_key, status, created_at, updated_at)
            VALUES ('ada@example.org', 'ada@example.org', 'confirmed', {at}, {at})"""
        )
    place = Place(database_url, tmp_path / "backups")
    file = back_up(old, place.folder, now=NOON, env=ENV)
    old.dispose()
    migrate(place.engine)
    driver = Driver(place.engine)
    driver.plan()
    driver.deliver()
    done = place.restore(file)
    assert pending(place.engine) == list(REVISIONS[REVISIONS.index(revision) + 1 :])
    migrate(place.engine)
    assert check(place.engine) == []
    assert place.people() == {"ada@example.org": "confirmed"}
    assert [(row.slug, row.state) for row in all_campaigns(place.engine)] == [
        ("2026-11-notes", CampaignState.FINISHED)
    ]
    place.restore(file, now=LATER + timedelta(minutes=1))
    assert done.saved is not None
    place.restore(done.saved, now=LATER + timedelta(minutes=2))  # out of an older state into a newer one
    assert check(place.engine) == []
    place.engine.dispose()


def test_a_backup_of_a_newer_version_changes_nothing(place: Place) -> None:
    with place.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = 'm9999_later'")
    file = place.back_up()
    with place.engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{REVISIONS[-1]}'")
    with pytest.raises(ConfigError, match="newer version"):
        place.restore(file)
    assert check(place.engine) == []


@pytest.mark.parametrize("kind", ["cut", "flipped", "text", "empty"])
def test_a_damaged_backup_is_one_line_and_nothing_is_lost(kind: str, place: Place) -> None:
    driver = Driver(place.engine)
    driver.add(*people(400))
    file = place.back_up()
    whole = file.read_bytes()
    middle = len(whole) // 2
    # on SQLite the beginning of a page that holds readers: elsewhere nobody may use the bytes
    spot = whole.index(b"@example.org") // 4096 * 4096 + 600 if place.url.startswith("sqlite") else middle
    file.write_bytes(
        {
            "cut": whole[:middle],
            "flipped": whole[: spot - 600]
            + bytes(byte ^ 255 for byte in whole[spot - 600 : spot + 600])
            + whole[spot + 600 :],
            "text": b"Dear reader",
            "empty": b"",
        }[kind]
    )
    before = place.people()
    with pytest.raises((NewsletterError, ConfigError)) as caught:
        place.restore(file)
    assert "\n" not in str(caught.value)
    assert "@" not in str(caught.value)
    assert place.people() == before
    assert check(place.engine) == []
    assert backups(place.folder) == [file]


def test_a_backup_of_the_other_kind_of_database_is_named_as_such(place: Place, tmp_path: Path) -> None:
    file = tmp_path / "other"
    sqlite = place.url.startswith("sqlite")
    file.write_bytes(b"PGDMP\1\16\0" if sqlite else b"SQLite format 3\0")
    with pytest.raises(UsageError, match="is a backup of " + ("PostgreSQL" if sqlite else "SQLite")):
        place.restore(file)


def test_a_file_that_is_not_there_is_a_clear_error(place: Place, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="There is no file"):
        place.restore(tmp_path / "gone.db")


def test_into_an_empty_database_as_on_a_new_machine(place: Place, database_url: str) -> None:
    file = place.back_up()
    tables = inspect(place.engine).get_table_names()
    with place.engine.begin() as connection:
        connection.exec_driver_sql("PRAGMA foreign_keys = OFF" if "sqlite" in database_url else "SELECT 1")
        for table in tables:
            connection.exec_driver_sql(
                f"DROP TABLE {table}" + (" CASCADE" if "postgresql" in database_url else "")
            )
    place.restore(file)
    assert sorted(place.people()) == ["ada@example.org", "bob@example.org"]
    add_subscriber(place.engine, "new@example.org", clock=lambda: NOON)
    with reading(place.engine) as connection:
        newest = connection.scalar(
            select(subscribers.c.id).where(subscribers.c.email_key == "new@example.org")
        )
    assert newest is not None and newest > 1_000_000  # whom the old machine gave a number since is unknown


def test_who_has_the_database_open_sees_before_or_after(place: Place) -> None:
    file = place.back_up()
    other = open_engine(place.url)
    add_subscriber(other, "new@example.org", clock=lambda: NOON)
    if place.url.startswith("sqlite"):
        with reading(other) as connection:  # a reader of the state before does not stand in the way
            assert len(connection.execute(select(subscribers.c.id)).all()) == 3
            place.restore(file)
            assert len(connection.execute(select(subscribers.c.id)).all()) == 3
    else:
        place.restore(file)
    with reading(other) as connection:
        assert len(connection.execute(select(subscribers.c.id)).all()) == 2
    add_subscriber(other, "next@example.org", clock=lambda: NOON)
    assert "next@example.org" in place.people()
    other.dispose()
