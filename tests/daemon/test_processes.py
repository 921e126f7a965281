"""Daemons as real processes: stopped, put to sleep, killed, and ten of them at once."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from newsletter.people.adding import add_subscriber
from newsletter.store import campaigns, schedules
from newsletter.store.engine import migrate, open_engine, reading
from newsletter.store.schedules import Booking
from tests.workspaces import REPOSITORY, make_desk

pytestmark = pytest.mark.slow

NOVEMBER = "2026-11-individual-vs-group"
READERS = [f"reader{number:03}@example.org" for number in range(40)]
OWNER = "owner@example.com"


class House:
    """A workspace with forty readers and an approved issue, on either database."""

    def __init__(self, folder: Path, url: str) -> None:
        env = {
            "NEWSLETTER_DATABASE__URL": url,
            "NEWSLETTER_SCHEDULE__SLOT": "",
            "NEWSLETTER_SCHEDULE__OWNER": OWNER,
            "NEWSLETTER_NEWSLETTER__PUBLIC_URL": "https://news.example.org",
        }
        self.desk = make_desk(folder, **env)
        self.engine = open_engine(url)
        migrate(self.engine)
        now = datetime.now(UTC)
        for address in READERS:
            add_subscriber(self.engine, address, clock=lambda: now)
        self.desk.ok("approve", NOVEMBER)

    def book(self, seconds: float) -> None:
        """Book the issue for so many seconds from now."""
        now = datetime.now(UTC)
        at = now + timedelta(seconds=seconds)
        booking = Booking(slug=NOVEMBER, segment="", send_at=at, wall="soon")
        with self.engine.begin() as connection:
            assert schedules.book(connection, booking, now) is not None

    def state(self) -> str:
        with reading(self.engine) as connection:
            [row] = connection.execute(text("SELECT state FROM schedules")).all()
        return str(row.state)

    def mailed(self) -> list[str]:
        return [address for address in self.desk.mailed() if address != OWNER]

    def backups(self) -> list[Path]:
        return list((self.desk.root / "subscribers" / "backups").glob("newsletter-*"))

    @contextmanager
    def daemon(self, *args: str, **env: str) -> Iterator["subprocess.Popen[str]"]:
        """A daemon that looks every half second; killed at the end if it still runs."""
        process = self.desk.process("run", "--every", "0.5", "--json", *args, **env)
        try:
            yield process
        finally:
            process.kill()
            process.communicate()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path / "desk", f"sqlite:///{tmp_path / 'newsletter.db'}")
    yield made
    made.engine.dispose()


def until(true: Callable[[], object], seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it does not happen"
        time.sleep(0.05)


def begun(process: "subprocess.Popen[str]") -> dict[str, object]:
    """Wait for a daemon's first line, and return it."""
    assert process.stdout is not None
    first: dict[str, object] = json.loads(process.stdout.readline())
    assert first["event"] == "running"
    return first


def end(process: "subprocess.Popen[str]") -> tuple[int, list[dict[str, object]]]:
    """Ask a daemon to end; return its exit code and the rest of its log."""
    process.send_signal(signal.SIGTERM)
    output, errors = process.communicate(timeout=90)
    assert "Traceback" not in errors
    return process.returncode, [json.loads(line) for line in output.splitlines()]


def test_an_idle_daemon_logs_little_and_ends_with_0(house: House) -> None:
    with house.daemon() as process:
        begun(process)
        until(house.backups)
        time.sleep(1)
        code, log = end(process)
    assert code == 0
    assert [line["event"] for line in log] == ["backup", "stopped"]


def test_a_daemon_sends_what_is_due_and_says_so(house: House) -> None:
    house.book(1)
    with house.daemon() as process:
        begun(process)
        until(lambda: len(house.mailed()) == len(READERS))
        time.sleep(1)
        code, log = end(process)
    assert code == 0 and house.mailed() == READERS
    events = [line["event"] for line in log]
    assert Counter(events)["round"] == 1
    [finished] = [line for line in log if line["event"] == "finished"]
    assert (finished["issue"], finished["sent"], finished["level"]) == (NOVEMBER, len(READERS), "info")
    assert "@" not in json.dumps(log)


@pytest.mark.parametrize(("max_late", "state"), [("6h", "started"), ("1s", "missed")])
def test_a_computer_that_sleeps_over_the_time_sends_once_or_asks(
    house: House, max_late: str, state: str
) -> None:
    with house.daemon(NEWSLETTER_SCHEDULE__MAX_LATE=max_late) as process:
        begun(process)
        until(house.backups)
        process.send_signal(signal.SIGSTOP)
        house.book(0.5)
        time.sleep(2.5)
        assert house.state() == "waiting" and house.desk.mailed() == []
        process.send_signal(signal.SIGCONT)
        until(lambda: house.state() != "waiting")
        until(lambda: len(house.desk.mailed()) >= (len(READERS) if state == "started" else 1))
        time.sleep(1.5)
        code, _ = end(process)
    assert code == 0 and house.state() == state
    assert house.mailed() == (READERS if state == "started" else [])
    told = [str(mail["Subject"]) for mail in house.desk.mailbox() if str(mail["To"]) == OWNER]
    assert len(told) == (0 if state == "started" else 1)


def test_a_daemon_that_is_killed_in_a_send_is_followed_by_another_that_goes_on(house: House) -> None:
    house.book(0.1)
    with house.daemon() as process:
        begun(process)
        until(house.mailed)
        process.kill()
    with house.daemon() as process:
        begun(process)
        until(lambda: not campaigns.all_campaigns(house.engine)[0].is_open)
        code, _ = end(process)
    assert code == 0
    mailed = house.mailed()
    assert len(set(mailed)) == len(mailed)
    [proof] = house.desk.json("proof", NOVEMBER)["campaigns"]
    assert proof["balances"] and proof["sent"] + proof["uncertain"] == len(READERS)


def test_a_stop_in_a_send_lets_calls_in_flight_finish_and_ends_with_7(house: House, tmp_path: Path) -> None:
    from tests.fakeses.client import FakeSes
    from tests.workspaces import AWS

    with FakeSes.start(tmp_path / "ses", fsync=False) as ses:
        ses.set_rate(5)
        env = {**AWS, "AWS_ENDPOINT_URL_SESV2": ses.url, "NEWSLETTER_SENDER__KIND": "ses"}
        env["NEWSLETTER_SCHEDULE__COOLING_OFF"] = "0s"
        house.book(0.1)
        with house.daemon(**env) as process:
            begun(process)
            until(lambda: len(ses.accepted()) >= 5)
            code, log = end(process)
        assert code == 7 and log[-1]["exit"] == 7
        assert "interrupted" in [line["event"] for line in log]
        [proof] = house.desk.json("proof", NOVEMBER)["campaigns"]
        assert 0 < proof["sent"] < len(READERS) and proof["uncertain"] == 0
        assert proof["sent"] == len(ses.accepted())
        ses.set_rate(500)
        timer = house.desk.process("send", **env)
        timer.communicate(timeout=90)
        assert timer.returncode == 0
        assert sorted(mail.address for mail in ses.accepted()) == READERS


def test_with_the_pages_in_the_same_process(house: House) -> None:
    with house.daemon("--serve", "--port", "0") as process:
        pages = str(begun(process)["pages"])
        for path, found in (
            ("/health", '"ok"'),
            ("/metrics", "newsletter_rounds_total"),
            ("/subscribe", "<form"),
        ):
            with urllib.request.urlopen(f"{pages}{path}", timeout=10) as answer:
                assert found in answer.read().decode()
        code, _ = end(process)
    assert code == 0


def test_run_once_does_what_is_due_and_ends(house: House) -> None:
    house.book(0.01)
    time.sleep(0.1)
    done = house.desk.ok("run", "--once")
    assert house.mailed() == READERS and "event=finished" in done.stdout
    assert len(house.backups()) == 2


def test_ten_processes_at_once_start_one_campaign_and_mail_everyone_once(
    database_url: str, tmp_path: Path
) -> None:
    house = House(tmp_path / "desk", database_url)
    house.book(0.01)
    logs = [tmp_path / f"log{number}" for number in range(10)]
    commands = [["run", "--every", "0.5"]] * 5 + [["send"]] * 5
    orders = [
        (["-C", str(house.desk.root), *args], str(log)) for args, log in zip(commands, logs, strict=True)
    ]
    starter = subprocess.Popen(
        [sys.executable, "-m", "tests.daemon.many"],
        cwd=REPOSITORY,
        env={**os.environ, **house.desk.env},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert starter.stdin is not None and starter.stdout is not None
    starter.stdin.write(json.dumps(orders) + "\n")
    starter.stdin.flush()
    numbers: list[int] = json.loads(starter.stdout.readline())
    try:
        codes = dict(json.loads(starter.stdout.readline()) for _ in range(5))
        until(lambda: len(house.mailed()) >= len(READERS) and not _open(house))
        for number in numbers[:5]:
            os.kill(number, signal.SIGTERM)
        codes |= dict(json.loads(starter.stdout.readline()) for _ in range(5))
    finally:
        for number in set(numbers) - set(codes):
            os.kill(number, signal.SIGKILL)
        starter.communicate()
    said = "\n".join(log.read_text("utf-8") for log in logs)
    assert [codes[number] for number in numbers] == [0] * 10, said
    assert house.mailed() == READERS and "Traceback" not in said
    assert len(campaigns.all_campaigns(house.engine)) == 1 and house.state() == "started"
    assert len(re.findall("is due .* and goes to everyone", said)) == 1
    [proof] = house.desk.json("proof", NOVEMBER)["campaigns"]
    assert (proof["sent"], proof["candidates"], proof["balances"]) == (len(READERS), len(READERS), True)
    house.engine.dispose()


def _open(house: House) -> bool:
    return any(campaign.is_open for campaign in campaigns.all_campaigns(house.engine))
