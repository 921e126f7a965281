"""An owner's slip costs an error message with file and line: not minutes, not gigabytes, not the process."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from newsletter.compose.budget import MOST_SOURCE, Budget
from newsletter.compose.issue_file import read_issue
from newsletter.compose.slots import Slots
from newsletter.compose.templates import Templates
from newsletter.errors import IssueError
from newsletter.personal.limits import TooMuch

from .conftest import Bench

GROWING = "{% set it = namespace(text='ab', many=[1], n=10) %}{% for a in range(60) %}{% set it."
NESTED = f"{GROWING}many = [it.many, it.many] %}}{{% endfor %}}"

#: Large at once.
SLIPS = [
    "{{ 'x' * 10**9 }}",
    "{{ 10**9 * [1] }}",
    "{{ range(10**9) }}",
    "{{ 10 ** (10 ** 9) }}",
    "{{ 'x' | center(1000000000) }}",
    "{{ 'x'.ljust(10**9) }}",
    "{{ 'x'.zfill(10**9) }}",
    "{{ '\t\t'.expandtabs(100000000) }}",
    "{{ 'x' | indent(10**9) }}",
    "{{ 'x\ny' | indent('z' * 300000) }}",
    "{{ 1.5 | round(10**9) }}",
    "{{ [] | tojson(indent=10**9) }}",
    "{{ [1] | batch(10**9, 0) | list }}",
    "{{ [1] | slice(10**9) | list }}",
    "{{ '%1000000000d' % 1 }}",
    "{{ '%.1000000000f' | format(1) }}",
    "{{ '%*d' | format(10**9, 1) }}",
    "{{ '{:1000000000}'.format(1) }}",
    "{{ '{:{}}'.format(1, 10**9) }}",
    "{{ '{0}{0}{0}'.format('x' * 300000) }}",
    "{{ '%s%s%s' % (('x' * 300000,) * 3) }}",
    "{{ ('x' * 90000) | replace('x', 'y' * 90000) }}",
    "{{ ('x' * 90000).replace('', 'y' * 90000) }}",
    "{{ range(90000) | join('y' * 90000) }}",
    "{{ ('y' * 90000).join(range(90000) | map('string')) }}",
    "{{ ('ab ' * 90000) | wordwrap(1, wrapstring='z' * 90000) }}",
    "{{ ('a.bc ' * 30000) | urlize(rel='x' * 9000) }}",
    "{{ range(99999) | batch(1) | sum(start=[]) }}",
    "{{ 'x'.translate({120: 'y' * 90000}) }}",
    "{{ (1).to_bytes(1000000000, 'big') }}",
    "{{ ('&' * 400000) | e }}",
]
#: Large step by step.
GROWTHS = [
    f"{GROWING}text = it.text ~ it.text %}}{{% endfor %}}",
    f"{GROWING}text = it.text + it.text %}}{{% endfor %}}",
    f"{GROWING}many = it.many + it.many %}}{{% endfor %}}",
    f"{GROWING}n = it.n * it.n %}}{{% endfor %}}",
    f"{GROWING}text %}}{{{{ it.text }}}}{{{{ it.text }}}}{{% endset %}}{{% endfor %}}",
    f"{NESTED}{{{{ it.many }}}}",
    f"{NESTED}{{{{ it.many | string }}}}",
    f"{NESTED}{{{{ it.many | tojson }}}}",
    f"{NESTED}{{{{ it.many ~ '' }}}}",
    f"{NESTED}{{{{ '%s' % (it.many,) }}}}",
    "{% for a in range(999) %}{% for b in range(999) %}" + "y" * 5000 + "{% endfor %}{% endfor %}",
    "{% for a in range(99999) %}{{ ('x' * 400000)[1:] | length }}{% endfor %}",
    "{% for a in range(99999) %}{% set b = ('x' * 99000) | upper %}{% endfor %}",
    "{{ range(99999) | map('center', 1000) | list | length }}",
    "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(90) }}",
]
#: Deep.
DEPTHS = [
    "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}",
    "{% for a in [1] %}" * 40 + "{% endfor %}" * 40,
    "{% if issue %}" * 2000 + "{% endif %}" * 2000,
]
#: Slow, a hundred thousand items at a time.
SLOW = [
    "{% for a in range(99999) %}{% for b in range(99999) if b < 0 %}{% endfor %}{% endfor %}",
    "{% for a in range(99999) %}{% if range(99999) | select('equalto', -1) | list %}{% endif %}{% endfor %}",
]


def refused(source: str) -> IssueError:
    """Return the error that a text in line 5 of an issue is refused with."""
    with pytest.raises(IssueError) as caught:
        Templates(Path(), Slots("0123456789")).text(source, "issues/x.md", 5, {"issue": {}})
    return caught.value


@pytest.mark.parametrize("source", SLIPS + GROWTHS + DEPTHS)
def test_what_is_too_large_is_refused_at_its_line(source: str) -> None:
    began = time.process_time()
    error = refused(source)
    assert (error.file, error.line) in {("issues/x.md", 5), ("issues/x.md", 6)}
    assert error.hint and "memory" not in str(error).lower()
    assert time.process_time() - began < 3


@pytest.mark.slow
@pytest.mark.parametrize("source", SLOW)
def test_what_takes_too_long_is_stopped_after_two_seconds(source: str) -> None:
    began = time.process_time()
    error = refused(source)
    assert "computes for more than 2 seconds" in str(error) and error.line == 5
    assert time.process_time() - began < 3


@pytest.mark.slow
@pytest.mark.skipif(
    sys.platform != "linux", reason="NOT TESTED: memory is limited and measured on Linux only"
)
def test_none_of_it_needs_300_megabytes() -> None:
    """In a process that may not have more than that: a MemoryError would be in the message."""
    program = """
import json, resource, sys
from pathlib import Path
from newsletter.compose.slots import Slots
from newsletter.compose.templates import Templates
from newsletter.errors import IssueError
size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (size + 300 * 2**20,) * 2)
for source in json.load(sys.stdin):
    try:
        Templates(Path(), Slots("0123456789")).text(source, "issues/x.md", 5, {"issue": {}})
    except IssueError as error:
        print(str(error)[:150].replace("\\n", " "))
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        input=json.dumps(SLIPS + GROWTHS + DEPTHS),
        capture_output=True,
        text=True,
        check=True,
        timeout=100,
    )
    told = done.stdout.splitlines()
    assert len(told) == len(SLIPS + GROWTHS + DEPTHS)
    assert not [line for line in told if "Memory" in line]


def test_files_of_a_wrong_size_are_named(bench: Bench) -> None:
    bench.write("templates/shared/big.mjml.j2", "x" * (5 * MOST_SOURCE))
    bench.layout("{% include 'shared/big.mjml.j2' %}")
    error = bench.refuse("Hi")
    assert "has more than 200,000 characters" in str(error) and error.file == "templates/shared/big.mjml.j2"
    bench.write("templates/shared/big.mjml.j2", "x" * (MOST_SOURCE + 1))
    assert bench.refuse("Hi").file == "templates/shared/big.mjml.j2"
    error = bench.refuse("x" * (5 * MOST_SOURCE))
    assert "The issue has more than 800 kB" in str(error) and error.file == "issues/2026-11-test.md"


def test_what_comes_out_is_measured_too(bench: Bench) -> None:
    error = bench.refuse("{% for n in range(900) %}" + "word " * 100 + "\n{% endfor %}")
    assert "What comes out of this has more than 200,000 characters" in str(error)
    assert (error.file, error.line) == ("issues/2026-11-test.md", 4)
    bench.layout("{% for n in range(900) %}<mj-raw>" + "word " * 200 + "</mj-raw>{% endfor %}")
    error = bench.refuse("Hi")
    assert "more than 500,000 characters" in str(error)
    assert error.file == "templates/monthly/layout.mjml.j2"


def test_an_include_that_includes_itself_is_refused(bench: Bench) -> None:
    bench.write("templates/shared/me.mjml.j2", "\n{% include 'shared/me.mjml.j2' %}")
    bench.layout("{% include 'shared/me.mjml.j2' %}")
    error = bench.refuse("Hi")
    assert "nested too deeply" in str(error)
    assert (error.file, error.line) == ("templates/shared/me.mjml.j2", 2)


@pytest.mark.parametrize(
    ("front", "message"),
    [
        ("a: &x [1, 2]\nb: *x\n", "an alias (*name) is not available here"),
        (f"a: {'[' * 9000}\n", "recursion"),
    ],
)
def test_front_matter_cannot_multiply_itself(bench: Bench, front: str, message: str) -> None:
    path = bench.write("issues/2026-11-test.md", f"---\ntitle: A test\n{front}---\nHi")
    with pytest.raises(IssueError, match="not valid YAML") as caught:
        read_issue(path, bench.root)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("{{ '%05.1f' | format(3.14159) }}", "003.1"),
        ("{{ '{:>8}|{}'.format('a', 2) }}", "       a|2"),
        ("{{ 'ab' * 3 ~ '-' ~ 2 ** 10 ~ [1] * 2 }}", "ababab-1024[1, 1]"),
        ("{{ 'one two' | replace('o', '0') | center(11) }}|", "  0ne tw0  |"),
        ("{{ ', '.join(['a', 'b'] | map('upper')) }}{{ ['a', 'b'] | map('upper') | join('-') }}", "A, BA-B"),
        ("{{ [3, 1] | sort | join(', ') }}{{ 'abcdef'[1:3] }}", "1, 3bc"),
        ("{{ range(5) | sum }}{{ [1.5, 2] | sum(start=1) }}", "104.5"),
        ("{% for row in range(7) | batch(3, '-') %}{{ row | join }}/{% endfor %}", "012/345/6--/"),
        ("{% for a in range(300) %}{% for b in range(100) %}{% endfor %}{% endfor %}ok", "ok"),
        ("{{ 'a b c' | wordwrap(3) }}", "a b\nc"),
        ("{{ {'a': [1]} | tojson }}", '{"a": [1]}'),
        ("{{ (1 + 2) % 2 }}{{ 'x' + 'y' }}{{ 7 // 2 }}", "1xy3"),
    ],
)
def test_what_templates_do_every_day_is_not_hindered(source: str, shown: str) -> None:
    assert Templates(Path(), Slots("0123456789")).text(source, "issues/x.md", 5, {}) == shown


def test_time_is_counted_only_while_templates_run() -> None:
    now = [0.0]
    budget = Budget(clock=lambda: now[0])
    for _ in range(3):
        with budget.running():
            now[0] += 0.5
        now[0] += 100
    with budget.running():
        budget.look()
        now[0] += 0.6
        with pytest.raises(TooMuch, match="2 seconds"):
            budget.look()
