"""The split changes nothing: a filled letter is what MJML makes of the whole page for that person."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jinja2 import ChainableUndefined, DictLoader
from jinja2.sandbox import ImmutableSandboxedEnvironment
from lxml.html import HtmlElement, document_fromstring
from markupsafe import Markup

from newsletter.compose.finishing import finish_page
from newsletter.compose.inlining import inline_css
from newsletter.compose.mjml import run_mjml
from newsletter.compose.nesting import check_parents
from newsletter.compose.placement import place_tokens
from newsletter.compose.slots import Slots
from newsletter.compose.splitting import html_residual
from newsletter.compose.templates import Templates
from newsletter.personal.fill import FILL_HTML
from newsletter.personal.values import as_text, clean, default, safe_url, urlencode

from .npm_mjml import outlook_view

T = TypeVar("T")

ISSUE: dict[str, Any] = {
    "title": "Rhythm & <rest>",
    "raw": "{{7*7}}{% if x %}",
    "n": 3,
    "sections": [{"tag": "x", "title": "One"}, {"tag": "{{y}}", "title": "<Two>"}],
}
BASE = """\
<mjml><mj-head><mj-title>{{ issue.title }}</mj-title>
<mj-preview>{{ subscriber.a | default('you') }} {% if subscriber.b %}{{ subscriber.b }}{% endif %}
</mj-preview>
<mj-attributes><mj-class name="big" font-size="20px" /></mj-attributes>
<mj-style inline="inline">p { margin: 0; } .prose a { color: #112233; }</mj-style></mj-head><mj-body>
{% block top %}<mj-section><mj-column><mj-text>top {{ subscriber.a }}</mj-text></mj-column></mj-section>
{% endblock %}{% set both = subscriber.a ~ issue.n %}{% block main %}{% endblock %}
</mj-body></mjml>"""
PART = """\
<mj-section><mj-column>{% if subscriber.b %}<mj-text>part {{ subscriber.b }}</mj-text>{% else %}
<mj-button href="https://example.org/">{{ subscriber.a | default(issue.title) }}</mj-button>{% endif %}
</mj-column></mj-section>"""

VALUES = [
    "subscriber.a",
    "subscriber.b | default('d')",
    "subscriber.a ~ issue.raw",
    "issue.raw",
    "issue.title",
    "subscriber.tags | join('+')",
    "subscriber.missing.deep",
    "subscriber.n * 2 + issue.n",
    "subscriber.a | upper",
    "'%s!' | format(subscriber.a)",
    "subscriber.a if subscriber.n > 2 else issue.title",
]
CONDITIONS = [
    "subscriber.a",
    "not subscriber.b",
    "'x' in subscriber.tags",
    "subscriber.n > issue.n",
    "issue.raw in subscriber.tags",
    "issue.n > 4",
    "subscriber.missing is defined",
]


class _Author:
    """Writes the blocks of a page, deciding by draws."""

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw

    def _choose(self, choices: Sequence[T]) -> T:
        return self._draw(st.sampled_from(choices))

    def blocks(self, depth: int) -> str:
        return "\n".join(self._block(depth) for _ in range(self._choose([0, 1, 1, 2])))

    def _block(self, depth: int) -> str:
        kinds = [self._section, self._section, self._include]
        if depth:
            kinds += [self._if, self._if, self._for, self._filtered, self._set]
        return str(self._choose(kinds)(depth - 1))

    def _section(self, depth: int) -> str:
        inside = "".join(self._content() for _ in range(self._choose([1, 1, 2])))
        section = f"<mj-section><mj-column>{inside}</mj-column></mj-section>"
        if self._choose([True, False, False, False]):
            other = self._conditional(f"<mj-section><mj-column>{self._content()}</mj-column></mj-section>")
            return f"<mj-wrapper>{section}{other}</mj-wrapper>"
        return section

    def _content(self) -> str:
        value, link = f"{{{{ {self._choose(VALUES)} }}}}", "{{ subscriber.site | safe_url }}"
        return self._choose(
            [
                f'<mj-text css-class="prose"><p>a {value}</p>{self._conditional(value)}</mj-text>',
                f'<mj-text mj-class="big"><a href="{link}" title="{value}">b</a></mj-text>',
                f'<mj-button href="https://example.org/">{value}</mj-button>',
                f'<mj-image src="https://example.org/a.png" alt="{value}" />',
                f"<mj-table><tr><td>{value}</td></tr>{self._conditional('<tr><td>c</td></tr>')}</mj-table>",
                '<mj-social><mj-social-element name="x" href="https://example.org/">X</mj-social-element>'
                + self._conditional(
                    '<mj-social-element name="github" href="https://example.org/">G</mj-social-element>'
                )
                + "</mj-social>",
                self._conditional(f"<mj-text>d {value}</mj-text>"),
                "<mj-divider />",
            ]
        )

    def _conditional(self, inside: str) -> str:
        otherwise = f"{{% else %}}{inside}" if self._choose([True, False]) else ""
        return f"{{% if {self._choose(CONDITIONS)} %}}{inside}{otherwise}{{% endif %}}"

    def _include(self, depth: int) -> str:
        return '{% include "part.mjml.j2" %}'

    def _if(self, depth: int) -> str:
        branches = [
            f"if {self._choose(CONDITIONS)} %}}{self.blocks(depth)}" for _ in range(self._choose([1, 1, 2]))
        ]
        otherwise = f"{{% else %}}{self.blocks(depth)}" if self._choose([True, False]) else ""
        return "{% " + "{% el".join(branches) + otherwise + "{% endif %}"

    def _for(self, depth: int) -> str:
        over = self._choose(["subscriber.tags", "[issue.title, subscriber.a]", "[1, issue.n]"])
        text = (
            "<mj-section><mj-column><mj-text>{{ loop.index }}: {{ item }}</mj-text></mj-column></mj-section>"
        )
        otherwise = f"{{% else %}}{self.blocks(depth)}" if self._choose([True, False]) else ""
        return f"{{% for item in {over} %}}{text}{otherwise}{{% endfor %}}"

    def _filtered(self, depth: int) -> str:
        head = "{% for s in issue.sections if s.tag in subscriber.tags %}"
        text = (
            "<mj-section><mj-column><mj-text>{{ s.title ~ subscriber.a }}</mj-text></mj-column></mj-section>"
        )
        inside = self.blocks(depth)
        return head + text + ("" if "loop." in inside else inside) + "{% endfor %}"

    def _set(self, depth: int) -> str:
        text = "<mj-section><mj-column><mj-text>{{ name ~ s.tag }}</mj-text></mj-column></mj-section>"
        return (
            f"{{% for s in issue.sections %}}{{% set name = {self._choose(VALUES)} %}}{text}"
            f"{self.blocks(depth)}{{% endfor %}}"
        )


@st.composite
def layouts(draw: st.DrawFn) -> str:
    """Templates that extend BASE, include PART, and do everything else that templates may do."""
    author = _Author(draw)
    top = "{% block top %}{{ super() }}" + author.blocks(1) + "{% endblock %}" if draw(st.booleans()) else ""
    body = author.blocks(2) + author._section(0)
    return f'{{% extends "base.mjml.j2" %}}{top}{{% block main %}}{body}{{% endblock %}}'


hostile = st.one_of(
    st.sampled_from(
        [
            "<script>alert(1)</script>",
            "</mj-text></mj-column>",
            "{{7*7}}",
            "{% for %}",
            "x\r\nBcc: eve@example.org",
            "\"'&<>",
            "&amp;lt;",
            "\ue000{ 7*7 }\ue000",
            "--><![endif]-->",
            "x",
            "",
        ]
    ),
    st.text(max_size=6),
)
people = st.fixed_dictionaries(
    {
        "a": hostile,
        "b": hostile,
        "n": st.integers(-3, 9),
        "tags": st.lists(hostile, max_size=3),
        "site": st.sampled_from(
            ["https://example.org/?a=1&b=2", "javascript:alert(1)", "", "mailto:e@example.org"]
        ),
    }
)


def _shown(value: Any) -> Any:
    text = as_text(value)
    return Markup(clean(text)) if isinstance(text, Markup) else clean(text)


def _page(mjml: str) -> str:
    made = run_mjml(mjml, lambda line, written: ("page", line))
    return finish_page(inline_css(made.html, made.css), "en", "ltr", "T")


def filled(sources: Mapping[str, str], person: dict[str, Any]) -> str:
    """Return the page the way issues go: compiled once, then filled."""
    slots = Slots("0123456789")
    templates = Templates(Path(), slots)
    templates.loader = DictLoader(dict(sources))
    page = _page(place_tokens(templates.layout("page.mjml.j2", {"issue": ISSUE}), slots))
    check_parents(page, slots)
    return FILL_HTML.template(html_residual(page, slots)).render(subscriber=person)


def rendered(sources: Mapping[str, str], person: dict[str, Any]) -> str:
    """Return the page the direct way: the whole template for this one person, then MJML."""
    direct = ImmutableSandboxedEnvironment(
        autoescape=True, undefined=ChainableUndefined, finalize=_shown, loader=DictLoader(dict(sources))
    )
    direct.filters |= {"default": default, "d": default, "safe_url": safe_url, "urlencode": urlencode}
    return _page(direct.get_template("page.mjml.j2").render(issue=ISSUE, subscriber=person))


def _nodes(element: HtmlElement) -> Iterator[object]:
    """Yield tags, attributes and words in order; comments for Outlook are looked at by ``outlook_view``."""
    if isinstance(element.tag, str):
        yield element.tag, tuple(sorted((name, " ".join(value.split())) for name, value in element.items()))
        yield from (element.text or "").split()
    for child in element:
        yield from _nodes(child)
        yield from (child.tail or "").split()


def _shape(page: str) -> list[object]:
    """Return title and body; the head has the styles for all that anybody sees."""
    root = document_fromstring(page)
    (title,), (body,) = root.iter("title"), root.iter("body")
    return [*_nodes(title), *_nodes(body)]


@pytest.mark.slow
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(layouts(), people)
def test_a_filled_letter_is_the_page_made_for_that_person(source: str, person: dict[str, Any]) -> None:
    sources = {"base.mjml.j2": BASE, "part.mjml.j2": PART, "page.mjml.j2": source}
    ours, wanted = filled(sources, person), rendered(sources, person)
    assert _shape(ours) == _shape(wanted)
    assert _shape(outlook_view(ours)) == _shape(outlook_view(wanted))
