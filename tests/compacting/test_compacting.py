"""Which issues lose their rows; that they do so whole or not at all, whatever happens at the same time."""

import threading
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, select, text, update

from newsletter.errors import NewsletterError, UsageError
from newsletter.feedback.keeping import keep_events
from newsletter.model import EventKind
from newsletter.people.segments import issues_asked_about
from newsletter.reporting.counting import count
from newsletter.settings import Settings
from newsletter.store import campaigns, compacting
from newsletter.store.campaigns import Campaign
from newsletter.store.compacting import Rows
from newsletter.store.engine import reading
from newsletter.store.events import Event
from newsletter.store.sums import IssueSums, stored
from newsletter.store.tables import deliveries, events, schedules, subscribers, sums
from tests.compacting.past import NOW, SLUG, a_past_year, begin, compact, found, put_in, rows_of, the_old
from tests.delivery.driver import an_issue
from tests.reporting.world import NOVEMBER, World

SEPTEMBER = "2026-09-back-to-rhythm"


@pytest.fixture
def world(engine: Engine) -> World:
    return put_in(a_past_year(), engine)


def test_old_issues_may_go_but_for_the_newest_three(engine: Engine, world: World) -> None:
    old = found(engine)
    assert [slug for slug, each in old.items() if not each.why] == [
        SEPTEMBER,
        "2026-10-songs-that-stay",
        SLUG,
    ]
    assert old[SLUG].rows == rows_of(engine)
    assert old[SLUG].rows.deliveries == sum(row["campaign_id"] > 2 for row in world.rows["deliveries"]) - 3
    late = found(engine, now=NOW + timedelta(days=400))
    assert {slug for slug, each in late.items() if "newest" in each.why} == set(late) - set(old)
    assert found(engine, now=NOVEMBER + timedelta(days=60)) == {}


def test_what_is_not_over_keeps_its_rows_and_says_why(engine: Engine, world: World) -> None:
    with engine.begin() as connection:
        connection.execute(
            schedules.insert().values(
                slug="2026-10-songs-that-stay",
                segment="tag:late",
                send_at=NOW,
                wall="tomorrow",
                state="waiting",
                created_at=NOW,
            )
        )
        first = select(deliveries.c.id).where(deliveries.c.campaign_id == 1).limit(1).scalar_subquery()
        connection.execute(update(deliveries).where(deliveries.c.id == first).values(state="uncertain"))
    why = found(engine)
    assert "nobody knows whether 1 of its deliveries left" in why[SEPTEMBER].why
    assert f"newsletter resolve {SEPTEMBER}" in why[SEPTEMBER].hint
    assert "it is booked for tomorrow" in why["2026-10-songs-that-stay"].why
    with engine.begin() as connection:
        connection.execute(text("UPDATE campaigns SET candidates = candidates + 1 WHERE id = 3"))
    assert found(engine)[SLUG].why == "its accounts do not balance"
    with engine.begin() as connection:
        connection.execute(text("UPDATE campaigns SET state = 'paused' WHERE id = 3"))
    assert found(engine)[SLUG].why == "a send of it is paused"
    with pytest.raises(NewsletterError, match=f"{SLUG} keeps its rows: a send of it is paused"):
        compacting.compact(engine, the_old(engine), count=count, now=NOW)


def test_an_issue_that_a_segment_asks_about_keeps_its_rows(engine: Engine, world: World) -> None:
    settings = _settings(loyal=f"received {SLUG}", families="tag:families")
    with engine.begin() as connection:
        asked = issues_asked_about(connection, settings)
        connection.execute(
            text("UPDATE campaigns SET state = 'paused', segment = 'not received 2026-09-back-to-rhythm' "
                 "WHERE slug LIKE '%newer'  AND id = 5")
        )  # fmt: skip
        more = issues_asked_about(connection, settings)
    assert asked == {SLUG: "the segment loyal in [segments]"}
    assert "which is paused" in more[SEPTEMBER]
    assert found(engine, asked=asked)[SLUG].why == "the segment loyal in [segments] asks who received it"


def test_twice_is_once(engine: Engine, world: World) -> None:
    old = the_old(engine)
    gone = compact(engine)
    assert gone.total > 0
    assert not compacting.compact(engine, old, count=count, now=NOW)
    assert list(compacting.empty(engine, SLUG, now=NOW)) == []
    assert SLUG not in found(engine)
    with reading(engine) as connection:
        assert connection.execute(select(sums.c.slug, sums.c.at, sums.c.emptied_at)).all() == [
            (SLUG, NOW, NOW)
        ]
        assert compacting.half_emptied(connection) == {}


def test_other_issues_keep_every_row(engine: Engine, world: World) -> None:
    others = {slug: rows_of(engine, slug) for slug in (SEPTEMBER, "2026-10-songs-that-stay")}
    compact(engine)
    assert {slug: rows_of(engine, slug) for slug in others} == others


def test_what_was_left_half_way_is_found_and_gone_on_with(engine: Engine, world: World) -> None:
    compacting.compact(engine, the_old(engine), count=count, now=NOW)
    going = compacting.empty(engine, SLUG, now=NOW, chunk=10)
    next(going)
    going.close()
    with reading(engine) as connection:
        left = compacting.half_emptied(connection)
    assert left == {SLUG: rows_of(engine)}
    assert sum(compacting.empty(engine, SLUG, now=NOW), Rows()) == left[SLUG]
    assert rows_of(engine).total == 0


def test_an_event_that_comes_while_counting_is_counted(engine: Engine, world: World) -> None:
    mine = [row for row in world.rows["deliveries"] if row["campaign_id"] == 4 and row["state"] == "sent"]
    sent = mine[-1]["id"]
    counted: list[int] = []

    def slowly(connection: Connection, which: Sequence[Campaign]) -> IssueSums:
        figures = count(connection, which)
        counted.append(figures.of(4).fates.complaints)
        if len(counted) == 1:
            keep_events(engine, [_event(sent, world.key(4))], fingerprints=_nobody, now=NOW)
        return figures

    assert compacting.compact(engine, the_old(engine), count=slowly, now=NOW)
    assert counted == [counted[0], counted[0] + 1]
    with reading(engine) as connection:
        assert stored(connection, SLUG).of(4).fates.complaints == counted[1]


def test_an_issue_that_is_sent_to_others_meanwhile_keeps_its_rows(engine: Engine, world: World) -> None:
    """The send is not committed yet when the sums are written: one of the two must see the other."""
    before, errors = rows_of(engine), list[str]()
    counted = threading.Event()

    def counting(connection: Connection, which: Sequence[Campaign]) -> IssueSums:
        counted.set()
        return count(connection, which)

    def compacts() -> None:
        try:
            compacting.compact(engine, old, count=counting, now=NOW)
        except NewsletterError as error:
            errors.append(str(error))

    old = the_old(engine)
    with engine.begin() as connection:
        campaigns.create_campaign(connection, an_issue(SLUG), segment="tag:late", now=NOW)
        thread = threading.Thread(target=compacts)
        thread.start()
        assert counted.wait(10)
        thread.join(0.3)
        assert thread.is_alive(), "it must wait for the send that begins"
    thread.join(10)
    assert errors == [f"{SLUG} keeps its rows: a send of it is planning."]
    assert rows_of(engine) == before
    with reading(engine) as connection:
        assert connection.scalars(select(sums.c.slug)).all() == []


def test_a_send_that_begins_while_the_sums_are_written_is_refused(engine: Engine, world: World) -> None:
    with engine.connect() as connection:
        found_ = campaigns.campaigns_of(connection, SLUG)
        newest = connection.scalar(select(events.c.id).order_by(events.c.id.desc()).limit(1)) or 0
        assert compacting._put(connection, found_, newest, "{}", NOW)
        refused: list[str] = []

        def sends() -> None:
            try:
                begin(engine, SLUG, "tag:late")
            except UsageError as error:
                refused.append(str(error))

        thread = threading.Thread(target=sends)
        thread.start()
        thread.join(0.3)
        assert thread.is_alive(), "it must wait for the sums"
        connection.commit()
    thread.join(10)
    assert "compacted" in refused[0]


def test_whose_import_was_undone_stays_known_by_their_link(engine: Engine, world: World) -> None:
    with engine.begin() as connection:
        gone = connection.execute(
            select(deliveries.c.subscriber_id, deliveries.c.email_key)
            .where(deliveries.c.campaign_id == 1, deliveries.c.state == "sent")
            .order_by(deliveries.c.id)
        ).first()
        assert gone is not None
        connection.execute(
            text("DELETE FROM consent_events WHERE subscriber_id = :id"), {"id": gone.subscriber_id}
        )
        connection.execute(subscribers.delete().where(subscribers.c.id == gone.subscriber_id))
    compact(engine, SEPTEMBER)
    with reading(engine) as connection:
        assert connection.execute(
            select(deliveries.c.subscriber_id, deliveries.c.email_key).where(deliveries.c.campaign_id == 1)
        ).all() == [gone]


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_rows_go_by_an_index(engine: Engine, world: World) -> None:
    values = {"campaign": 1, "kind": "open", "since": 0, "chunk": 10}
    for statement, index in zip(
        compacting.CHUNKS["sqlite"],
        (
            "ix_events_campaign_id_kind (campaign_id=? AND kind=? AND delivery_id>?)",
            "ix_events_campaign_id_kind (campaign_id=? AND kind=? AND delivery_id=?)",
            "(campaign_id=? AND subscriber_id>?)",
        ),
        strict=True,
    ):
        with reading(engine) as connection:
            plan = connection.execute(text(f"EXPLAIN QUERY PLAN {statement.text}"), values).all()
        said = "\n".join(row.detail for row in plan)
        assert index in said
        assert "SCAN" not in said and "TEMP B-TREE" not in said


@pytest.mark.postgres
@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
def test_postgresql_looks_rows_up_one_by_one(engine: Engine, world: World) -> None:
    """Which index it goes by depends on how many rows there are; that it joins no tables does not."""
    values = {"campaign": 1, "kind": "open", "since": 0, "chunk": 10_000}
    for statement in compacting.CHUNKS["postgresql"]:
        with engine.connect() as connection:
            plan = connection.execute(text(f"EXPLAIN {statement.text}"), values).scalars().all()
        assert "InitPlan" in plan[1]
        assert "Join" not in "\n".join(plan)


def _event(delivery: int, key: str) -> Event:
    return Event(
        dedupe="late",
        kind=EventKind.COMPLAINT,
        at=NOW,
        message_id="late",
        campaign=key,
        delivery=delivery,
        recipient="reader0001@post.example.org",
    )


def _nobody(_key: str) -> Sequence[str]:
    return []


def _settings(**segments: str) -> Settings:
    from newsletter.settings import Newsletter

    news: Any = Newsletter(name="Ignite", from_="Ignite <news@example.org>", postal_address="1 Street")
    return Settings(newsletter=news, segments=segments)
