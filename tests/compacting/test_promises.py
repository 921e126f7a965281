"""What holds for an issue that nobody has rows of any more: never sent again, and nobody's wish is lost."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, event, select, text

from newsletter.delivery import catching_up, planning
from newsletter.errors import UsageError
from newsletter.feedback.keeping import keep_events
from newsletter.model import CampaignState, EventKind
from newsletter.people.exporting import export
from newsletter.people.forgetting import forget
from newsletter.people.leaving import unsubscribe
from newsletter.people.segments import audience
from newsletter.schedule.booking import refuse_booking
from newsletter.schedule.walls import When
from newsletter.store import campaigns, schedules
from newsletter.store.catching_up import count_missing
from newsletter.store.engine import reading
from newsletter.store.events import Event
from newsletter.store.segments import count_segment
from newsletter.store.sent import sent_issues
from newsletter.store.subscribers import list_subscribers
from newsletter.store.suppressing import soft_runs
from newsletter.store.tables import subscribers, suppressions
from tests.compacting.past import a_small_past, begin, compact, put_in
from tests.delivery.driver import an_issue
from tests.reporting.world import World

NOW = datetime.now(UTC)
SOFT = "Transient MailboxFull 4.2.2: full"


@pytest.fixture
def world(engine: Engine) -> World:
    """An issue that Ada, Ben and Zoe had long ago, compacted."""
    made = put_in(a_small_past(), engine)
    compact(engine, "long-ago", now=NOW)
    return made


def test_it_is_never_sent_again_to_anybody(engine: Engine, world: World) -> None:
    with pytest.raises(UsageError, match="nobody knows any more who had it") as caught:
        begin(engine, "long-ago", "tag:late")
    assert "newsletter new" in caught.value.hint
    with reading(engine) as connection:
        assert [each.segment for each in campaigns.campaigns_of(connection, "long-ago")] == [""]
        when = When(instant=NOW + timedelta(days=1), wall="tomorrow", remark="")
        with pytest.raises(UsageError, match="nobody knows any more"):
            refuse_booking(connection, "long-ago", "tag:late", when, NOW)
    with pytest.raises(UsageError, match="nobody knows any more"):
        planning.preview_plan(engine, "long-ago", audience=audience(""))


def test_to_whom_it_was_sent_the_answer_is_still_that(engine: Engine, world: World) -> None:
    again = planning.begin(engine, an_issue("long-ago"), segment="", clock=lambda: NOW)
    assert again.state is CampaignState.FINISHED
    planning.plan(engine, again.id, audience=audience(""), clock=lambda: NOW)
    with reading(engine) as connection:
        when = When(instant=NOW + timedelta(days=1), wall="tomorrow", remark="")
        with pytest.raises(UsageError, match="was already sent to everyone"):
            refuse_booking(connection, "long-ago", "", when, NOW)


def test_a_cancelled_send_is_not_begun_anew(engine: Engine) -> None:
    world = a_small_past()
    world.rows["campaigns"][0]["state"] = "cancelled"
    put_in(world, engine)
    compact(engine, "long-ago", now=NOW)
    with pytest.raises(UsageError, match="nobody knows any more"):
        begin(engine, "long-ago", "")


def test_no_slot_takes_it(engine: Engine, world: World) -> None:
    from newsletter.store.approvals import approve

    with engine.begin() as connection:
        approve(connection, an_issue("long-ago"), "tag:late", NOW)
        approve(connection, an_issue("brand-new"), "", NOW)
        assert schedules.candidates(connection, NOW) == ["brand-new"]


def test_nobody_is_caught_up_with(engine: Engine, world: World) -> None:
    with reading(engine) as connection:
        campaign = campaigns.campaigns_of(connection, "long-ago")[0]
        with pytest.raises(UsageError, match="nobody knows any more"):
            count_missing(connection, campaign, None)
    with pytest.raises(UsageError, match="nobody knows any more"):
        catching_up.catch_up(engine, campaign, joined=True, clock=lambda: NOW)


@pytest.mark.parametrize("rule", ["received long-ago", "tag:families or not (received long-ago)"])
def test_a_segment_that_asks_who_had_it_is_refused_everywhere(
    engine: Engine, world: World, rule: str, tmp_path: Path
) -> None:
    """Never silently "nobody": ``not received`` would mail everybody."""
    with pytest.raises(UsageError, match="asks who received long-ago"):
        planning.preview_plan(engine, "brand-new", audience=audience(rule))
    with reading(engine) as connection:
        with pytest.raises(UsageError, match="asks who received long-ago"):
            count_segment(connection, audience(rule))
        with pytest.raises(UsageError, match="asks who received long-ago"):
            list(list_subscribers(connection, audience(rule) & (subscribers.c.status == "confirmed")))
        newer = campaigns.campaigns_of(connection, None)[-1]
        with pytest.raises(UsageError, match="asks who received long-ago"):
            count_missing(connection, newer, audience(rule))
    with pytest.raises(UsageError, match="asks who received long-ago"):
        export(engine, tmp_path / "out.csv", audience(rule))
    assert list(tmp_path.glob("*out*")) == []
    begun = planning.begin(engine, an_issue("brand-new"), segment=rule, clock=lambda: NOW)
    with pytest.raises(UsageError, match="asks who received long-ago"):
        planning.plan(engine, begun.id, audience=audience(rule), clock=lambda: NOW)
    with reading(engine) as connection:
        assert connection.execute(text("SELECT count(*) FROM deliveries WHERE campaign_id > 4")).scalar() == 0


def test_a_segment_that_asks_about_others_counts_as_before(engine: Engine, world: World) -> None:
    newer = world.rows["campaigns"][1]["slug"]
    with reading(engine) as connection:
        assert count_segment(connection, audience(f"received {newer}")).people == 1
        assert count_segment(connection, audience(f"not received {newer}")).people == 2


@pytest.mark.parametrize(
    ("kind", "bounce", "status"), [("bounce", "hard", "bounced"), ("complaint", "", "complained")]
)
def test_late_events_still_end_mailing(
    engine: Engine, world: World, kind: str, bounce: str, status: str
) -> None:
    late = Event(
        dedupe="late",
        kind=EventKind(kind),
        at=NOW,
        message_id="m",
        campaign=world.key(1),
        delivery=2,
        recipient="ben@example.org",
        bounce=bounce,  # type: ignore[arg-type]
    )
    kept = keep_events(engine, [late], fingerprints=_nobody, now=NOW)
    assert kept.events == 1
    with reading(engine) as connection:
        assert connection.scalars(select(suppressions.c.email_key)).all() == ["ben@example.org"]
        ben = select(subscribers.c.status).where(subscribers.c.email_key == "ben@example.org")
        assert connection.scalar(ben) == status


def test_an_old_unsubscribe_link_still_works(engine: Engine, world: World) -> None:
    key = world.key(1)
    assert (
        unsubscribe(engine, 3, how="one-click", source=f"link of {key}", clock=lambda: NOW) == "unsubscribed"
    )


def test_whose_import_was_undone_can_still_leave(engine: Engine) -> None:
    put_in(a_small_past(), engine)
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM consent_events WHERE subscriber_id = 3"))
        connection.execute(subscribers.delete().where(subscribers.c.id == 3))
    compact(engine, "long-ago", now=NOW)
    assert unsubscribe(engine, 3, how="one-click", source="", clock=lambda: NOW) == "unsubscribed"
    with reading(engine) as connection:
        left = select(subscribers.c.email_key).where(subscribers.c.status == "unsubscribed")
        assert connection.scalars(left).all() == ["zoe@example.org"]


def test_soft_bounces_before_and_after_are_no_run(engine: Engine) -> None:
    """The compacted issue reached Ada in between: the others would look like three in a row without it."""
    world = World()
    ada = world.person("ada@example.org", at=NOW)
    for month in range(4):
        at = NOW - timedelta(days=900 - month)
        campaign = world.campaign(f"issue-{month}", at)
        delivery = world.delivery(campaign, ada, at=at)
        if month == 1:
            world.event("delivery", delivery, at)
        else:
            world.event("bounce", delivery, at, bounce="soft", detail=SOFT)
    put_in(world, engine)
    with reading(engine) as connection:
        assert soft_runs(connection, ["ada@example.org"], 3) == {}
        assert soft_runs(connection, ["ada@example.org"], 2) == {"ada@example.org": [SOFT, SOFT]}
    compact(engine, "issue-1", now=NOW)
    with reading(engine) as connection:
        assert soft_runs(connection, ["ada@example.org"], 3) == {}
        assert soft_runs(connection, ["ada@example.org"], 2) == {"ada@example.org": [SOFT, SOFT]}


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_who_asks_to_be_forgotten_is_not_left_in_the_pages_that_were_freed(engine: Engine) -> None:
    file = Path(engine.url.database or "")
    engine.dispose()  # many builds of SQLite overwrite by themselves; not all of them do
    event.listen(engine, "connect", lambda raw, _: raw.execute("PRAGMA secure_delete = OFF"))
    put_in(a_small_past(), engine)
    compact(engine, "long-ago", now=NOW)
    forget(engine, "zoe@example.org", fingerprints=lambda _: ["hmac:1"], clock=lambda: NOW)
    engine.dispose()
    assert b"zoe@" not in b"".join(each.read_bytes() for each in file.parent.glob(f"{file.name}*"))


def test_the_archive_shows_what_it_showed(engine: Engine) -> None:
    """A send that was cancelled after some had it counts; one that was cancelled before does not."""
    world = a_small_past()
    at = world.rows["campaigns"][0]["created_at"] + timedelta(minutes=5)
    world.campaign("long-ago", at, segment="tag:late", state="cancelled")
    world.campaign("never-went", at, state="cancelled")
    world.rows["campaigns"][0]["state"] = "cancelled"
    put_in(world, engine)
    with reading(engine) as connection:
        before = sent_issues(connection)
    compact(engine, "long-ago", now=NOW)
    compact(engine, "never-went", now=NOW)
    with reading(engine) as connection:
        assert sent_issues(connection) == before
    assert (before[0].slug, before[0].campaign) == ("long-ago", 1)
    assert "never-went" not in [each.slug for each in before]


def _nobody(_key: str) -> Sequence[str]:
    return []
