"""Which bounces mean that a mailbox does not exist, which mean nothing, and which opens are a program's."""

import re
from datetime import timedelta

import pytest

from newsletter.feedback import bounces
from newsletter.feedback.bounces import about_the_mailbox, bounce_kind
from newsletter.feedback.machines import machine_sign
from tests.delivery.driver import NOON
from tests.workspaces import REPOSITORY

#: type, subtype, status, diagnosis: what it is, and whether a soft one counts towards giving up.
RULES = [
    ("Permanent", "General", "5.1.1", "smtp; 550 5.1.1 user unknown", "hard", None),
    ("Permanent", "NoEmail", "", "", "hard", None),
    ("Permanent", "Suppressed", "", "", "hard", None),
    ("Permanent", "OnAccountSuppressionList", "", "", "hard", None),
    # Amazon's word for it is Transient, and there is no such domain
    ("Transient", "General", "5.4.4", "smtp; 550 5.4.4 Invalid domain", "hard", None),
    ("Transient", "General", "5.1.1", "", "hard", None),
    ("Transient", "General", "", "smtp; 550 5.1.1 no such user", "hard", None),
    ("Undetermined", "Undetermined", "5.2.1", "smtp; 550 5.2.1 mailbox disabled", "hard", None),
    ("Transient", "General", "5.3.0", "smtp; 550 unknown", "hard", None),
    # class 5, but the mailbox is there
    ("Transient", "MailboxFull", "5.2.2", "smtp; 552 5.2.2 over quota", "soft", True),
    ("Transient", "General", "5.2.2", "smtp; 552 5.2.2 over quota", "soft", True),
    ("Transient", "General", "5.4.7", "delivery time expired", "soft", True),
    ("Transient", "MessageTooLarge", "5.3.4", "", "soft", False),
    ("Transient", "ContentRejected", "5.6.0", "", "soft", False),
    ("Transient", "AttachmentRejected", "", "", "soft", False),
    ("Transient", "General", "5.7.1", "smtp; 550 5.7.1 blocked by policy", "soft", False),
    ("Transient", "General", "5.1.8", "smtp; 550 5.1.8 sender domain", "soft", False),
    # class 4
    ("Transient", "MailboxFull", "4.2.2", "smtp; 452 4.2.2 mailbox full", "soft", True),
    ("Transient", "General", "4.4.7", "smtp; 550 4.4.7 Message expired", "soft", True),
    ("Transient", "General", "4.7.0", "smtp; 421 4.7.0 our server is not liked", "soft", False),
    ("Undetermined", "Undetermined", "", "", "soft", True),
    ("Transient", "General", "", "smtp; 550 no code at all", "soft", True),
    ("", "", "", "", "soft", True),
    # somebody's program answers
    ("Transient", "General", "", "", "reply", None),
    ("Transient", "General", "", "Automatic reply: I am on holiday", "reply", None),
    ("Transient", "General", "4.0.0", "Out of the office until Monday", "reply", None),
    ("Transient", "General", "2.0.0", "", "reply", None),
]


@pytest.mark.parametrize(("type_", "subtype", "status", "diagnosis", "kind", "counts"), RULES)
def test_the_rules(
    type_: str, subtype: str, status: str, diagnosis: str, kind: str, counts: bool | None
) -> None:
    assert bounce_kind(type_, subtype, status, diagnosis) == kind
    if counts is not None:
        what = " ".join(filter(None, (type_, subtype, status)))
        assert about_the_mailbox(f"{what}: {diagnosis}" if diagnosis else what) is counts


CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/60.0.3112.90"
)
AGENTS = [
    ("Mozilla/5.0", True),  # Apple Mail Privacy Protection says nothing else
    ("Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)", True),
    ("YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html", True),
    ("", True),
    ("python-requests/2.31", True),
    ("Mozilla/5.0 (compatible; bingbot/2.0)", True),
    ("Mozilla/5.0 (X11; Linux x86_64) HeadlessChrome/120.0", True),
    (CHROME, False),
    ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148", False),
    ("Thunderbird/115.0", False),
]


@pytest.mark.parametrize(("agent", "machine"), AGENTS)
def test_programs_are_told_by_what_they_call_themselves(agent: str, machine: bool) -> None:
    assert bool(machine_sign(agent, NOON, NOON - timedelta(hours=1))) is machine


def test_nobody_reads_a_mail_within_seconds_of_its_sending() -> None:
    assert machine_sign(CHROME, NOON, NOON - timedelta(seconds=4)) == "within seconds of sending"
    assert machine_sign(CHROME, NOON, NOON - timedelta(seconds=11)) == ""
    assert machine_sign(CHROME, NOON, None) == ""


def test_the_operators_page_names_the_codes_that_are_not_hard() -> None:
    page = " ".join((REPOSITORY / "docs" / "feedback.md").read_text("utf-8").split())
    named = re.search(
        r"the sender or the moment: ([\dx., ]+)\. Those", page.replace("its sender", "the sender")
    )
    assert named
    ours = {f"5.{subject}.{'x' if detail is None else detail}" for subject, detail in bounces.NOT_THE_MAILBOX}
    assert set(named[1].split(", ")) == ours
