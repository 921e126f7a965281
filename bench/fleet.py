"""How much faster a fleet sends than one worker: 1, 2 and 4 workers, each call taking 40 ms, one PostgreSQL.

    ./dev bench fleet                        bulk, one call at a time: 50 letters each 40 ms at most
    ./dev bench fleet --rate 2000            the same against a rate that two workers reach
    ./dev bench fleet --api raw --calls 16 --people 3000

Each worker is `newsletter worker --processes 0 --calls N`: one process with few calls at a time, so that it
is held up by the provider and not by this computer, whose cores all of them share with the database and the
sink. Measured by the times in the ledger, from the first record to the last, without the first mails, which
one worker sends alone; the time in which workers join counts. CPU: of the workers, and of the database.
"""

import argparse
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
from sqlalchemy import Engine, text

from bench.send import add_people, prepare
from bench.servers import ROOT, SERVER, database, server_cpu, sink
from newsletter import pipeline
from newsletter.fleet import watching
from newsletter.fleet.jobs import ensure_tables
from newsletter.readying import Ready
from newsletter.settings import Database, SenderSettings, Workspace
from newsletter.store.fleet import live_workers
from newsletter.wiring import Services

CANARY = 20  #: mails that one worker sends alone at first


@dataclass(frozen=True)
class Row:
    """One measured fleet. cpu: seconds of all workers together; database: of its processes."""

    workers: int
    mails: int
    seconds: float
    cpu: float
    database: float

    @property
    def rate(self) -> float:
        """Mails a second."""
        return self.mails / self.seconds


@contextmanager
def fleet(
    count: int, calls: int, workspace: Path, env: dict[str, str], engine: Engine
) -> Iterator[list[psutil.Process]]:
    """Start so many workers, and give them once they have registered."""
    command = [sys.executable, "-m", "newsletter", "-C", str(workspace), "worker", "--processes", "0"]
    command += ["--calls", str(calls)]
    with (workspace / "workers.log").open("wb") as log:
        started = [
            subprocess.Popen(command, cwd=ROOT, env={**os.environ, **env}, stdout=log, stderr=log)
            for _ in range(count)
        ]
        try:
            until = time.monotonic() + 60
            while live_workers(engine) < count:
                if time.monotonic() > until:
                    raise SystemExit((workspace / "workers.log").read_text("utf-8"))
                time.sleep(0.1)
            yield [psutil.Process(each.pid) for each in started]
        finally:
            for each in started:
                each.terminate()
            for each in started:
                with suppress(subprocess.TimeoutExpired):
                    each.wait(30)


def measure(count: int, options: argparse.Namespace) -> Row:
    """Let so many workers send to so many people each."""
    people = options.people * count
    with (
        tempfile.TemporaryDirectory() as name,
        database("postgresql", Path(name), SERVER) as url,
        sink(options.rate, options.latency) as endpoint,
    ):
        workspace, issue = prepare(Path(name) / "workspace", options.api)
        root = workspace.root
        (root / "newsletter.toml").write_bytes((ROOT / "newsletter.toml").read_bytes())
        env = {
            "NEWSLETTER_SECRET": secrets.token_urlsafe(32),
            "NEWSLETTER_DATABASE__URL": url,
            "NEWSLETTER_SENDER__KIND": "ses",
            "NEWSLETTER_SES__API": options.api,
            "NEWSLETTER_SAFETY__CANARY": str(CANARY),
            "NEWSLETTER_NEWSLETTER__PUBLIC_URL": "https://news.example.org",
            "AWS_ENDPOINT_URL_SESV2": endpoint,
            "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "not a secret",
            "AWS_DEFAULT_REGION": "eu-central-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        os.environ.update({key: value for key, value in env.items() if key.startswith("AWS_")})
        settings = replace(workspace.settings, sender=SenderSettings(kind="ses"), database=Database(url=url))
        services = Services(Workspace(root=root, settings=settings), env=env)
        add_people(services.engine, people)
        ensure_tables(services.engine)
        campaign = pipeline.start(services, Ready(issue=issue, findings=(), segment=""))
        with fleet(count, options.calls, root, env, services.engine) as workers:
            used = sum(sum(each.cpu_times()[:2]) for each in workers)
            theirs = server_cpu(services.engine)
            for _ in watching.watch(services, campaign, stop=lambda: False):
                pass
            used = sum(sum(each.cpu_times()[:2]) for each in workers) - used
            theirs = server_cpu(services.engine) - theirs
        with services.engine.connect() as connection:
            mails, seconds = connection.execute(
                text(
                    """SELECT count(*), extract(epoch FROM max(updated_at) - min(updated_at)) FROM (
                        SELECT updated_at FROM deliveries WHERE state = 'sent'
                        ORDER BY updated_at OFFSET :canary
                    ) AS later"""
                ),
                {"canary": CANARY},
            ).one()
        services.close()
        if mails != people - CANARY:
            raise SystemExit(f"Not everybody was mailed: {mails}")
        return Row(count, int(mails), float(seconds), used, theirs)


def main() -> None:
    """Read the options, measure and print the table of docs/fleet.md."""
    parser = argparse.ArgumentParser(prog="bench.fleet", description="1, 2 and 4 workers.")
    parser.add_argument("--people", type=int, default=40_000, help="for each worker (40,000)")
    parser.add_argument("--api", choices=["raw", "bulk"], default="bulk")
    parser.add_argument("--calls", type=int, default=1, help="calls at a time of each worker (1)")
    parser.add_argument("--latency", type=float, default=0.04, help="seconds of each call (0.04)")
    parser.add_argument(
        "--rate", type=float, default=100_000.0, help="that the account grants (100,000 a second)"
    )
    parser.add_argument("--workers", type=int, action="append", help="how many; repeatable (1, 2, 4)")
    options = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the beginning, {options.api},", end=" ")
    print(
        f"{options.calls} calls of {options.latency * 1000:.0f} ms at a time, {options.rate:,.0f}/s granted\n"
    )
    print("| workers | mails | mails/s | against one | CPU us a mail: workers, database |")
    print("| --- | --- | --- | --- | --- |")
    first: Row | None = None
    for count in options.workers or [1, 2, 4]:
        row = measure(count, options)
        first = first or row
        print(
            f"| {row.workers} | {row.mails:,} | {row.rate:,.0f} | {row.rate / first.rate:.2f} x "
            f"| {row.cpu / row.mails * 1e6:,.0f}, {row.database / row.mails * 1e6:,.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
