"""MJML's rules on elements and attributes: what breaks them is told at the line, with what to write."""

import pytest

from newsletter.compose.mjml_types import attribute_type

from .conftest import Bench, lines_with

TEXT = "<mj-text>x</mj-text>"


def column(inside: str, attributes: str = "") -> str:
    """Return a section with a column, the latter on a line of its own."""
    return f"<mj-section>\n<mj-column{attributes}>\n{inside}\n</mj-column></mj-section>"


@pytest.mark.parametrize(
    ("wrong", "message", "hint"),
    [
        (
            '<mj-text colour="red">x</mj-text>',
            '<mj-text> has no attribute colour. Did you mean "color"?',
            "align",
        ),
        ('<mj-button heref="#">x</mj-button>', 'has no attribute heref. Did you mean "href"?', "It has"),
        ('<mj-text color="10px">x</mj-text>', 'color="10px" of <mj-text> is not a colour', "#1a5f7a"),
        ('<mj-text color="teel">x</mj-text>', 'Did you mean "teal"?', "a colour"),
        ('<mj-text color="#12345">x</mj-text>', 'color="#12345" of <mj-text> is not a colour', "a colour"),
        ('<mj-text font-size="17">x</mj-text>', 'not a length such as "10px". Did you mean "17px"?', "10px"),
        (
            '<mj-text font-size="#ffffff">x</mj-text>',
            'font-size="#ffffff" of <mj-text> is not a length',
            "px",
        ),
        ('<mj-text padding="1px 2px 3px 4px 5px">x</mj-text>', "or up to 4 of them", "length"),
        ('<mj-text align="centre">x</mj-text>', 'is not one of "left"', '"center"'),
        ('<mj-text align="centre">x</mj-text>', 'Did you mean "center"?', "Write one of"),
        ('<mj-image src="https://example.org/a.png" width="50%" />', 'width="50%" of <mj-image>', "10px"),
        (
            '<mj-image src="https://example.org/a.png" fluid-on-mobile="yes" />',
            'not "true" or "false"',
            "true",
        ),
        ('<mj-table cellpadding="2px"></mj-table>', "is not a whole number", "whole number"),
        ('<mj-image src="a" sizes="50vw" />', 'sizes="50vw" of <mj-image> does not work here', "srcset"),
        (
            '<mj-button title="tip">x</mj-button>',
            'title="tip" of <mj-button> does not work here',
            "Leave it out",
        ),
        ("<mj-social>hello</mj-social>", '"hello" stands directly in <mj-social>', "<mj-text>"),
    ],
)
def test_wrong_attributes_and_stray_text_are_told_at_the_line(
    bench: Bench, wrong: str, message: str, hint: str
) -> None:
    path = bench.layout(column(TEXT) + "\n" + column(wrong))
    error = bench.refuse("Hi")
    assert message in str(error) and hint in error.hint
    assert (error.file, error.line) == ("templates/monthly/layout.mjml.j2", lines_with(path, wrong)[0])


def test_the_line_is_that_of_the_attribute_not_of_its_tag(bench: Bench) -> None:
    path = bench.layout(column('<mj-text\n  padding="0"\n  color="ten"\n>x</mj-text>'))
    assert bench.refuse("Hi").line == lines_with(path, 'color="ten"')[0]


def test_a_wrong_value_from_the_front_matter_is_told_there(bench: Bench) -> None:
    bench.layout(column('<mj-text color="{{ issue.ink }}">x</mj-text>'))
    error = bench.refuse("Hi", ink="reddish")
    assert (error.file, error.line) == ("issues/2026-11-test.md", 3)
    bench.layout(column('<mj-text color="{{ issue.ink }}" padding="reddish">x</mj-text>'))
    assert bench.refuse("Hi", ink="#ffffff").file == "templates/monthly/layout.mjml.j2"


def test_mjml_in_the_body_of_an_issue_is_told_there(bench: Bench) -> None:
    error = bench.refuse("One\n\n<mj-bogus>x</mj-bogus>\n")
    assert "There is no MJML element <mj-bogus>" in str(error)
    assert (error.file, error.line) == ("issues/2026-11-test.md", 6)


@pytest.mark.parametrize(
    ("head", "message"),
    [
        ('<mj-attributes><mj-text colour="#ffffff" /></mj-attributes>', "<mj-text> has no attribute colour"),
        ('<mj-attributes><mj-text color="5px" /></mj-attributes>', 'color="5px" of <mj-text>'),
        ('<mj-attributes><mj-all colour="#ffffff" /></mj-attributes>', "<mj-all> has no attribute colour"),
        ('<mj-attributes><mj-class name="a" font-size="red" /></mj-attributes>', 'font-size="red"'),
        ('<mj-attributes><mj-accordion-element icon-width="9px" /></mj-attributes>', "does not work here"),
        ('<mj-class name="a" />', "<mj-class> stands in <mj-head>"),
        ("<mj-attributes><mj-txt /></mj-attributes>", 'Did you mean "mj-text"?'),
        ('<mj-html-attributes><mj-selector path="a" /></mj-html-attributes>', "is not supported here"),
        ('<mj-breakpoint width="wide" />', 'width="wide" of <mj-breakpoint>'),
        ("<mj-title>x</mj-title><p>x</p>", "<p> stands directly in <mj-head>"),
    ],
)
def test_the_head_is_held_to_the_rules_too(bench: Bench, head: str, message: str) -> None:
    bench.layout(column(TEXT), head)
    assert message in str(bench.refuse("Hi"))


def test_defaults_that_any_element_could_use_are_accepted(bench: Bench) -> None:
    bench.layout(
        column(TEXT, ' mj-class="a" css-class="b"'),
        '<mj-attributes><mj-all font-family="serif" color="red" /><mj-section padding="0 10px" />'
        '<mj-class name="a" border-radius="4px 0" padding="0" line-height="1.5" css-class="c" />'
        "</mj-attributes>",
    )
    assert 'class="mj-outlook-group-fix mj-column-per-100 b"' in bench.compile("Hi").html()


@pytest.mark.parametrize(
    ("written", "right", "wrong"),
    [
        (
            "color",
            ["#fff", "#A0b1C2", "white", "rgb(1, 2,3)", "rgba(1,2,3,0.5)", "transparent"],
            ["5", "", "#ff"],
        ),
        (
            "unit(px,%){1,4}",
            ["0", "1px", "1.5px 2%", "0 0 0 5px"],
            ["1", "1em", "-1px", "1px 1px 1px 1px 1px", ""],
        ),
        ("unit(px,%,)", ["1.5", "20px", "0"], ["1em", "x"]),
        ("unit(px,auto)", ["auto", "20px"], ["20%", "automatic"]),
        ("unitWithNegative(px,em)", ["-0.5px", "1em", ".5em"], ["--1px", "5%"]),
        ("enum(full-width,false,)", ["full-width", "false", ""], ["true"]),
        ("integer", ["12"], ["1.5", ""]),
        ("string", ["", "anything"], []),
    ],
)
def test_the_types_of_attributes(written: str, right: list[str], wrong: list[str]) -> None:
    kind = attribute_type(written, frozenset({"white", "transparent"}))
    assert [value for value in right if not kind.accepts(value)] == []
    assert [value for value in wrong if kind.accepts(value)] == []
