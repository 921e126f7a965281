"""The whole way: an issue file in, a CompiledIssue out, the same for the same input."""

import re

import pytest

from newsletter.compose.compiling import compile_issue, compile_with_report
from newsletter.model import CompiledIssue, Person

from .conftest import ADA, BOB, Bench, Letter

RICH = """
Dear {{ subscriber.first_name | default('friend') }}, [see](https://example.org/?w={{ subscriber.email }}).

![A drum](a.jpg "Saturday")

{% for day in issue.days %}
{% if day.tag in subscriber.tags %}
## {{ day.name }}

For {{ subscriber.name or 'you' }}: {{ day.name ~ ' ' ~ subscriber.town }}
{% endif %}
{% endfor %}

## Bye

::: button
[Leave]({{ unsubscribe_url }})
:::
"""
FRONT = {
    "title": "Rhythm & rest",
    "subject": "{{ subscriber.first_name | default('Hello') }}: rhythm & rest",
    "preheader": "For {{ subscriber.town | default('you') }}",
    "days": [{"tag": "group", "name": "Monday <1>"}, {"tag": "families", "name": "Tuesday"}],
    "hero": {"image": "a.jpg", "alt": "Drums", "caption": "Hi {{ subscriber.first_name | default('all') }}"},
}


@pytest.fixture
def rich(bench: Bench) -> Letter:
    """A rich issue."""
    bench.picture("issues/a.jpg")
    return bench.compile(RICH, **FRONT)


def test_everybody_gets_their_own_letter(rich: Letter) -> None:
    assert rich.subject(ADA) == "Ada: rhythm & rest"
    assert rich.subject(BOB) == "Hello: rhythm & rest"
    html, text = rich.html(ADA), rich.text(ADA)
    for part in (html, text):
        assert "Dear Ada" in part and "ada%40example.org" in part and "https://news.example.org/u/1" in part
    assert "Monday &lt;1&gt;" in html and "## Monday <1>" in text and "Tuesday" in text
    assert "Monday" not in rich.html(BOB) + rich.text(BOB)
    assert "Dear friend" in rich.html(BOB) and "For you" in rich.html(BOB)


def test_nothing_is_left_of_the_machinery(rich: Letter) -> None:
    stored = rich.issue.to_json()
    assert not re.search(r"zq[0-9a-f]{10}", stored)
    for part in (rich.html(ADA), rich.text(ADA), rich.subject(ADA)):
        assert not re.search("[\ue000-\ue002]|\\{\\{|\\{%|const_|newsletter_kept|captured_", part)


def test_the_same_input_gives_the_same_issue_and_it_survives_storage(bench: Bench, rich: Letter) -> None:
    path = bench.root / "issues" / "2026-11-test.md"
    again = compile_issue(bench.workspace, path)
    assert again.hash == rich.issue.hash and again == rich.issue
    assert CompiledIssue.from_json(again.to_json()) == again
    constants = again.html.constants
    assert list(constants) == [f"const_{number}" for number in range(len(constants))]
    assert set(constants.values()) == {"group", "families", "Monday <1>", "Tuesday"}


def test_another_word_gives_another_hash(bench: Bench) -> None:
    assert bench.compile("One").issue.hash != bench.compile("Two").issue.hash


def test_fields_and_their_defaults_are_told(bench: Bench) -> None:
    letter = bench.compile(
        "{{ subscriber.a | default('x') }} {{ subscriber.b }}\n\n"
        "{% if subscriber.c %}{{ subscriber.c }}{% endif %}\n\n"
        "{{ subscriber.d or 'x' }} {{ subscriber['e'] if "
        "subscriber.e else 'x' }} {% if subscriber.f %}x{% endif %}"
        "{{ subscriber.b | default('x') }} {% for t in subscriber.g %}{{ t.name }}{% endfor %}\n\n"
        "{% if not subscriber.h %}{{ subscriber.h }}{% endif %}",
        subject="{{ subscriber.i }}",
    )
    assert list(letter.issue.fields) == list("abcdefghi")
    assert list(letter.issue.defaulted) == list("acdefg")
    uses = {(use.name, use.has_default): (use.file, use.line) for use in letter.report.field_uses}
    assert uses["i", False] == ("issues/2026-11-test.md", 3)
    assert uses["a", True] == uses["b", False] == ("issues/2026-11-test.md", 5)
    assert uses["h", False] == ("issues/2026-11-test.md", 11)


def test_the_unsubscribe_link_is_told_for_each_part(bench: Bench) -> None:
    assert bench.compile("Hi").issue.uses_unsubscribe == ["html", "text"]
    bench.write("templates/monthly/layout.txt.j2", "{{ issue.text }}")
    assert bench.compile("Hi").issue.uses_unsubscribe == ["html"]
    bench.write("templates/monthly/layout.txt.j2", "{% if unsubscribe_url %}{{ issue.text }}{% endif %}")
    assert bench.compile("Hi").issue.uses_unsubscribe == ["html"]


def test_the_report_tells_pictures_and_links(bench: Bench, rich: Letter) -> None:
    hero, drum = rich.report.pictures
    assert (hero.source, hero.alt, hero.line) == ("a.jpg", "Drums", 11)
    assert (drum.source, drum.alt, drum.pixels, drum.width) == ("a.jpg", "A drum", (800, 400), 600)
    assert drum.size == len(rich.issue.images[0].data)
    links = {link.text: link for link in rich.report.links}
    assert links["see"].href == "https://example.org/?w={{ subscriber.email }}" and links["see"].waits
    assert (links["see"].line, drum.line) == (16, 18)
    assert rich.report.where == rich.report.file.file == "issues/2026-11-test.md"


def test_a_picture_without_any_alt_is_told_from_a_decorative_one(bench: Bench) -> None:
    bench.picture("issues/a.jpg")
    letter = bench.compile('x <img src="a.jpg"> ![](a.jpg)', hero={"image": "a.jpg"})
    assert [picture.alt for picture in letter.report.pictures] == [None, None, ""]


@pytest.mark.parametrize(
    ("front", "lang", "direction"),
    [({}, "en", "ltr"), ({"language": "ar"}, "ar", "rtl"), ({"language": "he", "dir": "ltr"}, "he", "ltr")],
)
def test_language_and_direction_are_stated(
    bench: Bench, front: dict[str, str], lang: str, direction: str
) -> None:
    letter = bench.compile("Hi", **front)
    page = letter.html()
    assert re.search(rf'<html lang="{lang}" dir="{direction}"', page)
    assert re.search(rf'<div lang="{lang}" dir="{direction}"[^>]*role="article"', page)
    assert page.count("lang=") == 2 and letter.issue.language == lang


def test_the_title_is_there_even_if_the_template_forgets_it(bench: Bench) -> None:
    bench.layout("<mj-section><mj-column><mj-text>x</mj-text></mj-column></mj-section>")
    assert "<title>Rhythm &amp; rest</title>" in bench.compile("Hi", title="Rhythm & rest").html()


def test_every_picture_has_an_alt_attribute(bench: Bench) -> None:
    bench.layout(
        '<mj-section><mj-column><mj-image src="https://example.org/x.png" /></mj-column></mj-section>'
    )
    assert re.findall(r"<img [^>]*>", bench.compile("Hi").html())[0].startswith('<img alt=""')


def test_templates_know_the_newsletter_and_the_issue(bench: Bench) -> None:
    bench.picture("logo.png", (900, 90))
    object.__setattr__(bench.workspace.settings.newsletter, "logo", "logo.png")
    bench.write(
        "templates/monthly/layout.txt.j2",
        "{{ newsletter.name }}|{{ newsletter.from_address }}|"
        "{{ newsletter.reply_to }}|{{ newsletter.logo[:4] }}|"
        "{{ issue.slug }}|{{ issue.month }}|{{ issue.date }}|{{ "
        "issue.author }}|{{ issue.tags | join(',') }}|{{ issue.items }}|"
        "{{ issue.sections[0].title }}|{{ issue.text }}",
    )
    text = bench.compile(
        "Lead\n\n## One\n\ntext", author="Ada", tags=["a", "b"], language="de", items="{{ 1 + 1 }}"
    ).text()
    assert text == (
        "Ignite <&> Friends|Ignite "
        "<hello@example.org>|re@example.org|cid:|2026-11-test|November 2026|2026-11-01|Ada|a,b|2|"
        "One|Lead\n\nOne\n---\n\ntext\n"
    )


def test_mistakes_in_front_matter_expressions_are_told_at_their_key(bench: Bench) -> None:
    for key, line in (("subject", 3), ("preheader", 3), ("colour", 3)):
        error = bench.refuse("Hi", **{key: "{{ issue.titel }}"})
        assert (error.file, error.line) == ("issues/2026-11-test.md", line)


def test_values_that_are_missing_or_odd_leave_a_readable_letter(bench: Bench) -> None:
    letter = bench.compile(
        "[{{ subscriber.a.b.c }}{{ subscriber.n + 1 }}{% for x in subscriber.n %}{{ x }}{% endfor %}]"
    )
    odd = Person(id=3, email="o@example.org", attributes={"n": None, "a": None})
    assert "[]" in letter.body(odd)


def test_an_issue_of_the_workspace_is_compiled_by_path(bench: Bench) -> None:
    issue, report = compile_with_report(bench.workspace, bench.issue("Hi"))
    assert (issue.slug, issue.title, report.file.slug) == ("2026-11-test", "A test", "2026-11-test")
