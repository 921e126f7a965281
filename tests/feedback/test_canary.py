"""The first mails go alone; what the provider reports of them decides about the rest. With a real queue."""

from pathlib import Path

import pytest

from tests.fakeses import EventPlan, FakeSes
from tests.queues import Queue
from tests.workspaces import Desk, make_desk

NOVEMBER = "2026-11-individual-vs-group"
PEOPLE, CANARY = 60, 20

pytestmark = [pytest.mark.slow]


def desk_that_listens(folder: Path, database_url: str, ses: FakeSes, queue: Queue, wait: str) -> Desk:
    """Return a workspace with subscribers, whose sends look at the first twenty mails."""
    desk = make_desk(
        folder,
        NEWSLETTER_DATABASE__URL=database_url,
        NEWSLETTER_SENDER__KIND="ses",
        NEWSLETTER_SES__CONFIGURATION_SET="newsletter",
        NEWSLETTER_SAFETY__CANARY=str(CANARY),
        NEWSLETTER_SAFETY__CANARY_WAIT=wait,
        **{**queue.env, **ses.env},
    )
    rows = "\n".join(f"person{n:04}@example.org,Person{n}" for n in range(PEOPLE))
    file = desk.write("people.csv", f"email,first_name\n{rows}\n")
    desk.ok("subscribers", "import", str(file), "--consent", "x")
    return desk


def test_a_send_whose_first_mails_bounce_stops_by_itself(
    tmp_path: Path, database_url: str, queue: Queue
) -> None:
    """Nobody else listens: the send reads the queue itself, and the rest of the list is spared."""
    plan = EventPlan(
        queue_url=queue.url,
        endpoint_url=queue.endpoint,
        hard=tuple(f"person{n:04}@example.org" for n in range(4)),
    )
    with FakeSes.start(tmp_path / "ses", rate=1_000, events=plan) as ses:
        desk = desk_that_listens(tmp_path / "desk", database_url, ses, queue, "60s")
        process = desk.process("send", NOVEMBER, "--yes")
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 6
        assert "Too many mails bounce: " in errors and f"of {CANARY} " in errors
        assert len(ses.addresses()) == CANARY
        [campaign] = desk.json("status", NOVEMBER)["campaigns"]
        assert campaign["state"] == "paused" and campaign["queued"] == PEOPLE - CANARY


def test_a_send_whose_first_mails_arrive_goes_on(tmp_path: Path, database_url: str, queue: Queue) -> None:
    plan = EventPlan(queue_url=queue.url, endpoint_url=queue.endpoint)
    with FakeSes.start(tmp_path / "ses", rate=1_000, events=plan) as ses:
        desk = desk_that_listens(tmp_path / "desk", database_url, ses, queue, "3s")
        process = desk.process("send", NOVEMBER, "--yes")
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
        assert len(ses.addresses()) == PEOPLE
        assert desk.ok("events", "pull").stdout
