"""The systemd units: systemd itself reads them, and says how much they leave open."""

import configparser
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from newsletter.cli.main import cli
from tests.deploy.files import DEPLOY
from tests.node_packages import do_without

UNITS = DEPLOY / "systemd"
SERVICES = ["newsletter.service", "newsletter-send.service"]

#: systemd's own scale: 0 is closed, 10 is open. What is left: the network, which mail needs; /proc/stat.
BOUND = 1.5


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """The units, with a program that exists: systemd looks whether it does."""
    if shutil.which("systemd-analyze") is None:
        do_without("systemd-analyze is not installed")
    for file in UNITS.iterdir():
        text = file.read_text("utf-8").replace("/opt/newsletter/bin/newsletter", "/bin/true")
        (tmp_path / file.name).write_text(text, "utf-8")
    return tmp_path


def settings(name: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(UNITS / name, "utf-8")
    return parser


def test_systemd_finds_nothing_wrong(units: Path) -> None:
    files = sorted(str(file) for file in units.iterdir())
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", *files],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", SERVICES)
def test_what_a_unit_leaves_open_is_bounded(
    units: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", "--no-pager", str(units / name)],
        capture_output=True,
        text=True,
        check=False,
    )
    verdict = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
    assert verdict is not None, done.stderr
    with capsys.disabled():
        sys.stdout.write(f"\n{verdict[0]} (of 10; at most {BOUND})\n")
    assert float(verdict[1]) <= BOUND


def test_both_services_are_closed_alike() -> None:
    daemon, send = (dict(settings(name)["Service"]) for name in SERVICES)
    differing = {key for key in daemon.keys() | send.keys() if daemon.get(key) != send.get(key)}
    assert differing == {"Type", "ExecStart", "TimeoutStartSec", "Restart", "RestartSec"}


@pytest.mark.parametrize("name", SERVICES)
def test_what_a_unit_starts_is_a_command_of_ours(name: str) -> None:
    program, command, *options = settings(name)["Service"]["ExecStart"].split()
    assert program == "/opt/newsletter/bin/newsletter"
    known = {option for parameter in cli.commands[command].params for option in parameter.opts}
    assert {option for option in options if option.startswith("--")} <= known


def test_a_stop_leaves_time_for_the_longest_call() -> None:
    from newsletter.senders.ses import client_config

    longest = client_config().read_timeout + 20  # and the pages' last answers
    for name in SERVICES:
        assert int(settings(name)["Service"]["TimeoutStopSec"]) > longest


def test_the_timer_makes_up_for_a_night_with_the_computer_off() -> None:
    assert settings("newsletter-send.timer")["Timer"]["Persistent"] == "true"
