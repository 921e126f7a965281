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
            _become(args, output)
        children.append(pid)
    _say(children)
    os.close(begin)
    for _ in children:
        pid, status = os.wait()
        _say([pid, os.waitstatus_to_exitcode(status)])


def _say(numbers: list[int]) -> None:
    sys.stdout.write(json.dumps(numbers) + "\n")
    sys.stdout.flush()


def _become(args: list[str], output: str) -> None:
    """Be the program: never returns."""
    from newsletter.cli.main import cli

    file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    for number in (1, 2):
        os.dup2(file, number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    code = 1
    try:
        cli(args, prog_name="newsletter")
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 0
    except BaseException as error:
        sys.stderr.write(f"Traceback: {error!r}")
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    main()
