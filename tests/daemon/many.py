"""A program that starts many ``newsletter`` processes at the same moment.

It reads one JSON list of command lines from its standard input, forks a process for each (an interpreter of
its own would take a second each to load), and prints a line for each: its number first, later its exit code.
"""

import json
import os
import sys
from importlib import import_module
from pathlib import Path

_LOADED_BEFORE = ("newsletter.daemon.running", "newsletter.due.sending", "newsletter.cli.main", "psycopg")


def main() -> None:
    from tests.forked import become

    orders: list[tuple[list[str], str]] = json.loads(sys.stdin.readline())
    for name in _LOADED_BEFORE:
        import_module(name)
    start, begin = os.pipe()
    children = []
    for args, output in orders:
        pid = os.fork()
        if pid == 0:
            os.close(begin)
            os.read(start, 1)  # ends when the parent closes the other end: everybody starts at once
            become(args, output)
        children.append(pid)
    _say(children)
    os.close(begin)
    for _ in children:
        pid, status = os.wait()
        _say([pid, os.waitstatus_to_exitcode(status)])


def _say(numbers: list[int]) -> None:
    sys.stdout.write(json.dumps(numbers) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    main()
