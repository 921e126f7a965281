"""The split changes nothing: filling what is left gives what rendering the template for that person gives."""

import contextlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st
from jinja2 import ChainableUndefined, DictLoader
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from newsletter.compose.slots import Slots
from newsletter.compose.splitting import html_residual, text_residual
from newsletter.compose.templates import Templates
from newsletter.errors import IssueError
from newsletter.personal.fill import FILL_HTML, FILL_PLAIN
from newsletter.personal.values import as_text, clean, default, safe_url, urlencode

T = TypeVar("T")

ISSUE: dict[str, Any] = {
    "title": "Rhythm & <rest>",
    "raw": "{{7*7}}{% if x %}",
    "n": 3,
    "flag": True,
    "nothing": "",
    "sections": [{"tag": "x", "title": "One"}, {"tag": "{{y}}", "title": "<Two>"}],
}

VALUES = [
    "issue.title",
    "issue.raw",
    "issue.n * 2",
    "loop.index",
    "item",
    "subscriber.a",
    "subscriber.missing",
    "subscriber.n",
    "subscriber.a|default('d')",
    "subscriber.missing|default(issue.title)",
    "subscriber.a|upper",
    "subscriber.a ~ issue.raw",
    "subscriber.a or issue.title",
    "subscriber['a']",
    "subscriber.tags|join('+')",
    "subscriber.tags|length",
    "(subscriber.n + issue.n) * -2",
    "-subscriber.n|abs",
    "subscriber.pet.name",
    ("subscriber.a if subscriber.n > issue.n else issue.title"),
    "issue.nick|default(subscriber.a)",
    "subscriber.gone",
    ("[subscriber.a, issue.n]|join('-')"),
    "{'k': subscriber.a}['k']",
    "subscriber.a[:2]",
    "'%s!'|format(subscriber.a)",
    "not subscriber.a",
    "subscriber.n ** 2 % 5 // 2",
    "subscriber.missing.deep.down",
    "name",
    "subscriber.tags[0]",
    "subscriber.a.upper()",
    "(subscriber.tags|first|default('z')).lower()",
    "(subscriber.n, issue.n)[0]",
    "subscriber.tags",
]
CONDITIONS = [
    "issue.flag",
    "not issue.flag",
    "issue.n > 4",
    "'x' in subscriber.tags",
    "subscriber.a",
    "not subscriber.a",
    "subscriber.n > issue.n",
    "issue.flag and subscriber.a",
    "subscriber.missing is defined",
    "issue.nothing or subscriber.n",
    "subscriber.a == issue.title",
    "subscriber.n is divisibleby(2)",
    "subscriber.n is not even",
    "1 < subscriber.n <= 5",
    "issue.raw in subscriber.tags",
    "subscriber.a not in ['', 'x'] and not (issue.n == subscriber.n)",
]
LOOPS = [
    "item in subscriber.tags",
    ("item in subscriber.tags if item != issue.raw"),
    "item in [issue.title, subscriber.a]",
    "item in subscriber.missing",
    "item in [1, issue.n]",
]
LITERALS = ["", "a ", "{ ", "} %", "#&'", "{7*7 ", "&amp; b"]


class _Author:
    """Writes a small template, deciding by draws."""

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw

    def _choose(self, choices: Sequence[T]) -> T:
        return self._draw(st.sampled_from(choices))

    def body(self, depth: int, without: str = "") -> str:
        parts = [self._statement(depth) for _ in range(self._choose([0, 1, 1, 2, 3]))]
        return "".join(part for part in parts if not without or without not in part)

    def _statement(self, depth: int) -> str:
        kinds = [self._literal, self._value]
        if depth:
            kinds += [self._if, self._if, self._for, self._filtered, self._set, self._with]
        return str(self._choose(kinds)(depth - 1))

    def _literal(self, depth: int) -> str:
        return str(self._choose(LITERALS))

    def _value(self, depth: int) -> str:
        return f"{{{{ {self._choose(VALUES)} }}}}"

    def _else(self, depth: int) -> str:
        return f"{{% else %}}{self.body(depth)}" if self._choose([True, False]) else ""

    def _if(self, depth: int) -> str:
        branches = [
            f"if {self._choose(CONDITIONS)} %}}{self.body(depth)}" for _ in range(self._choose([1, 1, 2, 3]))
        ]
        return "{% " + "{% el".join(branches) + self._else(depth) + "{% endif %}"

    def _for(self, depth: int) -> str:
        return f"{{% for {self._choose(LOOPS)} %}}{self.body(depth)}{self._else(depth)}{{% endfor %}}"

    def _filtered(self, depth: int) -> str:
        head = "{% for s in issue.sections if s.tag in subscriber.tags %}{{ s.title ~ subscriber.a }}"
        return head + self.body(depth, without="loop") + "{% endfor %}"

    def _set(self, depth: int) -> str:
        head = (
            f"{{% for s in issue.sections %}}{{% set name = {self._choose(VALUES)} %}}{{{{ name ~ s.tag }}}}"
        )
        return head + self.body(depth) + "{% endfor %}"

    def _with(self, depth: int) -> str:
        return f"{{% with name = {self._choose(VALUES)} %}}{{{{ name }}}}{self.body(depth)}{{% endwith %}}"


@st.composite
def sources(draw: st.DrawFn) -> str:
    """Templates in a loop, as ``loop`` is a name only there."""
    opening = "{% set name = subscriber.a ~ issue.n %}{% set item = 'i' %}{% for once in [1] %}"
    return opening + _Author(draw).body(3) + "{% endfor %}"


hostile = st.one_of(
    st.sampled_from(
        [
            "<script>alert(1)</script>",
            "{{7*7}}",
            "{% for %}",
            "javascript:alert(1)",
            "x\r\nBcc: eve@example.org",
            "\"'&<>",
            "\ue000{ 7*7 }\ue000",
            "\ue001{ if }\ue001",
            "--></style>",
            "x",
            "",
        ]
    ),
    st.text(max_size=8),
)
people = st.fixed_dictionaries(
    {"a": hostile, "n": st.integers(-3, 9), "tags": st.lists(hostile, max_size=3), "gone": st.none()},
    optional={"pet": st.fixed_dictionaries({"name": hostile})},
)


def _shown(value: Any) -> Any:
    text = as_text(value)
    return Markup(clean(text)) if isinstance(text, Markup) else clean(text)


class _Direct(ImmutableSandboxedEnvironment):
    """Renders the whole template for one person at once, showing values as filling does."""

    def __init__(self, *, autoescape: bool) -> None:
        super().__init__(
            autoescape=autoescape, undefined=ChainableUndefined, keep_trailing_newline=True, finalize=_shown
        )
        self.filters |= {"default": default, "d": default, "safe_url": safe_url, "urlencode": urlencode}


@contextlib.contextmanager
def _allowed_to_refuse() -> Iterator[None]:
    """Pass over the two things that these templates may do and that are refused."""
    try:
        yield
    except IssueError as error:
        if not re.search("was set from a loop's variable|A third loop over the reader's data", str(error)):
            raise
        reject()


@pytest.mark.slow
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(sources(), people)
def test_in_the_text_part(source: str, person: dict[str, Any]) -> None:
    slots, context = Slots("0123456789"), {"issue": ISSUE}
    with _allowed_to_refuse():
        left = text_residual(Templates(Path(), slots).text(source, "x.md", 1, context), slots)
    wanted = _Direct(autoescape=False).from_string(source).render(issue=ISSUE, subscriber=person)
    assert FILL_PLAIN.template(left).render(subscriber=person) == wanted


@pytest.mark.slow
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(sources(), people)
def test_in_the_html_part(source: str, person: dict[str, Any]) -> None:
    source = f"<p>{source}</p>"
    slots, context = Slots("0123456789"), {"issue": ISSUE}
    templates = Templates(Path(), slots)
    templates.loader = DictLoader({"page.html.j2": source})
    with _allowed_to_refuse():
        left = html_residual(templates.layout("page.html.j2", context), slots)
    wanted = _Direct(autoescape=True).from_string(source).render(issue=ISSUE, subscriber=person)
    assert FILL_HTML.template(left).render(subscriber=person) == wanted
