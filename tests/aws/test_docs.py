"""docs/aws.md tells the owner of everything there is."""

import click

from newsletter.cli.aws import COMMANDS
from tests.workspaces import REPOSITORY

TEXT = (REPOSITORY / "docs" / "aws.md").read_text("utf-8")


def test_each_command_and_each_option_is_told() -> None:
    [group] = COMMANDS
    assert isinstance(group, click.Group)
    for name, command in group.commands.items():
        assert f"newsletter aws {name}" in TEXT
        for option in command.params:
            told = [word for word in (*option.opts, *option.secondary_opts) if word in TEXT]
            assert told or option.opts == ["--plan"], option.opts


def test_the_readme_links_to_it() -> None:
    assert "(docs/aws.md)" in (REPOSITORY / "README.md").read_text("utf-8")
