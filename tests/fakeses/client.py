"""FakeSes: starts an endpoint for a test, shows what it accepted, and changes it while it runs."""

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from tests.fakeses.account import Account
from tests.fakeses.events import EventPlan
from tests.fakeses.faults import Fault
from tests.fakeses.journal import read_lines
from tests.fakeses.server import ServerThread
from tests.fakeses.service import Service

__all__ = ["Accepted", "FakeSes"]

_ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """One line of the accepted log. ts: seconds since 1970, of the endpoint's clock. call: its number.

    content: subject, html and text when mails are rendered. failed: why a mail will never be sent, though SES
    took it.
    """

    ts: float
    call: int
    operation: str
    address: str
    message_id: str
    tags: Mapping[str, str]
    headers: Mapping[str, str]
    content: Mapping[str, str] = field(default_factory=dict)
    failed: str = ""


@dataclass(kw_only=True)
class FakeSes:
    """A running endpoint. log: of accepted recipients, None without one. Stops at the end of a ``with``."""

    url: str
    log: Path | None
    _process: "subprocess.Popen[bytes] | None" = None
    _thread: ServerThread | None = None

    @classmethod
    def start(
        cls,
        folder: Path | None,
        *,
        rate: float | None = None,
        quota: float | None = None,
        sandbox: bool = False,
        verified: Sequence[str] = (),
        per_entry: bool = False,
        faults: Sequence[Fault] = (),
        seed: int = 0,
        events: EventPlan | None = None,
        fsync: bool = True,
        render: bool = True,
        port: int = 0,
        in_thread: bool = False,
        stderr: IO[bytes] | None = None,
    ) -> "FakeSes":
        """Start an endpoint, as a process of its own unless in_thread; return when it takes connections.

        folder: gets accepted.log; an old one is continued. None keeps no log. rate: recipients a second
        (50,000; 1 in the sandbox). quota: recipients in 24 hours (no limit; 200 in the sandbox). per_entry:
        refuse entries of a bulk call one by one instead of the call. The rest: Fault, EventPlan.
        """
        log = folder / "accepted.log" if folder is not None else None
        rate = rate if rate is not None else 1.0 if sandbox else 50_000.0
        quota = quota if quota is not None else 200.0 if sandbox else -1.0
        names = frozenset(name.lower() for name in verified)
        process, thread = None, None
        if in_thread:
            account = Account(rate=rate, quota=quota, sandbox=sandbox, verified=names, per_entry=per_entry)
            thread = ServerThread(Service(account, log=log, fsync=fsync, render=render), port)
            port = thread.port
        else:
            command = [sys.executable, "-m", "tests.fakeses", "--until-eof"]
            command += [f"--port={port}", f"--rate={rate}", f"--quota={quota}"]
            command += [f"--log={log.resolve()}"] if log else []
            command += [f"--verified={name}" for name in names]
            chosen = {"--sandbox": sandbox, "--per-entry": per_entry}
            chosen |= {"--no-fsync": not fsync, "--no-render": not render}
            command += [option for option, wanted in chosen.items() if wanted]
            process = subprocess.Popen(
                command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr
            )
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line.strip():
                _wind_up(process)
                raise RuntimeError("fakeses did not start; what it said is above.")
            port = int(line)
        ses = cls(url=f"http://127.0.0.1:{port}", log=log, _process=process, _thread=thread)
        if faults:
            ses.plan(faults, seed=seed)
        if events is not None:
            ses.send_events(events)
        return ses

    def __enter__(self) -> "FakeSes":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def env(self) -> dict[str, str]:
        """Variables for boto3 in another process: the endpoint and made-up credentials."""
        return {
            "AWS_ENDPOINT_URL_SESV2": self.url,
            "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "not a secret",
            "AWS_DEFAULT_REGION": "eu-central-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    @property
    def pid(self) -> int | None:
        """Of its process, None in a thread: for measuring it."""
        return self._process.pid if self._process else None

    def stop(self) -> None:
        """Stop; again is no harm. The log stays readable."""
        if self._thread is not None:
            self._thread.stop()
        if self._process is not None:
            self._process.terminate()
            _wind_up(self._process)

    def kill(self) -> None:
        """Kill the process with SIGKILL: what was answered must be in the log."""
        if self._process is None:
            raise RuntimeError("Only an endpoint with a process of its own can be killed.")
        self._process.kill()
        _wind_up(self._process)

    # ---- what it has done ---------------------------------------------------------------------

    def accepted(self) -> list[Accepted]:
        """Return what was accepted, in order; also after it was stopped or killed."""
        if self.log is None:
            raise RuntimeError("Without a folder there is no log.")
        return [Accepted(**line) for line in read_lines(self.log.read_bytes())]

    def addresses(self) -> list[str]:
        """Return the address of each accepted recipient, in order, with whatever was accepted twice."""
        return [each.address for each in self.accepted()]

    def counts(self) -> dict[str, Any]:
        """Return numbers: accepted, requests, answers, entries, faults (by kind), connections, events."""
        counts: dict[str, Any] = self._control("counts")
        return counts

    def peak_rate(self) -> int:
        """Return the most recipients accepted in any window of one second."""
        return int(self._control("peak_rate")["peak"])

    def per_second(self) -> list[tuple[int, int]]:
        """Return (second since 1970, recipients) for each second in which any was accepted."""
        return [(second, count) for second, count in self._control("per_second")]

    def suppressed(self) -> dict[str, str]:
        """Return the account's suppression list: BOUNCE or COMPLAINT, by address."""
        found: dict[str, str] = self._control("suppressed")
        return found

    def faults_used(self) -> list[int]:
        """Return how often each fault of the plan was used."""
        return [fault["used"] for fault in self._control("plan")["faults"]]

    # ---- changing it --------------------------------------------------------------------------

    def plan(self, faults: Sequence[Fault], *, seed: int = 0) -> None:
        """Follow this plan from the next call on, and no other."""
        self._control("plan", {"seed": seed, "faults": [fault.to_json() for fault in faults]})

    def freeze(self, frozen: bool = True) -> None:
        """Let its clock stand still, or go on."""
        self._control("clock", {"freeze": frozen})

    def advance(self, seconds: float) -> None:
        """Move its clock forward."""
        self._control("clock", {"advance": seconds})

    def now(self) -> float:
        """Return its time, in seconds since 1970."""
        return float(self._control("clock")["now"])

    def set_rate(self, per_second: float) -> None:
        """Change MaxSendRate."""
        self._control("rate", {"per_second": per_second})

    def set_quota(self, per_day: float, *, sent: int = 0) -> None:
        """Change Max24HourSend. sent: recipients that others have sent today; they do not expire."""
        self._control("quota", {"per_day": per_day, "sent": sent})

    def pause(self) -> None:
        """Pause the account's sending."""
        self._control("pause", {"state": "paused"})

    def suspend(self) -> None:
        """Suspend the account."""
        self._control("pause", {"state": "suspended"})

    def resume(self) -> None:
        """Let the account send again."""
        self._control("pause", {"state": "active"})

    def suppress(self, reasons: Mapping[str, str], *, age: float = 0.0) -> None:
        """Put addresses on the suppression list. age: how many seconds ago that was."""
        self._control("suppressed", {"put": dict(reasons), "age": age})

    def deny(self, *operations: str) -> None:
        """Deny the caller some operations of the suppression list, and no others."""
        self._control("suppressed", {"deny": list(operations)})

    def set_page_size(self, page_size: int) -> None:
        """Change how many addresses a page of the suppression list holds."""
        self._control("suppressed", {"page_size": page_size})

    def reset(self) -> None:
        """Forget what was accepted, counted and planned; limits and clock stay."""
        self._control("reset", {})

    def send_events(self, plan: EventPlan) -> None:
        """Send events of what is accepted from now on; only of calls that name a configuration set."""
        self._control("events", plan.to_json())

    def release_events(self) -> None:
        """Send the events that wait at once."""
        self._control("events/release", {})

    def wait_for_events(self, timeout: float = 10.0) -> None:
        """Return when no event waits. Raises TimeoutError, or RuntimeError if the queue did not take some."""
        until = time.monotonic() + timeout
        while (counts := self._control("events"))["waiting"]:
            if time.monotonic() > until:
                raise TimeoutError(f"{counts['waiting']} events still wait.")
            time.sleep(0.01)
        if counts["failed"]:
            raise RuntimeError(f"The queue did not take {counts['failed']} events.")

    def _control(self, name: str, change: Mapping[str, Any] | None = None) -> Any:
        """Ask, or change. Raises ValueError for a change that makes no sense."""
        body = None if change is None else json.dumps(change).encode()
        try:
            with urllib.request.urlopen(f"{self.url}/_ctl/{name}", data=body, timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                raise ValueError(json.load(error)["message"]) from None


def _wind_up(process: "subprocess.Popen[bytes]") -> None:
    """Wait for a process's end, by force if need be, and close what connects us."""
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()
