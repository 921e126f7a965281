"""The proof must hold: what was answered is in the log, whatever happens to the endpoint."""

import json
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from botocore.exceptions import BotoCoreError, ConnectionClosedError

from tests.fakeses.calling import bulk, bulk_call, entry, raw_call, statuses
from tests.fakeses.client import FakeSes
from tests.fakeses.faults import Fault
from tests.fakeses.journal import Journal
from tests.senders.samples import client

ROOT = Path(__file__).resolve().parents[2]


def test_the_log_is_complete_after_a_kill_right_after_an_answer(fake_ses_process: FakeSes) -> None:
    sending = client(fake_ses_process.url, read_timeout=5)
    call = bulk_call([entry(f"reader{number}@example.org") for number in range(50)])
    results = sending.send_bulk_email(**call)["BulkEmailEntryResults"]
    fake_ses_process.kill()
    assert [each.message_id for each in fake_ses_process.accepted()] == [one["MessageId"] for one in results]


def test_a_kill_under_load_loses_nothing_that_was_answered(fake_ses_process: FakeSes) -> None:
    sending = client(fake_ses_process.url, read_timeout=5)
    answered: set[str] = set()
    enough = threading.Event()

    def send(thread: int) -> None:
        for number in range(10_000):
            call = bulk_call([entry(f"r{thread}-{number}-{place}@example.org") for place in range(10)])
            try:
                results = sending.send_bulk_email(**call)["BulkEmailEntryResults"]
            except BotoCoreError:
                return
            answered.update(one["MessageId"] for one in results)
            if number == 10:
                enough.set()

    with ThreadPoolExecutor(4) as threads:
        running = [threads.submit(send, thread) for thread in range(4)]
        enough.wait(20)
        fake_ses_process.kill()
        for future in running:
            future.result()
    logged = {each.message_id for each in fake_ses_process.accepted()}
    assert len(answered) >= 100
    assert answered <= logged
    assert len(logged - answered) <= 4 * 10  # one call of each thread was on its way


def test_the_log_is_on_disk_before_the_answer_leaves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    monkeypatch.setattr("tests.fakeses.journal.os.fsync", lambda _: order.append("fsync"))
    with FakeSes.start(tmp_path, in_thread=True) as ses:
        for number in range(3):
            client(ses.url).send_email(**raw_call())
            order.append(f"answer {number}")
    assert order == ["fsync", "answer 0", "fsync", "answer 1", "fsync", "answer 2"]


def test_without_fsync_none_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("tests.fakeses.journal.os.fsync")
    with FakeSes.start(tmp_path, in_thread=True, fsync=False) as ses:
        client(ses.url).send_email(**raw_call())
        assert len(ses.accepted()) == 1


def test_another_endpoint_goes_on_with_the_log_and_its_ids_never_meet(tmp_path: Path) -> None:
    with FakeSes.start(tmp_path) as first:
        bulk(first, 3)
        first.kill()
    with FakeSes.start(tmp_path, port=int(first.url.rpartition(":")[2])) as second:
        assert second.url == first.url
        bulk(second, 2)
    assert second.addresses() == [f"reader{number}@example.org" for number in (1, 2, 3, 1, 2)]
    assert len({each.message_id for each in second.accepted()}) == 5


def test_a_line_that_was_never_finished_is_no_acceptance(tmp_path: Path) -> None:
    with FakeSes.start(tmp_path, in_thread=True) as ses:
        bulk(ses, 1)
    log = tmp_path / "accepted.log"
    with log.open("ab") as file:
        file.write(b'{"ts": 1, "address": "half')
    assert ses.addresses() == ["reader1@example.org"]
    Journal(log, fsync=False).close()
    assert log.read_bytes().endswith(b"}\n")


@pytest.mark.parametrize("in_thread", [True, False])
def test_stopping_does_not_wait_for_calls_that_hang(tmp_path: Path, in_thread: bool) -> None:
    ses = FakeSes.start(tmp_path, in_thread=in_thread, faults=[Fault("hang")])
    with ses, ThreadPoolExecutor(1) as threads:
        call = threads.submit(client(ses.url, read_timeout=20).send_email, **raw_call())
        until = time.monotonic() + 10
        while not ses.counts()["faults"] and time.monotonic() < until:
            time.sleep(0.01)
        ses.stop()
        assert isinstance(call.exception(timeout=5), ConnectionClosedError)


def test_it_is_gone_when_whoever_started_it_is(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.fakeses", "--until-eof", "--fast"]
    started = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with started:
        assert started.stdin is not None and started.stdout is not None
        assert int(started.stdout.readline())
        started.stdin.close()
        assert started.wait(10) == 0


def test_the_command_takes_limits_and_a_plan_from_its_line(tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps({"seed": 1, "faults": [{"do": "no_id", "requests": [1]}]}))
    command = [sys.executable, "-m", "tests.fakeses", "--log", str(tmp_path / "accepted.log"), "--rate", "14"]
    command += ["--quota", "20", "--per-entry", "--plan", str(plan)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as started:
        assert started.stdout is not None
        ses = FakeSes(url=f"http://127.0.0.1:{int(started.stdout.readline())}", log=tmp_path / "accepted.log")
        assert "MessageId" not in bulk(ses, 1)[0]
        assert statuses(bulk(ses, 25)).count("ACCOUNT_THROTTLED") >= 10
        assert client(ses.url).get_account()["SendQuota"]["Max24HourSend"] == 20
        assert (
            {"SendEmail", "SendBulkEmail"} >= {each.operation for each in ses.accepted()} == {"SendBulkEmail"}
        )
        started.terminate()
        assert started.wait(10) == 0


def test_a_port_that_is_taken_is_an_error(fake_ses: FakeSes, tmp_path: Path) -> None:
    port = int(fake_ses.url.rpartition(":")[2])
    with pytest.raises(OSError, match="in use"):
        FakeSes.start(None, port=port, in_thread=True)
    with (tmp_path / "said").open("wb") as said, pytest.raises(RuntimeError, match="did not start"):
        FakeSes.start(None, port=port, stderr=said)


def test_without_a_log_it_counts_all_the_same() -> None:
    with FakeSes.start(None, in_thread=True, render=False) as ses:
        bulk(ses, 7)
        assert (ses.counts()["accepted"], ses.peak_rate()) == (7, 7)
        with pytest.raises(RuntimeError, match="no log"):
            ses.accepted()


def test_many_threads_on_many_connections_are_all_served(fake_ses: FakeSes) -> None:
    sending = client(fake_ses.url, read_timeout=10)
    with ThreadPoolExecutor(16) as threads:
        calls = [
            threads.submit(sending.send_email, **raw_call(f"r{number}@example.org")) for number in range(200)
        ]
        ids = {call.result()["MessageId"] for call in calls}
    assert ids == {each.message_id for each in fake_ses.accepted()}
    assert len(set(fake_ses.addresses())) == 200
