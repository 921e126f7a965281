"""Whatever is wrong gets one clear error with file and line, a non-zero exit, and nothing is lost."""

import os
import stat
from pathlib import Path

import pytest

from tests.workspaces import AWS, Desk

ISSUE = """\
---
title: Broken on purpose
preheader: Something to read.
---
Hello {{ subscriber.first_name | default('friend') }},

## A section
Text.
"""
SLUG = "2026-12-broken"


def broken(desk: Desk, before: str, after: str) -> None:
    text = ISSUE.replace(before, after, 1)
    assert text != ISSUE
    desk.write(f"issues/{SLUG}.md", text)


@pytest.mark.parametrize(
    ("before", "after", "line", "says"),
    [
        ("title: Broken on purpose", "title: [Broken", 3, "not valid YAML"),
        ("title: Broken on purpose", "titel: Broken", 2, "title"),
        ("title: Broken on purpose\n", "", 2, "title"),
        ("preheader: Something to read.", "preheader: [1, 2]", 3, "preheader"),
        ("default('friend')", "defualt('friend')", 5, "defualt"),
        ("subscriber.first_name", "subscribr.first_name", 5, "subscribr"),
        ("default('friend') }}", "default('friend') }", 5, ""),
        ("Text.", "{% if 'group' in subscriber.tags %}\nText.", 8, ""),
        ("subscriber.first_name", "subscriber.frist_name", 5, 'Did you mean "first_name"?'),
        ("Text.", "![A picture](nowhere.jpg)", 8, "nowhere.jpg"),
    ],
)
def test_a_broken_issue_is_named_with_file_and_line(
    desk: Desk, before: str, after: str, line: int, says: str
) -> None:
    broken(desk, before, after)
    for command in (["check", SLUG], ["send", SLUG, "--yes"]):
        result = desk.run(*command)
        assert result.exit_code == 4, result.output
        assert f"issues/{SLUG}.md:{line}" in result.stderr
        assert says in result.stderr
    assert desk.mailed() == []


def test_broken_mjml_is_named_with_the_template_and_its_line(desk: Desk) -> None:
    layout = desk.root / "templates" / "monthly" / "layout.mjml.j2"
    lines = layout.read_text("utf-8").splitlines()
    number = next(i for i, line in enumerate(lines) if "<mj-body" in line)
    lines.insert(number + 1, "<mj-section><mj-column><mj-text>never closed")
    layout.write_text("\n".join(lines), "utf-8")
    result = desk.run("check", "latest")
    assert result.exit_code == 4
    assert "templates/monthly/layout.mjml.j2" in result.stderr


def test_a_broken_template_is_named_with_its_line(desk: Desk) -> None:
    layout = desk.root / "templates" / "monthly" / "layout.mjml.j2"
    layout.write_text("<mjml>\n<mj-body>\n{% if %}\n</mj-body></mjml>", "utf-8")
    result = desk.run("check", "latest")
    assert result.exit_code == 4
    assert "templates/monthly/layout.mjml.j2:3" in result.stderr


@pytest.mark.parametrize("reference", ["2026-11-individual-vs-grup", "nothing-like-it", "../../etc/passwd"])
def test_an_issue_that_does_not_exist_is_a_clear_error(desk: Desk, reference: str) -> None:
    result = desk.run("send", reference, "--yes")
    assert result.exit_code in {2, 4}
    assert result.stderr.startswith("Error: ")
    assert "Hint: " in result.stderr


def test_every_bad_row_of_a_csv_is_reported_with_its_line_and_the_good_ones_go_in(desk: Desk) -> None:
    file = desk.write(
        "people.csv",
        "email,first_name\n"
        "new1@example.org,One\n"
        "not an address,Two\n"
        'new2@example.org,"Two\nlines"\n'
        "NEW1@example.org,Again\n"
        "cyd@example.org,Left\n"
        ",Nobody\n"
        "new3@example.org,Three\n",
    )
    result = desk.run("subscribers", "import", str(file), "--consent", "a test")
    assert result.exit_code == 2
    for line in (3, 6, 7, 8):
        assert f"people.csv:{line}: " in result.stderr
    assert "3 new" in result.stdout and "4 refused" in result.stdout
    listed = desk.json("subscribers", "list", "--status", "confirmed")["subscribers"]
    assert {"new1@example.org", "new2@example.org", "new3@example.org"} <= {row["email"] for row in listed}
    assert desk.json("subscribers", "show", "cyd@example.org")["status"] == "unsubscribed"


def test_a_csv_without_an_address_column_is_refused_whole(desk: Desk) -> None:
    file = desk.write("people.csv", "who,where\nada,Halifax\n")
    result = desk.run("subscribers", "import", str(file))
    assert result.exit_code == 2
    assert "people.csv" in result.stderr and "email" in result.stderr


def test_an_import_cannot_bring_back_whoever_left(desk: Desk) -> None:
    assert desk.run("subscribers", "add", "cyd@example.org").exit_code == 5


def test_an_address_that_is_none_is_refused(desk: Desk) -> None:
    for address in ("", "ada", "ada@", "a@b@c.org", "ada@example.org\nBcc: eve@example.org"):
        result = desk.run("subscribers", "add", address)
        assert result.exit_code == 2, address
        assert "Hint: " in result.stderr


@pytest.mark.skipif(
    os.geteuid() == 0 and not Path("/usr/bin/setpriv").exists(), reason="root may write anywhere"
)
def test_a_database_that_cannot_be_written_is_a_clear_error(desk: Desk) -> None:
    missing = desk.run("status", NEWSLETTER_DATABASE__URL="sqlite:////proc/nowhere/people.db")
    assert missing.exit_code == 3 and missing.stderr.startswith("Error: ")
    not_one = desk.write("people.db", "this is no database" * 100)
    result = desk.run("status", NEWSLETTER_DATABASE__URL=f"sqlite:///{not_one}")
    assert result.exit_code == 3 and "Hint: " in result.stderr
    assert not_one.read_text("utf-8").startswith("this is no database")


def test_a_database_server_that_is_not_there_is_a_clear_error_without_its_password(desk: Desk) -> None:
    result = desk.run("status", NEWSLETTER_DATABASE__URL="postgresql://me:hunter2@127.0.0.1:1/news")
    assert result.exit_code == 3
    assert "hunter2" not in result.output


def test_a_mailbox_that_cannot_be_written_stops_the_send_and_loses_nothing(desk: Desk) -> None:
    desk.write("subscribers/mailbox", "a file where the folder should be")
    result = desk.run("send", "latest", "--yes")
    assert result.exit_code == 6, result.output
    assert desk.json("status")["campaigns"][0]["queued"] == 3
    (desk.root / "subscribers" / "mailbox").unlink()
    desk.ok("resume", "latest")
    assert len(desk.mailed()) == 3


@pytest.mark.parametrize("api", ["auto", "raw", "bulk"])
def test_without_credentials_nothing_is_sent_and_the_error_says_so(desk: Desk, api: str) -> None:
    env = {
        "NEWSLETTER_SENDER__KIND": "ses",
        "NEWSLETTER_SES__API": api,
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
        "AWS_CONFIG_FILE": "/nonexistent",
    }
    result = desk.run("send", "latest", "--yes", **env)
    assert result.exit_code == 6, result.output
    assert "credentials" in result.stderr.lower()
    campaigns = desk.json("status")["campaigns"]
    assert all(campaign["queued"] == 3 for campaign in campaigns)


def test_without_a_region_the_error_says_which_setting(desk: Desk) -> None:
    env = {"NEWSLETTER_SENDER__KIND": "ses", "NEWSLETTER_SES__REGION": "", "AWS_CONFIG_FILE": "/nonexistent"}
    result = desk.run("send", "latest", "--yes", **env)
    assert result.exit_code == 3
    assert "region" in result.stderr


def test_an_endpoint_that_is_not_there_is_a_clear_error(desk: Desk) -> None:
    env = {**AWS, "NEWSLETTER_SENDER__KIND": "ses", "AWS_ENDPOINT_URL": "http://127.0.0.1:1"}
    result = desk.run("send", "latest", "--yes", **env)
    assert result.exit_code == 6, result.output
    assert "127.0.0.1:1" in result.stderr


def test_a_secret_that_is_too_short_is_refused(desk: Desk) -> None:
    result = desk.run("send", "latest", "--yes", NEWSLETTER_SECRET="short")
    assert result.exit_code == 3 and "32 characters" in result.stderr


def test_a_lost_secret_is_not_silently_replaced_once_links_are_out(desk: Desk) -> None:
    desk.ok("send", "latest", "--yes", NEWSLETTER_SECRET="")
    secret = desk.root / "subscribers" / "secret"
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    secret.unlink()
    october = next((desk.root / "issues").glob("2026-10-*.md")).stem
    result = desk.run("send", october, "--yes", NEWSLETTER_SECRET="")
    assert result.exit_code == 3 and "secret" in result.stderr


def test_errors_are_one_json_object_too(desk: Desk) -> None:
    assert "error" in desk.json("send", "no-such-issue", "--yes")
