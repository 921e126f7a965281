"""Under fire: whole sends by real processes that are killed, into an SES endpoint that misbehaves on order.

After every run, whatever was done to it:
(a) every reader was accepted exactly once, or is named uncertain; (b) nobody was accepted twice;
(c) whoever the ledger calls sent was accepted, and once the provider's events are in, whoever was accepted is
called sent; (d) the account's rate held; (e) the accounts balance.

``./dev chaos [SEED [KILLS]]`` runs it at full size and prints a table; ``./dev test`` runs a smaller one.
"""

import os
import random
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from newsletter.store.engine import open_engine
from tests.fakeses import EventPlan, FakeSes, Fault
from tests.feedback.test_full_loop import ledger, pull_all
from tests.queues import Queue
from tests.workspaces import Desk, make_desk

NOVEMBER = "2026-11-individual-vs-group"
SEED = os.environ.get("CHAOS_SEED", "1")
KILLS = int(os.environ.get("CHAOS_KILLS", "3"))  #: for each database and API
RATE = 60  #: mails a second while processes are killed, so that there is something left to kill

pytestmark = [pytest.mark.slow]


def desk_for(folder: Path, database_url: str, ses: FakeSes, api: str, people: int) -> Desk:
    """Return a workspace with so many confirmed subscribers, sending through the fake."""
    desk = make_desk(
        folder,
        NEWSLETTER_DATABASE__URL=database_url,
        NEWSLETTER_SENDER__KIND="ses",
        NEWSLETTER_SES__API=api,
        NEWSLETTER_SES__SHARE="1.0",
        NEWSLETTER_SES__CONFIGURATION_SET="newsletter",
        **ses.env,
    )
    rows = "\n".join(f"person{n:04}@example.org,Person{n}" for n in range(people))
    desk.ok(
        "subscribers",
        "import",
        str(desk.write("people.csv", f"email,first_name\n{rows}\n")),
        "--consent",
        "x",
    )
    return desk


def kill_again_and_again(desk: Desk, ses: FakeSes, kills: int, dice: random.Random) -> int:
    """Run the send and SIGKILL it at random moments of its sending; return how many were killed then."""
    killed = 0
    for _ in range(kills):
        before = len(ses.addresses())
        process = desk.process(*go_on(desk, resume=dice.random() < 0.5))
        while process.poll() is None and len(ses.addresses()) == before:
            time.sleep(0.02)  # it is still starting
        time.sleep(dice.uniform(0, 0.5))
        killed += process.poll() is None
        process.kill()
        process.communicate(timeout=30)
    return killed


def go_on(desk: Desk, *, resume: bool) -> list[str]:
    """Return the command that begins the send or goes on with it."""
    begun = desk.json("status")["campaigns"]
    return ["resume", NOVEMBER] if begun and resume else ["send", NOVEMBER, "--yes"]


def finish(desk: Desk) -> None:
    """Resume until the send is over, whatever the fake does to it."""
    for _ in range(40):
        process = desk.process(*go_on(desk, resume=True))
        output, errors = process.communicate(timeout=120)
        assert process.returncode in {0, 6, 7, 8}, output + errors
        if desk.json("status", NOVEMBER)["campaigns"][0]["state"] == "finished":
            return
    raise AssertionError("the send never ended")


def hold_invariants(desk: Desk, ses: FakeSes, database_url: str, people: int) -> dict[str, Any]:
    """Compare the ledger with what the fake wrote down before it answered."""
    time.sleep(0.3)  # a request that was received is finished even if its client was killed
    accepted = Counter(ses.addresses())
    assert max(accepted.values(), default=0) <= 1, "somebody was accepted twice"
    engine = open_engine(database_url)
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT email_key, state FROM deliveries")).all()
    engine.dispose()
    states = {row.email_key: row.state for row in rows}
    assert len(states) == len(rows) == people
    assert set(states.values()) <= {"sent", "uncertain", "failed"}
    assert {key for key, state in states.items() if state == "sent"} <= set(accepted), (
        "sent, but not accepted"
    )
    lost = {key for key, state in states.items() if state != "uncertain"} - set(accepted)
    assert lost == {key for key, state in states.items() if state == "failed"}, "neither sent nor named"
    [proof] = desk.json("proof", NOVEMBER)["campaigns"]
    assert proof["balances"] and proof["candidates"] == people
    assert (
        len(proof["uncertain_deliveries"]) == proof["uncertain"] == list(states.values()).count("uncertain")
    )
    return dict(proof)


def hold_after_events(desk: Desk, ses: FakeSes, queue: Queue, database_url: str) -> dict[str, Any]:
    """Let the events come, and compare again: nobody who was accepted is uncertain any more."""
    ses.wait_for_events(120)
    pull_all(queue.url, endpoint=queue.endpoint, desk=desk)
    states = ledger(database_url)
    accepted = set(ses.addresses())
    assert {key for key, state in states.items() if state == "sent"} == accepted
    assert {key for key, state in states.items() if state != "sent"} == set(states) - accepted
    [proof] = desk.json("proof", NOVEMBER)["campaigns"]
    assert proof["balances"] and proof["sent"] == len(accepted)
    return dict(proof)


def engine_name(database_url: str) -> str:
    return "SQLite" if database_url.startswith("sqlite") else "PostgreSQL"


def report(what: str, blows: int, proof: dict[str, Any], peak: int) -> None:
    """Print a row of the table that ``./dev chaos`` shows; every invariant was asserted before."""
    print(  # noqa: T201  (for ./dev chaos)
        f"\n{what:32} blows {blows:4}  readers {proof['candidates']:6,}  sent {proof['sent']:6,}  "
        f"uncertain {proof['uncertain']:4}  twice 0  lost 0  peak {peak:,}/s  balances"
    )


@pytest.mark.parametrize("api", ["raw", "bulk"])
def test_killed_again_and_again_nobody_is_mailed_twice_and_nobody_is_forgotten(
    tmp_path: Path, database_url: str, queue: Queue, api: str
) -> None:
    people = 36 * KILLS + 100
    dice = random.Random(f"{SEED} {api} {engine_name(database_url)}")
    reports = EventPlan(queue_url=queue.url, endpoint_url=queue.endpoint, delay=0.5, spread=2.0, twice=0.1)
    slowly = [Fault("delay", every=1, ms=30, sigma=0.5)]
    with FakeSes.start(tmp_path / "ses", rate=RATE, faults=slowly, events=reports) as ses:
        desk = desk_for(tmp_path / "desk", database_url, ses, api, people)
        killed = kill_again_and_again(desk, ses, KILLS, dice)
        peak = ses.peak_rate()
        ses.set_rate(5_000)
        finish(desk)
        proof = hold_invariants(desk, ses, database_url, people)
        assert killed == KILLS, "the processes ended before they could be killed"
        assert 0 < peak <= RATE * 1.1 + 50
        assert proof["failed"] == 0
        assert proof["uncertain"] <= killed * (50 if api == "bulk" else 16), "more than the calls in flight"
        report(f"SIGKILL, {api}, {engine_name(database_url)}", killed, proof, peak)
        proof = hold_after_events(desk, ses, queue, database_url)
        report(f"  after its events, {api}", killed, proof, peak)


THROTTLED = "Maximum sending rate exceeded."

#: Each kind of answer; few throttles, since each halves the rate.
MISBEHAVIOUR = [
    Fault("error", every=7, times=2, status=429, code="TooManyRequestsException", message=THROTTLED),
    Fault("reset", every=11),
    Fault("reset", every=13, after=True),
    Fault("error", every=17, after=True),
    Fault("truncated", every=19, after=True),
    Fault("html", every=23, after=True),
    Fault("no_id", every=29, after=True),
]


@pytest.mark.parametrize("api", ["raw", "bulk"])
def test_whatever_the_provider_answers_nobody_is_mailed_twice_and_nobody_is_forgotten(
    tmp_path: Path, database_url: str, api: str
) -> None:
    people = 200 if api == "raw" else 2000
    with FakeSes.start(tmp_path / "ses", rate=5_000, faults=MISBEHAVIOUR, seed=int(SEED)) as ses:
        desk = desk_for(tmp_path / "desk", database_url, ses, api, people)
        process = desk.process("send", NOVEMBER, "--yes")
        process.communicate(timeout=120)
        finish(desk)
        proof = hold_invariants(desk, ses, database_url, people)
        assert proof["uncertain"] > 0 and proof["failed"] == 0
        assert min(ses.faults_used()) > 0, "a fault was never tried"
        report(f"faults, {api}, {engine_name(database_url)}", sum(ses.faults_used()), proof, ses.peak_rate())


def test_a_paused_account_stops_the_send_at_once_and_it_goes_on_later(
    tmp_path: Path, database_url: str
) -> None:
    with FakeSes.start(tmp_path / "ses", rate=5_000, faults=[Fault("pause", requests=(3,))]) as ses:
        desk = desk_for(tmp_path / "desk", database_url, ses, "bulk", 400)
        stopped = desk.process("send", NOVEMBER, "--yes")
        _, errors = stopped.communicate(timeout=60)
        assert stopped.returncode == 6 and "paused" in errors
        before = len(ses.addresses())
        assert before < 400
        ses.resume()
        ses.plan([])
        finish(desk)
        assert hold_invariants(desk, ses, database_url, 400)["sent"] == 400
