"""``send`` with workers and without, and how workers end."""

import re
import signal
import time
import urllib.request
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from newsletter.cli.worker import worker
from newsletter.errors import UsageError
from newsletter.fleet.metrics import Figures
from tests.fakeses import FakeSes
from tests.fleet.conftest import Start
from tests.fleet.hosts import alive, wait_for
from tests.fleet.starter import Running
from tests.test_chaos import NOVEMBER, desk_for, hold_invariants
from tests.workspaces import Desk

pytestmark = [pytest.mark.slow, pytest.mark.postgres]


def test_with_no_worker_send_sends_itself_whether_or_not_there_ever_was_one(
    url: str, fleet_desk: Desk
) -> None:
    done = fleet_desk.ok("send", NOVEMBER, "--yes")
    assert "worker" not in done.stderr
    assert len(fleet_desk.mailed()) == 30
    nobody = Desk(fleet_desk.root, {**fleet_desk.env, "NEWSLETTER_DATABASE__URL": url})
    assert "worker" not in nobody.ok("send", NOVEMBER, "--yes").stderr


def test_a_worker_alone_sends_and_send_looks_on_until_all_is_done(fleet_desk: Desk, hire: Start) -> None:
    hired = hire(fleet_desk, "--metrics", "0")
    wait_for(lambda: alive(fleet_desk) == 1)
    done = fleet_desk.ok("send", NOVEMBER, "--yes")
    assert "1 worker sends it." in done.stderr
    assert len(fleet_desk.mailed()) == len(set(fleet_desk.mailed())) == 30
    wait_for(lambda: hired.says("event=finished"))
    figures = figures_of(hired)
    assert figures["newsletter_worker_deliveries_total{state=sent}"] == 30
    assert figures["newsletter_worker_shares_total{result=finished}"] == 1
    assert figures["newsletter_worker_shares_under_way"] == 0
    assert figures["newsletter_worker_sessions_total"] == 1
    assert 0 <= time.time() - figures["newsletter_worker_last_sign_timestamp_seconds"] < 30
    port = address_of(hired).rsplit(":", 1)[1].partition("/")[0]
    refused = fleet_desk.run("worker", "--metrics", port)
    assert refused.exit_code == 2
    assert f"Port {port} on 127.0.0.1 cannot be used: Address already in use." in refused.stderr
    assert hired.end() == 0
    assert hired.says("event=stopped exit=0")


def address_of(hired: Running) -> str:
    found = re.search(r"metrics=(\S+)", hired.said())
    assert found is not None
    return found[1]


def figures_of(hired: Running) -> dict[str, float]:
    """Ask a worker as Prometheus does; return each sample: name{label} = value."""
    wanted = "application/openmetrics-text; version=1.0.0"
    asked = urllib.request.Request(address_of(hired), headers={"Accept": wanted})
    with urllib.request.urlopen(asked, timeout=10) as answer:
        assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
        text = answer.read().decode()
    assert "@" not in text and NOVEMBER not in text
    found = {}
    for family in text_string_to_metric_families(text):  # type: ignore[no-untyped-call]
        for sample in family.samples:
            labels = ",".join(f"{key}={value}" for key, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


@pytest.mark.parametrize("given", ["http", "70000", ":9464", "localhost:", "-1"])
def test_what_is_no_address_for_metrics_is_refused(desk: Desk, given: str) -> None:
    refused = desk.run("worker", f"--metrics={given}")
    assert refused.exit_code == 2 and "is no port and no HOST:PORT" in refused.stderr


@pytest.mark.parametrize(
    ("given", "host", "port"),
    [
        ("9464", "127.0.0.1", 9464),
        ("0.0.0.0:1", "0.0.0.0", 1),
        ("[::1]:0", "::1", 0),
        ("me.local:80", "me.local", 80),
    ],
)
def test_an_address_for_metrics_is_a_port_of_this_computer_or_host_and_port(
    given: str, host: str, port: int
) -> None:
    [metrics] = [option for option in worker.params if option.name == "metrics"]
    assert metrics.type.convert(given, None, None) == (host, port)


def test_a_host_for_metrics_that_there_is_not_is_said_in_one_line() -> None:
    with pytest.raises(UsageError, match=r"^Port 0 on nowhere\.invalid cannot be used: no such host\.$"):
        Figures().served("nowhere.invalid", 0).__enter__()


def test_looking_on_can_be_ended_and_a_stopped_worker_hands_over(
    url: str, tmp_path: Path, start: Start, hire: Start
) -> None:
    with FakeSes.start(tmp_path / "ses", rate=8, in_thread=True) as ses:
        desk = desk_for(tmp_path / "desk", url, ses, "raw", 120)
        first = hire(desk)
        wait_for(lambda: alive(desk) == 1)
        send = start(desk, "send", NOVEMBER, "--yes")
        wait_for(lambda: len(ses.addresses()) > 10)
        send.signal(signal.SIGINT)
        assert send.wait() == 7
        assert send.says("The workers go on")
        second = hire(desk)
        wait_for(lambda: alive(desk) == 2)
        ses.set_rate(5000)  # whoever begins from now on may do more
        assert first.end() == 7, "it was in the middle of a share"
        assert first.says("event=interrupted")
        wait_for(lambda: second.says("event=finished"))
        assert second.end() == 0
        assert hold_invariants(desk, ses, url, 120)["sent"] == 120


def test_sqlite_has_no_workers(desk: Desk) -> None:
    refused = desk.run("worker")
    assert refused.exit_code == 3
    assert "Workers need PostgreSQL" in refused.stderr
