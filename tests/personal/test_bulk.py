"""The bulk form: rendered as the reference says inline templates are, it equals the plain render."""

import json
import re

import pytest

from newsletter.errors import IssueError
from newsletter.model import BulkTemplate, Letter, Person
from newsletter.personal.bulk import BulkIssue
from newsletter.personal.fill import Filler, context_for
from newsletter.personal.press import Press
from tests.personal.samples import (
    ADA,
    CAST,
    NOON,
    PICTURE,
    TAGS,
    TOKENS,
    block,
    compiled,
    links,
    settings,
    value,
)


def bulk(**issue: object) -> BulkIssue:
    return BulkIssue(compiled(**issue), settings(), links(), campaign_key="k3xw9q")  # type: ignore[arg-type]


def rendered(source: str, template: BulkTemplate, made: BulkIssue, person: Person) -> str:
    """Substitute names as Handlebars without escaping does; anything that it could misread fails."""
    data = {**template.defaults, **made.values(person)}
    pieces = re.split(r"(\{\{[a-z0-9]+\}\})", source)
    for literal in pieces[::2]:
        assert "{{" not in literal and "}}" not in literal
        assert len(literal) < 2 or (literal[0] not in "{}\\" and literal[-1] not in "{}\\")
    return "".join(data[piece[2:-2]] if number % 2 else piece for number, piece in enumerate(pieces))


@pytest.mark.parametrize("person", CAST, ids=lambda person: person.email)
def test_each_part_equals_the_plain_render(person: Person) -> None:
    made, filler, context = bulk(), Filler(compiled()), context_for(person, links())
    template = made.template
    assert rendered(template.html, template, made, person) == filler.html(context)
    assert rendered(template.text, template, made, person) == filler.text(context)
    assert rendered(template.subject, template, made, person) == filler.subject(context)


@pytest.mark.parametrize(
    "literal",
    [
        "{{",
        "}}",
        "{",
        "}",
        "\\",
        "{{{{",
        "\\\\{{x}}",
        "{}{}",
        "a{b}c",
        "}}{{",
        "{{!-- --}}",
        "{{~x~}}",
        "\\{",
    ],
)
def test_braces_and_backslashes_survive_wherever_they_stand(literal: str) -> None:
    source = (
        literal
        + value("subscriber.name")
        + literal
        + "a"
        + literal
        + block("if 1")
        + literal
        + block("endif")
    )
    made = bulk(html=source + literal, text=literal, subject=literal)
    template = made.template
    expected = f"{literal}Ada Byron{literal}a{literal * 3}"
    assert rendered(template.html, template, made, ADA) == expected
    assert rendered(template.text, template, made, ADA) == literal
    assert rendered(template.subject, template, made, ADA) == literal


def test_css_needs_few_values() -> None:
    made = bulk(html="@media (x){.a{b:c}}@media (y){.d{e:f}}", text="x", subject="x")
    assert made.template.html == "@media (x){.a{b:c{{b0}}@media (y){.d{e:f{{b0}}"
    assert made.template.defaults == {"b0": "}}"}


def test_a_subject_without_fields_is_part_of_the_template() -> None:
    assert bulk(subject=" For everyone\n").template.subject == "For everyone"
    assert "s" not in bulk(subject="For everyone").values(ADA)


def test_values_are_few_and_plain_json() -> None:
    made = bulk()
    values = made.values(CAST[2])
    assert json.loads(json.dumps(values)) == values
    assert set(values) == {"s", *(f"h{n}" for n in range(7)), "t0", "t1", "t2"}


def test_shared_headers_are_on_one_line_and_each_persons_are_their_own() -> None:
    made = bulk()
    assert set(made.template.headers) == {"Reply-To", "List-Id", "Feedback-ID"}
    assert all(value.isprintable() and value.isascii() for value in made.template.headers.values())
    assert made.headers(ADA) == links().headers(ADA.id)


def test_pictures_go_along() -> None:
    assert list(bulk(images=(PICTURE,)).template.images) == [PICTURE]


def test_an_issue_that_does_not_compile_is_an_issue_error() -> None:
    with pytest.raises(IssueError):
        bulk(html=value("1 +"))
    with pytest.raises(IssueError):
        bulk(text=value("x | nosuchfilter"))


def press(form: str) -> Press:
    assert form in {"raw", "bulk"}
    return Press("bulk" if form == "bulk" else "raw", compiled(), settings(), TOKENS, "k3xw9q", lambda: NOON)


def test_a_press_prints_the_form_it_was_made_for() -> None:
    raw = press("raw").letter(ADA, TAGS)
    assert raw.mime.startswith(b"Date: ") and raw.template is None and not raw.values
    letter = press("bulk").letter(ADA, TAGS)
    assert letter.template is not None and letter.values and not letter.mime
    assert raw.to == letter.to == "ada@example.org"
    assert raw.tags == letter.tags == TAGS


def test_all_letters_of_a_press_share_one_template() -> None:
    made = press("bulk")
    letters: list[Letter] = [made.letter(person, TAGS) for person in CAST]
    assert len({id(letter.template) for letter in letters}) == 1


def test_an_address_never_turns_into_somebody_elses() -> None:
    person = Person(id=5, email="mär@example.org")
    assert press("raw").letter(person, TAGS).to == "m\\r@example.org"
