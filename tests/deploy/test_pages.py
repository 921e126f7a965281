"""The pages about deployment say what is there."""

import re
from pathlib import Path

import click
import pytest

from newsletter.cli.main import cli
from tests.deploy.files import DEPLOY

PAGES = sorted(DEPLOY.glob("*.md"))


def anchors(text: str) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text("utf-8")
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert links
    for link in links:
        name, _, anchor = link.partition("#")
        target = DEPLOY / name if name else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target.read_text("utf-8")), link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_exist_with_their_options(page: Path) -> None:
    text = page.read_text("utf-8")
    said = re.findall(
        r"(?:\bnewsletter|app) ((?:run|send|init|db|check|approve|status|schedule|subscribers)\b[^`\n|]*)",
        text,
    )
    assert said
    for line in said:
        group: click.Command = cli
        words = line.split(" #")[0].split()
        while words and isinstance(group, click.Group):
            assert words[0] in group.commands, line
            group = group.commands[words.pop(0)]
        known = {option for parameter in group.params for option in parameter.opts}
        assert {word.rstrip(",.)") for word in words if word.startswith("--")} <= known, line
