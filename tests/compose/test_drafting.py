"""``newsletter new``: a draft that compiles as it is, and nothing is ever overwritten."""

from datetime import date

import pytest

from newsletter.compose.compiling import compile_with_report
from newsletter.compose.drafting import new_issue
from newsletter.compose.issue_file import read_issue
from newsletter.errors import UsageError

from .conftest import ADA, BOB, Bench, Letter

NOVEMBER = date(2026, 11, 24)


def test_a_new_issue_compiles_and_greets_everybody(bench: Bench) -> None:
    path = new_issue(bench.workspace, "Größe & Rhythmus", NOVEMBER)
    assert path == bench.root / "issues" / "2026-11-grosse-rhythmus.md"
    letter = Letter(*compile_with_report(bench.workspace, path))
    assert letter.issue.title == "Größe & Rhythmus"
    assert "Dear Ada," in letter.html(ADA) and "Dear friend," in letter.text(BOB)
    assert letter.issue.fields == letter.issue.defaulted == ["first_name"]


@pytest.mark.parametrize("title", ['Jo\'s "Notes": one', "# 1", "yes", "2026", "back\\slash", "two\nlines"])
def test_any_title_can_be_read_again(bench: Bench, title: str) -> None:
    path = new_issue(bench.workspace, title, NOVEMBER)
    assert read_issue(path, bench.root).title == " ".join(title.split())


def test_the_notes_in_a_draft_are_valid_once_uncommented(bench: Bench) -> None:
    path = new_issue(bench.workspace, "Notes", NOVEMBER)
    bench.picture("issues/pictures/drum.jpg")
    lines = path.read_text().split("\n")
    uncommented = [
        line[2:] if line.startswith(("# subject", "# hero", "#   ", "# segment")) else line for line in lines
    ]
    path.write_text("\n".join(uncommented))
    letter = Letter(*compile_with_report(bench.workspace, path))
    assert letter.subject(BOB) == "Hello, a note for November 2026"
    assert read_issue(path, bench.root).segment == "families"


def test_an_issue_is_never_overwritten(bench: Bench) -> None:
    path = new_issue(bench.workspace, "Notes", NOVEMBER)
    path.write_text("mine")
    with pytest.raises(UsageError, match=r"issues/2026-11-notes\.md is there already"):
        new_issue(bench.workspace, "Notes", NOVEMBER)
    assert path.read_text() == "mine"


@pytest.mark.parametrize(
    ("title", "what"), [("!!!", "No file can be named"), ("Dear {{ x }}", "an expression")]
)
def test_a_title_that_cannot_be_one_is_refused(bench: Bench, title: str, what: str) -> None:
    with pytest.raises(UsageError, match=what):
        new_issue(bench.workspace, title, NOVEMBER)
