"""Conditions and loops in Markdown: inline, around paragraphs, list items, blocks and whole sections."""

import re

import pytest
from lxml import html as lxml_html

from newsletter.model import Person

from .conftest import ADA, BOB, Bench, Letter, lines_with


def prose(letter: Letter, person: Person) -> list[str]:
    """Return the letter's text, element by element, without the last line of the template."""
    root = lxml_html.fromstring(letter.html(person))
    leaves = [
        element
        for element in root.iter("p", "li", "h2", "h3", "blockquote", "td")
        if not any(True for _ in element.iterdescendants("p", "li", "h2", "table", "div", "td"))
    ]
    texts = [" ".join("".join(map(str, element.itertext())).split()) for element in leaves]
    return [text for text in texts if text and text != "Leave"]


def test_inline(bench: Bench) -> None:
    letter = bench.compile("One {% if 'group' in subscriber.tags %}*two*{% else %}2{% endif %} three.")
    assert prose(letter, ADA) == ["One two three."]
    assert prose(letter, BOB) == ["One 2 three."]
    assert letter.text(BOB).startswith("One 2 three.\n")


def test_around_several_paragraphs_without_empty_lines(bench: Bench) -> None:
    letter = bench.compile("A\n{% if 'group' in subscriber.tags %}\nB\n\nC\n{% else %}\nD\n{% endif %}\nE")
    assert prose(letter, ADA) == ["A", "B", "C", "E"]
    assert prose(letter, BOB) == ["A", "D", "E"]
    assert letter.text(ADA).startswith("A\n\nB\n\nC\n\nE\n")
    assert letter.text(BOB).startswith("A\n\nD\n\nE\n")


def test_a_paragraph_on_one_line_leaves_no_empty_paragraph(bench: Bench) -> None:
    letter = bench.compile("A\n\n{% if subscriber.name %}B **b**{% else %}N{% endif %}\n\nC")
    assert prose(letter, ADA) == ["A", "B b", "C"]
    assert prose(bench.compile("A\n\n{% if subscriber.name %}B{% endif %}\n\nC"), BOB) == ["A", "C"]
    html = bench.compile("A\n\n{% if subscriber.name %}B{% endif %}\n\nC").html(BOB)
    assert not re.search(r"<p[^>]*>\s*</p>", html)


def test_around_whole_sections(bench: Bench) -> None:
    body = (
        "Lead\n\n{% if 'group' in subscriber.tags %}\n## "
        "One\n\na\n\n## Two\n\nb\n{% endif %}\n\n## Three\n\nc"
    )
    letter = bench.compile(body)
    assert prose(letter, ADA) == ["Lead", "One", "a", "Two", "b", "Three", "c"]
    assert prose(letter, BOB) == ["Lead", "Three", "c"]
    assert "One" not in letter.text(BOB) and "## Two\n\nb\n" in letter.text(ADA)


def test_with_else_between_sections(bench: Bench) -> None:
    letter = bench.compile("{% if subscriber.name %}\n## One\n\na\n{% else %}\n## Two\n\nb\n{% endif %}\n")
    assert prose(letter, ADA) == ["One", "a"]
    assert prose(letter, BOB) == ["Two", "b"]


def test_around_list_items_keeps_one_list(bench: Bench) -> None:
    letter = bench.compile("- a\n{% if subscriber.name %}\n- b\n{% endif %}\n- c\n")
    root = lxml_html.fromstring(letter.html(BOB))
    assert [len(ul) for ul in root.iter("ul")] == [2]
    assert prose(letter, ADA) == ["a", "b", "c"]
    assert letter.text(ADA).startswith("* a\n* b\n* c\n")
    assert letter.text(BOB).startswith("* a\n* c\n")


def test_a_loop_makes_list_items(bench: Bench) -> None:
    letter = bench.compile("{% for tag in subscriber.tags %}\n- {{ loop.index }}: {{ tag }}\n{% endfor %}\n")
    assert prose(letter, ADA) == ["1: group", "2: families"]
    assert letter.text(ADA).startswith("* 1: group\n* 2: families\n")


def test_around_a_whole_list_leaves_no_empty_list(bench: Bench) -> None:
    letter = bench.compile("A\n\n{% if subscriber.name %}\n- a\n- b\n{% endif %}\n")
    assert "<ul" in letter.html(ADA) and "<ul" not in letter.html(BOB)


def test_in_a_quotation_and_in_a_list_item(bench: Bench) -> None:
    letter = bench.compile(
        "> A\n> {% if subscriber.name %}\n> B\n> {% endif %}\n> "
        "C\n\n- a\n  {% if subscriber.name %}\n  b\n  {% endif %}\n"
    )
    assert prose(letter, ADA) == ["A", "B", "C", "a b"]
    assert prose(letter, BOB) == ["A", "C", "a"]
    assert letter.text(ADA).startswith("> A\n>\n> B\n>\n> C\n")


def test_around_blocks_and_inside_them(bench: Bench) -> None:
    body = (
        "{% if subscriber.name %}\n::: callout Hello\nin {% if 'x' in "
        "subscriber.tags %}x{% else %}y{% endif %}\n:::\n{% endif %}\n\n"
        "::: columns\nleft\n\n---\n{% if subscriber.name %}\nright\n{% endif %}\n:::\n"
    )
    letter = bench.compile(body)
    assert prose(letter, ADA) == ["in y", "left", "right"]
    assert prose(letter, BOB) == ["left"]


def test_nested_with_values_of_the_issue(bench: Bench) -> None:
    body = (
        "{% for day in issue.days %}\n{% if day.tag in "
        "subscriber.tags %}\n{{ day.name }} for {{ subscriber.name }}\n"
        "{% if loop.last and subscriber.name %}\nthe end\n{% endif %}\n{% endif %}\n{% endfor %}\n"
    )
    letter = bench.compile(
        body, days=[{"tag": "group", "name": "Mon"}, {"tag": "families", "name": "Tue & co"}]
    )
    assert prose(letter, ADA) == ["Mon for Ada Byron", "Tue & co for Ada Byron", "the end"]
    assert prose(letter, BOB) == []


def test_in_code_nothing_is_moved(bench: Bench) -> None:
    letter = bench.compile("```\n{% if subscriber.name %}\nA\n{% endif %}\n```\n")
    assert "<pre" in letter.html(ADA)
    assert "A" in letter.text(ADA)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            "Lead\n\n{% if subscriber.a %}\nmore\n\n## One\n\na\n{% endif %}\n",
            "opens in one section and closes in another",
        ),
        (
            "Lead\n\n{% if subscriber.a %}\n## One\n\na\n{% endif %}\nmore",
            "opens in one section and closes in another",
        ),
        ("Lead {% if subscriber.a %}and\n\nmore{% endif %}", "opens inside <p> and goes on inside <p>"),
        ("- one {% if subscriber.a %}\n- two {% endif %}", "opens inside <li> and goes on inside <li>"),
        ("Lead {% if subscriber.a %}**bold{% endif %}** x", "opens inside <p> and goes on inside <strong>"),
    ],
)
def test_a_condition_must_open_and_close_at_the_same_level(bench: Bench, body: str, message: str) -> None:
    error = bench.refuse(body)
    assert message in str(error) and "{% if subscriber.a %}" in str(error)
    path = bench.root / "issues" / "2026-11-test.md"
    assert (error.file, error.line) == ("issues/2026-11-test.md", lines_with(path, "if subscriber.a")[0])


def test_a_template_that_drops_conditions_is_refused(bench: Bench) -> None:
    bench.layout(
        "{% for piece in issue.lead if piece.kind != 'raw' %}"
        "<mj-section><mj-column><mj-text>{{ piece.html }}</mj-text>"
        "</mj-column></mj-section>{% endfor %}"
    )
    error = bench.refuse("{% if subscriber.a %}\nfor a few\n{% endif %}")
    assert "The template does not show {% if subscriber.a %}" in str(error)
    assert error.line == 4


def test_a_template_that_does_not_show_a_passage_at_all_may_leave_out_its_conditions(bench: Bench) -> None:
    bench.layout("<mj-section><mj-column><mj-text>{{ issue.preheader }}</mj-text></mj-column></mj-section>")
    letter = bench.compile("{% if subscriber.a %}\nfor a few\n{% endif %}", preheader="Teaser")
    assert "Teaser" in letter.html() and "few" not in letter.html()


def test_outlooks_comments_stay_balanced_for_everybody(bench: Bench) -> None:
    part = "<mj-section><mj-column><mj-text>S</mj-text></mj-column></mj-section>"
    bench.layout(
        f"<mj-wrapper>{{% if subscriber.a %}}{part}{{% elif "
        f"subscriber.b %}}{part}{part}{{% endif %}}{part}</mj-wrapper>\n"
        f"{{% for t in subscriber.tags %}}{part}{{% endfor %}}\n"
        "<mj-section>{% if subscriber.b %}<mj-column><mj-text>C</mj-text></mj-column>{% endif %}"
        "<mj-column>{% if subscriber.a %}<mj-button href='https://example.org'>B</mj-button>{% endif %}"
        "<mj-social>{% if subscriber.a %}<mj-social-element name='facebook' "
        "href='https://example.org'>F</mj-social-element>{% endif %}</mj-social>"
        "<mj-social mode='vertical'>{% if subscriber.a %}<mj-social-element name='x' "
        "href='https://example.org'>X</mj-social-element>{% endif %}</mj-social>"
        "<mj-accordion>{% if subscriber.a %}<mj-accordion-element><mj-accordion-title>T"
        "</mj-accordion-title></mj-accordion-element>{% endif %}</mj-accordion>"
        "<mj-navbar>{% if subscriber.a %}<mj-navbar-link "
        "href='https://example.org'>N</mj-navbar-link>{% endif %}</mj-navbar>"
        "</mj-column></mj-section>"
    )
    letter = bench.compile("Hi")
    for number in range(12):
        attributes = {"a": number % 2, "b": number % 3}
        html = letter.html(
            Person(id=1, email="a@example.org", attributes=attributes, tags=["x"] * (number // 6))
        )
        depth = 0
        for comment in re.finditer(r"<!--\[if [^\]]*\]>(?:<!-->)?|(?:<!--)?<!\[endif\]-->", html):
            depth += 1 if "[if" in comment[0] else -1
            assert depth in {0, 1}
        assert depth == 0
        outlook = re.sub(r"<!--\[if (?!!)[^\]]*\]>(.*?)<!\[endif\]-->", r"\1", html, flags=re.DOTALL)
        for tag in ("table", "tr", "td"):
            assert len(re.findall(rf"<{tag}\b", outlook)) == len(re.findall(rf"</{tag}>", outlook)), (
                tag,
                attributes,
            )
    assert letter.report.warnings[0].what.startswith("{% if subscriber.b %} hides a column")
