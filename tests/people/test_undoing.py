"""Taking an import back: the list is as before, row for row, but for whoever was changed since."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select, text, update

from newsletter.errors import UsageError
from newsletter.model import SubscriberStatus
from newsletter.people.adding import add_subscriber
from newsletter.people.importing import import_csv
from newsletter.people.leaving import unsubscribe
from newsletter.people.tagging import change_tags
from newsletter.people.undoing import Undone, undo_import
from newsletter.store.engine import check, reading
from newsletter.store.subscribers import counts, find_id, known_fields, show
from newsletter.store.tables import (
    consent_events,
    import_changes,
    subscriber_fields,
    subscriber_tags,
    subscribers,
    suppressions,
)
from tests.delivery.driver import Driver

MONDAY = datetime(2026, 11, 2, 12, tzinfo=UTC)
TUESDAY = datetime(2026, 11, 3, 12, tzinfo=UTC)
FRIDAY = datetime(2026, 11, 6, 12, tzinfo=UTC)

PEOPLE = """\
email,name,city,instrument,tags
ada@example.org,Countess,Paris,harp,new;old
bob@example.org,Bob,,,
cyd@example.org,Cyd,Rome,,old
dot@example.org,Dot,,cello,new
"""


@pytest.fixture
def before(engine: Engine) -> Engine:
    """Ada with a name, tags and fields; Bob pending; Cyd unsubscribed. Dot is not there."""
    add_subscriber(
        engine,
        "ada@example.org",
        name="Ada",
        tags=["old", "own"],
        fields={"city": "Berlin", "since": "2020", "note": "a  b"},
        clock=lambda: MONDAY,
    )
    add_subscriber(engine, "bob@example.org", clock=lambda: MONDAY)
    add_subscriber(engine, "cyd@example.org", clock=lambda: MONDAY)
    unsubscribe(engine, "cyd@example.org", how="one-click", clock=lambda: MONDAY)
    with engine.begin() as connection:
        connection.execute(
            update(subscribers).where(subscribers.c.email == "bob@example.org").values(status="pending")
        )
        # JSON as another program may have written it: restored to the letter all the same
        connection.execute(
            text("""UPDATE subscribers SET attributes = '{"since": "2020",  "city":"Berlin", "note":"a"}'
            WHERE email = 'ada@example.org'""")
        )
    return engine


def bring_in(engine: Engine, folder: Path, content: str = PEOPLE, now: datetime = TUESDAY) -> int:
    file = folder / "people.csv"
    file.write_text(content, "utf-8")
    batch = import_csv(engine, file, source="a list", clock=lambda: now).batch_id
    assert batch is not None
    return batch


def take_back(engine: Engine, batch: int, **options: bool) -> Undone:
    return undo_import(engine, batch, clock=lambda: FRIDAY, **options)


def contents(engine: Engine) -> dict[str, list[tuple[Any, ...]]]:
    """All rows about people, as the database has them: JSON as text."""
    tables: dict[str, list[tuple[Any, ...]]] = {}
    with reading(engine) as connection:
        for table in (subscribers, subscriber_tags, subscriber_fields, suppressions, import_changes):
            columns = ", ".join(f"CAST({column.name} AS TEXT)" for column in table.columns)
            rows = connection.execute(
                text(
                    f"SELECT {columns} FROM {table.name} ORDER BY 1, 2"
                    if len(table.columns) > 1
                    else f"SELECT {columns} FROM {table.name} ORDER BY 1"
                )
            )
            tables[table.name] = [tuple(row) for row in rows]
    return tables


def consent(engine: Engine) -> list[tuple[int, str]]:
    query = select(consent_events.c.subscriber_id, consent_events.c.kind).order_by(consent_events.c.id)
    with reading(engine) as connection:
        return [(row[0], row[1]) for row in connection.execute(query)]


def status(engine: Engine, email: str) -> str | None:
    with reading(engine) as connection:
        found = show(connection, email)
    return None if found is None else found.subscriber.status.value


def test_import_and_undo_leave_every_row_as_it_was(before: Engine, tmp_path: Path) -> None:
    was, agreed = contents(before), consent(before)
    batch = bring_in(before, tmp_path)
    assert contents(before) != was
    done = take_back(before, batch)
    assert (done.removed, done.restored, done.kept) == (1, 2, {})
    assert contents(before) == was
    # the log of consent is the one thing that remembers: Bob was confirmed by the import, and is not now
    bob = agreed[1][0]
    assert consent(before) == [*agreed, (bob, "imported"), (bob, "import-undone")]
    assert check(before) == []


def test_two_imports_undone_in_turn_leave_every_row_as_it_was(before: Engine, tmp_path: Path) -> None:
    was = contents(before)
    first = bring_in(before, tmp_path)
    second = bring_in(before, tmp_path, "email,name\nada@example.org,Lady\ndot@example.org,Dorothy\n", FRIDAY)
    assert take_back(before, second).restored == 2
    assert (take_back(before, first).removed, contents(before)) == (1, was)


def test_who_unsubscribed_since_stays_unsubscribed(before: Engine, tmp_path: Path) -> None:
    batch = bring_in(before, tmp_path)
    for email in ("ada@example.org", "dot@example.org"):
        unsubscribe(before, email, how="one-click", clock=lambda: FRIDAY)
    done = take_back(before, batch)
    assert (done.removed, done.restored, done.kept) == (0, 1, {"unsubscribed": 2})
    assert status(before, "ada@example.org") == status(before, "dot@example.org") == "unsubscribed"
    # and a later import cannot bring them back either
    bring_in(before, tmp_path, now=FRIDAY)
    assert status(before, "dot@example.org") == "unsubscribed"


def test_who_was_edited_since_is_kept_as_they_are(before: Engine, tmp_path: Path) -> None:
    batch = bring_in(before, tmp_path)
    change_tags(before, "dot@example.org", ["vip"], "add", clock=lambda: FRIDAY)
    bring_in(before, tmp_path, "email,city\nada@example.org,Oslo\n", FRIDAY)
    done = take_back(before, batch)
    assert (done.removed, done.restored, done.kept) == (0, 1, {"confirmed": 2})
    with reading(before) as connection:
        ada, dot = show(connection, "ada@example.org"), show(connection, "dot@example.org")
        assert known_fields(connection) >= {"city", "instrument"}
    assert ada is not None and dot is not None
    assert (ada.subscriber.name, ada.subscriber.attributes["city"]) == ("Countess", "Oslo")
    assert dot.subscriber.tags == ["new", "vip"]


def test_a_dry_run_counts_the_same_and_changes_nothing(before: Engine, tmp_path: Path) -> None:
    batch = bring_in(before, tmp_path)
    after = contents(before)
    trial = take_back(before, batch, dry_run=True)
    assert contents(before) == after
    done = take_back(before, batch)
    assert (trial.removed, trial.restored) == (done.removed, done.restored)


def test_an_import_is_undone_once(before: Engine, tmp_path: Path) -> None:
    batch = bring_in(before, tmp_path)
    take_back(before, batch)
    with pytest.raises(UsageError, match="was undone on 2026-11-06"):
        take_back(before, batch)
    with pytest.raises(UsageError, match="There is no import 999"):
        take_back(before, 999)


def test_an_import_from_before_the_journal_is_refused(before: Engine, tmp_path: Path) -> None:
    batch = bring_in(before, tmp_path)
    with before.begin() as connection:
        connection.execute(import_changes.delete())
    with pytest.raises(UsageError, match="from before there was a journal") as caught:
        take_back(before, batch)
    assert "backup" in caught.value.hint


def test_an_import_that_changed_nothing_is_undone_without_ado(before: Engine, tmp_path: Path) -> None:
    batch = bring_in(before, tmp_path, "email\nada@example.org\n")
    assert take_back(before, batch).removed == 0


def test_a_number_is_never_given_again_after_an_undo(before: Engine, tmp_path: Path) -> None:
    """A link in mail that is out there names its reader by number."""
    batch = bring_in(before, tmp_path)
    with reading(before) as connection:
        highest = max(connection.scalars(select(subscribers.c.id)))
    take_back(before, batch)
    assert add_subscriber(before, "eve@example.org", clock=lambda: FRIDAY).id > highest


def test_who_was_mailed_before_the_undo_can_still_leave(before: Engine, tmp_path: Path) -> None:
    """Their mail names them by a number that is gone; it is their address that leaves, for good."""
    batch = bring_in(before, tmp_path)
    campaign = Driver(before)
    campaign.plan()
    campaign.deliver()
    with reading(before) as connection:
        dot = find_id(connection, "dot@example.org")
    assert dot is not None
    take_back(before, batch)
    assert unsubscribe(before, dot, how="one-click", clock=lambda: FRIDAY) == "unsubscribed"
    assert unsubscribe(before, dot, how="one-click", clock=lambda: FRIDAY) == "already"
    bring_in(before, tmp_path, now=FRIDAY)
    assert status(before, "dot@example.org") == "unsubscribed"


def test_an_old_link_takes_off_who_was_imported_again(before: Engine, tmp_path: Path) -> None:
    batch = bring_in(before, tmp_path)
    campaign = Driver(before)
    campaign.plan()
    with reading(before) as connection:
        dot = find_id(connection, "dot@example.org")
    assert dot is not None
    take_back(before, batch)
    bring_in(before, tmp_path, now=FRIDAY)
    assert status(before, "dot@example.org") == "confirmed"
    assert unsubscribe(before, dot, how="one-click", clock=lambda: FRIDAY) == "unsubscribed"
    assert status(before, "dot@example.org") == "unsubscribed"


def test_a_whole_list_is_undone(engine: Engine, tmp_path: Path) -> None:
    rows = "".join(f"reader{number}@example.org,t{number % 3}\n" for number in range(3000))
    batch = bring_in(engine, tmp_path, f"email,tags\n{rows}")
    assert take_back(engine, batch).removed == 3000
    with reading(engine) as connection:
        assert counts(connection)[SubscriberStatus.CONFIRMED] == 0
        assert connection.execute(select(subscriber_tags)).all() == []
