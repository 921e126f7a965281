"""The README and the help texts keep up with the code."""

import dataclasses
import subprocess
import sys
import typing
from collections.abc import Iterator

import click
import pytest

from newsletter.cli.main import cli
from newsletter.settings import Settings
from tests.workspaces import REPOSITORY

README = (REPOSITORY / "README.md").read_text("utf-8")
WORKSPACE = (REPOSITORY / "newsletter.toml").read_text("utf-8")


def commands(group: click.Group, path: str = "newsletter") -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


@pytest.mark.parametrize(("name", "command"), list(commands(cli)))
def test_each_command_has_help_with_an_example_and_a_place_in_the_readme(
    name: str, command: click.Command
) -> None:
    assert command.help and "Example" in command.help
    for option in command.params:
        if isinstance(option, click.Option):
            assert option.help, option.name
    words = name.split()
    assert f"`{name}" in README or (f"`{' '.join(words[:2])} " in README and f"`{words[-1]}`" in README)


def test_each_setting_is_in_the_readme_and_in_the_workspace_of_the_repository() -> None:
    for section, kind in typing.get_type_hints(Settings).items():
        assert f"`[{section}]`" in README
        assert f"[{section}]" in WORKSPACE
        if dataclasses.is_dataclass(kind):
            for setting in dataclasses.fields(kind):
                assert f"`{setting.name.rstrip('_')}`" in README, setting.name
                assert setting.name.rstrip("_") in WORKSPACE, setting.name


def test_help_is_instant_because_it_imports_nothing_heavy() -> None:
    heavy = (
        "{'sqlalchemy', 'boto3', 'jinja2', 'lxml', 'premailer', 'rich', 'starlette', 'PIL', 'yaml', 'mjml'}"
    )
    code = (
        "import sys, contextlib\n"
        "from newsletter.cli.main import cli\n"
        "with contextlib.suppress(SystemExit): cli(['--help'])\n"
        f"print(sorted({heavy} & set(sys.modules)))\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[-1] == "[]"
    assert "Commands:" in result.stdout
