"""The recurring slot: it takes the next approved issue, never an old one, and skips loudly."""

import pytest
from sqlalchemy import Engine

from newsletter import pipeline, readying
from newsletter.due.outlook import look, take_back
from newsletter.errors import UsageError
from tests.schedule.conftest import READERS, Planner

NOVEMBER, DECEMBER, JANUARY = "2026-11-autumn", "2026-12-winter", "2027-01-new-year"
SLOT = {"slot": "first tuesday 09:00", "nag": ()}


@pytest.fixture
def slotted(planner: Planner) -> Planner:
    """A slot on the first Tuesday, which somebody looks at already; 1 November, a Sunday."""
    planner.with_settings(schedule=SLOT)
    planner.round()
    return planner


def test_each_month_the_slot_takes_the_next_approved_issue_in_the_order_of_their_dates(
    slotted: Planner, engine: Engine
) -> None:
    for slug in (JANUARY, NOVEMBER, DECEMBER):
        slotted.approve(slug)
    for day, slug in (("2026-11-03", NOVEMBER), ("2026-12-01", DECEMBER), ("2027-01-05", JANUARY)):
        slotted.set(f"{day} 08:59")
        assert slotted.round().nothing
        slotted.set(f"{day} 09:00")
        for _ in range(3):
            slotted.round()
        assert slotted.happened() == [("started", slug), ("finished", slug)]
    assert slotted.mailed() == sorted(READERS * 3) and slotted.told() == []
    assert [(row.slot, row.slot_date) for row in slotted.rows()] == [
        (SLOT["slot"], day) for day in ("2026-11-03", "2026-12-01", "2027-01-05")
    ]


def test_without_an_approved_issue_it_skips_loudly_once_and_never_sends_last_months_again(
    slotted: Planner, engine: Engine
) -> None:
    slotted.approve(NOVEMBER)
    slotted.write(DECEMBER)
    slotted.set("2026-11-03 09:00")
    slotted.round()
    slotted.happened()
    slotted.set("2026-12-01 09:00")
    for _ in range(3):
        slotted.round()
    assert slotted.mailed() == READERS
    assert slotted.states() == [(NOVEMBER, "started"), ("", "skipped")]
    assert slotted.happened() == [("skipped", ""), ("told", "")]
    assert slotted.told() == ["Ignite Music Therapy: nothing was sent on 2026-12-01 09:00 Europe/Berlin"]
    assert f"newsletter send {DECEMBER}" in slotted.mailbox()[-1].get_content()


def test_what_is_approved_after_the_slot_waits_for_the_next_one(slotted: Planner) -> None:
    slotted.set("2026-11-03 09:01")
    slotted.approve(NOVEMBER)
    slotted.round()
    assert slotted.mailed() == []
    slotted.set("2026-12-01 09:00")
    slotted.round()
    assert slotted.mailed() == READERS


@pytest.mark.parametrize(
    ("slot", "zone", "turns"),
    [
        ("last sunday 02:30", "Europe/Berlin", "2026-10-25T02:30+02:00"),
        ("first sunday 01:30", "America/Halifax", "2026-11-01T01:30-03:00"),
        ("first sunday 01:45", "Australia/Lord_Howe", "2027-04-04T01:45+11:00"),
    ],
)
def test_in_the_autumn_hour_that_comes_twice_the_slot_takes_one_issue(
    planner: Planner, slot: str, zone: str, turns: str
) -> None:
    planner.with_settings(schedule={**SLOT, "slot": slot}, newsletter={"timezone": zone})
    planner.set_utc(turns)
    planner.later(minutes=-30)
    planner.round()
    for slug in (NOVEMBER, DECEMBER):
        planner.approve(slug)
    for _ in range(10):
        planner.later(minutes=20)
        planner.round()
    assert planner.mailed() == READERS and [each.slug for each in planner.campaigns()] == [NOVEMBER]


@pytest.mark.parametrize(
    ("slot", "zone", "turns"),
    [
        ("last sunday 02:30", "Europe/Berlin", "2027-03-28T03:30+02:00"),
        ("second sunday 02:30", "America/Halifax", "2027-03-14T03:30-03:00"),
        ("first sunday 02:15", "Australia/Lord_Howe", "2026-10-04T02:45+11:00"),
    ],
)
def test_in_the_spring_hour_that_does_not_come_the_slot_moves_with_the_clocks(
    planner: Planner, slot: str, zone: str, turns: str
) -> None:
    planner.with_settings(schedule={**SLOT, "slot": slot}, newsletter={"timezone": zone})
    planner.set_utc(turns)
    planner.later(hours=-2)
    planner.round()
    planner.approve(NOVEMBER)
    planner.later(minutes=119)
    assert planner.round().nothing
    planner.later(minutes=1)
    planner.round()
    assert planner.mailed() == READERS


def test_a_computer_that_slept_over_the_slot_sends_a_little_late_or_asks(slotted: Planner) -> None:
    slotted.approve(NOVEMBER)
    slotted.approve(DECEMBER)
    slotted.set("2026-11-03 14:00")
    slotted.round()
    assert slotted.mailed() == READERS
    slotted.set("2026-12-01 16:00")
    slotted.round()
    assert slotted.mailed() == READERS
    assert slotted.states()[-1] == (DECEMBER, "missed") and "What now?" in slotted.told()[0]


def test_what_was_missed_is_left_alone_by_slots_until_the_owner_approves_it_again(
    slotted: Planner,
) -> None:
    slotted.approve(NOVEMBER)
    slotted.set("2026-11-04 09:00")
    slotted.round()
    assert slotted.states() == [(NOVEMBER, "missed")]
    slotted.set("2026-12-01 09:00")
    slotted.round()
    assert slotted.states()[-1] == ("", "skipped")
    assert f"newsletter approve {NOVEMBER}" in slotted.mailbox()[-1].get_content()
    assert "The slot takes it" in slotted.approve_again(NOVEMBER)
    slotted.set("2027-01-05 09:00")
    slotted.round()
    assert slotted.mailed() == READERS


def test_of_several_slots_that_nobody_was_there_for_only_the_newest_counts(slotted: Planner) -> None:
    slotted.approve(NOVEMBER)
    slotted.approve(DECEMBER)
    slotted.set("2027-02-02 09:00")
    for _ in range(3):
        slotted.round()
    assert [(row.slug, row.slot_date) for row in slotted.rows()] == [(NOVEMBER, "2027-02-02")]
    assert slotted.mailed() == READERS


def test_a_slot_that_is_new_in_the_settings_does_not_ask_about_last_months(planner: Planner) -> None:
    planner.approve(NOVEMBER)
    planner.set("2026-11-03 12:00")
    planner.with_settings(schedule=SLOT)
    assert planner.round().nothing, "09:00 was before anybody looked"
    assert planner.states() == []


def test_a_timer_that_first_looks_a_moment_after_the_slot_is_in_time(planner: Planner) -> None:
    planner.approve(NOVEMBER)
    planner.with_settings(schedule=SLOT)
    planner.set("2026-11-03 09:01")
    planner.round()
    assert planner.mailed() == READERS


def test_a_date_for_which_the_owner_has_booked_an_issue_is_no_slots(slotted: Planner) -> None:
    slotted.approve(NOVEMBER)
    slotted.approve(DECEMBER)
    slotted.book(NOVEMBER, "2026-11-03 18:00")
    outlook = look(slotted.services)
    assert outlook.slot is not None and (outlook.slot.booked, outlook.slot.takes) == (NOVEMBER, "")
    for time in ("09:00", "18:00", "23:00"):
        slotted.set(f"2026-11-03 {time}")
        slotted.round()
    assert slotted.mailed() == READERS and slotted.told() == []


def test_a_date_on_which_the_owner_sent_an_issue_by_hand_is_no_slots(slotted: Planner) -> None:
    slotted.approve(DECEMBER)
    slotted.approve(NOVEMBER)
    slotted.set("2026-11-03 08:00")
    ready = readying.prepare_to_send(slotted.services, NOVEMBER)
    campaign = pipeline.start(slotted.services, ready)
    list(pipeline.deliver(slotted.services, campaign, stop=lambda: False))
    slotted.set("2026-11-03 09:00")
    assert slotted.round().nothing
    assert slotted.mailed() == READERS


def test_what_the_owner_takes_back_no_slot_takes(slotted: Planner) -> None:
    slotted.approve(NOVEMBER)
    take_back(slotted.services, NOVEMBER)
    slotted.set("2026-11-03 09:00")
    slotted.round()
    assert slotted.mailed() == [] and slotted.states() == [(NOVEMBER, "cancelled"), ("", "skipped")]
    with pytest.raises(UsageError, match="is not booked"):
        take_back(slotted.services, NOVEMBER)


# -- send_at in the front matter ------------------------------------------------------------------


def test_an_issue_goes_when_its_front_matter_says_once_it_is_approved(planner: Planner) -> None:
    said = planner.approve(NOVEMBER, front="send_at: 2026-11-03 09:00\n")
    assert "goes on 2026-11-03 09:00 Europe/Berlin" in said
    planner.set("2026-11-03 09:00")
    planner.round()
    assert planner.mailed() == READERS


def test_approving_again_moves_the_booking_with_its_front_matter_and_leaves_others_alone(
    planner: Planner, engine: Engine
) -> None:
    planner.approve(NOVEMBER, front="send_at: 2026-11-03 09:00\n")
    assert "2026-11-05 10:00" in planner.approve(NOVEMBER, front="send_at: 2026-11-05 10:00\n")
    assert [row.wall for row in planner.rows()] == ["2026-11-05 10:00 Europe/Berlin"]
    assert "is cancelled" in planner.approve(NOVEMBER)
    assert planner.states() == [(NOVEMBER, "cancelled")]
    planner.book(NOVEMBER, "2026-11-10 09:00")
    said = planner.approve(NOVEMBER, front="send_at: 2026-11-03 09:00\n")
    assert "stays booked for 2026-11-10 09:00" in said


def test_a_send_at_that_is_past_is_said_and_books_nothing(planner: Planner) -> None:
    assert "is past" in planner.approve(NOVEMBER, front="send_at: 2026-10-06 09:00\n")
    assert planner.rows() == []


@pytest.mark.parametrize(
    ("send_at", "said"),
    [("tomorrow", "is not a date and time"), ("2027-03-28 02:30", "does not exist"), ("2026-11-03", "time")],
)
def test_a_send_at_that_cannot_be_is_an_error_at_its_line(planner: Planner, send_at: str, said: str) -> None:
    from newsletter.errors import IssueError

    with pytest.raises(IssueError, match=rf"issues/{NOVEMBER}.md:3: send_at: .*{said}"):
        planner.approve(NOVEMBER, front=f"send_at: {send_at}\n")
