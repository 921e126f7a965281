"""``newsletter send`` of a real issue passes the checks of SES, in both forms."""

import pytest

from tests.fakeses.client import Accepted, FakeSes
from tests.workspaces import Desk

NOVEMBER = "2026-11-individual-vs-group"


def _send(desk: Desk, ses: FakeSes, api: str) -> dict[str, Accepted]:
    env = {
        **ses.env,
        "NEWSLETTER_SENDER__KIND": "ses",
        "NEWSLETTER_SES__API": api,
        "NEWSLETTER_NEWSLETTER__PUBLIC_URL": "https://news.example.org",
    }
    process = desk.process("send", NOVEMBER, "--yes", **env)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    return {each.address: each for each in ses.accepted()}


@pytest.mark.slow
@pytest.mark.parametrize("api", ["raw", "bulk"])
def test_each_reader_is_accepted_once_rendered_tagged_and_free_to_leave(
    desk: Desk, fake_ses: FakeSes, api: str
) -> None:
    mails = _send(desk, fake_ses, api)
    assert sorted(fake_ses.addresses()) == ["ada@example.org", "ben@example.org", "zoe@example.org"]
    for address, name in (
        ("ada@example.org", "Ada"),
        ("ben@example.org", "friend"),
        ("zoe@example.org", "Zoé"),
    ):
        mail = mails[address]
        assert not mail.failed
        assert name in mail.content["html"] and name in mail.content["text"]
        assert mail.content["subject"].lower().startswith(name.lower())
        assert {"campaign", "delivery", "attempt"} <= mail.tags.keys()
        assert mail.headers["List-Unsubscribe"].startswith("<https://news.example.org/")
        assert mail.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert mail.headers["Reply-To"] and mail.headers["List-Id"] and mail.headers["Feedback-ID"]
