"""A person's data cannot make a huge message: what would become far too large is nothing."""

import time
from typing import Any

import pytest

from newsletter.model import Residual
from newsletter.personal.fill import FILL_HTML, FILL_PLAIN
from tests.personal.samples import block, value

ODD: dict[str, Any] = {
    "n": 10**9,
    "text": "x" * 5000,
    "wide": "%1000000000d",
    "braces": "{:>1000000000}",
    "tags": ["x" * 50] * 1000,
    "deep": [["y"] * 500] * 500,
}


@pytest.mark.parametrize("environment", [FILL_HTML, FILL_PLAIN], ids=["html", "text"])
@pytest.mark.parametrize(
    "expression",
    [
        "'*' * subscriber.n",
        "subscriber.tags * subscriber.n",
        "10 ** subscriber.n",
        "'x' | center(subscriber.n)",
        "'x'.ljust(subscriber.n)",
        "'x'.zfill(subscriber.n)",
        "subscriber.wide | format(1)",
        "subscriber.wide % 1",
        "subscriber.braces.format(1)",
        "subscriber.text | indent(subscriber.n)",
        "subscriber.text | replace('x', subscriber.text)",
        "subscriber.text.replace('', subscriber.text)",
        "subscriber.tags | join(subscriber.text)",
        "subscriber.text.join(subscriber.tags)",
        "subscriber.tags | batch(subscriber.n, 'x') | list | length",
        "subscriber.deep | string",
        "subscriber.text | wordwrap(1, wrapstring=subscriber.text)",
        "range(subscriber.n) | list",
    ],
)
def test_what_would_be_far_too_large_is_nothing(environment: Any, expression: str) -> None:
    template = environment.template(Residual(source=f"[{value(expression)}] {value('subscriber.ok')}"))
    began = time.process_time()
    assert template.render(subscriber={**ODD, "ok": "Ada"}) == "[] Ada"
    assert time.process_time() - began < 0.5


def test_a_condition_on_it_does_not_hold() -> None:
    source = f"{block('if (subscriber.text * subscriber.n)')}yes{block('else')}no{block('endif')}"
    assert FILL_PLAIN.template(Residual(source=source)).render(subscriber=ODD) == "no"


def test_loops_are_bounded_by_the_data() -> None:
    source = f"{block('for a in subscriber.tags')}{block('for b in subscriber.tags')}x{block('endfor') * 2}"
    began = time.process_time()
    assert FILL_PLAIN.template(Residual(source=source)).render(subscriber=ODD) == "x" * 1000**2
    assert time.process_time() - began < 1


@pytest.mark.parametrize(
    ("expression", "shown"),
    [
        ("'*' * subscriber.stars", "****"),
        ("subscriber.tags | join(', ')", "a, b"),
        ("', '.join(subscriber.tags | map('upper'))", "A, B"),
        ("subscriber.tags | map('upper') | join('-')", "A-B"),
        ("'%05.1f' | format(subscriber.stars)", "004.0"),
        ("'{:>3}'.format(subscriber.stars)", "  4"),
        ("subscriber.stars ** 2 + 1", "17"),
        ("subscriber.tags | string | length", "10"),
    ],
)
def test_what_is_of_a_sensible_size_is_shown(expression: str, shown: str) -> None:
    template = FILL_PLAIN.template(Residual(source=value(expression)))
    assert template.render(subscriber={"stars": 4, "tags": ["a", "b"]}) == shown
