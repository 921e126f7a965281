"""The commands of the list, as the owner types them."""

import json
import stat
from pathlib import Path

import pytest

from tests.workspaces import Desk


@pytest.fixture
def people(desk: Desk) -> str:
    """The name of a file with a new person, one who is there, one who left, and an office."""
    file = desk.write(
        "people.csv",
        "email,name,tags\nnew@example.org,New,a\nada@example.org,Ada B.,families\n"
        "cyd@example.org,,\ninfo@example.org,,\n",
    )
    return str(file)


def backups(desk: Desk) -> list[Path]:
    return sorted((desk.root / "subscribers" / "backups").glob("newsletter-*.db"))


def statuses(desk: Desk) -> dict[str, str]:
    return {row["email"]: row["status"] for row in desk.json("subscribers", "list")["subscribers"]}


def test_a_dry_run_names_each_class_with_lines_and_changes_nothing(desk: Desk, people: str) -> None:
    before = statuses(desk)
    result = desk.run("subscribers", "import", people, "--dry-run")
    assert result.exit_code == 2
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert lines == [
        "Would import people.csv: 1 new, 1 will change, 0 unchanged, 2 refused.",
        "columns email, name, tags",
        "1 new line 2",
        "1 will change line 3",
        "1 refused, unsubscribed line 4",
        "1 refused, role line 5",
    ]
    assert "people.csv:5: this is an office's address" in result.stderr
    assert (statuses(desk), backups(desk)) == (before, [])
    plain = desk.json("subscribers", "import", people, "--dry-run")
    assert plain["refused_by_kind"] == {"unsubscribed": 1, "role": 1}
    assert plain["samples"] == {"new": [2], "updated": [3], "unchanged": []}


def test_a_dry_run_says_what_each_column_is_read_as(desk: Desk) -> None:
    file = desk.write("people.csv", "E-Mail-Adresse;Vorname;Ort;Notiz\nhal@example.org;Hal;Bonn;x\n")
    result = desk.ok("subscribers", "import", str(file), "--dry-run", "--map", "Notiz=-")
    assert (
        "columns  E-Mail-Adresse = email, Vorname = first_name, Ort = ort, Notiz left out\n" in result.stdout
    )
    wide = desk.write("wide.csv", "email," + ",".join(f"c{n}" for n in range(500)) + "\n")
    assert "c18 and 481 more\n" in desk.ok("subscribers", "import", str(wide), "--dry-run").stdout


def test_a_file_that_is_not_utf_8_is_said_to_be_read_as_something_else_or_as_one_says(desk: Desk) -> None:
    file = desk.root / "people.csv"
    file.write_bytes("email,name\nhal@example.org,Zażółć\n".encode("cp1250"))
    guessed = desk.ok("subscribers", "import", str(file), "--dry-run")
    assert "read as cp1252" in guessed.stderr and "--encoding" in guessed.stderr
    said = desk.ok("subscribers", "import", str(file), "--encoding", "windows-1250", "--consent", "x")
    assert "--encoding" not in said.stderr
    assert desk.json("subscribers", "show", "hal@example.org")["name"] == "Zażółć"
    for name in ("klingon", "hex", "\0"):
        result = desk.run("subscribers", "import", str(file), "--encoding", name, "--dry-run")
        assert result.exit_code == 2 and "is no encoding" in result.stderr


def test_what_was_refused_is_counted_whoever_refused_it(desk: Desk) -> None:
    file = desk.write("people.csv", "email\nnobody\nhal@example.org\nhal@example.org\ncyd@example.org\n")
    result = desk.run("subscribers", "import", str(file), "--consent", "x", "--no-backup")
    assert "1 new, 0 updated, 0 unchanged, 3 refused" in result.stdout
    assert "1 new, 3 refused" in desk.ok("subscribers", "imports").stdout


def test_without_a_word_about_consent_nothing_is_imported(desk: Desk, people: str) -> None:
    result = desk.run("subscribers", "import", people)
    assert result.exit_code == 2
    assert "--consent" in result.stderr
    assert "new@example.org" not in statuses(desk)


def test_an_import_is_backed_up_and_can_be_undone(desk: Desk, people: str) -> None:
    before = statuses(desk)
    result = desk.run("subscribers", "import", people, "--consent", "spring fair")
    assert "Backup: " in result.stderr and "newsletter subscribers undo 1" in result.stdout
    assert len(backups(desk)) == 1
    assert stat.S_IMODE(backups(desk)[0].stat().st_mode) == 0o600
    assert statuses(desk)["new@example.org"] == "confirmed"
    [batch] = desk.json("subscribers", "imports")["imports"]
    assert (batch["source"], batch["counts"]["new"]) == ("spring fair", 1)
    refused = desk.run("subscribers", "undo", "1")
    assert (refused.exit_code, "--yes" in refused.stderr) == (2, True)
    assert desk.json("subscribers", "undo", "1", "--dry-run")["removed"] == 1
    done = desk.ok("subscribers", "undo", "1", "--yes")
    assert done.stdout == "Undid import 1 (people.csv): 1 removed, 1 set back, 0 kept.\n"
    assert statuses(desk) == before
    assert "undone on" in desk.ok("subscribers", "imports").stdout


def test_import_unsubscribe_import_again_is_still_unsubscribed(desk: Desk, people: str) -> None:
    desk.run("subscribers", "import", people, "--consent", "x", "--no-backup")
    desk.ok("subscribers", "unsubscribe", "new@example.org")
    desk.run("subscribers", "import", people, "--consent", "x", "--no-backup")
    assert (statuses(desk)["new@example.org"], backups(desk)) == ("unsubscribed", [])
    undone = desk.run("subscribers", "undo", "1", "--yes")
    assert "1 unsubscribed" in undone.stderr
    assert statuses(desk)["new@example.org"] == "unsubscribed"


def test_columns_are_mapped_and_offices_taken_on_demand(desk: Desk) -> None:
    file = desk.write("x.csv", "Kontakt,Wer\ninfo@gmial.com,Office\n")
    options = ["--map", "Kontakt=email", "--map", "Wer=name", "--allow-role", "--allow-typos"]
    desk.ok("subscribers", "import", str(file), "--consent", "x", *options)
    assert statuses(desk)["info@gmial.com"] == "confirmed"
    wrong = desk.run("subscribers", "import", str(file), "--map", "Kontakt")
    assert (wrong.exit_code, "COLUMN=FIELD" in wrong.stderr) == (2, True)


def test_an_export_is_private_and_not_overwritten(desk: Desk) -> None:
    file = desk.root / "all.csv"
    assert desk.json("subscribers", "export", str(file), "--status", "confirmed")["subscribers"] == 3
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    again = desk.run("subscribers", "export", str(file))
    assert (again.exit_code, "--replace" in again.stderr) == (2, True)
    desk.ok("subscribers", "export", str(desk.root / "all.json"), "--format", "json", "--segment", "families")
    lines = (desk.root / "all.json").read_text("utf-8").splitlines()
    assert [json.loads(line)["email"] for line in lines] == ["ada@example.org", "cyd@example.org"]


def test_whoever_is_forgotten_stays_forgotten(desk: Desk, people: str) -> None:
    desk.run("subscribers", "import", people, "--consent", "x")
    refused = desk.run("subscribers", "forget", "ada@example.org")
    assert (refused.exit_code, "--yes" in refused.stderr) == (2, True)
    assert desk.json("subscribers", "forget", "ada@example.org", "--dry-run")["rows"]["subscribers"] == 1
    done = desk.ok("subscribers", "forget", "Ada@example.org", "--yes")
    assert "1 backup(s)" in done.stderr
    assert "ada@example.org" not in statuses(desk)
    assert desk.run("subscribers", "add", "ada@example.org").exit_code == 5
    result = desk.json("subscribers", "import", people, "--consent", "x")
    assert result["refused"][0]["kind"] == "forgotten"
    assert "asked to be forgotten" in desk.ok("why", "ada@example.org").stdout


def test_tags_are_given_and_taken_off(desk: Desk) -> None:
    assert desk.json("subscribers", "tag", "ada@example.org", "Open Day", "families")["added"] == 1
    assert desk.json("subscribers", "untag", "ada@example.org", "families")["removed"] == 1
    assert desk.json("subscribers", "show", "ada@example.org")["tags"] == ["open-day"]


def test_a_person_who_asks_gets_all_that_is_kept(desk: Desk) -> None:
    desk.ok("send", "2026-11-individual-vs-group", "--yes")
    known = desk.json("subscribers", "show", "cyd@example.org")
    assert (known["email"], known["name"], known["tags"]) == ("cyd@example.org", "Cyd Left", ["families"])
    assert [event["kind"] for event in known["consent"]] == ["added", "unsubscribed"]
    assert [(d["state"], d["reason"]) for d in known["deliveries"]] == [("skipped", "unsubscribed")]
    assert {"attributes", "created_at", "imports", "suppressed", "tz"} <= set(known)
    shown = desk.ok("why", "cyd@example.org").stdout
    assert "They would be skipped: they have unsubscribed." in shown
    assert "2026-11-individual-vs-group: skipped (unsubscribed)" in shown
    assert desk.json("why", "nobody@example.org")["today"] == "unknown"


@pytest.mark.parametrize(
    "command",
    [
        ("subscribers", "undo", "9" * 30),
        ("subscribers", "list", "--segment", "tag:a\udce9"),
        ("subscribers", "export", "-"),
        ("subscribers", "import", "people.csv", "--consent", " "),
    ],
)
def test_what_no_terminal_should_say_is_a_usage_error(
    desk: Desk, people: str, command: tuple[str, ...]
) -> None:
    result = desk.run(*(people if word == "people.csv" else word for word in command))
    assert result.exit_code == 2 and "Error: " in result.stderr
    assert "new@example.org" not in statuses(desk)


def test_a_domain_that_looks_mistyped_is_said_when_one_person_is_added(desk: Desk) -> None:
    result = desk.ok("subscribers", "add", "hal@gmial.com")
    assert "gmial.com is probably gmail.com" in result.stderr and "new" in result.stdout


def test_segments_say_how_many_would_be_mailed(desk: Desk) -> None:
    listed = {each["segment"]: each for each in desk.json("segments", "list")["segments"]}
    assert listed["families"] == {
        "segment": "families",
        "rule": "tag:families",
        "people": 2,
        "mailed": 1,
        "skipped": {"unsubscribed": 1},
    }
    shown = desk.run("segments", "show", "not received 2026-11-nothing")
    assert "4  people" in shown.stdout and "has never been sent" in shown.stderr
    assert desk.ok("segments", "show", "everyone").stdout.startswith("everyone\n")
    wrong = desk.run("segments", "show", "tag:a und tag:b")
    assert wrong.exit_code == 2 and "^" in wrong.stderr


def test_db_backup_says_where(desk: Desk) -> None:
    made = desk.json("db", "backup")["backup"]
    assert Path(made) == backups(desk)[0]
