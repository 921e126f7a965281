"""What the owner is told by mail: each once, in plain words, by the sender that everything else goes by."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine

from newsletter.due.backups import back_up_before, back_up_daily
from newsletter.due.telling import remind
from newsletter.store.backup import backups
from tests.fakeses.client import FakeSes
from tests.fakeses.fixture import fake_ses
from tests.schedule.conftest import OWNER, Planner
from tests.workspaces import AWS

__all__ = ["fake_ses"]

NOVEMBER, DECEMBER = "2026-11-autumn", "2026-12-winter"
NAG = "Ignite Music Therapy: no issue is approved for 2026-11-03 09:00 Europe/Berlin"


@pytest.fixture
def slotted(planner: Planner) -> Planner:
    """The slot is on Tuesday, 3 November, 09:00; it is the Thursday before."""
    planner.with_settings(schedule={"slot": "first tuesday 09:00"})
    planner.set("2026-10-29 12:00")
    planner.round()
    return planner


def test_reminders_come_three_days_a_day_and_two_hours_before_each_once(
    slotted: Planner, engine: Engine
) -> None:
    slotted.write(NOVEMBER)
    found = []
    for when in ("10-31 08:59", "10-31 09:00", "11-02 08:59", "11-02 09:00", "11-03 06:59", "11-03 07:00"):
        slotted.set(f"2026-{when}")
        for _ in range(3):
            slotted.round()
        found.append(len(slotted.told()))
    assert found == [0, 1, 1, 2, 2, 3]
    assert slotted.told() == [NAG] * 3
    bodies = [mail.get_content() for mail in slotted.mailbox()]
    for body, left in zip(bodies, ("3 days", "1 day", "2 hours"), strict=True):
        assert f"in {left}, and none is approved yet" in body
        assert f"newsletter approve {NOVEMBER}" in body


def test_a_reminder_is_a_mail_of_its_own_kind(slotted: Planner) -> None:
    slotted.set("2026-11-02 12:00")
    slotted.round()
    [mail] = slotted.mailbox()
    assert str(mail["To"]) == OWNER and str(mail["From"]).startswith("Ignite Music Therapy <")
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Date"] and mail["Message-ID"] and mail["List-Unsubscribe"] is None
    assert mail.get_content_type() == "text/plain"


def test_days_are_days_of_the_wall_clock(planner: Planner) -> None:
    """On 25 October clocks go back in Berlin: three days before is 73 hours before."""
    planner.set("2026-10-20 12:00")
    planner.with_settings(schedule={"slot": "0 9 27 10 *", "nag": ("3d",)})
    planner.round()
    planner.set_utc("2026-10-24T06:59+00:00")
    planner.round()
    assert planner.told() == []
    planner.set_utc("2026-10-24T07:00+00:00")
    planner.round()
    assert len(planner.told()) == 1


def test_whoever_comes_late_says_only_what_still_matters(slotted: Planner) -> None:
    slotted.set("2026-11-03 08:30")
    for _ in range(3):
        slotted.round()
    assert slotted.told() == [NAG]
    assert "in 30 minutes" in slotted.mailbox()[0].get_content()


def test_with_an_issue_approved_or_booked_for_that_day_nobody_is_reminded(slotted: Planner) -> None:
    slotted.approve(NOVEMBER)
    slotted.set("2026-11-02 12:00")
    slotted.round()
    slotted.book(NOVEMBER, "2026-11-03 18:00")
    slotted.set("2026-11-03 08:00")
    slotted.round()
    assert slotted.told() == []


def test_many_schedulers_at_once_mail_one_reminder(slotted: Planner, engine: Engine) -> None:
    slotted.set("2026-11-02 12:00")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: remind(slotted.services, slotted.news.append), range(8)))
    assert slotted.told() == [NAG]
    assert slotted.happened() == [("told", "")]


def test_a_mail_that_was_not_taken_is_tried_again_later_and_not_at_once(slotted: Planner) -> None:
    slotted.set("2026-11-02 12:00")
    mailbox = slotted.services.workspace.mailbox
    mailbox.parent.mkdir(exist_ok=True)
    mailbox.write_text("a file where the folder should be")
    for _ in range(3):
        slotted.round()
    assert slotted.happened() == [("untold", "")]
    mailbox.unlink()
    slotted.round()
    assert slotted.told() == []
    slotted.later(minutes=15)
    for _ in range(3):
        slotted.round()
    assert slotted.told() == [NAG]


def test_through_ses_the_owner_is_told_too(
    slotted: Planner, fake_ses: FakeSes, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**AWS, "AWS_ENDPOINT_URL_SESV2": fake_ses.url}.items():
        monkeypatch.setenv(name, value)
    slotted.with_settings(sender={"kind": "ses"})
    slotted.set("2026-11-02 12:00")
    for _ in range(2):
        slotted.round()
    [accepted] = fake_ses.accepted()
    assert accepted.address == OWNER and accepted.tags["campaign"] == "notice"
    assert slotted.mailbox() == []


# -- backups --------------------------------------------------------------------------------------


def test_a_backup_is_made_before_the_first_mail_of_each_campaign_and_one_a_day(planner: Planner) -> None:
    folder = planner.services.workspace.backups
    made = []
    for slug, minute in ((NOVEMBER, "09:00"), (DECEMBER, "09:01")):
        planner.approve(slug)
        planner.book(slug, f"2026-12-01 {minute}")
    for minute in ("09:00", "09:01", "09:02"):
        planner.set(f"2026-12-01 {minute}")
        planner.round()
        made.append(len(backups(folder)))
    assert made == [1, 2, 2]
    for hours in (0, 1, 24):
        planner.later(hours=hours)
        back_up_daily(planner.services, planner.news.append)
        made.append(len(backups(folder)))
    assert made[3:] == [3, 3, 4]


def test_only_so_many_backups_are_kept(planner: Planner) -> None:
    planner.with_settings(schedule={"keep_backups": 2})
    for _ in range(4):
        planner.later(days=1)
        back_up_daily(planner.services, planner.news.append)
    assert len(backups(planner.services.workspace.backups)) == 2


def test_a_backup_that_cannot_be_made_is_said_and_the_issue_goes(planner: Planner) -> None:
    planner.services.workspace.backups.parent.mkdir(exist_ok=True)
    planner.services.workspace.backups.write_text("a file where the folder should be")
    planner.approve(NOVEMBER)
    planner.book(NOVEMBER, "2026-12-01 09:00")
    planner.set("2026-12-01 09:00")
    planner.round()
    assert len(planner.mailed()) == 2
    assert [news.warning for news in planner.news if news.what == "backup"] == [True]
    campaign = planner.campaigns()[0]
    planner.news.clear()
    back_up_before(planner.services, campaign, planner.news.append)
    assert planner.news == []
