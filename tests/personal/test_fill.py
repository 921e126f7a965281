"""Filling: what a person's data may hold, and what it can never do."""

import pytest

from newsletter.errors import IssueError
from newsletter.model import Person, Residual
from newsletter.personal.fill import FILL_HTML, FILL_PLAIN, Filler, context_for
from tests.personal.samples import ADA, CAST, HOSTILE, NOBODY, block, compiled, links, value

_QUOTE = "&#34;"


def html(source: str, person: Person = ADA, **constants: object) -> str:
    template = FILL_HTML.template(Residual(source=source, constants=constants))
    return template.render(context_for(person, links()))


def text(source: str, person: Person = ADA) -> str:
    return FILL_PLAIN.template(Residual(source=source)).render(context_for(person, links()))


def test_literal_text_is_never_parsed_as_jinja() -> None:
    assert html("{{7*7}} {% if %} {# no #} ${x}\n") == "{{7*7}} {% if %} {# no #} ${x}\n"


def test_values_are_escaped_in_html_and_left_alone_in_text() -> None:
    person = Person(id=1, email="ada@example.org", name="<b>\"Ada\" & 'Bob'</b>")
    assert html(value("subscriber.name"), person) == "&lt;b&gt;&#34;Ada&#34; &amp; &#39;Bob&#39;&lt;/b&gt;"
    assert text(value("subscriber.name"), person) == person.name


def test_a_value_that_looks_like_a_template_is_text() -> None:
    person = Person(id=1, email="ada@example.org", name=value("7*7") + "{{7*7}}")
    assert html(value("subscriber.name"), person) == value("7*7") + "{{7*7}}"


@pytest.mark.parametrize("name", [None, "", "  "])
def test_default_stands_in_for_what_is_missing_none_or_blank(name: str | None) -> None:
    person = Person(id=1, email="ada@example.org", attributes={"nick": name})
    for expression in ("subscriber.nick | default('friend')", "subscriber.nick | d('friend')"):
        assert html(value(expression), person) == "friend"
    assert html(value("subscriber.missing.deeper | default('friend')"), person) == "friend"
    assert html(value("subscriber.nick"), person).strip() == ""


def test_default_leaves_zero_and_false_alone_unless_told() -> None:
    person = Person(id=1, email="ada@example.org", attributes={"n": 0})
    assert html(value("subscriber.n | default(7)"), person) == "0"
    assert html(value("subscriber.n | default(7, true)"), person) == "7"


def test_default_stands_in_for_an_expression_that_the_data_does_not_fit() -> None:
    assert html(value("(subscriber.name + 1) | default('?')")) == "?"


@pytest.mark.parametrize(
    "expression",
    [
        "subscriber.name.__class__.__mro__",
        "subscriber.__class__",
        "subscriber.tags.__init__.__globals__",
        "subscriber['__class__']",
        "subscriber.tags.append('x')",
        "subscriber.update({'x': 1})",
        "().__class__.__bases__[0].__subclasses__()",
        "''.format_map",
        "'{0.__class__.__mro__}'.format(subscriber)",
        "subscriber.tags | attr('__class__')",
        "subscriber.name.encode.__self__.__class__",
        "self.__init__",
        "subscriber.age + 1",
        "subscriber.name / 2",
        "subscriber.tags | first | round",
        "1 / 0",
        "subscriber.items",
    ],
)
def test_what_is_unsafe_or_impossible_yields_nothing(expression: str) -> None:
    assert html(value(expression)) == ""
    assert text(value(expression)) == ""


def test_a_list_is_shown_with_commas_and_a_mapping_with_colons() -> None:
    person = Person(id=1, email="ada@example.org", attributes={"a": ["x<", {"k": None}, 3]}, tags=["p", "q"])
    assert html(value("subscriber.tags")) == "group"
    assert html(value("subscriber.a"), person) == "x&lt;, k: , 3"


def test_a_field_may_be_called_like_a_method() -> None:
    person = Person(id=1, email="ada@example.org", attributes={"items": "pots", "keys": 2})
    assert html(value("subscriber.items") + value("subscriber.keys"), person) == "pots2"


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ("'group' in subscriber.tags", "yes"),
        ("'group' in subscriber.city", "no"),
        ("subscriber.age > 3", "no"),
        ("subscriber.name > 3", "no"),
        ("not subscriber.age", "yes"),
        ("subscriber.a.b.c == 'x'", "no"),
    ],
)
def test_a_test_that_the_data_does_not_fit_is_not_met(test: str, expected: str) -> None:
    source = block(f"if {test}") + "yes" + block("else") + "no" + block("endif")
    person = Person(id=1, email="a@example.org", name="Ada", tags=["group"], attributes={"city": None})
    assert html(source, person) == expected


def test_a_loop_runs_over_what_fits_and_over_nothing_else() -> None:
    pairs = block("for a, b in subscriber.pairs") + value("a") + "-" + value("b") + ";" + block("endfor")
    assert html(pairs, HOSTILE) == "1-2;"
    assert html(pairs, ADA) == ""
    ages = block("for x in subscriber.id") + "x" + block("else") + "none" + block("endfor")
    assert html(ages, ADA) == "none"
    nested = block("for (a, (b, c)), d in subscriber.deep") + value("c") + block("endfor")
    deep = [[["a", ["b", "c"]], "d"], [["a", "b"], "d"]]
    assert html(nested, Person(id=1, email="a@example.org", attributes={"deep": deep})) == "c"


def test_loop_variables_and_filters_in_loops_work() -> None:
    source = (
        block("for tag in subscriber.tags if tag != 'no'")
        + value("loop.index")
        + value("tag|upper")
        + block("if not loop.last")
        + ","
        + block("endif")
        + block("endfor")
    )
    assert html(source, Person(id=1, email="a@example.org", tags=["a", "no", "b"])) == "1A,2B"


def test_constants_are_names_and_are_escaped_too() -> None:
    source = value("c1_s.tag in subscriber.tags") + value("c2")
    assert html(source, c1_s={"tag": "group"}, c2="<") == "True&lt;"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://example.org/?a=1&b=2", "https://example.org/?a=1&amp;b=2"),
        ("HTTP://example.org", "HTTP://example.org"),
        ("mailto:ada@example.org", "mailto:ada@example.org"),
        ("tel:+49301234", "tel:+49301234"),
        (' https://example.org/"onclick="x', "https://example.org/&#34;onclick=&#34;x"),
        ("javascript:alert(1)", "#"),
        ("java\tscript:alert(1)", "#"),
        ("\x01javascript:alert(1)", "#"),
        ("data:text/html,x", "#"),
        ("//example.org", "#"),
        ("/relative", "#"),
        ("", "#"),
        (None, "#"),
        (["https://example.org"], "https://example.org"),
    ],
)
def test_safe_url_lets_only_links_that_mail_may_hold_through(url: object, expected: str) -> None:
    person = Person(id=1, email="ada@example.org", attributes={"url": url})
    assert html(value("subscriber.url | safe_url"), person) == expected
    assert text(value("subscriber.url | safe_url"), person) == expected.replace("&amp;", "&").replace(
        _QUOTE, '"'
    )


def test_safe_url_escapes_what_the_owner_called_safe() -> None:
    person = Person(id=1, email="ada@example.org", attributes={"url": 'https://example.org/"x'})
    assert html(value("subscriber.url | safe | safe_url"), person) == "https://example.org/&#34;x"


def test_urlencode_makes_a_value_part_of_an_address() -> None:
    person = Person(
        id=1, email="ada+x@example.org", name="<script>&=?#é", attributes={"none": None, "list": [1, "&"]}
    )
    assert html(value("subscriber.name | urlencode"), person) == "%3Cscript%3E%26%3D%3F%23%C3%A9"
    assert html(value("subscriber.email | urlencode"), person) == "ada%2Bx%40example.org"
    assert html(value("subscriber.none | urlencode") + value("subscriber.missing | urlencode"), person) == ""
    assert html(value("subscriber.list | urlencode"), person) == "1%2C%20%26"


@pytest.mark.parametrize(
    "name",
    [
        "Ada\r\nBcc: eve@example.org",
        "Ada\nBcc: eve@example.org",
        "Ada \x0b\x00\x1bBcc: eve@example.org",
        "Ada\u2028Bcc: eve@example.org",
    ],
)
def test_a_subject_is_one_line_whatever_a_name_holds(name: str) -> None:
    issue = compiled(subject="  For " + value("subscriber.name") + "\n")
    subject = Filler(issue).subject(context_for(Person(id=1, email="ada@example.org", name=name), links()))
    assert subject == "For Ada Bcc: eve@example.org"


def test_control_characters_and_half_surrogates_are_left_out() -> None:
    person = Person(id=1, email="ada@example.org", name="a\x00b\x1bc\ud800d\x7f\x9fe\tf\r\ng\rh")
    assert html(value("subscriber.name"), person) == "abcde\tf\ng\nh"


@pytest.mark.parametrize("person", CAST, ids=lambda person: person.email)
def test_everybody_gets_all_three_parts_and_they_can_be_encoded(person: Person) -> None:
    filler, context = Filler(compiled()), context_for(person, links())
    for part in (filler.html(context), filler.text(context), filler.subject(context)):
        assert part.encode()
        assert "script>" not in filler.html(context)


def test_nobody_sees_what_was_filled_before() -> None:
    filler = Filler(compiled())
    before = filler.html(context_for(ADA, links()))
    filler.html(context_for(HOSTILE, links()))
    assert filler.html(context_for(ADA, links())) == before
    assert "Ada" not in filler.html(context_for(NOBODY, links()))


def test_the_context_has_links_and_an_empty_place_for_the_page_to_come() -> None:
    context = context_for(ADA, links())
    assert context["unsubscribe_url"].startswith("https://news.example.org/u/")
    assert context["preferences_url"].startswith("https://news.example.org/p/")
    assert context["web_view_url"] == ""
    assert html(block("if web_view_url") + "x" + block("endif")) == ""


def test_without_web_pages_there_is_no_link_to_preferences() -> None:
    context = context_for(ADA, links(public_url=""))
    assert context["preferences_url"] == ""


@pytest.mark.parametrize("source", [block("if x"), value("x | nosuchfilter"), value("1 +"), block("nosuch")])
def test_a_residual_that_compose_did_not_write_is_an_issue_error(source: str) -> None:
    with pytest.raises(IssueError) as caught:
        Filler(compiled(html=source))
    assert "again" in caught.value.hint
