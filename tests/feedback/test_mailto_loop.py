"""Without any web server: an issue goes out, its mailto comes back, the next issue passes the person by."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from email.message import EmailMessage
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from newsletter import listening
from newsletter.settings import Inbox, Workspace
from newsletter.settings_file import load_settings
from newsletter.wiring import Services
from tests.dovecot import ImapServer
from tests.workspaces import AWS, Desk

pytestmark = pytest.mark.slow


def answer_to(issue: EmailMessage, sender: str) -> bytes:
    """Return the mail that a mail program writes when its unsubscribe button is pressed (RFC 6068)."""
    header = str(issue["List-Unsubscribe"])
    assert header.startswith("<mailto:") and header.endswith(">") and header.count("<") == 1
    assert "List-Unsubscribe-Post" not in issue, "one-click wants https"
    link = urlsplit(header[1:-1])
    answer = EmailMessage()
    answer["From"], answer["To"] = sender, unquote(link.path)
    answer["Subject"] = parse_qs(link.query)["subject"][0]
    answer.set_content("This mail was sent by a mail program.")
    return answer.as_bytes()


def issues(desk: Desk) -> list[str]:
    return sorted(path.stem for path in (desk.root / "issues").glob("*.md"))


def pull(desk: Desk, inbox: Inbox, env: Mapping[str, str]) -> int:
    """Run `newsletter events pull`; return how many people it says have left."""
    given = {
        f"NEWSLETTER_INBOX__{name.upper()}": str(value) for name, value in asdict(inbox).items() if value
    }
    left: int = desk.json("events", "pull", **given, **env)["unsubscribed"]
    return left


def send_two_issues(desk: Desk, deliver: Callable[[bytes], object], read_mails: Callable[[], int]) -> None:
    first, second = issues(desk)[-2:]
    desk.ok("send", first, "--yes")
    mails = {str(mail["To"]): mail for mail in desk.mailbox()}
    assert sorted(mails) == ["ada@example.org", "ben@example.org", "zoe@example.org"]
    deliver(answer_to(mails["ada@example.org"], "Ada <another.address@example.com>"))
    # the token names Ada, and nobody who answers for her counts
    deliver(
        b"From: zoe@example.org\r\nSubject: Out of office\r\nAuto-Submitted: auto-replied\r\n\r\nunsubscribe"
    )
    assert read_mails() == 1
    assert read_mails() == 0
    desk.ok("send", second, "--yes")
    assert desk.mailed() == sorted([*mails, "ben@example.org", "zoe@example.org"])
    why = desk.run("why", "ada@example.org").stdout
    assert "unsubscribed" in why and "mailto" in why


def test_through_an_imap_mailbox(desk: Desk, imap_server: ImapServer) -> None:
    inbox = imap_server.inbox("Loop")
    send_two_issues(
        desk, lambda mail: imap_server.deliver("Loop", mail), lambda: pull(desk, inbox, imap_server.env)
    )
    assert imap_server.unread("Loop") == 1, "what was not understood is left for the owner"


def test_without_a_queue_an_inbox_that_is_followed_is_asked_with_pauses(
    desk: Desk, s3: Any, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**AWS, "AWS_ENDPOINT_URL_S3": s3.meta.endpoint_url}.items():
        monkeypatch.setenv(name, value)
    given = {"NEWSLETTER_INBOX__KIND": "s3", "NEWSLETTER_INBOX__BUCKET": bucket}
    naps: list[float] = []
    workspace = Workspace(root=desk.root, settings=load_settings(desk.root, given))
    services = Services(workspace, env=desk.env, sleep=naps.append)
    assert listening.pull(services, stop=lambda: False) == listening.Pulled()
    assert naps == []
    listening.pull(services, stop=lambda: len(naps) >= 25, once=False)
    services.close()
    assert len(naps) == 25, "10 seconds before each look, and none once it is to stop"


def test_through_ses_inbound_and_s3(desk: Desk, s3: Any, bucket: str) -> None:
    inbox = Inbox(kind="s3", bucket=bucket, prefix="inbound/")
    env = {**AWS, "AWS_ENDPOINT_URL_S3": s3.meta.endpoint_url}
    numbers = iter(range(100))
    send_two_issues(
        desk,
        lambda mail: s3.put_object(Bucket=bucket, Key=f"inbound/{next(numbers)}", Body=mail),
        lambda: pull(desk, inbox, env),
    )
    assert [item["Key"] for item in s3.list_objects_v2(Bucket=bucket)["Contents"]] == [
        "inbound/not-understood/1"
    ]
