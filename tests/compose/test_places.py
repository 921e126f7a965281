"""Each value is made safe for the place where it stands; places that cannot be made safe are refused."""

import html
import re

import pytest

from newsletter.model import Person

from .conftest import ADA, Bench, lines_with

EVE = Person(
    id=6,
    email="eve@example.org",
    name="<script>alert('x')</script> \"&",
    attributes={
        "site": "javascript:alert(1)",
        "good": 'https://eve.example.org/?a=1&b="2"',
        "sum": "{{7*7}}{% if x %}\ue000{ 7*7 }\ue000",
        "cr": "Hi\r\nBcc: victim@example.org",
        "classy": {"__class__": "no"},
    },
)


def test_in_text_it_is_escaped(bench: Bench) -> None:
    body = bench.compile("Dear {{ subscriber.name }}, {{ subscriber.sum }}").body(EVE)
    assert "<script" not in body and "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &#34;&amp;" in body
    assert "{{7*7}}{% if x %}" in body and "49" not in body


def test_in_an_attribute_it_stays_inside_the_quotes(bench: Bench) -> None:
    body = bench.compile('<img src="https://example.org/x.png" alt="{{ subscriber.name }}">').body(EVE)
    alt = re.search(r'alt="([^"]*)"', body)
    assert alt is not None and html.unescape(alt[1]) == EVE.name


def test_a_whole_address_must_be_harmless(bench: Bench) -> None:
    letter = bench.compile(
        "[a]({{ subscriber.site }}) [b]({{ subscriber.good }}) [c]({{ subscriber.none }}/x)"
    )
    assert re.findall(r'href="([^"]*)"', letter.body(EVE))[:3] == [
        "#",
        "https://eve.example.org/?a=1&amp;b=&#34;2&#34;",
        "#/x",
    ]


def test_inside_an_address_it_is_percent_encoded(bench: Bench) -> None:
    letter = bench.compile(
        "[a](https://example.org/?n={{ subscriber.name }}&x=1) and https://x.org/{{ subscriber.site }}"
    )
    href = re.findall(r'href="([^"]*)"', letter.body(EVE))[0]
    assert href == "https://example.org/?n=%3Cscript%3Ealert%28%27x%27%29%3C/script%3E%20%22%26&amp;x=1"
    assert "[1] https://example.org/?n=%3Cscript%3Ealert%28%27x" in letter.text(EVE)
    assert "https://x.org/javascript%3Aalert%281%29" in letter.text(EVE)


def test_branches_of_an_address_each_know_where_they_are(bench: Bench) -> None:
    link = (
        '<a href="{% if subscriber.good %}{{ subscriber.site }}{% else %}https://example.org/{% endif %}'
        '?n={{ subscriber.name }}">x</a>'
    )
    letter = bench.compile(link)
    assert re.findall(r'href="([^"]*)"', letter.body(EVE))[0].startswith("#?n=%3Cscript")
    assert re.findall(r'href="([^"]*)"', letter.body(ADA))[0] == "https://example.org/?n=Ada%20Byron"
    both = (
        '<a href="{% if subscriber.a %}https://x.org/{% else '
        '%}https://y.org/{% endif %}{{ subscriber.name }}">x</a>'
    )
    assert 'href="https://y.org/Ada%20Byron"' in bench.compile(both).body(ADA)


def test_the_subject_is_one_line_whatever_is_in_it(bench: Bench) -> None:
    letter = bench.compile("Hi", subject="{{ subscriber.cr }} & {{ subscriber.name }}")
    assert letter.subject(EVE) == f"Hi Bcc: victim@example.org & {EVE.name}"


def test_python_is_out_of_reach(bench: Bench) -> None:
    letter = bench.compile("[{{ subscriber.name.__class__.__mro__ }}{{ subscriber.tags.append('x') }}]")
    assert "[]" in letter.body(EVE)


def test_the_title_and_the_preheader_can_hold_values(bench: Bench) -> None:
    bench.layout(
        "<mj-section><mj-column><mj-text>x</mj-text></mj-column></mj-section>",
        "<mj-title>{{ issue.preheader }}</mj-title>",
    )
    page = bench.compile("Hi", preheader="For {{ subscriber.name }}").html(EVE)
    assert "<title>For &lt;script&gt;" in page
    assert 'aria-label="For &lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &#34;&amp;"' in page


@pytest.mark.parametrize(
    ("line", "where"),
    [
        ("<style>p { color: {{ subscriber.x }} }</style>", "in <style>"),
        ('<p style="color: {{ subscriber.x }}">a</p>', "in a style attribute"),
        ('<p style="{% if subscriber.x %}color: red{% endif %}">a</p>', "in a style attribute"),
        ('<img src="https://example.org/a.png" width="{{ subscriber.x }}" alt="">', "in width of <img>"),
        ('<td height="{{ subscriber.x }}">a</td>', "in height of <td>"),
        ('<a onclick="{{ subscriber.x }}">a</a>', "in a script"),
        ("<script>{{ subscriber.x }}</script>", "in a script"),
    ],
)
def test_values_in_css_scripts_and_numbers_are_refused(bench: Bench, line: str, where: str) -> None:
    error = bench.refuse(f"One\n\n{line}\n")
    assert where in str(error) and "subscriber.x" in str(error)
    assert (error.file, error.line) == ("issues/2026-11-test.md", 6)


@pytest.mark.parametrize(
    ("mjml", "where"),
    [
        ('<mj-section padding="{{ subscriber.x }}px"></mj-section>', "in padding of <mj-section>"),
        (
            '<mj-section><mj-column width="{{ subscriber.x }}"></mj-column></mj-section>',
            "in width of <mj-column>",
        ),
        ("<mj-section>{{ subscriber.x }}<mj-column></mj-column></mj-section>", "directly in <mj-section>"),
        (
            (
                "<mj-section><mj-column><mj-divider>{% if subscriber.x "
                "%}{% endif %}</mj-divider></mj-column></mj-section>"
            ),
            "directly in <mj-divider>",
        ),
        (
            (
                "<mj-section><mj-column><mj-carousel>{% if subscriber.x %}"
                "<mj-carousel-image src='https://example.org/a.png' />"
                "{% endif %}</mj-carousel></mj-column></mj-section>"
            ),
            "directly in <mj-carousel>",
        ),
        (
            "<mj-section><mj-column><mj-text><!-- {{ subscriber.x }} --></mj-text></mj-column></mj-section>",
            "in an HTML comment",
        ),
        (
            "<mj-section><mj-column><mj-text><p {{ subscriber.x }}>a</p></mj-text></mj-column></mj-section>",
            "among the attributes of <p>",
        ),
    ],
)
def test_places_where_mjml_would_lose_or_misread_a_value_are_refused(
    bench: Bench, mjml: str, where: str
) -> None:
    path = bench.layout(mjml)
    error = bench.refuse("Hi")
    assert where in str(error) and "subscriber.x" in str(error)
    assert (error.file, error.line) == (
        "templates/monthly/layout.mjml.j2",
        lines_with(path, "subscriber.x")[0],
    )


def test_an_address_that_begins_with_a_value_for_some_only_is_refused(bench: Bench) -> None:
    error = bench.refuse('<a href="{% if subscriber.a %}https://x.org/{% endif %}{{ subscriber.b }}">x</a>')
    assert "{{ subscriber.b }} begins a link's address for some readers" in str(error)
    error = bench.refuse('<a href="{% for t in subscriber.tags %}{{ t }}{% endfor %}">x</a>')
    assert "{{ t }} begins a link's address" in str(error)


def test_a_condition_that_leaves_its_attribute_is_refused(bench: Bench) -> None:
    error = bench.refuse('<a title="{% if subscriber.a %}x">y{% endif %}</a>')
    assert "Only a part of this condition" in str(error)


def test_a_filter_of_the_template_that_damages_a_token_is_refused(bench: Bench) -> None:
    bench.layout(
        "<mj-section><mj-column><mj-text>{{ issue.preheader | upper }}</mj-text></mj-column></mj-section>"
    )
    error = bench.refuse("Hi", preheader="For {{ subscriber.name }}")
    assert "has changed or cut a text that holds a reader's field" in str(error)


@pytest.mark.parametrize("text", ["\ue000", "&#57344;", "&#xE001;"])
def test_the_delimiters_of_residuals_cannot_be_smuggled_in(bench: Bench, text: str) -> None:
    assert "E00" in str(bench.refuse(f"Hi {text}{{ 7*7 }}{text}"))


def test_content_that_looks_like_a_token_is_only_text(bench: Bench) -> None:
    assert "zq0123456789v0z" in bench.compile("zq0123456789v0z {{ subscriber.name }}").body()
