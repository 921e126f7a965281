"""``db backup`` and ``db restore`` at the terminal."""

import os
import stat
import subprocess
from pathlib import Path

import pytest

from tests.databases import PostgresServer
from tests.workspaces import Desk, make_desk


def the_backup(desk: Desk) -> str:
    return str(desk.json("db", "backup")["backup"])


def test_a_restore_says_what_it_did_and_what_to_do_next(desk: Desk) -> None:
    file = the_backup(desk)
    desk.ok("subscribers", "unsubscribe", "ada@example.org")
    result = desk.ok("db", "restore", file, "--yes")
    assert "holds 4 subscribers and 0 sends" in result.stderr
    assert "What was there before is in" in result.stdout
    assert result.stdout.rstrip().endswith("newsletter db check\n  newsletter status\n  newsletter db adopt")
    assert "@" not in result.output
    refused = desk.run("send", "latest", "--yes")
    assert refused.exit_code == 3
    assert "put back from the backup" in refused.output
    assert desk.mailbox() == []
    desk.ok("db", "adopt", "--yes")
    desk.ok("send", "latest", "--yes")
    assert desk.mailed() == ["ben@example.org", "zoe@example.org"]


def test_nothing_is_done_without_a_terminal_and_without_yes(desk: Desk) -> None:
    file = the_backup(desk)
    desk.ok("subscribers", "add", "eve@example.org", "--consent", "asked me")
    refused = desk.run("db", "restore", file)
    assert refused.exit_code == 2
    assert "nothing was done" in refused.output
    assert len(desk.json("subscribers", "list")["subscribers"]) == 5
    assert [Path(row["file"]) for row in desk.json("db", "backup", "--list")["backups"]] == [Path(file)]


def test_somebody_who_asked_to_be_forgotten_is_erased_again(desk: Desk) -> None:
    file = the_backup(desk)
    desk.ok("subscribers", "forget", "ada@example.org", "--yes")
    desk.ok("db", "restore", file, "--yes")
    done = desk.ok("db", "adopt", "--yes")
    assert "1 who had asked to be forgotten" in done.stdout
    found = [row["email"] for row in desk.json("subscribers", "list")["subscribers"]]
    assert "ada@example.org" not in found and "ben@example.org" in found
    desk.ok("send", "latest", "--yes")
    assert "ada@example.org" not in " ".join(desk.mailed())


def test_the_settings_say_how_many_backups_stay(desk: Desk) -> None:
    for _ in range(4):
        desk.ok("db", "backup", NEWSLETTER_SCHEDULE__KEEP_BACKUPS="2")
    assert len(desk.json("db", "backup", "--list")["backups"]) == 2
    desk.ok("db", "backup", "--keep", "1", NEWSLETTER_SCHEDULE__KEEP_BACKUPS="2")
    listed = desk.ok("db", "backup", "--list").stdout
    assert listed.count("\n") == 1 and listed.rstrip().endswith("B")


def test_without_backups_the_list_says_how_to_make_one(desk: Desk) -> None:
    assert "newsletter db backup" in desk.ok("db", "backup", "--list").stdout


@pytest.mark.parametrize("content", [b"Dear reader", b"", b"PGDMP"])
def test_a_wrong_file_is_one_line_and_a_hint(desk: Desk, tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "wrong.db"
    file.write_bytes(content)
    result = desk.run("db", "restore", str(file), "--yes")
    assert result.exit_code in {1, 2, 3}
    assert [line.split(":")[0] for line in result.stderr.splitlines()] == ["Error", "Hint"]
    assert len(desk.json("subscribers", "list")["subscribers"]) == 4


def test_a_database_that_is_no_database_any_more_comes_back(desk: Desk) -> None:
    file = the_backup(desk)
    (desk.root / "subscribers" / "newsletter.db").write_bytes(b"rubbish" * 1000)
    assert desk.run("status").exit_code != 0
    assert "The damaged file is now" in desk.ok("db", "restore", file, "--yes").stdout
    assert len(desk.json("subscribers", "list")["subscribers"]) == 4


@pytest.mark.postgres
@pytest.mark.slow
def test_a_workspace_moves_to_another_machine_and_server(
    postgres_server: PostgresServer, tmp_path: Path
) -> None:
    old, new = postgres_server.create(), postgres_server.create()
    first = make_desk(tmp_path / "old", NEWSLETTER_DATABASE__URL=postgres_server.url(old))
    first.ok("subscribers", "add", "ada@example.org", "--consent", "asked me")
    first.ok("send", "latest", "--yes")
    file = the_backup(first)
    second = make_desk(tmp_path / "new", NEWSLETTER_DATABASE__URL=postgres_server.url(new))
    second.ok("db", "restore", file, "--yes")
    assert second.run("send", "latest", "--yes").exit_code == 3
    second.ok("db", "adopt", "--yes")
    second.ok("send", "latest", "--yes")
    assert second.mailbox() == []  # the letter went out from the old one
    for name in (old, new):
        postgres_server.drop(name)


def test_a_new_workspace_keeps_people_out_of_git_and_from_other_users(tmp_path: Path) -> None:
    root = tmp_path / "news"
    desk = Desk(root, {"PATH": os.environ["PATH"]})
    umask = os.umask(0o022)
    try:
        subprocess.run(["git", "init", "-q", root], check=True)
        assert Desk(tmp_path).run("init", str(root)).exit_code in {0, 3}
        desk.ok("subscribers", "add", "ada@example.org", "--consent", "asked me")
        desk.ok("db", "backup")
        desk.ok("render", "latest")
    finally:
        os.umask(umask)
    subprocess.run(["git", "-C", root, "add", "-A"], check=True)
    listed = subprocess.run(
        ["git", "-C", root, "ls-files"], check=True, capture_output=True, text=True
    ).stdout.splitlines()
    assert not [name for name in listed if name.startswith(("subscribers/", "out/"))]
    assert ".gitignore" in listed and "newsletter.toml" in listed
    private = root / "subscribers"
    assert stat.S_IMODE(private.stat().st_mode) == 0o700
    assert stat.S_IMODE((private / "backups").stat().st_mode) == 0o700
    for path in [private / "secret", private / "newsletter.db", *(private / "backups").iterdir()]:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
