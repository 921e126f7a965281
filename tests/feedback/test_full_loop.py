"""The whole way: a send into an endpoint that misbehaves, its events through a real queue, and the ledger.

Invariant (c) of ./dev chaos: once the events are in, whoever the ledger calls sent is whoever was accepted.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from newsletter.store.engine import open_engine
from tests.fakeses import EventPlan, FakeSes, Fault
from tests.queues import Queue
from tests.workspaces import Desk, make_desk

NOVEMBER = "2026-11-individual-vs-group"
PEOPLE = 120
#: Whose mail meets with what: some of each in every bulk call.
HARD, SOFT, ANGRY = (
    tuple(f"person{n:04}@example.org" for n in range(first, PEOPLE, 17)) for first in (3, 5, 7)
)

pytestmark = [pytest.mark.slow]


def pull_all(queue_url: str, *, endpoint: str, desk: Desk) -> dict[str, int]:
    """Pull, in processes of their own, until nothing comes any more; return the counts of all together.

    queue_url, endpoint: of SQS. desk: the workspace whose database hears it.
    """
    total: dict[str, int] = {}
    while True:
        process = desk.process(
            "events",
            "pull",
            "--json",
            AWS_ENDPOINT_URL_SQS=endpoint,
            NEWSLETTER_SES__EVENTS_QUEUE_URL=queue_url,
            NEWSLETTER_SES__REGION="eu-central-1",
        )
        output, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors
        counts = {name: each for name, each in json.loads(output).items() if isinstance(each, int)}
        total = {name: total.get(name, 0) + each for name, each in counts.items()}
        if not any(counts[name] for name in ("events", "duplicates", "ignored", "settled")):
            return total


def ledger(database_url: str) -> dict[str, str]:
    """Return the state of each delivery, by address."""
    engine = open_engine(database_url)
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT email_key, state FROM deliveries")).all()
    engine.dispose()
    return {row.email_key: row.state for row in rows}


def with_status(database_url: str, status: str) -> set[str]:
    """Return which subscribers have a status."""
    engine = open_engine(database_url)
    with engine.connect() as connection:
        query = text("SELECT email_key FROM subscribers WHERE status = :status")
        found = set(connection.scalars(query, {"status": status}))
    engine.dispose()
    return found


def shows_why(desk: Desk, gone: str) -> None:
    """Assert that ``why`` tells what became of a mail that bounced."""
    page = desk.ok("why", gone).stdout
    assert "hard bounce: Permanent General 5.1.1: smtp; 550 5.1.1 user unknown" in page
    assert "Suppressed since" in page and "(bounce)" in page
    found = desk.json("why", gone)
    assert sorted(event["kind"] for event in found["deliveries"][0]["events"]) == ["bounce", "send"]
    assert found["consent"][-1]["kind"] == "bounced"


#: Answers that leave us in doubt, after the mail was accepted and before it was. A bulk call has many mails.
IN_DOUBT = {
    "raw": [
        Fault("reset", every=7, after=True),
        Fault("error", every=11, after=True),
        Fault("truncated", every=13, after=True),
        Fault("no_id", every=17, after=True),
        Fault("reset", every=5),
    ],
    "bulk": [
        Fault("reset", requests=(1,), after=True),
        Fault("reset", requests=(2,)),
        Fault("no_id", requests=(3,), after=True),
    ],
}


@pytest.fixture
def loop(tmp_path: Path, database_url: str, queue: Queue) -> Any:
    """Send an issue; return the workspace, what was accepted, and the queue that holds its events."""

    def send(api: str) -> tuple[Desk, FakeSes]:
        plan = EventPlan(
            queue_url=queue.url,
            endpoint_url=queue.endpoint,
            delay=0.5,
            spread=2.0,
            twice=0.3,
            hard=HARD,
            soft=SOFT,
            complaints=ANGRY,
            seed=3,
        )
        ses = FakeSes.start(tmp_path / "ses", rate=5_000, faults=IN_DOUBT[api], events=plan)
        desk = make_desk(
            tmp_path / "desk",
            NEWSLETTER_DATABASE__URL=database_url,
            NEWSLETTER_SENDER__KIND="ses",
            NEWSLETTER_SES__API=api,
            NEWSLETTER_SES__CONFIGURATION_SET="newsletter",
            NEWSLETTER_SAFETY__CANARY="0",
            **ses.env,
        )
        rows = "\n".join(f"person{n:04}@example.org,Person{n}" for n in range(PEOPLE))
        file = desk.write("people.csv", f"email,first_name\n{rows}\n")
        desk.ok("subscribers", "import", str(file), "--consent", "x")
        for arguments in [("send", NOVEMBER, "--yes"), *[("resume", NOVEMBER)] * 20]:
            process = desk.process(*arguments)
            _, errors = process.communicate(timeout=120)
            assert process.returncode in {0, 6, 7, 8}, errors
            if desk.json("status", NOVEMBER)["campaigns"][0]["state"] == "finished":
                break
        ses.wait_for_events(60)
        return desk, ses

    return send


@pytest.mark.parametrize("api", ["raw", "bulk"])
def test_after_the_events_the_ledger_is_what_was_accepted(
    loop: Any, queue: Queue, database_url: str, api: str
) -> None:
    desk, ses = loop(api)
    with ses:
        accepted = ses.addresses()
        before = ledger(database_url)
        assert len(accepted) == len(set(accepted))
        doubtful = {email for email, state in before.items() if state == "uncertain"}
        proved = doubtful & set(accepted)
        assert proved, "no fault has left anything in doubt"
        total = pull_all(queue.url, endpoint=queue.endpoint, desk=desk)
        after = ledger(database_url)
        # what was accepted is sent, and what is sent was accepted
        assert {email for email, state in after.items() if state == "sent"} == set(accepted)
        # in doubt remains only what never arrived there: a fault before it was accepted
        assert {email for email, state in after.items() if state == "uncertain"} == doubtful - proved
        assert total["settled"] == len(proved)
        counts = ses.counts()["events"]
        assert total["events"] + total["duplicates"] >= counts["made"]
        assert total["ignored"] == 0
        assert total["suppressed"] == len(set(HARD) & set(accepted))
        assert total["complained"] == len(set(ANGRY) & set(accepted))
        assert {address for address, reason in ses.suppressed().items() if reason == "COMPLAINT"} == (
            set(ANGRY) & set(accepted)
        )
        [proof] = desk.json("proof", NOVEMBER)["campaigns"]
        assert proof["balances"] and proof["sent"] == len(accepted)
        assert with_status(database_url, "complained") == set(ANGRY) & set(accepted)
        assert with_status(database_url, "bounced") == set(HARD) & set(accepted)
        shows_why(desk, next(address for address in HARD if address in accepted))


def test_resolve_by_events_settles_what_it_can_and_says_what_is_left(
    loop: Any, queue: Queue, database_url: str
) -> None:
    desk, ses = loop("raw")
    with ses:
        accepted = set(ses.addresses())
        pull_all(queue.url, endpoint=queue.endpoint, desk=desk)
        engine = open_engine(database_url)
        with engine.begin() as connection:  # as if the calls had ended after their events had come
            again = connection.execute(
                text("UPDATE deliveries SET state = 'uncertain', message_id = NULL WHERE state = 'sent'")
            ).rowcount
        engine.dispose()
        left = PEOPLE - len(accepted)
        result = desk.run("resolve", NOVEMBER, "--from-events", "--json")
        found = json.loads(result.stdout)
        assert (found["settled"], found["uncertain"]) == (again, left) == (len(accepted), left)
        assert result.exit_code == (8 if left else 0)
        assert {email for email, state in ledger(database_url).items() if state == "sent"} == accepted
        assert desk.run("resolve", NOVEMBER).exit_code == 2
        desk.ok("resolve", NOVEMBER, "--assume-sent")
        assert desk.run("resolve", NOVEMBER, "--from-events").exit_code == 0
