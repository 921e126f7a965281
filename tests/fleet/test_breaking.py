"""Four workers, and everything that can happen to them at once: 0 twice, 0 lost, the rate kept."""

import signal
import time
from pathlib import Path

import pytest

from tests.fakeses import FakeSes
from tests.fleet.conftest import Start
from tests.fleet.hosts import Cable, RestartableServer, alive, wait_for
from tests.test_chaos import NOVEMBER, desk_for, hold_invariants
from tests.workspaces import Desk

PEOPLE, RATE = 500, 80

pytestmark = [pytest.mark.slow, pytest.mark.postgres]


def test_killed_stopped_cut_off_and_the_database_restarted_nobody_is_mailed_twice_or_forgotten(
    tmp_path: Path, start: Start, hire: Start
) -> None:
    with (
        RestartableServer.start() as server,
        Cable(server.port) as cable,
        FakeSes.start(tmp_path / "ses", rate=RATE) as ses,
    ):
        url = server.postgres.url(server.postgres.create())
        desk = desk_for(tmp_path / "desk", url, ses, "raw", PEOPLE)
        desk = Desk(
            desk.root, {**desk.env, "NEWSLETTER_SAFETY__CANARY": "20", "NEWSLETTER_SES__SHARE": "0.8"}
        )
        killed, stopped, whole = hire(desk), hire(desk), hire(desk)
        cut = hire(desk, NEWSLETTER_DATABASE__URL=url.replace(str(server.port), str(cable.port)))
        fleet = [killed, stopped, whole, cut]
        wait_for(lambda: alive(desk) == 4)
        send = start(desk, "send", NOVEMBER, "--yes")
        wait_for(lambda: len(ses.addresses()) > 60)
        killed.signal(signal.SIGKILL)
        stopped.signal(signal.SIGSTOP)
        stopped_at = time.monotonic()
        cable.cut()
        time.sleep(1)
        server.restart()
        time.sleep(max(0.0, 6 - (time.monotonic() - stopped_at)))  # its lease is 5 s
        before = len(ses.addresses())
        assert before < PEOPLE, "all was sent before anything could go wrong"
        stopped.signal(signal.SIGCONT)
        cable.mend()
        code = send.wait(120)
        assert code in {0, 8}, send.said()
        assert send.says("workers send it")
        proof = hold_invariants(desk, ses, url, PEOPLE)
        assert proof["uncertain"] <= 3 * 16, "more than the calls in flight"
        assert (code == 8) == (proof["uncertain"] > 0)
        assert 0 < ses.peak_rate() <= RATE * 1.1
        assert [worker.end() for worker in fleet if worker is not killed] == [0, 0, 0]
        print(f"\nsent {proof['sent']}, uncertain {proof['uncertain']}, peak {ses.peak_rate()}/s")  # noqa: T201
