"""What is kept for the next compile changes nothing but the time: same input, same issue, in any process."""

import os
import random
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from newsletter.compose import encoding, inlining, templates
from newsletter.compose.compiling import compile_issue
from newsletter.compose.kept import Kept
from newsletter.settings import Workspace

from .conftest import Bench

BODY = """
Dear {{ subscriber.first_name | default('friend') }}

![A drum](a.png)

{% if 'group' in subscriber.tags %}
For the group: {{ issue.title }} {% for n in range(3) %}{{ n }}{% endfor %}
{% endif %}
"""


def forget() -> None:
    """Forget all that compiles have kept."""
    for kept in (encoding._READY, inlining._RULES, templates._READY):
        kept.clear()


@pytest.fixture
def issue(bench: Bench) -> Callable[[], str]:
    """Compiles one issue; returns its hash."""
    bench.picture("issues/a.png", (90, 60), mode="P")
    path = bench.issue(BODY)
    return lambda: compile_issue(bench.workspace, path).hash


def test_an_issue_is_the_same_cold_and_warm_and_whatever_was_compiled_before(
    bench: Bench, issue: Callable[[], str]
) -> None:
    forget()
    cold = issue()
    assert issue() == cold
    bench.compile("Another {{ subscriber.name }}\n\n{% if subscriber.x %}one{% endif %}", subject="Other")
    bench.issue(BODY)
    assert issue() == cold
    templates._READY.clear()
    assert issue() == cold


def test_an_issue_is_the_same_in_many_threads_at_once(bench: Bench, issue: Callable[[], str]) -> None:
    cold = issue()
    forget()
    start = threading.Barrier(8)

    def compiled(_: int) -> str:
        start.wait()
        return issue()

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(compiled, range(8))) == {cold}


@pytest.mark.slow
def test_our_issues_are_the_same_in_any_process() -> None:
    root = Path(__file__).resolve().parents[2]
    program = """
import sys
from pathlib import Path
from newsletter.compose.compiling import compile_issue
from newsletter.compose.issue_file import slugs
from newsletter.settings import Workspace
from newsletter.settings_file import load_settings
here = Workspace(root=Path.cwd(), settings=load_settings(Path.cwd(), {}))
order = slugs(here) * 2 if sys.argv[1] == "1" else slugs(here)[::-1]
told = {slug + " " + compile_issue(here, here.issues / f"{slug}.md").hash for slug in order}
print(*sorted(told), sep="\\n")
"""
    told = {
        subprocess.run(
            [sys.executable, "-c", program, seed],
            capture_output=True,
            text=True,
            check=True,
            cwd=root,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(root)},
            timeout=60,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(told) == 1 and len(told.pop().splitlines()) == 3


def test_an_edit_is_seen_at_once_even_if_size_and_time_stay(bench: Bench, issue: Callable[[], str]) -> None:
    before = issue()
    path = bench.root / "templates/monthly/layout.mjml.j2"
    seen = {before}
    for old, new in (("9px", "8px"), ("#f00", "#0f0"), ("Leave", "Leavf")):
        stat = path.stat()
        source = path.read_text()
        assert old in source
        path.write_text(source.replace(old, new))
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        seen.add(issue())
    assert len(seen) == 4
    bench.picture("issues/a.png", (90, 61), mode="P")
    assert issue() not in seen


def test_two_workspaces_do_not_mix(bench: Bench, tmp_path: Path, issue: Callable[[], str]) -> None:
    first = issue()
    other = Bench(Workspace(root=tmp_path / "other", settings=bench.workspace.settings))
    for path in ("templates/monthly/layout.mjml.j2", "templates/monthly/layout.txt.j2", "issues/a.png"):
        other.write(path, (bench.root / path).read_bytes())
    other.issue(BODY)
    assert compile_issue(other.workspace, other.root / "issues/2026-11-test.md").hash == first
    error = other.refuse("{{ issue.titel }}")
    assert error.file == "issues/2026-11-test.md"


def test_an_error_is_told_again_each_time(bench: Bench) -> None:
    path = bench.layout("<mj-section>\n{% if %}</mj-section>")
    assert bench.refuse("Hi").line == bench.refuse("Hi").line == 4
    path.write_text(path.read_text().replace("{% if %}", ""))
    assert bench.compile("Hi").html()


def test_what_was_used_least_is_forgotten_when_it_becomes_too_much() -> None:
    kept = Kept[int, str](10, weight=len)
    made: list[int] = []

    def get(key: int, size: int) -> str:
        return kept.get(key, lambda: made.append(key) or "x" * size)  # type: ignore[func-returns-value]

    for key in (1, 2, 1, 3, 1, 2):
        get(key, 4)
    assert made == [1, 2, 3, 2] and len(kept) == 2
    assert get(9, 11) == "x" * 11 and len(kept) == 2
    kept.clear()
    assert len(kept) == 0 and get(1, 4) == "xxxx" and made[-1] == 1


def test_what_could_not_be_made_is_tried_again() -> None:
    kept = Kept[int, int](10)
    with pytest.raises(ZeroDivisionError):
        kept.get(0, lambda: 1 // 0)
    assert kept.get(0, lambda: 7) == 7


def test_many_threads_share_what_is_kept() -> None:
    kept = Kept[int, int](50)
    orders = [random.Random(seed).choices(range(200), k=2000) for seed in range(8)]

    def use(keys: list[int]) -> bool:
        return all(kept.get(key, lambda key=key: key * 2) == key * 2 for key in keys)  # type: ignore[misc]

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(use, orders))
    assert len(kept) == 50
