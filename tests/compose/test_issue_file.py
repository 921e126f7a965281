"""Issue files: found by name, and every mistake in them reported with its line."""

from datetime import date
from pathlib import Path

import pytest

from newsletter.compose.issue_file import find_issue, read_issue, slugs
from newsletter.errors import IssueError, UsageError

from .conftest import Bench

FULL = """\
---
title: Rhythm and rest
subject: "Hello: {{ subscriber.first_name }}"
preheader: Three things
template: monthly
segment: families
hero:
  image: pictures/drum.jpg
  alt: A drum
  caption: Saturday
  href: https://example.org/
send_at: 2026-11-30 09:00
author: Ada
tags: [families, rhythm]
language: de
dir: ltr
colour: teal
born: 2020-02-03
places: {rooms: 2, open: [1, true, null]}
---

Dear friends
"""


def test_all_keys_are_read_with_the_line_of_each(bench: Bench) -> None:
    issue = read_issue(bench.write("issues/2026-11-rhythm.md", FULL), bench.root)
    assert (issue.slug, issue.title, issue.subject) == (
        "2026-11-rhythm", "Rhythm and rest", "Hello: {{ subscriber.first_name }}",
    )  # fmt: skip
    assert issue.hero is not None
    assert (issue.hero.image, issue.hero.alt, issue.hero.caption) == (
        "pictures/drum.jpg",
        "A drum",
        "Saturday",
    )
    assert (issue.send_at, list(issue.tags), issue.language, issue.dir) == (
        "2026-11-30 09:00", ["families", "rhythm"], "de", "ltr",
    )  # fmt: skip
    assert issue.extra == {
        "colour": "teal", "born": "2020-02-03", "places": {"rooms": 2, "open": [1, True, None]},
    }  # fmt: skip
    assert issue.date == date(2026, 11, 1)
    assert (issue.key_lines["subject"], issue.key_lines["hero.alt"], issue.body_line) == (3, 9, 21)
    assert issue.body == "\nDear friends\n"
    assert issue.file == "issues/2026-11-rhythm.md"


def test_a_title_is_enough_and_is_the_subject_too(bench: Bench) -> None:
    issue = read_issue(bench.issue("Hi"), bench.root)
    assert (issue.subject, issue.template, issue.segment, issue.hero) == ("A test", "monthly", "", None)


def test_a_full_date_and_windows_line_ends_and_a_byte_order_mark_are_fine(bench: Bench) -> None:
    source = "\ufeff---\r\ntitle: T\r\nsend_at: 2026-11-30 09:00:00\r\n---\r\nHi\r\n"
    issue = read_issue(bench.write("issues/2026-11-t.md", source), bench.root)
    assert (issue.send_at, issue.body) == ("2026-11-30 09:00:00", "Hi\n")


def test_a_hero_without_alt_is_read_so_that_a_check_can_report_it(bench: Bench) -> None:
    issue = read_issue(bench.issue("Hi", hero={"image": "x.png"}), bench.root)
    assert issue.hero is not None and issue.hero.alt is None


@pytest.mark.parametrize(
    ("source", "line", "message"),
    [
        ("title: T\n", 1, "does not begin with front matter"),
        ("---\ntitle: T\nHello\n", 1, "not closed"),
        ("---\ntitle: T\n---\n \n", 4, "is empty"),
        ("---\npreheader: x\n---\nHi", 2, "has no title"),
        ("---\n---\nHi", 2, "no keys"),
        ("---\ntitle: T\nsubjct: x\n---\nHi", 3, 'Did you mean "subject"?'),
        ("---\ntitle: T\nlang: de\n---\nHi", 3, 'Did you mean "language"?'),
        ("---\ntitle: 2026\n---\nHi", 2, "title is a number, not text"),
        ("---\ntitle: T\npreheader: [a]\n---\nHi", 3, "preheader is a list, not text"),
        ("---\ntitle: T\nhero: drum.jpg\n---\nHi", 3, "hero is text, not a mapping"),
        ("---\ntitle: T\nhero:\n  image: a.png\n  atl: x\n---\nHi", 5, 'Did you mean "alt"?'),
        ("---\ntitle: T\nhero:\n  alt: x\n---\nHi", 3, "hero has no image"),
        (
            "---\ntitle: T\nhero:\n  image: a.png\n  alt: true\n---\nHi",
            5,
            "hero.alt is true or false, not text",
        ),
        ("---\ntitle: T\ntags:\n- a\n- 3\n---\nHi", 5, "tags is a number"),
        ("---\ntitle: T\ndir: up\n---\nHi", 3, "not ltr or rtl"),
        ("---\ntitle: T\ntitle: U\n---\nHi", 3, "given twice"),
        ("---\ntitle: T\nmy-key: U\n---\nHi", 3, "cannot be used in a template"),
        ("---\ntitle: One: two\n---\nHi", 2, "not valid YAML"),
        ("---\ntitle: T\nx: !!python/object:os.system x\n---\nHi", 3, "cannot be read"),
        ("---\ntitle: '{{ subscriber.x }}'\n---\nHi", 2, "title holds an expression"),
        ("---\ntitle: T\n---\nHi\n\ue001", 5, "U+E001"),
    ],
)
def test_mistakes_are_reported_with_file_and_line(bench: Bench, source: str, line: int, message: str) -> None:
    path = bench.write("issues/2026-11-t.md", source)
    with pytest.raises(IssueError) as caught:
        read_issue(path, bench.root)
    assert message in str(caught.value)
    assert (caught.value.file, caught.value.line) == ("issues/2026-11-t.md", line)
    assert caught.value.hint


def test_text_that_is_not_utf8_is_reported_at_its_line(bench: Bench) -> None:
    path = bench.write("issues/2026-11-t.md", "---\ntitle: T\n---\nGrüße".encode("latin-1"))
    with pytest.raises(IssueError, match=r"issues/2026-11-t.md:4: .*not UTF-8"):
        read_issue(path, bench.root)


@pytest.mark.parametrize("name", ["notes.md", "2026-13-x.md", "2026-11-Big.md", "2026-11.md"])
def test_a_file_must_be_named_by_its_month(bench: Bench, name: str) -> None:
    with pytest.raises(IssueError, match="file's name"):
        read_issue(bench.write(f"issues/{name}", "---\ntitle: T\n---\nHi"), bench.root)


def test_an_issue_is_found_by_slug_by_path_and_as_the_latest(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.issue("Hi", slug="2026-09-old")
    path = bench.issue("Hi", slug="2026-11-new")
    bench.write("issues/notes.md", "not an issue")
    monkeypatch.chdir(bench.root)
    for ref in ("2026-11-new", "issues/2026-11-new.md", str(path), "2026-11-new.md", "latest"):
        assert find_issue(bench.workspace, ref) == path
    assert slugs(bench.workspace) == ["2026-09-old", "2026-11-new"]


def test_a_wrong_slug_is_answered_with_the_nearest(bench: Bench) -> None:
    bench.issue("Hi", slug="2026-11-individual-vs-group")
    with pytest.raises(UsageError, match='Did you mean "2026-11-individual-vs-group"'):
        find_issue(bench.workspace, "2026-11-individual-group")


def test_latest_without_any_issue_says_how_to_write_one(bench: Bench) -> None:
    with pytest.raises(UsageError) as caught:
        find_issue(bench.workspace, "latest")
    assert "newsletter new" in caught.value.hint


def test_a_missing_file_is_an_issue_error(bench: Bench) -> None:
    with pytest.raises(IssueError, match="cannot be read"):
        read_issue(Path(bench.root / "issues" / "2026-11-gone.md"), bench.root)
