"""Whole sends through the real parts, against the loop that everybody writes first.

    ./dev bench send                        10,000 and 100,000 people, in bulk, on SQLite
    ./dev bench send --million              and a million
    ./dev bench send --people 20000 --api raw --database postgresql
    ./dev bench send --check                exit 1 below 15 times the naive loop

A send is measured from its beginning to the last record, other processes started and ended among it, as the
command does it; planning is reported apart. CPU and memory are those of all its processes (what they share
counted once). Real boto3 over HTTP to a sink in another process, which takes everything at once (no TLS, no
latency).
The issue is one of ordinary length: a greeting, a sentence that depends on a tag, the unsubscribe link.

"Naive" is one loop in one thread: fill a parsed Jinja template, build an EmailMessage, ``send_email`` with a
client of boto3 as it comes, one durable commit a mail.
"""

import argparse
import gc
import json
import os
import resource
import secrets
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import Engine, bindparam, text

from bench.servers import ROOT, database, sink
from newsletter import pipeline
from newsletter.compose.compiling import compile_issue
from newsletter.compose.issue_file import find_issue
from newsletter.model import CompiledIssue, Person
from newsletter.personal.fill import Filler, context_for
from newsletter.personal.links import Links
from newsletter.readying import Ready
from newsletter.settings import Database, SenderSettings, Workspace
from newsletter.settings_file import load_settings
from newsletter.store.tables import Instant
from newsletter.tokens import Tokens
from newsletter.wiring import Services

TARGET = 15  #: times the naive loop
NAIVE_PEOPLE = 1000
ISSUE = """---
title: Notes from the practice
subject: "{{ subscriber.first_name | default('Friend') }}, three things for November"
preheader: A new group, a song, and an open evening.
template: monthly
---

Dear {{ subscriber.first_name | default('friend') }}, November is short on light and long on songs.

## A new group

Eight chairs, eight drums, Tuesday at six. No experience is needed, only curiosity and a little patience. The
first evening is free, and so is leaving early; nobody has done so yet. Bring socks, and somebody if you like.

## A song that stays

We come back to it each winter, and each winter it is another one. This year we sing it slower, in two groups,
and let the second one begin whenever it wants to. What happens then is the reason why we come back to it.

{{ 'Families: the' if 'families' in subscriber.tags else 'The' }} open evening is on the 12th.
"""


@dataclass(frozen=True)
class Row:
    """One measured way. seconds: of the send. memory: the peak, before: at its start, in bytes; 0: none."""

    name: str
    people: int
    seconds: float
    cpu: float
    memory: int = 0
    before: int = 0
    planning: float = 0.0

    @property
    def micros(self) -> float:
        """Wall time for one mail."""
        return self.seconds / self.people * 1e6

    def line(self, naive: "Row | None") -> str:
        """Return the row of the table."""
        ratio = f"{naive.micros / self.micros:8.1f} x" if naive else " " * 10
        memory = (
            f"{self.memory / 1e6:6.0f} MB (+{(self.memory - self.before) / 1e6:.0f})" if self.memory else ""
        )
        return (
            f"{self.name:24} {self.people:>9,} {self.people / self.seconds:>9,.0f} "
            f"{self.micros:>8.1f} {self.cpu / self.people * 1e6:>8.1f} {ratio}  {memory}"
        )


def clock() -> datetime:
    """Return now."""
    return datetime.now(UTC)


def prepare(folder: Path, api: str) -> tuple[Workspace, CompiledIssue]:
    """Return a workspace in the folder, and its issue compiled."""
    shutil.copytree(ROOT / "templates", folder / "templates")
    (folder / "issues" / "images").mkdir(parents=True)
    shutil.copy(ROOT / "issues" / "images" / "logo.png", folder / "issues" / "images")
    (folder / "issues" / "2026-11-notes.md").write_text(ISSUE, "utf-8")
    env = {"NEWSLETTER_NEWSLETTER__PUBLIC_URL": "https://news.example.org", "NEWSLETTER_SES__API": api}
    workspace = Workspace(root=folder, settings=load_settings(ROOT, env))
    return workspace, compile_issue(workspace, find_issue(workspace, "2026-11-notes"))


def add_people(engine: Engine, people: int) -> None:
    """Add confirmed subscribers with a name, a field and a tag."""
    numbers = "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :people)"
    with engine.begin() as connection:
        connection.execute(
            text(
                f"""{numbers if engine.dialect.name == "sqlite" else ""}
                INSERT INTO subscribers (email, email_key, status, name, attributes, created_at, updated_at)
                SELECT 'reader' || n || '@example.org', 'reader' || n || '@example.org', 'confirmed',
                    'Ada Byron' || n, '{{"city": "Halifax"}}', :now, :now
                FROM {"numbers" if engine.dialect.name == "sqlite" else "generate_series(1, :people) AS n"}"""
            ).bindparams(bindparam("now", type_=Instant)),
            {"people": people, "now": clock()},
        )
        connection.execute(
            text(
                """INSERT INTO subscriber_tags (tag, subscriber_id)
                SELECT CASE id % 3 WHEN 0 THEN 'families' WHEN 1 THEN 'group' ELSE 'professionals' END, id
                FROM subscribers"""
            )
        )
        if engine.dialect.name == "postgresql":
            connection.execute(text("ANALYZE"))


class Watch:
    """What a send uses, in this process and in those that it starts; looked at now and then."""

    def __init__(self) -> None:
        self._me = psutil.Process()
        self._others = {child.pid for child in self._me.children(recursive=True)}  # the sink, the database
        self._looked_at = 0.0
        self.peak = self.before = self._memory()
        self._cpu = self._used()

    def look(self) -> None:
        """Note the memory, twice a second at most."""
        if time.perf_counter() - self._looked_at >= 0.5:
            self._looked_at = time.perf_counter()
            self.peak = max(self.peak, self._memory())

    def cpu(self) -> float:
        """Return the CPU seconds used; the processes that were started have ended by now."""
        return self._used() - self._cpu

    def _memory(self) -> int:
        total = int(self._me.memory_full_info().pss)
        for child in self._me.children():
            with suppress(psutil.Error):
                total += 0 if child.pid in self._others else int(child.memory_full_info().pss)
        return total

    def _used(self) -> float:
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        return time.process_time() + ended.ru_utime + ended.ru_stime


def whole_send(people: int, api: str, kind: str) -> Row:
    """Measure one send, as `newsletter send` does it."""
    with tempfile.TemporaryDirectory() as name, database(kind, Path(name)) as url, sink() as endpoint:
        workspace, issue = prepare(Path(name) / "workspace", api)
        settings = replace(workspace.settings, sender=SenderSettings(kind="ses"), database=Database(url=url))
        os.environ["AWS_ENDPOINT_URL_SESV2"] = endpoint
        env = {"NEWSLETTER_SECRET": secrets.token_urlsafe(32)}
        services = Services(Workspace(root=workspace.root, settings=settings), env=env)
        add_people(services.engine, people)
        began = time.perf_counter()
        campaign = pipeline.start(services, Ready(issue=issue, findings=(), segment=""))
        planned = time.perf_counter() - began
        gc.collect()
        watch = Watch()
        began = time.perf_counter()
        last = None
        for step in pipeline.deliver(services, campaign, stop=lambda: False):
            last = step
            watch.look()
        seconds = time.perf_counter() - began
        if last is None or last.sent != people:
            raise SystemExit(f"Not everybody was mailed: {last}")
        services.close()
        return Row(f"ours, {api}, {kind}", people, seconds, watch.cpu(), watch.peak, watch.before, planned)


def naive(people: int) -> Row:
    """Measure the loop that everybody writes first, in this process."""
    import boto3

    with tempfile.TemporaryDirectory() as name, sink() as endpoint:
        workspace, issue = prepare(Path(name) / "workspace", "raw")
        filler = Filler(issue)
        links = Links(workspace.settings, Tokens([secrets.token_urlsafe(32)]), "naive")
        client = boto3.session.Session(region_name="eu-central-1").client("sesv2", endpoint_url=endpoint)
        ledger = sqlite3.connect(Path(name) / "naive.db")
        ledger.execute("PRAGMA journal_mode=WAL")
        ledger.execute("PRAGMA synchronous=FULL")
        ledger.execute("CREATE TABLE sent (id INTEGER PRIMARY KEY, email TEXT, message_id TEXT)")
        rows = [(number, f"reader{number}@example.org") for number in range(1, people + 1)]
        ledger.executemany("INSERT INTO sent (id, email) VALUES (?, ?)", rows)
        ledger.commit()
        began, used = time.perf_counter(), time.process_time()
        for number, email in rows:
            person = Person(id=number, email=email, name=f"Ada Byron{number}", tags=["group"])
            context = context_for(person, links)
            message = EmailMessage(policy=SMTP)
            message["From"], message["To"] = workspace.settings.newsletter.from_, email
            message["Subject"] = filler.subject(context)
            for header, value in links.headers(number).items():
                message[header] = value
            message.set_content(filler.text(context))
            message.add_alternative(filler.html(context), subtype="html")
            answer = client.send_email(
                Destination={"ToAddresses": [email]}, Content={"Raw": {"Data": message.as_bytes()}}
            )
            ledger.execute("UPDATE sent SET message_id = ? WHERE id = ?", (answer["MessageId"], number))
            ledger.commit()
        seconds, used = time.perf_counter() - began, time.process_time() - used
        ledger.close()
        return Row("naive loop", people, seconds, used)


def apart(way: str, people: int, api: str, kind: str) -> Row:
    """Measure in a process of its own: its memory is then its own, too."""
    # not "-m": the processes that a send starts would each load all of this again, which no command does
    command = [sys.executable, "-c", "from bench.send import main; main()", "--one", way]
    command += ["--people", str(people), "--api", api, "--database", kind]
    env = {**os.environ, "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "not a secret"}
    env["AWS_EC2_METADATA_DISABLED"] = "true"
    done = subprocess.run(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True, check=True)
    plain: dict[str, Any] = json.loads(done.stdout)
    return Row(**plain)


def main() -> None:
    """Read the options, measure and print the table."""
    parser = argparse.ArgumentParser(prog="bench.send", description="Whole sends against the naive loop.")
    parser.add_argument("--people", type=int, action="append", help="how many; repeatable (10000, 100000)")
    parser.add_argument("--million", action="store_true", help="a million as well")
    parser.add_argument("--api", choices=["raw", "bulk"], default="bulk")
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--check", action="store_true", help=f"exit 1 below {TARGET} times the naive loop")
    parser.add_argument("--one", choices=["whole", "naive"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        ways: dict[str, Callable[[], Row]] = {
            "whole": lambda: whole_send(options.people[0], options.api, options.database),
            "naive": lambda: naive(options.people[0]),
        }
        print(json.dumps(vars(ways[options.one]())))
        return
    sizes = (options.people or [10_000, 100_000]) + ([1_000_000] if options.million else [])
    load = os.getloadavg()[0]
    print(f"{os.cpu_count()} cores, load {load:.1f} at the beginning\n")
    print(f"{'':24} {'people':>9} {'mails/s':>9} {'us/mail':>8} {'CPU us':>8} {'against':>10}  peak memory")
    loop = apart("naive", NAIVE_PEOPLE, options.api, options.database)
    print(loop.line(None), flush=True)
    rows = []
    for size in sizes:
        rows.append(apart("whole", size, options.api, options.database))
        print(rows[-1].line(loop), flush=True)
    if len(rows) > 1:
        growth = rows[-1].micros / rows[0].micros - 1
        print(f"\n{rows[-1].people:,} against {rows[0].people:,} people: {growth:+.1%} time a mail")
    print(f"Planning: {rows[-1].people / rows[-1].planning:,.0f} people a second")
    if options.check and loop.micros / rows[-1].micros < TARGET:
        sys.exit(1)


if __name__ == "__main__":
    main()
