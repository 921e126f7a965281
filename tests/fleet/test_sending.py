"""``send`` with workers and without, and how workers end."""

import signal
from pathlib import Path

import pytest

from tests.fakeses import FakeSes
from tests.fleet.conftest import Hire
from tests.fleet.hosts import alive, wait_for
from tests.test_chaos import NOVEMBER, desk_for, hold_invariants
from tests.workspaces import Desk

pytestmark = [pytest.mark.slow, pytest.mark.postgres]


def test_with_no_worker_send_sends_itself(fleet_desk: Desk) -> None:
    done = fleet_desk.ok("send", NOVEMBER, "--yes")
    assert "worker" not in done.stderr
    assert len(fleet_desk.mailed()) == 30


def test_a_worker_alone_sends_and_send_looks_on_until_all_is_done(fleet_desk: Desk, hire: Hire) -> None:
    worker = hire(fleet_desk)
    wait_for(lambda: alive(fleet_desk) == 1)
    done = fleet_desk.ok("send", NOVEMBER, "--yes")
    assert "1 worker sends it." in done.stderr
    assert len(fleet_desk.mailed()) == len(set(fleet_desk.mailed())) == 30
    wait_for(lambda: worker.says("event=finished"))
    assert worker.end() == 0
    assert worker.says("event=stopped exit=0")


def test_looking_on_can_be_ended_and_a_stopped_worker_hands_over(
    url: str, tmp_path: Path, hire: Hire
) -> None:
    with FakeSes.start(tmp_path / "ses", rate=8) as ses:
        desk = desk_for(tmp_path / "desk", url, ses, "raw", 300)
        first = hire(desk)
        wait_for(lambda: alive(desk) == 1)
        send = desk.process("send", NOVEMBER, "--yes")
        wait_for(lambda: len(ses.addresses()) > 20)
        send.send_signal(signal.SIGINT)
        _, errors = send.communicate(timeout=30)
        assert send.returncode == 7
        assert "The workers go on" in errors
        second = hire(desk)
        wait_for(lambda: alive(desk) == 2)
        ses.set_rate(5000)  # whoever begins from now on may do more
        assert first.end() == 7, "it was in the middle of a share"
        assert first.says("event=interrupted")
        wait_for(lambda: second.says("event=finished"))
        assert second.end() == 0
        assert hold_invariants(desk, ses, url, 300)["sent"] == 300


def test_sqlite_has_no_workers(desk: Desk) -> None:
    refused = desk.run("worker")
    assert refused.exit_code == 3
    assert "Workers need PostgreSQL" in refused.stderr
