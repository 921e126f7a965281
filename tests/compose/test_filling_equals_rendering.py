"""The split changes nothing: filling what is left gives what rendering the template for that person gives."""

from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jinja2 import ChainableUndefined, DictLoader
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from newsletter.compose.slots import Slots
from newsletter.compose.splitting import html_residual, text_residual
from newsletter.compose.templates import Templates
from newsletter.personal.fill import FILL_HTML, FILL_PLAIN
from newsletter.personal.values import as_text, clean, default, safe_url, urlencode

ISSUE: dict[str, Any] = {
    "title": "Rhythm & <rest>",
    "raw": "{{7*7}}{% if x %}",
    "n": 3,
    "flag": True,
    "nothing": "",
    "sections": [{"tag": "x", "title": "One"}, {"tag": "{{y}}", "title": "<Two>"}],
}

values = st.sampled_from(
    [
        "issue.title", "issue.raw", "issue.n * 2", "loop.index", "item", "subscriber.a", "subscriber.missing",
        "subscriber.n", "subscriber.a|default('d')", "subscriber.missing|default(issue.title)", "subscriber.a|upper",
        "subscriber.a ~ issue.raw", "subscriber.a or issue.title", "subscriber['a']", "subscriber.tags|join('+')",
        "subscriber.tags|length", "(subscriber.n + issue.n) * -2", "-subscriber.n|abs", "subscriber.pet.name",
        "subscriber.a if subscriber.n > issue.n else issue.title", "issue.nick|default(subscriber.a)",
        "[subscriber.a, issue.n]|join('-')", "{'k': subscriber.a}['k']", "subscriber.a[:2]", "'%s!'|format(subscriber.a)",
        "not subscriber.a", "subscriber.n ** 2 % 5 // 2", "subscriber.missing.deep.down", "name", "subscriber.tags[0]",
        "subscriber.a.upper()", "(subscriber.tags|first|default('z')).lower()", "(subscriber.n, issue.n)[0]",
        "subscriber.tags", "subscriber.gone",
    ]
)  # fmt: skip
conditions = st.sampled_from(
    [
        "issue.flag", "not issue.flag", "issue.n > 4", "'x' in subscriber.tags", "subscriber.a", "not subscriber.a",
        "subscriber.n > issue.n", "issue.flag and subscriber.a", "subscriber.missing is defined", "issue.nothing or subscriber.n",
        "subscriber.a == issue.title", "subscriber.n is divisibleby(2)", "subscriber.n is not even", "1 < subscriber.n <= 5",
        "issue.raw in subscriber.tags", "subscriber.a not in ['', 'x'] and not (issue.n == subscriber.n)",
    ]
)  # fmt: skip
literals = st.text("ab {}%#&'7*", max_size=6).filter(lambda text: not any(sign in text for sign in ("{{", "{%", "{#")))


def _literal(text: str) -> str:
    return f"{text} " if text.endswith("{") else text


def _if(parts: tuple[list[tuple[str, str]], str | None]) -> str:
    branches, otherwise = parts
    written = [f"{{% {'elif' if n else 'if'} {test} %}}{body}" for n, (test, body) in enumerate(branches)]
    return "".join(written) + (f"{{% else %}}{otherwise}" if otherwise is not None else "") + "{% endif %}"


def _for(parts: tuple[str, str, str | None]) -> str:
    header, body, otherwise = parts
    return f"{{% for {header} %}}{body}" + (f"{{% else %}}{otherwise}" if otherwise is not None else "") + "{% endfor %}"


def _bodies(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    body = st.lists(inner, max_size=3).map("".join)
    otherwise = st.none() | body
    loops = st.sampled_from(
        ["item in subscriber.tags", "item in subscriber.tags if item != issue.raw", "item in [issue.title, subscriber.a]",
         "item in subscriber.missing", "item in [1, issue.n]"]
    )  # fmt: skip
    sections = st.tuples(
        st.just("s in issue.sections if s.tag in subscriber.tags"),
        body.filter(lambda text: "loop" not in text).map(lambda text: "{{ s.title ~ subscriber.a }}" + text),
        st.none(),
    )
    scoped = st.tuples(values, body).map(
        lambda pair: f"{{% for s in issue.sections %}}{{% set name = {pair[0]} %}}{{{{ name ~ s.tag }}}}{pair[1]}{{% endfor %}}"
    )
    within = st.tuples(values, body).map(lambda pair: f"{{% with name = {pair[0]} %}}{{{{ name }}}}{pair[1]}{{% endwith %}}")
    return st.one_of(
        st.tuples(st.lists(st.tuples(conditions, body), min_size=1, max_size=3), otherwise).map(_if),
        st.tuples(loops, body, otherwise).map(_for),
        sections.map(_for),
        scoped,
        within,
    )


sources = st.lists(
    st.recursive(literals.map(_literal) | values.map(lambda value: f"{{{{ {value} }}}}"), _bodies, max_leaves=12),
    min_size=1,
    max_size=4,
).map("".join).map(lambda text: "{% set name = subscriber.a ~ issue.n %}{% set item, loop_ = 'i', 0 %}" + text)  # fmt: skip
hostile = st.one_of(
    st.sampled_from(
        ["<script>alert(1)</script>", "{{7*7}}", "{% for %}", "javascript:alert(1)", "x\r\nBcc: eve@example.org", "\"'&<>",
         "\ue000{ 7*7 }\ue000", "\ue001{ if }\ue001", "--></style>", "x", ""]
    ),
    st.text(max_size=8),
)  # fmt: skip
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


# `loop` exists only inside loops; outside it the templates below would be refused, rightly
def _in_a_loop(source: str) -> str:
    return "{% for once in [1] %}" + source + "{% endfor %}"


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(sources, people)
def test_in_the_text_part(source: str, person: dict[str, Any]) -> None:
    source = _in_a_loop(source)
    slots, context = Slots("0123456789"), {"issue": ISSUE}
    left = text_residual(Templates(Path(), slots).text(source, "x.md", 1, context), slots)
    wanted = _Direct(autoescape=False).from_string(source).render(issue=ISSUE, subscriber=person)
    assert FILL_PLAIN.template(left).render(subscriber=person) == wanted


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(sources, people)
def test_in_the_html_part(source: str, person: dict[str, Any]) -> None:
    source = f"<p>{_in_a_loop(source)}</p>"
    slots, context = Slots("0123456789"), {"issue": ISSUE}
    templates = Templates(Path(), slots)
    templates.loader = DictLoader({"page.html.j2": source})
    left = html_residual(templates.layout("page.html.j2", context), slots)
    wanted = _Direct(autoescape=True).from_string(source).render(issue=ISSUE, subscriber=person)
    filled = FILL_HTML.template(left).render(subscriber=person)
    assert filled == wanted
