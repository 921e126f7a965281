"""What the questions about a large campaign take: accounts, report, the figures of one person.

    ./dev bench reports                       a million deliveries, PostgreSQL
    ./dev bench reports --people 10000000     ten million: ten minutes, most of them for making the rows

The rows are made in the database: everybody was sent to; a delivery was reported of 98 in a hundred, a bounce
of one; three in ten opened it; one in twenty clicked. Each question is asked as its command does. CPU: of the
database's processes and of this one. At the end the rows are compacted, as `db compact` does.
"""

import argparse
import os
import resource
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, text, true

from bench.send import add_people, clock, prepare
from bench.servers import SERVER, database, server_cpu
from newsletter.delivery import planning
from newsletter.model import CampaignState
from newsletter.reporting.accounting import accounts
from newsletter.reporting.counting import count
from newsletter.reporting.gathering import issue_figures
from newsletter.reporting.why import why
from newsletter.store import campaigns, compacting
from newsletter.store.engine import ensure_current, open_engine, reading
from newsletter.store.tallies import open_deliveries

_EVENTS: Final = {
    "delivery": "d.id % 100 < 98",
    "bounce": "d.id % 100 = 98",
    "open": "d.id % 10 < 3",
    "click": "d.id % 20 = 0",
}
_MIXED: Final = "md5(d.id || :kind)"  # events come in an order of their own


def fill(engine: Engine, campaign_id: int) -> int:
    """Settle all deliveries as sent, and add the events; return how many."""
    with engine.begin() as connection:
        connection.execute(
            text(
                """UPDATE deliveries SET state = 'sent', attempt = 1, call_id = md5((id / 50)::text),
                claimed_by = 'host:1:1', message_id = '0107' || md5(id::text) || '-000000-0000000000000000',
                updated_at = now() - interval '1 day' + id * interval '1 ms'"""
            )
        )
        campaigns.move(
            connection, campaign_id, to=CampaignState.FINISHED, since=[CampaignState.SENDING], now=clock()
        )
        found = 0
        for kind, which in _EVENTS.items():
            found += connection.execute(
                text(
                    f"""INSERT INTO events (dedupe, kind, at, received_at, message_id, campaign_id,
                        delivery_id, email_key, bounce, link)
                    SELECT md5(d.id || :kind) || md5(:kind || d.id), :kind,
                        d.updated_at + (d.id % 5000) * interval '1 s', now(), d.message_id, d.campaign_id,
                        d.id, d.email_key, CASE WHEN :kind = 'bounce' THEN 'hard' ELSE '' END,
                        CASE WHEN :kind = 'click' THEN 'https://example.org/' || d.id % 7 ELSE '' END
                    FROM deliveries AS d WHERE {which} ORDER BY {_MIXED}"""
                ),
                {"kind": kind},
            ).rowcount
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
    return found


def ask(engine: Engine, name: str, question: Callable[[], object]) -> None:
    """Ask twice, and print what the second time took."""
    question()
    began, ours, theirs = time.perf_counter(), _own_cpu(), server_cpu(engine)
    question()
    took, used = time.perf_counter() - began, _own_cpu() - ours + server_cpu(engine) - theirs
    print(f"| {name} | {took:.2f} | {used:.2f} |", flush=True)


def _own_cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    """Read the options, make the rows, ask."""
    parser = argparse.ArgumentParser(prog="bench.reports", description="Questions about a large campaign.")
    parser.add_argument("--people", type=int, default=1_000_000)
    options = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the beginning", flush=True)
    with tempfile.TemporaryDirectory() as name, database("postgresql", Path(name), SERVER) as url:
        engine = open_engine(url)
        ensure_current(engine)
        _, issue = prepare(Path(name) / "workspace", "bulk")
        add_people(engine, options.people)
        campaign = planning.begin(engine, issue, segment="", clock=clock)
        campaign = planning.plan(engine, campaign.id, audience=true(), clock=clock)
        events = fill(engine, campaign.id)
        print(f"{options.people:,} deliveries, {events:,} events\n")
        with engine.connect() as connection:
            for table in ("subscribers", "deliveries", "events"):
                query = text("SELECT pg_table_size(:t) / 1e6, pg_indexes_size(:t) / 1e6")
                size, indexes = connection.execute(query, {"t": table}).one()
                print(f"{table}: {size:,.0f} MB and {indexes:,.0f} MB of indexes")
        print("\n| question | s | CPU s |\n| --- | --- | --- |")

        def read(work: Callable[[Connection, int], object]) -> object:
            with reading(engine) as connection:
                return work(connection, campaign.id)

        now, zone = clock() + timedelta(days=2), ZoneInfo("Europe/Berlin")
        one = f"reader{options.people // 2}@example.org"
        ask(engine, "accounts (`proof`, `status`)", lambda: accounts(engine, campaign.id))
        ask(engine, "what is open (while sending)", lambda: read(open_deliveries))
        ask(
            engine,
            "`report`",
            lambda: issue_figures(engine, issue.slug, now=now, zone=zone, opens=True, clicks=True),
        )
        ask(engine, "`why ADDRESS`", lambda: why(engine, one, fingerprints=lambda key: [key]))
        later = clock() + timedelta(days=500)
        with reading(engine) as connection:
            [old] = compacting.look(connection, before=later, keep=0, asked_about={})
        began = time.perf_counter()
        compacting.compact(engine, old, count=count, now=later)
        counted, worst, removed = time.perf_counter() - began, 0.0, 0
        began = last = time.perf_counter()
        for gone in compacting.empty(engine, old.slug, now=later):
            worst, last, removed = (
                max(worst, time.perf_counter() - last),
                time.perf_counter(),
                removed + gone.total,
            )
        took = time.perf_counter() - began
        print(f"\n`db compact`: sums {counted:.1f} s, then {removed:,} rows in {took:.0f} s, ", end="")
        print(f"{removed / took:,.0f} a second, the longest transaction {worst:.2f} s")
        engine.dispose()


if __name__ == "__main__":
    main()
