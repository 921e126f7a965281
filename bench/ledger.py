"""The ledger's own statements with ten million people: how fast, how steady, by which plans, how it bloats.

    ./dev bench ledger                          ten million people, PostgreSQL, two drivers: about 20 minutes
    ./dev bench ledger --people 200000 --plans  a small one, with the plans of the statements

No mail is made and nothing is called: each driver is a process that does what a worker does to the database
(``delivery.writing``: record what ended, claim 16 calls of 50, one commit on disk), as fast as it goes. So
this is what one database carries, whatever the workers are. A tenth of the way is a row of the table.
"""

import argparse
import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from multiprocessing.queues import Queue
from pathlib import Path
from queue import Empty
from typing import Any, Final

from sqlalchemy import Connection, Engine, TextClause, text, true

from bench.send import add_people, clock, prepare
from bench.servers import SERVER, database, server_cpu
from newsletter.delivery import planning
from newsletter.delivery.calling import Done, Work
from newsletter.delivery.owners import this_process
from newsletter.delivery.pacing import Pacer, shared_limit
from newsletter.delivery.writing import Writer
from newsletter.model import DeliveryState
from newsletter.ports import Allowance
from newsletter.store import campaigns, tallies
from newsletter.store.deliveries import CLAIM, IN_FLIGHT, make_ready
from newsletter.store.engine import ensure_current, open_engine, reading
from newsletter.store.rows import Settled

CALLS: Final = 16
BATCH: Final = 50
RATE: Final = 1_000_000.0  # recipients a second: no limit, but the bucket is asked as always


@dataclass(frozen=True)
class Said:
    """What a driver did since it last said so. longest: seconds of a turn."""

    rows: int = 0
    turns: int = 0
    longest: float = 0.0

    def __add__(self, more: "Said") -> "Said":
        return Said(self.rows + more.rows, self.turns + more.turns, max(self.longest, more.longest))


def drive(url: str, campaign_id: int, said: "Queue[Said | None]") -> None:
    """Be one worker's writer until nothing is queued; say each second how far it is, and None at the end."""
    engine = open_engine(url)
    with reading(engine) as connection:
        campaign = campaigns.get_campaign(connection, campaign_id)
    writer = Writer(
        engine=engine,
        campaign=campaign,
        pacer=Pacer(
            lambda: Allowance(per_second=RATE, today=None),
            max_batch=BATCH,
            limit=shared_limit(engine, "ses", "", clock),
            clock=clock,
        ),
        clock=clock,
        sleep=time.sleep,
        owner=this_process(),
    )
    ended: list[Done] = []
    so_far, told = Said(), time.monotonic()
    while True:
        began = time.monotonic()
        turn = writer.turn(ended, calls=CALLS)
        so_far = so_far + Said(rows=turn.written, turns=1, longest=time.monotonic() - began)
        over = turn.dry and not turn.work
        if over or time.monotonic() - told >= 1:
            said.put(so_far)
            so_far, told = Said(), time.monotonic()
        if over:
            said.put(None)
            return
        ended = [taken(work) for work in turn.work]
        if not ended:
            time.sleep(0.001)  # the bucket is empty, or somebody else had it


def taken(work: Work) -> Done:
    """Return a call as one that the provider took. Amazon's message IDs have 60 characters."""
    name = f"{work.call.call_id[:16]}-{work.begun:016.6f}"
    rows = [
        Settled(id=row.id, state=DeliveryState.SENT, message_id=f"{name}-{row.id:026x}"[:60])
        for row in work.call.rows
    ]
    return Done(work=work, letters=len(rows), settled=rows)


def explain(connection: Connection, statement: TextClause, parameters: dict[str, Any]) -> str:
    """Return the plan of a statement that was carried out, with what it read."""
    query = str(statement.compile(connection, compile_kwargs={"render_postcompile": True}))
    bound = statement.compile(connection).construct_params(parameters)
    lines = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, BUFFERS, SUMMARY) {query}", bound).scalars()
    return "\n".join(f"    {line}" for line in lines)


def plans(engine: Engine, campaign_id: int) -> None:
    """Print the plans of the statements that a worker makes all the time; nothing is changed."""
    now = clock()
    with reading(engine) as connection:
        mark = connection.execute(
            text("SELECT coalesce(max(id), 0) FROM deliveries WHERE state = 'sending'")
        ).scalar_one()
    hot: dict[str, tuple[TextClause, dict[str, Any]]] = {
        "claim": (
            CLAIM["postgresql"],
            {
                "campaign_id": campaign_id,
                "limit": BATCH,
                "owner": "nobody:1",
                "call_id": "0" * 32,
                "now": now,
                "lease_until": now,
                "since": mark,
            },
        ),
        "calls in flight": (IN_FLIGHT, {"campaign_id": campaign_id}),
        "open deliveries": (tallies.OPEN, {"campaign_id": campaign_id}),
        "the first mails": (tallies.FIRST_SENT, {"campaign_id": campaign_id, "most": 101}),
    }
    with engine.connect() as connection:
        make_ready(connection)
        for name, (statement, parameters) in hot.items():
            print(f"\n{name}\n{explain(connection, statement, parameters)}")
        connection.rollback()


class Table:
    """The rows that are printed, one for each tenth of the way."""

    def __init__(self, engine: Engine, campaign_id: int, people: int, drivers: int) -> None:
        self._engine, self._campaign_id, self._people, self._drivers = engine, campaign_id, people, drivers
        self._since = Said()
        self._done = 0
        self._begin()
        print(
            "| done | rows/s | ms a turn, longest | server CPU us, log bytes a row | table, indexes GB ",
            end="",
        )
        print("| dead rows | vacuums | count of what is open, of all, s |")
        print("| --- " * 8 + "|", flush=True)

    @property
    def tenths(self) -> int:
        """How many tenths are done."""
        return 10 * self._done // self._people

    def add(self, said: Said) -> bool:
        """Take in what a driver says; return whether another tenth is done, and was printed."""
        before = self.tenths
        self._done += said.rows
        self._since = self._since + said
        if self.tenths == before:
            return False
        since, began, cpu, log = self._since, self._began, self._cpu, self._log
        self._begin()  # at once: the drivers go on while we print
        self._print(since, self._began - began, self._cpu - cpu, self._log - log)
        return True

    def _begin(self) -> None:
        self._since, self._began = Said(), time.perf_counter()
        self._cpu, self._log = server_cpu(self._engine), self._written()

    def _print(self, since: Said, took: float, cpu: float, log: int) -> None:
        with self._engine.connect() as connection:
            table, indexes, dead, vacuums = connection.execute(
                text(
                    """SELECT pg_table_size('deliveries') / 1e9, pg_indexes_size('deliveries') / 1e9,
                    n_dead_tup, autovacuum_count FROM pg_stat_user_tables WHERE relname = 'deliveries'"""
                )
            ).one()
        opens, everything = self._time(tallies.open_deliveries), self._time(tallies.tally)
        turn = took / since.turns * self._drivers * 1000
        print(
            f"| {self.tenths * 10} % | {since.rows / took:,.0f} | {turn:.0f}, {since.longest * 1000:,.0f} "
            f"| {cpu / since.rows * 1e6:.0f}, {log / since.rows:,.0f} | {table:.2f}, {indexes:.2f} "
            f"| {dead:,} | {vacuums} | {opens:.2f}, {everything:.1f} |",
            flush=True,
        )

    def _time(self, count: Callable[[Connection, int], object]) -> float:
        began = time.perf_counter()
        with reading(self._engine) as connection:
            count(connection, self._campaign_id)
        return time.perf_counter() - began

    def _written(self) -> int:
        """Return how many bytes of write-ahead log there were so far."""
        with reading(self._engine) as connection:
            return int(
                connection.execute(text("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')")).scalar_one()
            )


def follow(
    engine: Engine, campaign_id: int, url: str, drivers: int, people: int, *, snapshot: bool, show: bool
) -> None:
    """Let the drivers drive, and print a row for each tenth. snapshot: hold an old one in the middle."""
    spawn = multiprocessing.get_context("spawn")
    said: Queue[Said | None] = spawn.Queue()
    started = [spawn.Process(target=drive, args=(url, campaign_id, said)) for _ in range(drivers)]
    table = Table(engine, campaign_id, people, drivers)
    for each in started:
        each.start()
    running = drivers
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as old:
        while running:
            try:
                heard = said.get(timeout=60)
            except Empty:
                raise SystemExit("A driver says nothing any more.") from None
            if heard is None:
                running -= 1
            elif table.add(heard):
                if show and table.tenths in (1, 5, 9):
                    plans(engine, campaign_id)
                if snapshot and table.tenths == 4:
                    old.execute(text("SELECT count(*) FROM campaigns"))
                    print("From here an old snapshot is held, as by pg_dump ...", flush=True)
                if snapshot and table.tenths == 6:
                    old.rollback()
                    print("... to here.", flush=True)
    for each in started:
        each.join()


def main() -> None:
    """Read the options; make the people, plan, drive."""
    parser = argparse.ArgumentParser(prog="bench.ledger", description="The ledger with ten million people.")
    parser.add_argument("--people", type=int, default=10_000_000)
    parser.add_argument("--drivers", type=int, default=2)
    parser.add_argument("--plans", action="store_true", help="print the plans, too")
    parser.add_argument("--snapshot", action="store_true", help="hold an old snapshot from 40 to 60 per cent")
    parser.add_argument("--url", help="an empty PostgreSQL database, instead of a server of our own")
    options = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the beginning", flush=True)
    with tempfile.TemporaryDirectory() as name:
        server = nullcontext(options.url) if options.url else database("postgresql", Path(name), SERVER)
        with server as url:
            engine = open_engine(url)
            ensure_current(engine)
            _, issue = prepare(Path(name) / "workspace", "bulk")
            began = time.perf_counter()
            add_people(engine, options.people)
            print(f"{options.people:,} people added in {time.perf_counter() - began:.0f} s", flush=True)
            began = time.perf_counter()
            campaign = planning.begin(engine, issue, segment="", clock=clock)
            campaign = planning.plan(engine, campaign.id, audience=true(), clock=clock)
            took = time.perf_counter() - began
            print(f"planned in {took:.0f} s: {options.people / took:,.0f} people a second\n", flush=True)
            began = time.perf_counter()
            follow(
                engine,
                campaign.id,
                url,
                options.drivers,
                options.people,
                snapshot=options.snapshot,
                show=options.plans,
            )
            took = time.perf_counter() - began
            print(f"\nclaimed and recorded in {took:.0f} s: {options.people / took:,.0f} deliveries a second")
            with engine.begin() as connection:
                began = time.perf_counter()
                finished = campaigns.finish(connection, campaign.id, clock())
                print(f"finished: {finished}, in {time.perf_counter() - began:.3f} s")
            with reading(engine) as connection:
                print(tallies.tally(connection, campaign.id))
            engine.dispose()


if __name__ == "__main__":
    main()
