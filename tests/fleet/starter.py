"""A program that starts ``newsletter`` processes by forking: one that loads it anew takes two seconds of CPU.

It reads one JSON object a line (args, env, log), forks, and prints the new process's number; when that ends,
its exit code is put in a file beside its log. What runs is the real command line in a process of its own.
"""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

from tests.forked import become
from tests.workspaces import REPOSITORY, Desk

_LOADED_BEFORE = (
    "newsletter.cli.main",
    "newsletter.daemon.running",
    "newsletter.fleet.working",
    "newsletter.due.sending",
    "newsletter.senders.ses",
    "newsletter.store.migrations",
    "boto3.session",
    "psycopg",
)


@dataclass
class Running:
    """A process and its log."""

    pid: int
    log: Path

    def says(self, words: str) -> bool:
        """Return whether its log has these words."""
        return words in self.said()

    def said(self) -> str:
        """Return what it has written up to now."""
        return self.log.read_text("utf-8") if self.log.exists() else ""

    def events(self, name: str) -> list[str]:
        """Return the lines of its log that tell of one kind of event."""
        return [line for line in self.said().splitlines() if f" event={name} " in line]

    def poll(self) -> int | None:
        """Return its exit code, None if it still runs."""
        ended = self.log.with_suffix(".exit")
        return int(ended.read_text()) if ended.exists() else None

    def wait(self, seconds: float = 60.0) -> int:
        """Return its exit code once it has ended; fail if it does not."""
        until = time.monotonic() + seconds
        while (code := self.poll()) is None:
            assert time.monotonic() < until, self.said()
            time.sleep(0.02)
        return code

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)

    def end(self) -> int:
        """Stop it in an orderly way; return its exit code."""
        self.signal(signal.SIGTERM)
        return self.wait()

    def kill(self) -> None:
        """End it, whatever it does."""
        with suppress(ProcessLookupError):
            if self.poll() is None:
                self.signal(signal.SIGKILL)
                self.wait(10)


@dataclass
class Starter:
    """The program, running."""

    _process: "subprocess.Popen[str]" = field(init=False)

    def __post_init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.fleet.starter"],
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(self, desk: Desk, log: Path, *args: str, **env: str) -> Running:
        """Start a command in a workspace; its output goes to the log."""
        assert self._process.stdin is not None and self._process.stdout is not None
        order = {"args": ["-C", str(desk.root), *args], "env": {**desk.env, **env}, "log": str(log)}
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return Running(int(self._process.stdout.readline()), log)

    def close(self) -> None:
        """End the program; what it started has to be ended before."""
        self._process.communicate()


def main() -> None:
    for name in _LOADED_BEFORE:
        import_module(name)
    logs: dict[int, Path] = {}

    def reap(_signal: int, _frame: object) -> None:
        with suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if not pid:
                    return
                part = logs[pid].with_suffix(".part")
                part.write_text(str(os.waitstatus_to_exitcode(status)))
                part.rename(logs[pid].with_suffix(".exit"))

    signal.signal(signal.SIGCHLD, reap)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for whoever runs the tests
    for line in sys.stdin:
        order = json.loads(line)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
        pid = os.fork()
        if pid == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
            os.environ.update(order["env"])
            become(order["args"], order["log"])
        logs[pid] = Path(order["log"])
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
