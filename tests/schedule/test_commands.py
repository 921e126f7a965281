"""``schedule``, ``send --at`` and ``send`` alone, as the owner and her timer call them."""

import shutil
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from tests.workspaces import Desk, make_desk

NOVEMBER, OCTOBER = "2026-11-individual-vs-group", "2026-10-songs-that-stay"
READERS = ["ada@example.org", "ben@example.org", "zoe@example.org"]
FAR = "2099-06-01 09:00"
NO_SLOT = {"NEWSLETTER_SCHEDULE__SLOT": ""}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """A workspace with three readers, made once and never used itself."""
    desk = make_desk(tmp_path_factory.mktemp("prepared") / "desk")
    for address in READERS:
        tags = ["--tag", "families"] if address.startswith("ada") else []
        desk.ok("subscribers", "add", address, "--consent", "asked me", *tags)
    return desk


@pytest.fixture
def desk(prepared: Desk, tmp_path: Path) -> Desk:
    """A copy of it."""
    shutil.copytree(prepared.root, tmp_path / "desk")
    return Desk(tmp_path / "desk", prepared.env)


def make_due(desk: Desk) -> None:
    """Let what is booked be due."""
    engine = create_engine(f"sqlite:///{desk.root}/subscribers/newsletter.db")
    with engine.begin() as connection:
        now = "strftime('%Y-%m-%d %H:%M:%f000', 'now', '-1 minute')"
        connection.execute(text(f"UPDATE schedules SET send_at = {now}, created_at = {now}"))
    engine.dispose()


def test_an_issue_is_booked_listed_and_taken_back(desk: Desk) -> None:
    added = desk.ok("schedule", "add", NOVEMBER, FAR, **NO_SLOT)
    assert f"Booked {NOVEMBER} for {FAR} America/Halifax, to everyone (3 readers as of now)." in added.stdout
    assert "is approved with this" in added.stderr
    listed = desk.ok("schedule", "list", **NO_SLOT).stdout
    assert NOVEMBER in listed and FAR in listed and "slot" not in listed
    [waiting] = desk.json("schedule", "list")["waiting"]
    assert (waiting["issue"], waiting["send_at"]) == (NOVEMBER, "2099-06-01T12:00:00+00:00")
    desk.ok("schedule", "cancel", NOVEMBER)
    assert desk.json("schedule", "list")["waiting"] == []
    assert desk.run("schedule", "cancel", NOVEMBER).exit_code == 2


def test_send_at_is_the_same_as_schedule_add(desk: Desk) -> None:
    booked = desk.json("send", NOVEMBER, "--at", f"{FAR.replace(' ', 'T')}Z", "--segment", "families")
    [waiting] = desk.json("schedule", "list")["waiting"]
    assert booked["send_at"] == waiting["send_at"] == "2099-06-01T09:00:00+00:00"
    assert waiting["segment"] == "families" and desk.mailed() == []


@pytest.mark.parametrize(
    ("when", "said"),
    [
        ("2026-01-01 09:00", "is past"),
        ("2099-03-08 02:30", "does not exist in America/Halifax"),
        ("soon", "is not a date and time"),
    ],
)
def test_a_time_that_cannot_be_is_refused_with_exit_2(desk: Desk, when: str, said: str) -> None:
    result = desk.run("schedule", "add", NOVEMBER, when)
    assert result.exit_code == 2 and said in result.stderr
    assert desk.json("schedule", "list")["waiting"] == []
    assert desk.ok("schedule", "list", **NO_SLOT).stdout.startswith("Nothing is booked")


def test_an_issue_that_waits_or_was_sent_is_refused_with_exit_2(desk: Desk) -> None:
    desk.ok("schedule", "add", NOVEMBER, FAR)
    again = desk.run("send", NOVEMBER, "--at", "2099-07-01 09:00")
    assert again.exit_code == 2 and f"booked already, for {FAR}" in again.stderr
    desk.ok("send", OCTOBER, "--yes")
    sent = desk.run("schedule", "add", OCTOBER, FAR)
    assert sent.exit_code == 2 and "already sent to everyone" in sent.stderr


def test_a_dry_run_books_and_approves_nothing(desk: Desk) -> None:
    result = desk.ok("schedule", "add", NOVEMBER, FAR, "--dry-run")
    assert result.stdout.startswith(f"Would book {NOVEMBER}")
    outlook = desk.json("schedule", "list")
    assert outlook["waiting"] == [] and outlook["slot"]["takes"] == ""


def test_send_alone_sends_what_is_due_and_otherwise_says_what_is_next(desk: Desk) -> None:
    nothing = desk.ok("send")
    assert "Nothing is due." in nothing.stdout and "first tuesday 09:00" in nothing.stdout
    desk.ok("schedule", "add", NOVEMBER, FAR)
    assert f"{NOVEMBER} is booked for {FAR}" in desk.ok("send").stdout
    make_due(desk)
    assert desk.json("send", "--dry-run")["due"] == [NOVEMBER]
    assert f"Would send {NOVEMBER}." in desk.ok("send", "--dry-run").stdout
    assert desk.mailed() == []
    done = desk.json("send")
    assert done["issues"] == [NOVEMBER] and done["news"]["finished"] == 1
    assert desk.mailed() == READERS
    assert "Nothing is due." in desk.ok("send").stdout
    assert desk.mailed() == READERS


def test_send_alone_goes_on_with_what_was_interrupted_and_ends_as_it_did(desk: Desk) -> None:
    desk.ok("schedule", "add", NOVEMBER, FAR)
    make_due(desk)
    desk.write("subscribers/mailbox", "a file where the folder should be")
    assert desk.run("send").exit_code == 6
    (desk.root / "subscribers" / "mailbox").unlink()
    assert desk.ok("send").stdout.startswith("Nothing is due."), "it is paused: the owner's turn"
    desk.ok("resume", NOVEMBER)
    assert [address for address in desk.mailed() if address in READERS] == READERS


@pytest.mark.parametrize("options", [["--at", FAR], ["--test", "me@example.org"], ["--segment", "families"]])
def test_what_is_about_one_issue_needs_one(desk: Desk, options: list[str]) -> None:
    assert desk.run("send", *options).exit_code == 2
    assert desk.run("send", NOVEMBER, "--at", FAR, "--test", "me@example.org").exit_code == 2


def test_a_booked_issue_that_is_sent_by_hand_goes_now_and_that_is_said(desk: Desk) -> None:
    desk.ok("schedule", "add", NOVEMBER, FAR)
    result = desk.ok("send", NOVEMBER, "--yes")
    assert f"It is booked for {FAR} America/Halifax; it goes now instead." in result.stderr
    assert desk.mailed() == READERS and desk.json("schedule", "list")["waiting"] == []
    assert len(list((desk.root / "subscribers" / "backups").iterdir())) == 1


def test_approving_says_when_the_issue_goes(desk: Desk) -> None:
    said = desk.ok("approve", NOVEMBER).stdout
    assert "send_at is past" in said and "The slot takes it: it goes on" in said
    assert desk.json("schedule", "list")["slot"]["takes"] == NOVEMBER
    assert f"would take {NOVEMBER}" in desk.ok("schedule", "list").stdout


def test_what_was_missed_is_listed_until_the_owner_has_decided(desk: Desk) -> None:
    desk.ok("schedule", "add", NOVEMBER, FAR)
    make_due(desk)
    late = {"NEWSLETTER_SCHEDULE__MAX_LATE": "1s"}
    assert desk.json("send", **late)["news"]["missed"] == 1
    assert "MISSED: nothing was running" in desk.ok("schedule", "list").stdout
    assert [each["issue"] for each in desk.json("schedule", "list")["missed"]] == [NOVEMBER]
    desk.ok("send", NOVEMBER, "--yes")
    assert desk.json("schedule", "list")["missed"] == []
    assert [address for address in desk.mailed() if address in READERS] == READERS


def test_a_slot_that_cannot_be_read_is_a_fault_of_the_settings(desk: Desk) -> None:
    for command in (["schedule", "list"], ["send"], ["run", "--once"], ["run"]):
        result = desk.run(*command, NEWSLETTER_SCHEDULE__SLOT="fist tuesday 09:00")
        assert result.exit_code == 3 and 'Did you mean "first"?' in result.stderr
