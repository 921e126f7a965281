"""Real processes that plan and deliver, to be killed: a program, and what starts it.

Run as a program it waits for orders on its standard input, one JSON object a line, and does each in a
child of its own: a fork costs milliseconds, a new interpreter a second. Its sender appends a line for
each letter to a file, the *sink*, which is therefore the truth about what left, whatever the ledger says.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final, Literal

import psycopg  # noqa: F401  (before the forks, which would each import it)
from sqlalchemy import true

from newsletter.delivery.calling import Caller
from newsletter.delivery.delivering import deliver
from newsletter.delivery.planning import plan
from newsletter.model import Letter, Outcome, OutcomeKind, Person
from newsletter.ports import Allowance
from newsletter.store.engine import open_engine


@dataclass(frozen=True, kw_only=True)
class Order:
    """What a process is to do.

    batch: letters a call. delay: seconds before and after a call, in the call. rate: recipients a second that
    the provider grants, None for no limit. threads: calls at a time. processes: that
    send, 0 for this one alone.
    """

    verb: Literal["deliver", "plan"]
    url: str
    campaign: int
    sink: str = ""
    batch: int = 1
    delay: float = 0.002
    rate: float | None = None
    threads: int = 1
    processes: int = 0
    chunk: int = 100


class FileSink:
    """A sender that accepts everything and writes each letter's delivery number on a line of a file.

    Beside it stands the time of each call, in nanoseconds since the computer started.
    """

    kind: Final = "sink"
    form: Final = "raw"

    def __init__(self, path: str, batch: int, delay: float, rate: float | None) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        self.max_batch, self._delay, self._rate = batch, delay, rate

    def allowance(self) -> Allowance:
        return Allowance(per_second=self._rate, today=None)

    def send(self, letters: Sequence[Letter]) -> Sequence[Outcome]:
        now = time.monotonic_ns()
        time.sleep(self._delay)
        for letter in letters:
            os.write(self._file, f"{letter.tags['delivery']} {now}\n".encode())
            time.sleep(self._delay / len(letters))
        os.fsync(self._file)
        time.sleep(self._delay)
        return [Outcome(kind=OutcomeKind.ACCEPTED, message_id=letter.tags["delivery"]) for letter in letters]


class TagPress:
    """Makes letters that consist of their tags."""

    def letter(self, person: Person, tags: object) -> Letter:
        assert isinstance(tags, dict)
        return Letter(to=person.email, tags=tags)


def file_caller(order: Order) -> Caller:
    """Return what makes the order's calls, in whatever process."""
    sender = FileSink(order.sink, order.batch, order.delay, order.rate)
    return Caller(campaign_key="key", sender=sender, press=TagPress(), clock=lambda: datetime.now(UTC))


def carry_out(order: Order) -> None:
    engine = open_engine(order.url)
    if order.verb == "plan":
        plan(
            engine,
            order.campaign,
            audience=true(),
            clock=lambda: datetime.now(UTC),
            chunk=order.chunk,
        )
    else:
        steps = deliver(
            engine,
            order.campaign,
            sender=FileSink(order.sink, order.batch, order.delay, order.rate),
            press=TagPress(),
            clock=lambda: datetime.now(UTC),
            stop=lambda: False,
            threads=order.threads,
            recipe=partial(file_caller, order) if order.processes else None,
            processes=order.processes,
        )
        for _ in steps:
            pass


@dataclass(frozen=True)
class Workshop:
    """The waiting program, seen from the test."""

    program: subprocess.Popen[str]

    def start(self, order: Order) -> int:
        """Start a process and return its number."""
        assert self.program.stdin and self.program.stdout
        self.program.stdin.write(json.dumps(asdict(order)) + "\n")
        self.program.stdin.flush()
        return int(self.program.stdout.readline())

    def wait(self) -> int:
        """Wait for the process and return how it ended: 0 well, minus a signal's number when killed."""
        assert self.program.stdin and self.program.stdout
        self.program.stdin.write("wait\n")
        self.program.stdin.flush()
        return int(self.program.stdout.readline())

    def run(self, order: Order) -> int:
        """Let a process run to its end."""
        self.start(order)
        return self.wait()

    def run_and_kill(self, order: Order, after: float, at_work: Callable[[], bool] = lambda: True) -> int:
        """Start a process, wait until it is at work and so many seconds more, and kill it."""
        number = self.start(order)
        patience = time.monotonic() + 10
        while not at_work() and time.monotonic() < patience:
            time.sleep(0.002)
        time.sleep(after)
        os.kill(number, signal.SIGKILL)  # its number is its own until we wait for it
        return self.wait()


@contextmanager
def workshop() -> Iterator[Workshop]:
    """Start the program; it ends when its input does."""
    with subprocess.Popen(
        [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as program:
        try:
            assert program.stdout
            program.stdout.readline()  # it is ready
            yield Workshop(program)
        finally:
            assert program.stdin
            program.stdin.close()


def sink_lines(path: Path) -> list[int]:
    """Return the delivery numbers in a sink; a line that a kill cut short did not leave."""
    return [number for number, _ in sink_times(path)]


def sink_times(path: Path) -> list[tuple[int, float]]:
    """Return the delivery numbers in a sink, each with the seconds at which its call began."""
    if not path.exists():
        return []
    whole = [line.split() for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")]
    return [(int(number), int(at) / 1e9) for number, at in whole]


def say(word: object) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


def main() -> None:
    say("ready")
    while line := sys.stdin.readline():
        child = os.fork()
        if not child:
            status = 1
            try:
                carry_out(Order(**json.loads(line)))
                status = 0
            finally:
                sys.stderr.flush()
                os._exit(status)
        say(child)
        sys.stdin.readline()  # until we take its status, its number is nobody else's: the test may kill it
        say(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


if __name__ == "__main__":
    main()
