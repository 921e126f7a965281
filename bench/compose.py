"""What composing costs: compiling an issue once, and a million messages on all cores, against the naive way.

    ./dev bench compose [--people 40000] [--processes 2]

The million is extrapolated from --people whole messages made by --processes processes (Jinja holds the
GIL); the naive way is measured in the same run, in one process, and is given the same number of processes
for nothing. Wall time, so run it on a quiet machine; compiling also in processor time, which is the same on
a busy one. The first compile in a process has nothing kept from earlier ones (imports are not in it).
"""

import argparse
import multiprocessing
import statistics
import time
from datetime import UTC, datetime
from pathlib import Path

from bench.personalise import Naive
from newsletter.compose.compiling import compile_issue
from newsletter.compose.issue_file import find_issue, slugs
from newsletter.model import CompiledIssue, Person
from newsletter.personal.links import Links
from newsletter.personal.press import Press
from newsletter.settings import Workspace
from newsletter.settings_file import load_settings
from newsletter.tokens import Tokens

ROOT = Path(__file__).resolve().parent.parent
NOVEMBER = "2026-11-individual-vs-group"
COMPILE_TARGET_MS = 60
NAIVE_PEOPLE = 40
TAGS = {"campaign": "bench", "delivery": "1", "attempt": "1"}


def workspace() -> Workspace:
    """Return the repository's own workspace."""
    return Workspace(root=ROOT, settings=load_settings(ROOT, {}))


def time_compiling() -> None:
    """Print the first compile of each issue in a new process, and the median of the next nine."""
    for slug in slugs(workspace()):
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            times = pool.apply(compile_times, (slug,))
        wall, processor = (statistics.median(column) for column in zip(*times[1:], strict=True))
        print(
            f"  compile {slug:36} {wall:6.1f} ms (target {COMPILE_TARGET_MS}), {processor:.1f} ms on the "
            f"processor; the first time {times[0][0]:.0f} and {times[0][1]:.0f} ms"
        )


def compile_times(slug: str) -> list[tuple[float, float]]:
    """Compile an issue ten times; return the wall time and the processor time of each, in milliseconds."""
    here, times = workspace(), []
    path = find_issue(here, slug)
    for _ in range(10):
        began = time.perf_counter(), time.process_time()
        compile_issue(here, path)
        times.append((1000 * (time.perf_counter() - began[0]), 1000 * (time.process_time() - began[1])))
    return times


def make_messages(task: tuple[str, int, int]) -> tuple[float, int]:
    """Make whole messages for people first to last; return the seconds that took and the bytes made."""
    stored, first, last = task
    issue = CompiledIssue.from_json(stored)
    press = Press("raw", issue, workspace().settings, Tokens(["s" * 32]), "bench", lambda: datetime.now(UTC))
    began, size = time.perf_counter(), 0
    for number in range(first, last):
        person = Person(
            id=number + 1, email=f"reader{number}@example.org", name=f"Reader{number} Zoé", tags=["families"]
        )
        size += len(press.letter(person, TAGS).mime)
    return time.perf_counter() - began, size


def time_a_million(people: int, processes: int) -> None:
    """Print the extrapolated time for a million messages, ours and the naive way."""
    here = workspace()
    issue = compile_issue(here, find_issue(here, NOVEMBER))
    share = people // processes
    tasks = [(issue.to_json(), n * share, (n + 1) * share) for n in range(processes)]
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        pool.map(make_messages, [(issue.to_json(), 0, 10)] * processes)  # imports are not the question
        began = time.perf_counter()
        made = pool.map(make_messages, tasks, chunksize=1)
        ours = time.perf_counter() - began
    each = ours / (share * processes)
    size = sum(bytes_ for _, bytes_ in made) / (share * processes)

    links = Links(here.settings, Tokens(["s" * 32]), "bench")
    naive = Naive(here, find_issue(here, NOVEMBER), issue, links)
    began = time.perf_counter()
    for number in range(NAIVE_PEOPLE):
        naive.message(Person(id=number + 1, email=f"reader{number}@example.org", name=f"Reader{number} Zoé"))
    theirs = (time.perf_counter() - began) / NAIVE_PEOPLE / processes
    print(
        f"  a million messages of {size / 1024:.0f} KB on {processes} processes: {each * 1e6:,.0f} s "
        f"({1 / each:,.0f} messages/s, from {share * processes:,})"
    )
    print(
        f"  the naive way on {processes} processes: {theirs * 1e6 / 3600:,.1f} h "
        f"(from {NAIVE_PEOPLE} messages), {theirs / each:,.0f} times as long"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--people", type=int, default=40_000)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    print("composing")
    time_compiling()
    time_a_million(options.people, options.processes)


if __name__ == "__main__":
    main()
