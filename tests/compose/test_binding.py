"""The split: what depends on the reader waits, the rest is rendered once; what cannot be split is refused."""

import re
from pathlib import Path
from typing import Any

import pytest

from newsletter.compose.slots import Slots
from newsletter.compose.splitting import text_residual
from newsletter.compose.templates import Templates
from newsletter.errors import IssueError
from newsletter.model import Residual

ISSUE: dict[str, Any] = {
    "title": "Rhythm",
    "flag": True,
    "rooms": 2,
    "hero": None,
    "html": "<b>",
    "sections": [{"tag": "group", "title": "One"}, {"tag": "families", "title": "Two"}],
}


def split(source: str, folder: Path = Path()) -> Residual:
    """Return what is left of a text that starts in line 10 of an issue."""
    slots = Slots("0123456789")
    rendered = Templates(folder, slots).text(source, "issues/x.md", 10, {"issue": ISSUE, "newsletter": {}})
    return text_residual(rendered, slots)


def shown(source: str, folder: Path = Path()) -> str:
    """Return the residual with ordinary delimiters and constants written out."""
    residual = split(source, folder)
    text = re.sub("\ue000{ (.*?) }\ue000", r"{{ \1 }}", residual.source)
    text = re.sub("\ue001{ (.*?) }\ue001", r"{% \1 %}", text)
    return re.sub(r"const_\d+", lambda name: repr(residual.constants[name[0]]), text)


@pytest.mark.parametrize(
    ("source", "left"),
    [
        ("{{ issue.title }} {{ 7 * 7 }}", "Rhythm 49"),
        (
            "Hi {{ subscriber.first_name | default('friend') }}!",
            "Hi {{ subscriber.first_name|default('friend') }}!",
        ),
        ("{{ subscriber.name ~ issue.title }}", "{{ subscriber.name ~ 'Rhythm' }}"),
        (
            "{% if 'a' in subscriber.tags %}A{% else %}B{% endif %}",
            "{% if 'a' in subscriber.tags %}A{% else %}B{% endif %}",
        ),
        # an issue's condition is decided now, wherever it stands
        ("{% if issue.flag %}A{% elif subscriber.x %}B{% endif %}", "A"),
        (
            "{% if issue.hero %}{{ issue.hero.src }}{% elif subscriber.x %}B{% endif %}",
            "{% if subscriber.x %}B{% endif %}",
        ),
        (
            "{% if subscriber.x %}A{% elif issue.flag %}B{% else %}C{% endif %}",
            "{% if subscriber.x %}A{% else %}B{% endif %}",
        ),
        (
            "{% if subscriber.x %}A{% elif subscriber.y %}B{% else %}C{% endif %}",
            "{% if subscriber.x %}A{% elif subscriber.y %}B{% else %}C{% endif %}",
        ),
        # an issue's loop runs now; its values become constants
        (
            (
                "{% for s in issue.sections %}{% if s.tag in subscriber.tags "
                "%}{{ s.title }}{{ loop.index }}{% endif %}{% endfor %}"
            ),
            (
                "{% if 'group' in subscriber.tags %}One1{% endif %}"
                "{% if 'families' in subscriber.tags %}Two2{% endif %}"
            ),
        ),
        (
            "{% for s in issue.sections if s.tag in subscriber.tags %}{{ s.title }}{% endfor %}",
            (
                "{% if 'group' in subscriber.tags %}One{% endif %}"
                "{% if 'families' in subscriber.tags %}Two{% endif %}"
            ),
        ),
        (
            (
                "{% for t in subscriber.tags if t != issue.title "
                "%}{{ loop.index }}{{ t }}{% else %}-{% endfor %}"
            ),
            "{% for t in subscriber.tags if (t != 'Rhythm') %}{{ loop.index }}{{ t }}{% else %}-{% endfor %}",
        ),
        (
            "{% for a, b in subscriber.pairs %}{{ b }}{% endfor %}",
            "{% for a, b in subscriber.pairs %}{{ b }}{% endfor %}",
        ),
        # an issue's loop inside a reader's: its own `loop`
        (
            (
                "{% for t in subscriber.tags %}{% for s in issue.sections "
                "%}{{ loop.index }}{% endfor %}{{ loop.index }}{% endfor %}"
            ),
            "{% for t in subscriber.tags %}12{{ loop.index }}{% endfor %}",
        ),
        # set and with are written into the places that use the name, with the values they had
        (
            "{% set n = issue.rooms %}{% set x = subscriber.a ~ n %}{% set n = 9 %}{{ x }}{{ n }}",
            "{{ subscriber.a ~ 2 }}9",
        ),
        ("{% set x = subscriber.a %}{% set x = x ~ '!' %}{{ x }}", "{{ subscriber.a ~ '!' }}"),
        ("{% set x = subscriber.a %}{% set x = 1 %}{{ x }}", "1"),
        ("{% with x = subscriber.a, y = 2 %}{{ x ~ y }}{% endwith %}", "{{ subscriber.a ~ 2 }}"),
        (
            "{% for t in subscriber.tags %}{% set u = t | upper %}{{ u }}{% endfor %}",
            "{% for t in subscriber.tags %}{{ t|upper }}{% endfor %}",
        ),
        # an undefined name of the issue is what a default is for
        ("{{ issue.nick | default(subscriber.name) }}", "{{ ''|default(subscriber.name) }}"),
        # precedence survives
        ("{{ (subscriber.n + 1) * -issue.rooms | abs }}", "{{ (subscriber.n + 1) * 2 }}"),
        ("{{ (subscriber.a | first).b['c'][1:2] }}", "{{ (subscriber.a|first).b['c'][1:2] }}"),
        (
            "{{ not (subscriber.a and subscriber.b or subscriber.c) }}",
            "{{ not ((subscriber.a and subscriber.b) or subscriber.c) }}",
        ),
    ],
)
def test_what_is_left(source: str, left: str) -> None:
    assert shown(source) == left


def test_literal_text_is_never_taken_for_jinja() -> None:
    residual = split("{{ '{{ 7 * 7 }}' }} {% raw %}{% if %}{% endraw %} {{ subscriber.a }}")
    assert residual.source == "{{ 7 * 7 }} {% if %} \ue000{ subscriber.a }\ue000"


def test_safe_html_of_the_issue_stays_safe_in_a_deferred_expression() -> None:
    residual = split("{{ (issue.html | safe) ~ subscriber.a }}")
    assert residual.source == "\ue000{ (const_0|safe) ~ subscriber.a }\ue000"
    assert residual.constants == {"const_0": "<b>"}


def test_equal_values_share_a_constant_and_constants_are_named_in_order() -> None:
    residual = split(
        "{{ subscriber.a ~ issue.rooms }}{{ subscriber.b ~ issue.title }}{{ subscriber.c ~ issue.rooms }}"
    )
    assert residual.constants == {"const_0": 2, "const_1": "Rhythm"}


def test_includes_imports_and_blocks_are_split_like_all_else(tmp_path: Path) -> None:
    (tmp_path / "part.md").write_text("{{ subscriber.a }}{{ issue.title }}")
    (tmp_path / "base.md").write_text(
        "[{% block one %}{% endblock %}|{% block two %}{{ subscriber.b }}{% endblock %}]"
    )
    (tmp_path / "tools.md").write_text("{% macro twice(x) %}{{ x }}{{ x }}{% endmacro %}")
    assert shown("{% include 'part.md' %}", tmp_path) == "{{ subscriber.a }}Rhythm"
    assert shown("{% if subscriber.x %}{% include 'part.md' %}{% endif %}", tmp_path).startswith(
        "{% if subscriber.x %}"
    )
    child = (
        "{% extends 'base.md' %}{% set x = subscriber.c %}{% block "
        "one %}{{ x }}{% if subscriber.a %}A{% endif %}{% endblock %}"
    )
    assert (
        shown(child, tmp_path) == "[{{ subscriber.c }}{% if subscriber.a %}A{% endif %}|{{ subscriber.b }}]"
    )
    assert shown("{% import 'tools.md' as t %}{{ t.twice(issue.title) }}", tmp_path) == "RhythmRhythm"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("{% if subscriber.a %}{% set x = 1 %}{% endif %}", "set stands inside a condition on the reader"),
        ("{% if issue.flag %}{% set x = subscriber.a %}{% endif %}", "in one branch of a condition only"),
        (
            "{% set x = subscriber.a %}{% if issue.flag %}{% set x = 1 %}{% endif %}",
            "in one branch of a condition only",
        ),
        ("{% set x, y = subscriber.a, 1 %}", "several names"),
        ("{% set subscriber = 1 %}", "another meaning"),
        ("{% set n = namespace(x=1) %}{% if subscriber.a %}{% set n.x = 2 %}{% endif %}", "A namespace"),
        ("{% set n = namespace(x=1) %}{% set n.x = subscriber.a %}", "A namespace"),
        ("{% set x %}{{ subscriber.a }}{% endset %}", "A block set"),
        ("{% filter upper %}{{ subscriber.a }}{% endfilter %}", "A filter block"),
        ("{% macro m() %}{{ subscriber.a }}{% endmacro %}", "A macro"),
        ("{% macro m(x) %}{{ x }}{% endmacro %}{{ m(subscriber.a) }}", "given to m(…)"),
        (
            "{% macro m() %}{{ caller() }}{% endmacro %}{% call m() %}{{ subscriber.a }}{% endcall %}",
            "A call block",
        ),
        ("{{ range(subscriber.n) }}", "given to range(…)"),
        ("{% include subscriber.a %}", "choose what is included"),
        ("{% for t in subscriber.tags recursive %}{% endfor %}", "recursive"),
        ("{% for subscriber in issue.sections %}{% endfor %}", "a name with a meaning of its own"),
        (
            "{% for s in issue.sections if s.tag in subscriber.tags %}{{ loop.index }}{% endfor %}",
            "uses loop or else",
        ),
        (
            (
                "{% for t in subscriber.tags %}{% set x = t %}{% for "
                "t in subscriber.pets %}{{ x }}{% endfor %}{% endfor %}"
            ),
            "x was set from a loop's variable",
        ),
        (
            (
                "{% for t in subscriber.tags %}{% set x = loop.index %}{% "
                "for s in issue.sections %}{{ x }}{% endfor %}{% endfor %}"
            ),
            "x was set from a loop's variable",
        ),
        ("{{ subscriber }}", "subscriber stands alone"),
        ("{{ subscriber[issue.title] }}", "subscriber stands alone"),
        ("{{ subscriber.bio | safe }}", "goes through safe"),
        ("{{ subscriber.a | uper }}", 'There is no filter "uper". Did you mean "upper"?'),
        ("{{ subscriber.a is evn }}", 'There is no test "evn". Did you mean "even"?'),
        ("{{ issue.title | uper }}", "No filter named 'uper'. Did you mean \"upper\"?"),
        ("{{ issue.titel }}", "'titel' is not defined. Did you mean \"title\"?"),
        ("{{ titel }}", "'titel' is undefined"),
        ("{{ first_name }}", "Did you mean subscriber.first_name?"),
        ("{{ issue.titel ~ subscriber.a }}", "no attribute 'titel'"),
        (
            "{{ issue ~ subscriber.a }}{{ [issue.sections, range] ~ subscriber.a }}",
            "one expression with the reader's data",
        ),
        ("{% if subscriber.a %}", "Unexpected end of template"),
        ("{% if subscriber.a %}{% endfor %}", "unknown tag 'endfor'"),
        ("{{ 1 + 'a' }}", "The template fails"),
        ("{{ 1 / 0 }}", "The template fails: division by zero"),
        ("{{ issue.__class__.__mro__ }}", "access to attribute '__class__'"),
        ("{{ issue.sections.append(1) }}", "The template fails"),
        ("{% include 'nothing.md' %}", "There is no template nothing.md"),
        ("{{ [1, 2] | random }}", "No filter named 'random'"),
    ],
)
def test_what_cannot_be_done_right_is_refused_at_its_line(source: str, message: str) -> None:
    with pytest.raises(IssueError) as caught:
        split(f"One\ntwo\n{source}")
    assert message in str(caught.value), str(caught.value)
    assert (caught.value.file, caught.value.line) == ("issues/x.md", 12)
    assert caught.value.hint


def test_an_error_in_an_included_template_names_that_template(tmp_path: Path) -> None:
    folder = tmp_path / "templates"
    folder.mkdir()
    (folder / "a.md").write_text("fine\n{{ issue.titel }}")
    (folder / "b.md").write_text("fine\n{% if %}")
    (folder / "c.md").write_text("fine\n\n{% macro m() %}{{ subscriber.a }}{% endmacro %}")
    for name, line in (("a", 2), ("b", 2), ("c", 3)):
        with pytest.raises(IssueError) as caught:
            split(f"{{% include '{name}.md' %}}", folder)
        assert (caught.value.file, caught.value.line) == (f"templates/{name}.md", line)
