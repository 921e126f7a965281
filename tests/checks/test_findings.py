"""What the preflight finds, where, and how to mend it; a good issue has no findings."""

from typing import Any

import pytest

from tests.workspaces import Desk, make_desk

GOOD = """\
---
title: Rhythm and rest
preheader: Why a pause is part of the music.
---
Hello {{ subscriber.first_name | default('friend') }},

## A section
Some words with [a link](https://example.org/).

![Two chairs and a guitar](images/two-chairs.png)
"""


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    made = make_desk(tmp_path_factory.mktemp("checks") / "desk")
    made.ok("subscribers", "add", "ada@example.org", "--field", "city=Halifax")
    return made


def findings(desk: Desk, text: str, *options: str) -> list[dict[str, Any]]:
    desk.write("issues/2026-12-under-test.md", text)
    found: list[dict[str, Any]] = desk.json("check", "2026-12-under-test", *options)["findings"]
    return found


def change(before: str, after: str) -> str:
    changed = GOOD.replace(before, after)
    assert changed != GOOD
    return changed


def test_a_good_issue_has_no_findings(desk: Desk) -> None:
    assert findings(desk, GOOD) == []


@pytest.mark.parametrize("slug", ["2026-09", "2026-10", "2026-11"])
def test_the_issues_of_the_repository_have_no_findings(desk: Desk, slug: str) -> None:
    name = next((desk.root / "issues").glob(f"{slug}-*.md")).stem
    assert desk.json("check", name)["findings"] == []


@pytest.mark.parametrize(
    ("text", "level", "check", "line", "says"),
    [
        (
            change("preheader: Why a pause is part of the music.\n", ""),
            "note",
            "front matter",
            None,
            "preheader",
        ),
        (
            change("title: Rhythm and rest", "title: RHYTHM AND REST"),
            "warning",
            "front matter",
            2,
            "capitals",
        ),
        (
            change("title: Rhythm and rest", "title: " + "Rhythm " * 12),
            "note",
            "front matter",
            2,
            "characters",
        ),
        (change("first_name", "frist_name"), "error", "fields", 5, 'Did you mean "first_name"?'),
        (change("subscriber.first_name", "subscriber.ctiy"), "error", "fields", 5, 'Did you mean "city"?'),
        (change(" | default('friend')", ""), "warning", "fields", 5, "no default"),
        (change("Some words", "Lorem ipsum dolor"), "error", "leftovers", None, "Lorem ipsum"),
        (change("Some words", "TODO: words"), "error", "leftovers", None, "TODO"),
        (change("Some words", "*|FNAME|*"), "error", "leftovers", None, "|FNAME|"),
        (change("Some words", "[[first name]]"), "error", "leftovers", None, "[[first name]]"),
        (change("Some words", "{{ '{{' }} name }}"), "error", "leftovers", None, "{{ name }}"),
        (change("(https://example.org/)", "(#)"), "error", "leftovers", None, "lead nowhere"),
        (change("![Two chairs and a guitar]", "![]"), "warning", "pictures", 10, "alternative text"),
        (change("Some words", "Many words. " * 8_000), "error", "size", None, "102 KB"),
    ],
)
def test_each_finding_says_where_and_how_to_mend_it(
    desk: Desk, text: str, level: str, check: str, line: int | None, says: str
) -> None:
    found = [finding for finding in findings(desk, text) if finding["check"] == check]
    assert [finding["level"] for finding in found] == [level], found
    place = "issues/2026-12-under-test.md" + (f":{line}" if line else "")
    assert found[0]["where"] == place
    assert says in found[0]["what"]
    assert found[0]["mend"]


def test_a_template_that_lets_nobody_leave_is_an_error_in_each_part(desk: Desk) -> None:
    layout = """
    <mjml><mj-body><mj-section><mj-column>
      <mj-text>{{ issue.title }}</mj-text>
      {% for piece in issue.lead %}<mj-text>{{ piece.html }}</mj-text>{% endfor %}
      {% for section in issue.sections %}{% for piece in section.pieces %}
        <mj-text>{{ piece.html }}</mj-text>
      {% endfor %}{% endfor %}
    </mj-column></mj-section></mj-body></mjml>"""
    for name, text in (("layout.mjml.j2", layout), ("layout.txt.j2", "{{ issue.text }}")):
        desk.write(f"templates/bare/{name}", text)
    text = change("preheader:", "template: bare\npreheader:").replace(
        "\n![Two chairs and a guitar](images/two-chairs.png)\n", ""
    )
    found = [finding["what"] for finding in findings(desk, text) if finding["check"] == "unsubscribe"]
    assert len(found) == 2 and "html" in found[0] and "text" in found[1]


def test_errors_stop_a_send_and_warnings_do_not(desk: Desk) -> None:
    desk.write("issues/2026-12-under-test.md", change("Some words", "Lorem ipsum"))
    assert desk.run("send", "2026-12-under-test", "--yes").exit_code == 4
    desk.write("issues/2026-12-under-test.md", change(" | default('friend')", ""))
    assert desk.run("check", "2026-12-under-test", "--strict").exit_code == 4
    assert desk.run("check", "2026-12-under-test").exit_code == 0
    assert desk.mailed() == []
    desk.ok("send", "2026-12-under-test", "--yes")
    assert desk.mailed() == ["ada@example.org"]
