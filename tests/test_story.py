"""The owner's month, through the real command line: from an issue file to mail in everybody's inbox."""

from tests.workspaces import Desk

NOVEMBER = "2026-11-individual-vs-group"
READERS = ["ada@example.org", "ben@example.org", "zoe@example.org"]


def test_each_confirmed_subscriber_gets_the_issue_once_and_whoever_left_does_not(desk: Desk) -> None:
    result = desk.json("send", NOVEMBER, "--yes")
    assert desk.mailed() == READERS
    assert (result["sent"], result["candidates"], result["balances"]) == (3, 4, True)
    assert result["skipped"] == {"unsubscribed": 1}


def test_sending_again_mails_nobody_and_is_no_error(desk: Desk) -> None:
    desk.ok("send", NOVEMBER, "--yes")
    again = desk.ok("send", NOVEMBER, "--yes")
    assert desk.mailed() == READERS
    assert "= " in again.stdout and "4  candidates" in again.stdout


def test_a_message_greets_its_reader_and_lets_them_leave(desk: Desk) -> None:
    desk.ok("send", NOVEMBER, "--yes")
    ada, ben, zoe = sorted(desk.mailbox(), key=lambda message: str(message["To"]))
    for message, greeting in ((ada, "Ada"), (ben, "friend"), (zoe, "Zoé")):
        html, text = message.get_body(("html",)), message.get_body(("plain",))
        assert html is not None and text is not None
        assert greeting in html.get_content()
        assert greeting in text.get_content()
        # no public_url yet: the mailto form stands alone, and one-click (which needs https) is not promised
        assert str(message["List-Unsubscribe"]).startswith("<mailto:")
        assert message["List-Unsubscribe-Post"] is None
        assert "mailto:" in html.get_content() and "unsubscribe" in text.get_content().lower()
        for header in ("From", "Reply-To", "Subject", "Date", "Message-ID", "List-Id", "Feedback-ID"):
            assert message[header], header
        assert "{{" not in html.get_content() + text.get_content()
    assert len({message["List-Unsubscribe"] for message in (ada, ben, zoe)}) == 3


def test_with_a_public_url_one_click_unsubscribe_is_offered(desk: Desk) -> None:
    desk.ok("send", NOVEMBER, "--yes", NEWSLETTER_NEWSLETTER__PUBLIC_URL="https://news.example.org/ignite")
    for message in desk.mailbox():
        https, mailto = str(message["List-Unsubscribe"]).split(", ")
        assert https.startswith("<https://news.example.org/ignite/") and mailto.startswith("<mailto:")
        assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        html = message.get_body(("html",))
        assert html is not None and https.strip("<>") in html.get_content()


def test_a_dry_run_counts_and_changes_nothing(desk: Desk) -> None:
    result = desk.json("send", NOVEMBER, "--dry-run")
    assert (result["queued"], result["skipped"]) == (3, {"unsubscribed": 1})
    assert desk.mailed() == []
    assert desk.json("status")["campaigns"] == []


def test_a_test_mail_goes_to_its_address_only_and_leaves_the_ledger_alone(desk: Desk) -> None:
    result = desk.json("send", NOVEMBER, "--test", "me@example.org")
    assert desk.mailed() == ["me@example.org"]
    assert result["hash"] == desk.json("check", NOVEMBER)["hash"]
    desk.ok("send", NOVEMBER, "--yes")
    assert desk.mailed() == sorted([*READERS, "me@example.org"])


def test_a_segment_gets_it_and_whoever_had_it_is_skipped_when_it_goes_to_everyone(desk: Desk) -> None:
    desk.ok("send", NOVEMBER, "--segment", "tag:group", "--yes")
    assert desk.mailed() == ["ben@example.org"]
    result = desk.json("send", NOVEMBER, "--yes")
    assert desk.mailed() == READERS
    assert result["sent"] == 2 and sum(result["skipped"].values()) == 2


def test_without_a_terminal_and_without_yes_nothing_is_mailed(desk: Desk) -> None:
    result = desk.run("send", NOVEMBER)
    assert result.exit_code == 2
    assert "--yes" in result.stderr
    assert desk.mailed() == []


def test_render_writes_what_one_subscriber_gets(desk: Desk) -> None:
    files = desk.json("render", NOVEMBER, "--as", "ada@example.org")["files"]
    assert [name.rsplit(".", 1)[1] for name in files] == ["html", "txt", "eml"]
    for name in files:
        content = (desk.root / name).read_text("utf-8")
        assert "Ada" in content
    assert desk.mailed() == []


def test_status_and_proof_agree_with_the_mailbox(desk: Desk) -> None:
    desk.ok("send", NOVEMBER, "--yes")
    [campaign] = desk.json("status")["campaigns"]
    assert (campaign["state"], campaign["sent"]) == ("finished", 3)
    proof = desk.ok("proof", NOVEMBER)
    assert "3  sent" in proof.stdout and "1  skipped, unsubscribed" in proof.stdout


def test_a_new_workspace_sends_its_first_draft(tmp_path_factory: object, desk: Desk) -> None:
    fresh = Desk(desk.root.parent / "fresh")
    from click.testing import CliRunner

    from newsletter.cli.main import cli

    made = CliRunner().invoke(
        cli, ["init", str(fresh.root), "--name", 'Jo\'s "Notes"'], catch_exceptions=False
    )
    assert made.exit_code == 0, made.output
    assert (fresh.root / "subscribers" / "secret").stat().st_mode & 0o777 == 0o600
    fresh.ok("subscribers", "add", "you@example.org", "--consent", "me")
    fresh.ok("new", "Second issue", "--date", "2027-01")
    fresh.ok("send", "2027-01-second-issue", "--yes")
    assert fresh.mailed() == ["you@example.org"]
