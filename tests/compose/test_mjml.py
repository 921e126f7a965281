"""MJML: its errors are told at the template's own line; what MRML leaves undone is done."""

import pytest
from lxml.html import document_fromstring

from .conftest import Bench, lines_with

SECTION = "<mj-section><mj-column><mj-text>x</mj-text></mj-column></mj-section>"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (
            "<mj-section><mj-column><mj-text>x</mj-column></mj-section>",
            "<mj-text> is not closed before </mj-column>",
        ),
        ("<mj-section><mj-column><mj-text>a < b</mj-text></mj-column></mj-section>", "broken here"),
        ("<mj-section><mj-column><mj-text align=left>x</mj-text></mj-column></mj-section>", "broken here"),
        ("<mj-sectoin></mj-sectoin>", 'Did you mean "mj-section"?'),
        ("<mj-text>x</mj-text>", "<mj-text> stands in <mj-body>, where MJML drops it"),
        ("<mj-section><mj-text>x</mj-text></mj-section>", "<mj-text> stands in <mj-section>"),
        ("<mj-section><p>x</p></mj-section>", "<p> stands directly in <mj-section>"),
        ('<mj-include path="x.mjml" />', "<mj-include> is not supported"),
    ],
)
def test_mistakes_are_told_at_the_templates_line(bench: Bench, wrong: str, message: str) -> None:
    path = bench.layout(
        "{# a note\n over two lines #}\n{% for n in [1, 2, 3] %}\n"
        + SECTION
        + "\n{% endfor %}\n{% if issue.title %}\n"
        f"{{{{ issue.lead[0].html }}}}\n{wrong}\n{{% endif %}}".replace("{{ issue.lead[0].html }}", SECTION)
    )
    error = bench.refuse("One\n\ntwo\n\nthree")
    assert message in str(error)
    assert (error.file, error.line) == ("templates/monthly/layout.mjml.j2", lines_with(path, wrong[:30])[-1])


def test_mistakes_in_an_included_template_are_told_there(bench: Bench) -> None:
    bench.write("templates/shared/end.mjml.j2", "\n\n<mj-section><mj-column></mj-section>\n")
    bench.layout(f"{SECTION}\n{{% include 'shared/end.mjml.j2' %}}\n")
    error = bench.refuse("One\n\ntwo")
    assert (error.file, error.line) == ("templates/shared/end.mjml.j2", 3)
    bench.write("templates/shared/end.mjml.j2", "<mj-section>\n<mj-column></mj-column>\n")
    error = bench.refuse("One\n\ntwo")
    assert (error.file, error.line) == ("templates/shared/end.mjml.j2", 1)
    assert "before </mj-body> (templates/monthly/layout.mjml.j2:6)" in str(error)


def test_several_lines_from_one_expression_belong_to_its_line(bench: Bench) -> None:
    path = bench.layout(
        "<mj-section><mj-column><mj-text>{{ issue.lead[0].html "
        "}}</mj-text></mj-column></mj-section>\n<mj-bogus />\n"
    )
    error = bench.refuse("- One\n- two\n- three\n\nFour")
    assert error.line == lines_with(path, "bogus")[0]


def test_values_that_macros_compute_are_not_disturbed_by_finding_the_line(bench: Bench) -> None:
    path = bench.layout(
        "{% macro sum(a, b) %}{{ a + b }} {% endmacro %}\n"
        '<mj-section padding="{{ sum(1, 2) | trim | int }}px"></mj-section>\n<mj-bogus />'
    )
    assert bench.refuse("Hi").line == lines_with(path, "bogus")[0]
    bench.layout("{% macro n() %}<b>{{ 1 }}{% endmacro %}{{ [1, 2][(n() | length) - 4] }}\n<mj-bogus />")
    error = bench.refuse("Hi")
    assert (error.file, error.line) == ("templates/monthly/layout.mjml.j2", None)


def test_a_template_that_is_not_utf8_is_named(bench: Bench) -> None:
    bench.write("templates/shared/old.mjml.j2", "Grüße".encode("latin-1"))
    bench.layout("{% include 'shared/old.mjml.j2' %}")
    assert bench.refuse("Hi").file == "templates/shared/old.mjml.j2"


def test_a_layout_that_is_no_mjml_is_refused(bench: Bench) -> None:
    bench.write("templates/monthly/layout.mjml.j2", "<html></html>")
    assert "begins with <html>" in str(bench.refuse("Hi"))
    bench.write("templates/monthly/layout.mjml.j2", " ")
    assert "broken here" in str(bench.refuse("Hi"))


def test_a_template_that_does_not_exist_is_answered_with_those_that_do(bench: Bench) -> None:
    error = bench.refuse("Hi", template="monthy")
    assert 'The template "monthy" does not exist. Did you mean "monthly"?' in str(error)
    assert (error.file, error.line) == ("issues/2026-11-test.md", 3)
    bench.write("templates/half/layout.mjml.j2", "")
    (bench.root / "templates/monthly/layout.txt.j2").unlink()
    assert "has no layout.txt.j2" in str(bench.refuse("Hi"))
    assert "does not exist" in str(bench.refuse("Hi", template="../templates/monthly"))


def test_short_colours_become_long_ones_for_outlook(bench: Bench) -> None:
    bench.layout(
        '<mj-section background-color="#fa0" border="1px solid #abc"><mj-column><mj-text color="#123">'
        '<a href="#abc">x</a> #abc</mj-text></mj-column></mj-section>'
    )
    page = bench.compile("Hi").html()
    assert 'bgcolor="#ffaa00"' in page and "1px solid #aabbcc" in page and "color:#112233" in page
    assert 'href="#abc"' in page and "> #abc<" in page


def test_a_less_than_in_css_is_told_at_its_line(bench: Bench) -> None:
    bench.layout("<mj-section></mj-section>", "<mj-style>\n@media (width < 9px) { }</mj-style>")
    assert bench.refuse("Hi").line == 2


def test_what_html_allows_is_allowed(bench: Bench) -> None:
    bench.layout(
        "<mj-section><mj-column><mj-text>a<br>b &nbsp;&copy; "
        "AT&T <img src='https://example.org/x.png' alt='>'><hr>"
        "</mj-text><mj-raw><!-- <note> --></mj-raw></mj-column></mj-section>",
        (
            "<mj-style>a > b { color: red; }</mj-style><mj-attributes>"
            "<mj-text color='#111111' /></mj-attributes>"
        ),
    )
    assert "AT&amp;T" in bench.compile("Hi").html()


@pytest.mark.parametrize(
    "text",
    [
        "e\u0301te\u0301",
        "«\u00a0oui\u00a0»",
        "👨\u200d👩\u200d👧",
        "❤\ufe0f",
        "שלום\u200f!",
        "soft\u00adhyphen",
        "C:\\drums",
        "é",
    ],
)
def test_attributes_keep_their_characters(bench: Bench, text: str) -> None:
    """MRML would write a no-break space as \\u{a0}."""
    bench.layout(
        f'<mj-section><mj-column><mj-image src="https://example.org/a.png" alt="{text}" /><mj-text>'
        f"<a href='https://example.org/' title='{text}'>{text}</a></mj-text></mj-column></mj-section>",
        "<mj-title>{{ issue.title }}</mj-title>",
    )
    page = document_fromstring(bench.compile("Hi", title=text).html())
    (image,), (link,), (title,) = page.iter("img"), page.iter("a"), page.iter("title")
    assert image.get("alt") == link.get("title") == link.text == title.text == text
    assert page.xpath("//@aria-label") == [text]
    letter = bench.compile(f"![{text}](https://example.org/b.png)", title="A test")
    assert [picture.alt for picture in letter.report.pictures] == [text]


def test_a_line_end_in_an_attribute_is_a_space(bench: Bench) -> None:
    bench.layout(
        '<mj-section><mj-column><mj-text><p style="color: red;\n  margin: 0">x</p>'
        "</mj-text></mj-column></mj-section>"
    )
    (paragraph,) = document_fromstring(bench.compile("Hi").html()).iter("p")
    assert [part.strip() for part in str(paragraph.get("style")).split(";")] == ["color: red", "margin: 0"]
