"""A confirmation through real boto3 and HTTP, into aws-ses-v2-local."""

from typing import Any

import pytest

from tests.emulators import clear_store, read_store
from tests.workspaces import AWS

pytestmark = [pytest.mark.emulator, pytest.mark.slow]


def test_a_confirmation_leaves_by_amazon_ses_as_a_whole_message_even_if_issues_go_in_bulk(
    make_pages: Any, ses_endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**AWS, "AWS_ENDPOINT_URL_SESV2": ses_endpoint}.items():
        monkeypatch.setenv(name, value)
    clear_store(ses_endpoint)
    pages = make_pages(NEWSLETTER_SENDER__KIND="ses", NEWSLETTER_SES__API="bulk")
    pages.subscribe("ada@example.org")
    [mail] = read_store(ses_endpoint)
    assert mail.to == "ada@example.org" and mail.subject == "Please confirm: Ignite Music Therapy"
    assert "https://news.example.org/c/" in mail.text and "https://news.example.org/c/" in mail.html
    assert mail.headers["list-unsubscribe-post"] == "List-Unsubscribe=One-Click"
