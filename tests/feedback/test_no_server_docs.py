"""docs/no-server.md says what is so."""

import re
import tomllib

import pytest

from newsletter.feedback.mail_sources import open_source
from newsletter.feedback.mailto import UNSIGNED
from newsletter.feedback.s3_inbox import ASIDE, RIGHTS
from newsletter.feedback.wishes import LONGEST
from newsletter.settings_file import load_settings
from tests.workspaces import REPOSITORY, Desk

PAGE = (REPOSITORY / "docs" / "no-server.md").read_text("utf-8")
BLOCKS = [re.sub(r"(?m)^   ", "", block) for block in re.findall(r"(?s)```toml\n(.*?)```", PAGE)]


@pytest.mark.parametrize(("block", "kind"), list(zip(BLOCKS, ["imap", "s3"], strict=True)))
def test_the_settings_shown_open_the_inbox_they_are_about(desk: Desk, block: str, kind: str) -> None:
    env = {
        f"NEWSLETTER_{section.upper()}__{key.upper()}": str(value)
        for section, values in tomllib.loads(block).items()
        for key, value in values.items()
    }
    settings = load_settings(desk.root, env)
    assert settings.inbox.kind == kind and settings.newsletter.unsubscribe_email
    assert open_source(settings.inbox, {"NEWSLETTER_IMAP_PASSWORD": "x"}, lambda: None)


def test_what_the_page_names_is_called_so() -> None:
    assert f'"{UNSIGNED}"' in PAGE and f"`inbound/{ASIDE}`" in PAGE and f"{LONGEST // 1024} KiB" in PAGE
    for right in re.findall(r"s3:\w+", RIGHTS):
        assert f"`{right}`" in PAGE


def test_the_readme_leads_to_it() -> None:
    assert "(docs/no-server.md)" in (REPOSITORY / "README.md").read_text("utf-8")
