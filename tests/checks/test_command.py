"""``newsletter check``: what it prints, its exit code, its JSON; what stops a send."""

import shutil
import time
from collections.abc import Iterator

import pytest

from newsletter.checks import preflight
from tests.checks.drafts import GOOD, SLUG, Table, change
from tests.workspaces import REPOSITORY, Desk, make_desk


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    made = make_desk(tmp_path_factory.mktemp("command") / "desk")
    made.ok("subscribers", "add", "ada@example.org", "--field", "city=Halifax")
    yield made


def put(desk: Desk, text: str) -> None:
    desk.write(f"issues/{SLUG}.md", text)


OURS = [*(REPOSITORY / "issues").glob("*.md"), *(REPOSITORY / "docs" / "examples").glob("*.md")]


@pytest.mark.parametrize("name", sorted(path.stem for path in OURS))
def test_our_own_issues_have_no_errors_or_warnings_and_few_notes(desk: Desk, name: str) -> None:
    source = next(path for path in OURS if path.stem == name)
    if source.parent.name == "examples":
        shutil.copy(source, desk.root / "issues")
    found = desk.json("check", name)["findings"]
    assert {finding["level"] for finding in found} <= {"note"} and len(found) < 5, found


def test_a_custom_field_of_the_list_is_known(desk: Desk) -> None:
    put(desk, change("subscriber.first_name", "subscriber.ctiy"))
    [finding] = desk.json("check", SLUG)["findings"]
    assert finding == {
        "level": "error",
        "check": "field-unknown",
        "where": f"issues/{SLUG}.md:5",
        "what": 'no subscriber has a field ctiy. Did you mean "city"?',
        "mend": "Fields there are: city, email, first_name, last_name, name, tags.",
    }


def test_notes_are_counted_and_shown_on_request(desk: Desk) -> None:
    put(desk, change("preheader: Why a pause is part of the music.\n", ""))
    brief = desk.ok("check", SLUG)
    assert "preheader" not in brief.output and "1 note(s): --notes shows them." in brief.stdout
    assert "nothing found" in brief.stdout
    assert "there is no preheader" in desk.ok("check", SLUG, "--notes").stderr
    assert [finding["level"] for finding in desk.json("check", SLUG)["findings"]] == ["note"]


def test_an_error_ends_with_4_and_a_warning_only_when_strict(desk: Desk) -> None:
    put(desk, change("Some words", "Lorem ipsum"))
    assert desk.run("check", SLUG).exit_code == 4
    put(desk, change(" | default('friend')", ""))
    assert desk.run("check", SLUG).exit_code == 0
    assert desk.run("check", SLUG, "--strict").exit_code == 4
    put(desk, change("preheader: Why a pause is part of the music.\n", ""))
    assert desk.run("check", SLUG, "--strict").exit_code == 0


def test_errors_stop_a_send_and_warnings_do_not(desk: Desk) -> None:
    put(desk, change("Some words", "Lorem ipsum"))
    assert desk.run("send", SLUG, "--yes").exit_code == 4
    assert desk.mailed() == []
    put(desk, change(" | default('friend')", ""))
    desk.ok("send", SLUG, "--yes")
    assert desk.mailed() == ["ada@example.org"]


def test_findings_are_gravest_first_and_always_the_same(table: Table) -> None:
    text = GOOD.replace("Some words", "Lorem ipsum <span style='color:#999'>pale</span> TODO").replace(
        " | default('friend')", ""
    )
    text = change("preheader: Why a pause is part of the music.\n", "", text)
    draft = table.draft(text)
    first = preflight.findings(draft)
    assert [finding.level for finding in first] == ["error", "error", "warning", "warning", "note"]
    assert [preflight.findings(draft) for _ in range(3)] == [first] * 3
    assert preflight.findings(table.draft(text)) == first  # tokens are new for each compile


def test_online_asks_the_web_and_never_a_private_address(desk: Desk) -> None:
    put(desk, change("https://example.org/", "http://192.168.1.10/draft"))
    found = desk.json("check", SLUG, "--online")["findings"]
    assert f"issues/{SLUG}.md:8" in [f["where"] for f in found if f["check"] in {"link-private", "offline"}]


def test_checking_takes_a_fraction_of_a_second(table: Table) -> None:
    draft = table.draft(GOOD)
    preflight.findings(draft)
    times = []
    for _ in range(5):
        began = time.process_time()
        preflight.findings(draft)
        times.append(time.process_time() - began)
    assert min(times) < 0.15
