"""The endpoint as a process of its own: prints its port on one line, then serves until it is told to stop.

    python -m tests.fakeses --port 0 --log DIR/accepted.log --rate 14 --quota 50000
    python -m tests.fakeses --port 0 --fast --rate 100000         a sink for benchmarks: no log, no rendering
    python -m tests.fakeses --port 0 --log FILE --fast            the same with a log, without fsync

Then AWS_ENDPOINT_URL_SESV2=http://127.0.0.1:PORT is all that boto3 needs.
"""

import argparse
import json
import sys
from pathlib import Path

from tests.fakeses.account import Account
from tests.fakeses.faults import Fault, Plan
from tests.fakeses.server import run
from tests.fakeses.service import Service

__all__ = ["main"]


def main(arguments: list[str] | None = None) -> None:
    """Run it."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.fakeses",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--port", type=int, default=0, help="0: a free one")
    parser.add_argument("--log", type=Path, help="where each accepted recipient is written; default: nowhere")
    parser.add_argument("--rate", type=float, help="MaxSendRate; default 50000, in the sandbox 1")
    parser.add_argument("--quota", type=float, help="Max24HourSend; default -1 (none), in the sandbox 200")
    parser.add_argument("--sandbox", action="store_true", help="only verified recipients")
    parser.add_argument("--verified", action="append", default=[], help="an address or a domain; repeat it")
    parser.add_argument(
        "--per-entry", action="store_true", help="refuse bulk entries one by one, not the call"
    )
    parser.add_argument(
        "--plan", type=Path, help='a file of faults: {"seed": 7, "faults": [{"do": "reset"}]}'
    )
    parser.add_argument(
        "--no-fsync", action="store_true", help="leave it to the system when the log is on disk"
    )
    parser.add_argument("--no-render", action="store_true", help="do not keep what readers would see")
    parser.add_argument("--fast", action="store_true", help="--no-fsync --no-render")
    parser.add_argument("--until-eof", action="store_true", help="stop when standard input ends")
    given = parser.parse_args(arguments)
    account = Account(
        rate=given.rate if given.rate is not None else 1.0 if given.sandbox else 50_000.0,
        quota=given.quota if given.quota is not None else 200.0 if given.sandbox else -1.0,
        sandbox=given.sandbox,
        verified=frozenset(name.lower() for name in given.verified),
        per_entry=given.per_entry,
    )
    service = Service(
        account,
        log=given.log,
        fsync=not (given.no_fsync or given.fast),
        render=not (given.no_render or given.fast),
    )
    if given.plan:
        asked = json.loads(given.plan.read_text(encoding="utf-8"))
        service.plan = Plan([Fault.from_json(fault) for fault in asked["faults"]], int(asked.get("seed", 0)))
    run(service, given.port, listening=_say, until_eof=given.until_eof)


def _say(port: int) -> None:
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
