"""The bulk form and the raw form are one letter, byte for byte: with any braces, with large conditions."""

import email
import email.policy
import json
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as effort
from hypothesis import strategies as st

from newsletter.compose.compiling import compile_issue
from newsletter.model import CompiledIssue, Letter, OutcomeKind, Person, Residual
from newsletter.personal.press import Press
from newsletter.senders.ses import SesSender
from newsletter.settings import Ses, Settings, Workspace
from newsletter.settings_file import load_settings
from tests.emulators import clear_store, read_store
from tests.personal.samples import ADA, CAST, HOSTILE, NOBODY, NOON, TAGS, TOKENS, block, settings, value
from tests.senders.samples import client

ROOT = Path(__file__).resolve().parents[2]
_NAME = re.compile(r"\{\{([a-z]\w*)\}\}")


@dataclass(frozen=True)
class Read:
    """What a reader gets of a letter."""

    subject: str
    html: str
    text: str


def handlebars(template: str, data: Mapping[str, str]) -> str:
    """Render a template as Handlebars 4 reads it, noEscape; anything but a plain ``{{name}}`` fails.

    Its lexer: two backslashes before ``{{`` are one and a placeholder; one makes ``{{`` literal.
    """
    written: list[str] = []
    position = 0
    while (opening := template.find("{{", position)) >= 0:
        before = template[position:opening]
        if before.endswith("\\") and not before.endswith("\\\\"):
            written += [before[:-1], "{{"]
            position = opening + 2
            continue
        name = _NAME.match(template, opening)
        assert name is not None, f"Handlebars would read this as markup: {template[opening : opening + 20]}"
        assert not template.startswith("}", name.end()), "Handlebars would take the brace for its own"
        written += [before[:-1] if before.endswith("\\\\") else before, data[name[1]]]
        position = name.end()
    return "".join([*written, template[position:]])


def read_bulk(letter: Letter) -> Read:
    """Return a bulk letter as SES would write it: templates and values go there as JSON."""
    assert letter.template is not None
    template = letter.template
    data = json.loads(json.dumps(dict(template.defaults))) | json.loads(json.dumps(dict(letter.values)))
    return Read(*(handlebars(part, data) for part in (template.subject, template.html, template.text)))


def read_raw(letter: Letter) -> Read:
    """Return a raw letter as a mail program reads it; line ends as they were before the wire."""
    message = email.message_from_bytes(letter.mime, policy=email.policy.default)
    parts = {}
    for kind in ("html", "plain"):
        part = message.get_body((kind,))
        assert isinstance(part, EmailMessage)
        payload = part.get_payload(decode=True)
        assert isinstance(payload, bytes)
        parts[kind] = payload.decode("utf-8").replace("\r\n", "\n")
    return Read(str(message["Subject"]), parts["html"], parts["plain"])


def both(issue: CompiledIssue, person: Person, chosen: Settings | None = None) -> tuple[Read, Read]:
    """Return an issue's letter to one person in bulk and in raw form."""
    made = [
        Press(form, issue, chosen or settings(), TOKENS, "k3xw9q", lambda: NOON).letter(person, TAGS)
        for form in ("bulk", "raw")
    ]
    return read_bulk(made[0]), read_raw(made[1])


# -- any residual, any person ---------------------------------------------------------------------

literals = st.one_of(
    st.text(st.sampled_from("{}\\hs0b#/!>~&^'\"= x\né"), max_size=12),
    st.sampled_from(
        [
            "{{",
            "}}",
            "\\",
            "\\\\",
            "{{h0}}",
            "{{{b0}}}",
            "{{#if s}}",
            "{{/if}}",
            "{{!--",
            "--}}",
            "@media{.a{b:c}}",
        ]
    ),
)
values = st.sampled_from(
    [
        "subscriber.name",
        "subscriber.odd",
        "subscriber.tags",
        "subscriber.odd | default('{{')",
        "unsubscribe_url",
        "const_0",
        "subscriber.odd | safe_url",
        "subscriber.odd | urlencode",
        "subscriber.tags | join('}}')",
    ]
).map(value)


def _condition(inside: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    condition = st.sampled_from(["subscriber.odd", "'x' in subscriber.tags", "not subscriber.name"])
    return st.builds(
        lambda test, one, two: f"{block(f'if {test}')}{one}{block('else')}{two}{block('endif')}",
        condition,
        inside,
        inside,
    )


def _loop(inside: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return inside.map(
        lambda one: f"{block('for tag in subscriber.tags')}{value('tag')}{one}{block('endfor')}"
    )


residuals = st.recursive(
    st.one_of(literals, values),
    lambda inside: st.one_of(
        _condition(inside), _loop(inside), st.lists(inside, min_size=1, max_size=4).map("".join)
    ),
    max_leaves=12,
).map(lambda source: Residual(source=source, constants={"const_0": "{{c}} <&>\\"}))

hostile = st.one_of(
    st.text(st.sampled_from("{}\\hs0#/<>&'\"= x\n\r\0é"), max_size=10),
    st.sampled_from(
        ["{{h0}}", "{{s}}", "\\", "}}", "{{{", "x\r\nBcc: eve@example.org", "\ue000{ 1 }\ue000", "\ud800"]
    ),
    st.text(max_size=8),
)
people = st.builds(
    lambda name, odd, tags: Person(
        id=7, email="eve@example.org", name=name, attributes={"odd": odd}, tags=tags
    ),
    hostile,
    hostile,
    st.lists(hostile, max_size=3),
)


@pytest.mark.slow
@effort(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(residuals, residuals, residuals, people)
def test_any_issue_is_the_same_letter_in_both_forms(
    html: Residual, text: Residual, subject: Residual, person: Person
) -> None:
    issue = CompiledIssue(slug="2026-11-x", title="x", language="en", subject=subject, html=html, text=text)
    bulk, raw = both(issue, person)
    assert (bulk.html, bulk.text) == (raw.html, raw.text)
    assert bulk.subject.split() == raw.subject.split()  # a header may be folded between words


def test_the_renderer_of_this_test_reads_handlebars() -> None:
    assert handlebars("a{{x}}\\{{x}}\\\\{{x}}{b}", {"x": "1"}) == "a1{{x}}\\1{b}"
    for markup in ("{{#if x}}", "{{{x}}}", "{{x }}", "{{~x}}", "{{!x}}", "{{x}}}"):
        with pytest.raises(AssertionError):
            handlebars(markup, {"x": "1"})


# -- a whole issue, with a condition around most of it ----------------------------------------------


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Our templates and settings, and an issue of which 30 KB are for some readers only."""
    root = tmp_path_factory.mktemp("desk")
    shutil.copytree(ROOT / "templates", root / "templates")
    (root / "issues").mkdir()
    # without its picture: the emulator writes pictures into the HTML of raw mails
    chosen = re.sub(r"(?m)^logo =.*\n", "", (ROOT / "newsletter.toml").read_text("utf-8"))
    (root / "newsletter.toml").write_text(chosen, "utf-8")
    paragraph = (
        "Braces {% raw %}{{ name }}, {{#if group}}all{{/if}}, {{{three}}}, {%{% endraw %} and "
        "\\\\{ \\\\\\\\} stay as they are, {{ subscriber.first_name | default('friend') }}: 100 % of them. "
    )
    (root / "issues" / "2026-12-braces.md").write_text(
        "---\ntitle: Braces {and} \\backslashes\n"
        "subject: '{{ subscriber.name or \"You\" }}: }} and {'\n---\n\n"
        "Dear reader,\n\n{% if 'group' in subscriber.tags %}\n"
        + "\n\n".join(f"### Part {number}\n\n{paragraph * 8}" for number in range(40))
        + "\n{% else %}\nNothing this time.\n{% endif %}\n",
        "utf-8",
    )
    return Workspace(root=root, settings=load_settings(root, {}))


@pytest.fixture(scope="module")
def braces(desk: Workspace) -> CompiledIssue:
    """That issue, compiled."""
    return compile_issue(desk, desk.issues / "2026-12-braces.md")


@pytest.mark.parametrize("person", CAST, ids=lambda person: person.email)
def test_a_whole_issue_with_a_large_condition_is_the_same_letter(
    desk: Workspace, braces: CompiledIssue, person: Person
) -> None:
    bulk, raw = both(braces, person, desk.settings)
    assert bulk == raw
    everything = person in (ADA, HOSTILE)
    assert (len(bulk.text) > 30_000) == (len(bulk.html) > 50_000) == everything
    for part in (bulk.html, bulk.text):
        assert ("{{#if group}}all{{/if}}, {{{three}}}, {%" in part) == everything


def _arrived(endpoint: str, form: str, issue: CompiledIssue, chosen: Settings) -> Iterator[Read]:
    clear_store(endpoint)
    press = Press("bulk" if form == "bulk" else "raw", issue, chosen, TOKENS, "k3xw9q", lambda: NOON)
    sender = SesSender(
        client(endpoint, read_timeout=20),
        Ses(),
        chosen.newsletter.from_,
        "bulk" if form == "bulk" else "raw",
        clock=lambda: NOON,
    )
    outcomes = sender.send([press.letter(person, TAGS) for person in (ADA, NOBODY, HOSTILE)])
    assert [outcome.kind for outcome in outcomes] == [OutcomeKind.ACCEPTED] * 3
    for mail in read_store(endpoint):
        yield Read(mail.subject, mail.html.replace("\r\n", "\n"), mail.text.replace("\r\n", "\n"))


@pytest.mark.emulator
@pytest.mark.slow
def test_amazons_emulator_delivers_the_same_letter(
    ses_endpoint: str, desk: Workspace, braces: CompiledIssue
) -> None:
    bulk = list(_arrived(ses_endpoint, "bulk", braces, desk.settings))
    assert bulk == list(_arrived(ses_endpoint, "raw", braces, desk.settings))
    assert len(bulk) == 3 and bulk[0] == both(braces, ADA, desk.settings)[0]
