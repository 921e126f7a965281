"""A booked issue goes at its time, once; too late, and the owner is asked."""

import pytest
from sqlalchemy import Engine

from newsletter import pipeline, readying
from newsletter.due.appointments import by_hand
from newsletter.due.sending import send_due
from newsletter.errors import ConfigError, IssueError, SendError, Stopped, UsageError
from newsletter.model import CampaignState
from newsletter.store import campaigns, guard
from newsletter.store.engine import reading
from tests.schedule.conftest import READERS, Planner

WINTER, SPRING = "2026-12-winter-songs", "2027-03-spring-songs"


def test_a_booked_issue_goes_at_its_time_and_not_before(planner: Planner, engine: Engine) -> None:
    planner.approve(WINTER)
    planner.book(WINTER, "2026-12-01 09:00")
    planner.set("2026-12-01 08:59")
    assert planner.round().nothing and planner.mailed() == []
    planner.set("2026-12-01 09:00")
    done = planner.round()
    assert planner.mailed() == READERS
    assert planner.happened() == [("started", WINTER), ("finished", WINTER)]
    assert (done.issues, done.errors, done.uncertain) == ((WINTER,), (), 0)
    assert planner.states() == [(WINTER, "started")]
    assert planner.rows()[0].campaign_id == planner.campaigns()[0].id
    assert planner.round().nothing
    assert planner.mailed() == READERS


@pytest.mark.parametrize(
    ("zone", "booked", "before", "at"),
    [
        ("Europe/Berlin", "2026-10-25 02:30", "2026-10-25T00:29+00:00", "2026-10-25T00:30+00:00"),
        ("America/Halifax", "2027-03-14 03:00", "2027-03-14T05:59+00:00", "2027-03-14T06:00+00:00"),
        ("Australia/Lord_Howe", "2027-04-04 01:45", "2027-04-03T14:44+00:00", "2027-04-03T14:45+00:00"),
    ],
)
def test_on_the_days_when_clocks_change_it_goes_once(
    planner: Planner, zone: str, booked: str, before: str, at: str
) -> None:
    planner.with_settings(newsletter={"timezone": zone})
    planner.set("2026-09-01 12:00")
    planner.approve(WINTER)
    planner.book(WINTER, booked)
    planner.set_utc(before)
    assert planner.round().nothing
    planner.set_utc(at)
    for _ in range(5):  # and an hour later, when the clock shows the same time again
        planner.round()
        planner.later(minutes=20)
    assert planner.mailed() == READERS and len(planner.campaigns()) == 1


def test_what_was_approved_is_what_goes_even_if_the_file_was_edited_since(planner: Planner) -> None:
    planner.approve(WINTER, body="What she approved.")
    planner.book(WINTER, "2026-12-01 09:00")
    planner.write(WINTER, body="What she never saw.")
    planner.set("2026-12-01 09:00")
    planner.round()
    part = planner.mailbox()[0].get_body(("plain",))
    assert part is not None and "What she approved." in part.get_content()


def test_booking_an_issue_that_is_not_approved_checks_and_approves_it(planner: Planner) -> None:
    planner.write(WINTER)
    booked = planner.book(WINTER, "2026-12-01 09:00")
    assert any("is approved with this" in remark for remark in booked.remarks)
    planner.write(WINTER, body="What she never saw.")
    assert any("edited after its approval" in remark for remark in readying.prepare_to_send(
        planner.services, WINTER).remarks)  # fmt: skip
    planner.write(SPRING, body="lorem ipsum dolor")
    with pytest.raises(IssueError):
        planner.book(SPRING, "2026-12-01 09:00")
    assert planner.states() == [(WINTER, "waiting")]


def test_what_cannot_be_booked_is_refused_with_the_reason(planner: Planner, engine: Engine) -> None:
    planner.approve(WINTER)
    with pytest.raises(UsageError, match="is past"):
        planner.book(WINTER, "2026-11-01 11:59")
    with pytest.raises(UsageError, match="does not exist"):
        planner.book(WINTER, "2027-03-28 02:30")
    planner.book(WINTER, "2026-12-01 09:00")
    with pytest.raises(UsageError, match="booked already, for 2026-12-01 09:00 Europe/Berlin"):
        planner.book(WINTER, "2026-12-02 09:00")
    planner.set("2026-12-01 09:00")
    planner.round()
    with pytest.raises(UsageError, match="already sent to everyone"):
        planner.book(WINTER, "2026-12-02 09:00")
    assert planner.states() == [(WINTER, "started")]


def test_an_issue_may_be_booked_for_one_segment_after_another(planner: Planner) -> None:
    planner.approve(WINTER)
    planner.book(WINTER, "2026-12-01 09:00", "tag:group")
    planner.set("2026-12-01 09:00")
    planner.round()
    assert planner.mailed() == []
    planner.book(WINTER, "2026-12-02 09:00")
    planner.set("2026-12-02 09:00")
    planner.round()
    assert planner.mailed() == READERS


# -- too late -------------------------------------------------------------------------------------


def test_a_little_late_it_goes_all_the_same(planner: Planner) -> None:
    planner.approve(WINTER)
    planner.book(WINTER, "2026-12-01 09:00")
    planner.set("2026-12-01 15:00")
    planner.round()
    assert planner.mailed() == READERS


def test_later_than_max_late_nobody_is_mailed_and_the_owner_is_asked_once(
    planner: Planner, engine: Engine
) -> None:
    planner.approve(WINTER)
    planner.book(WINTER, "2026-12-01 09:00")
    planner.set("2026-12-01 15:01")
    for _ in range(3):
        planner.round()
    assert planner.mailed() == [] and planner.states() == [(WINTER, "missed")]
    assert planner.told() == [f"Ignite Music Therapy: {WINTER} was not sent. What now?"]
    body = planner.mailbox()[0].get_content()
    assert f"newsletter send {WINTER}" in body and f"newsletter schedule add {WINTER}" in body
    assert [what for what, _ in planner.happened()] == ["missed", "told"]


def test_what_was_missed_goes_when_it_is_booked_again_or_sent_by_hand(planner: Planner) -> None:
    planner.approve(WINTER)
    planner.book(WINTER, "2026-12-01 09:00")
    planner.set("2026-12-03 09:00")
    planner.round()
    planner.book(WINTER, "2026-12-04 09:00")
    planner.set("2026-12-04 09:00")
    planner.round()
    assert planner.mailed() == READERS
    assert planner.states() == [(WINTER, "missed"), (WINTER, "started")]


def test_a_computer_that_falls_asleep_just_before_it_starts_a_send_asks_when_it_wakes(
    planner: Planner, monkeypatch: pytest.MonkeyPatch
) -> None:
    planner.approve(WINTER)
    planner.book(WINTER, "2026-12-01 09:00")
    planner.set("2026-12-01 09:00")
    checked = guard.check_home

    def sleepy(*args: object) -> None:
        planner.later(hours=10)
        checked(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(guard, "check_home", sleepy)
    planner.round()
    assert planner.mailed() == [] and planner.campaigns() == []
    assert planner.states() == [(WINTER, "missed")]


# -- crashes and company --------------------------------------------------------------------------


def test_an_appointment_and_its_campaign_are_made_together_or_not_at_all(
    planner: Planner, engine: Engine
) -> None:
    planner.approve(WINTER)
    planner.book(WINTER, "2026-12-01 09:00")
    planner.set("2026-12-01 09:00")
    [row] = planner.rows()
    ready = readying.prepare_to_send(planner.services, WINTER)

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pipeline.start(planner.services, ready, also=crash)
    assert planner.campaigns() == [] and planner.rows() == [row]
    planner.round()
    assert planner.mailed() == READERS and len(planner.campaigns()) == 1


@pytest.mark.parametrize("planned", [True, False])
def test_what_was_begun_and_left_alone_is_gone_on_with_by_the_next_round(
    planner: Planner, planned: bool
) -> None:
    planner.approve(WINTER)
    ready = readying.prepare_to_send(planner.services, WINTER)
    campaign = pipeline.start(planner.services, ready)
    if not planned:
        planner.execute("DELETE FROM deliveries")
        planner.execute("UPDATE campaigns SET state = 'planning', planned_through = 0, candidates = 0")
    assert planner.round().issues == (WINTER,)
    assert planner.mailed() == READERS
    with reading(planner.engine) as connection:
        assert campaigns.get_campaign(connection, campaign.id).state is CampaignState.FINISHED


def test_what_another_process_looks_after_is_left_to_it_until_that_is_over(
    planner: Planner, engine: Engine
) -> None:
    planner.approve(WINTER)
    ready = readying.prepare_to_send(planner.services, WINTER)
    campaign = pipeline.start(planner.services, ready)
    planner.tend(campaign.id, "elsewhere:7:1.00")
    assert planner.round().nothing and planner.mailed() == []
    planner.later(minutes=3)
    assert planner.round().issues == (WINTER,)
    assert planner.mailed() == READERS


def test_what_a_process_looked_after_that_died_on_this_host_is_gone_on_with_at_once(
    planner: Planner,
) -> None:
    import socket

    planner.approve(WINTER)
    ready = readying.prepare_to_send(planner.services, WINTER)
    campaign = pipeline.start(planner.services, ready)
    planner.tend(campaign.id, f"{socket.gethostname()[:64]}:999999:1.00")
    assert planner.round().issues == (WINTER,)
    assert planner.mailed() == READERS


def test_a_paused_or_cancelled_send_is_left_alone(planner: Planner) -> None:
    planner.approve(WINTER)
    planner.book(WINTER, "2026-12-01 09:00")
    planner.set("2026-12-01 09:00")
    planner.stops = lambda: True
    planner.round()
    for state in ("paused", "cancelled"):
        planner.execute(f"UPDATE campaigns SET state = '{state}'")
        planner.stops = lambda: False
        assert planner.round().nothing
    assert planner.mailed() == []


def test_a_stop_ends_a_send_half_way_and_the_next_round_goes_on(planner: Planner) -> None:
    planner.approve(WINTER)
    planner.book(WINTER, "2026-12-01 09:00")
    planner.set("2026-12-01 09:00")
    asked = iter([False] * 2)
    planner.stops = lambda: next(asked, True)
    with pytest.raises(Stopped):
        planner.round()
    assert planner.states() == [(WINTER, "started")]
    planner.stops = lambda: False
    planner.round()
    assert planner.mailed() == READERS


def test_two_issues_that_are_due_together_both_go(planner: Planner) -> None:
    for slug in (WINTER, SPRING):
        planner.approve(slug)
        planner.book(slug, "2026-12-01 09:00")
    planner.set("2026-12-01 09:00")
    planner.round()
    assert planner.mailed() == sorted(READERS * 2)
    assert [what for what, _ in planner.happened()] == ["started", "started", "finished", "finished"]


# -- the owner's hand -----------------------------------------------------------------------------


def test_a_booked_issue_that_is_sent_by_hand_does_not_wait_any_more(planner: Planner, engine: Engine) -> None:
    planner.approve(WINTER)
    planner.book(WINTER, "2026-12-01 09:00")
    ready = readying.prepare_to_send(planner.services, WINTER)
    campaign = pipeline.start(planner.services, ready, also=by_hand(planner.services, ready))
    [row] = planner.rows()
    assert (row.state, row.reason, row.campaign_id) == ("started", "by hand", campaign.id)
    list(pipeline.deliver(planner.services, campaign, stop=lambda: False))
    planner.set("2026-12-01 09:00")
    planner.round()
    assert planner.mailed() == READERS


def test_an_issue_that_is_due_and_cannot_go_is_told_once_and_goes_when_it_can(planner: Planner) -> None:
    planner.approve(WINTER)
    planner.book(WINTER, "2026-12-01 09:00")
    planner.approve(SPRING)
    ready = readying.prepare_to_send(planner.services, WINTER, "tag:group")
    other = pipeline.start(planner.services, ready)
    planner.execute("UPDATE campaigns SET state = 'paused'")
    planner.set("2026-12-01 09:00")
    for _ in range(3):
        [error] = planner.round().errors
        assert "not over yet" in str(error)
    assert planner.told() == [f"Ignite Music Therapy: {WINTER} is due and cannot go"]
    assert planner.happened() == [("held", WINTER), ("told", WINTER)]
    planner.execute(f"UPDATE campaigns SET state = 'finished' WHERE id = {other.id}")
    planner.round()
    assert planner.mailed() == READERS


def test_a_send_that_the_provider_refuses_is_paused_and_the_owner_is_told(planner: Planner) -> None:
    planner.approve(WINTER)
    planner.book(WINTER, "2026-12-01 09:00")
    planner.set("2026-12-01 09:00")
    mailbox = planner.services.workspace.mailbox
    mailbox.parent.mkdir(exist_ok=True)
    mailbox.write_text("a file where the folder should be")
    [error] = planner.round().errors
    assert isinstance(error, SendError)
    assert [what for what, _ in planner.happened()] == ["started", "halted", "untold"]
    assert planner.campaigns()[0].state is CampaignState.PAUSED
    assert planner.round().nothing, "it is the owner's turn"


def test_a_restored_copy_does_nothing_on_schedule(planner: Planner) -> None:
    planner.approve(WINTER)
    planner.book(WINTER, "2026-12-01 09:00")
    planner.round()
    guard.check_home(planner.engine, guard.Place(host="", database="somewhere else"))
    planner.set("2026-12-01 16:00")
    with pytest.raises(ConfigError, match="may not send"):
        planner.round()
    assert planner.mailbox() == [] and planner.states() == [(WINTER, "waiting")]


# -- cooling off ----------------------------------------------------------------------------------


def test_with_a_real_provider_the_first_mail_leaves_no_sooner_than_the_cooling_off_after_the_last_word(
    planner: Planner,
) -> None:
    from newsletter.due.outlook import may_go_at

    def minutes_late(after: str) -> float:
        with reading(planner.engine) as connection:
            at = may_go_at(connection, planner.rows()[-1], planner.services.settings)
        return (at - planner.rows()[-1].send_at).total_seconds() / 60

    planner.with_settings(sender={"kind": "ses"})
    planner.approve(WINTER)
    planner.set("2026-12-01 08:00")
    planner.book(WINTER, "2026-12-01 09:00")
    assert minutes_late("booked an hour before") == 0
    planner.set("2026-12-01 08:58")
    planner.approve_again(WINTER)
    assert minutes_late("approved again two minutes before") == 3
    planner.with_settings(sender={"kind": "mailbox"})
    assert minutes_late("nothing leaves this computer") == 0


def test_during_a_long_send_what_becomes_due_is_begun_and_goes_after_it(planner: Planner) -> None:
    for slug, when in ((WINTER, "2026-12-01 09:00"), (SPRING, "2026-12-01 09:05")):
        planner.approve(slug)
        planner.book(slug, when)
    planner.set("2026-12-01 09:00")

    def later(news: object) -> None:
        planner.news.append(news)  # type: ignore[arg-type]
        planner.later(minutes=4)

    done = send_due(planner.services, stop=lambda: False, report=later)
    assert set(done.issues) == {WINTER, SPRING}
    assert planner.mailed() == sorted(READERS * 2)
