"""The owner's hand on a send: pause, resume, cancel, resolve, catch up."""

import pytest
from sqlalchemy import create_engine, text

from tests.workspaces import Desk

NOVEMBER = "2026-11-individual-vs-group"
READERS = ["ada@example.org", "ben@example.org", "zoe@example.org"]


def ledger(desk: Desk, sql: str) -> None:
    """Change the ledger as a fault or a second process would have."""
    engine = create_engine(f"sqlite:///{desk.root}/subscribers/newsletter.db")
    with engine.begin() as connection:
        connection.execute(text(sql))
    engine.dispose()


@pytest.fixture
def half_sent(desk: Desk) -> Desk:
    """A send that could not go on after its audience was planned: the mailbox was no folder."""
    desk.write("subscribers/mailbox", "a file where the folder should be")
    assert desk.run("send", NOVEMBER, "--yes").exit_code == 6
    (desk.root / "subscribers" / "mailbox").unlink()
    return desk


def test_a_paused_send_mails_nobody_until_it_is_resumed(half_sent: Desk) -> None:
    half_sent.ok("pause", NOVEMBER)
    assert half_sent.run("send", NOVEMBER, "--yes").exit_code == 7
    assert half_sent.mailed() == []
    half_sent.ok("resume", NOVEMBER)
    assert half_sent.mailed() == READERS


def test_status_watch_looks_on_until_nothing_is_under_way(half_sent: Desk) -> None:
    with half_sent.process("status", "--watch") as watching:
        assert watching.stdout is not None
        first = watching.stdout.readline()
        assert NOVEMBER in first and "0 of 4 sent, 3 to go" in first
        half_sent.ok("resume", NOVEMBER)
        rest = watching.stdout.read()
    assert watching.returncode == 0
    last = rest.splitlines()[-1]
    assert "finished" in last and "3 of 4 sent" in last


def test_a_cancelled_send_mails_nobody_any_more_and_its_accounts_balance(half_sent: Desk) -> None:
    assert half_sent.run("cancel", NOVEMBER).exit_code == 2
    assert half_sent.json("cancel", NOVEMBER, "--dry-run")["queued"] == 3
    half_sent.ok("cancel", NOVEMBER, "--yes")
    assert half_sent.run("resume", NOVEMBER).exit_code == 2
    assert half_sent.mailed() == []
    assert "3  skipped, cancelled" in half_sent.ok("proof", NOVEMBER).stdout


def test_a_finished_send_cannot_be_paused_or_cancelled(desk: Desk) -> None:
    desk.ok("send", NOVEMBER, "--yes")
    for command in (["pause", NOVEMBER], ["cancel", NOVEMBER, "--yes"]):
        result = desk.run(*command)
        assert result.exit_code == 2 and "finished" in result.stderr


def test_uncertain_deliveries_are_named_and_settled_on_the_owners_word(desk: Desk) -> None:
    desk.ok("send", NOVEMBER, "--yes")
    ledger(desk, "UPDATE deliveries SET state = 'uncertain' WHERE email_key = 'ada@example.org'")
    proof = desk.run("proof", NOVEMBER)
    assert proof.exit_code == 8 and "uncertain deliveries: " in proof.stdout
    assert desk.run("resolve", NOVEMBER).exit_code == 2
    assert desk.json("resolve", NOVEMBER, "--assume-sent")["settled"] == 1
    desk.ok("proof", NOVEMBER)
    assert desk.mailed() == READERS


def test_resolve_with_resend_mails_exactly_the_uncertain_ones_again(desk: Desk) -> None:
    desk.ok("send", NOVEMBER, "--yes")
    ledger(desk, "UPDATE deliveries SET state = 'uncertain' WHERE email_key = 'ada@example.org'")
    desk.ok("resolve", NOVEMBER, "--resend")
    desk.ok("resume", NOVEMBER)
    assert desk.mailed() == ["ada@example.org", *READERS]


def test_catch_up_reaches_those_who_were_refused_or_joined_and_no_one_else(desk: Desk) -> None:
    desk.ok("send", NOVEMBER, "--yes")
    ledger(desk, "UPDATE deliveries SET state = 'failed', reason = 'x' WHERE email_key = 'ada@example.org'")
    desk.ok("subscribers", "add", "eve@example.org", "--consent", "asked me")
    assert desk.json("catch-up", NOVEMBER, "--dry-run")["missing"] == 1
    assert desk.json("catch-up", NOVEMBER, "--joined", "--dry-run")["missing"] == 2
    result = desk.json("catch-up", NOVEMBER, "--joined", "--yes")
    assert desk.mailed() == sorted([*READERS, "ada@example.org", "eve@example.org"])
    assert (result["sent"], result["candidates"], result["balances"]) == (4, 5, True)
    assert "0 people did not get" in desk.ok("catch-up", NOVEMBER, "--joined", "--yes").stdout


def test_catch_up_never_mails_whoever_left_is_uncertain_or_had_it_from_another_send(desk: Desk) -> None:
    desk.ok("send", NOVEMBER, "--segment", "tag:group", "--yes")
    desk.ok("send", NOVEMBER, "--yes")
    ledger(desk, "UPDATE deliveries SET state = 'uncertain' WHERE email_key = 'zoe@example.org'")
    assert desk.json("catch-up", NOVEMBER, "--joined", "--yes")["missing"] == 0
    assert desk.mailed() == READERS


def test_catch_up_of_one_segment_knows_who_had_it_from_the_send_to_everyone(desk: Desk) -> None:
    desk.ok("send", NOVEMBER, "--segment", "tag:group", "--yes")
    ledger(desk, "UPDATE deliveries SET state = 'failed'")
    desk.ok("send", NOVEMBER, "--yes")
    ledger(desk, "UPDATE campaigns SET id = 9 WHERE segment = 'tag:group'")  # the older one is now the newest
    ledger(desk, "UPDATE deliveries SET campaign_id = 9 WHERE state = 'failed'")
    assert desk.json("catch-up", NOVEMBER, "--yes")["missing"] == 0
    assert desk.mailed() == ["ada@example.org", "ben@example.org", "ben@example.org", "zoe@example.org"]


def test_an_open_send_is_resumed_not_caught_up(half_sent: Desk) -> None:
    result = half_sent.run("catch-up", NOVEMBER, "--yes")
    assert result.exit_code == 2 and "newsletter resume" in result.stderr
