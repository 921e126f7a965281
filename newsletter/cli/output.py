"""What all commands share: the state of one run, results on stdout, everything else on stderr."""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from newsletter.model import Finding
    from newsletter.wiring import Services

__all__ = ["State", "confirm_readers", "json_option", "note", "pass_state", "show_findings"]


@dataclass
class State:
    """One run of the program: the options of the group, and the services, built when first asked for."""

    workspace_option: Path | None = None
    json: bool = False
    _services: "Services | None" = field(default=None, repr=False)
    _object: dict[str, Any] = field(default_factory=dict)

    @property
    def services(self) -> "Services":
        """The workspace's services. Raises ConfigError when there is none or its settings are wrong."""
        if self._services is None:
            from newsletter.wiring import open_services

            self._services = open_services(self.workspace_option)
        return self._services

    def fingerprints(self, key: str) -> list[str]:
        """Return the keyed hashes of an email_key (``Tokens.fingerprints``); the secret is read only now."""
        return self.services.tokens.fingerprints(key)

    def result(self, data: Mapping[str, Any], text: str | None) -> None:
        """Print the text on stdout; with ``--json`` keep the data for the object that ``close`` prints."""
        if self.json:
            self._object |= data
        elif text is not None:
            click.echo(text)

    def fail(self, message: str, hint: str) -> None:
        """Print an error on stderr; with ``--json`` it is also in the one object."""
        click.echo(f"Error: {message}\nHint: {hint}", err=True)
        self._object |= {"error": message, "hint": hint}

    def close(self) -> None:
        """End the run: leave the database, and with ``--json`` print the one object."""
        if self._services is not None:
            self._services.close()
        if self.json:
            click.echo(json.dumps(self._object, ensure_ascii=False, default=str))


pass_state = click.make_pass_decorator(State, ensure=True)

F = TypeVar("F", bound=Callable[..., Any])


def json_option(command: F) -> F:
    """Add ``--json`` to a command; the state remembers it."""

    def remember(ctx: click.Context, _: click.Parameter, value: bool) -> None:
        ctx.ensure_object(State).json = value

    option = click.option(
        "--json", is_flag=True, expose_value=False, callback=remember, help="One JSON object on stdout."
    )
    return option(command)


def note(text: str) -> None:
    """Print progress or a warning on stderr."""
    click.echo(text, err=True)


def confirm_readers(count: int, *, yes: bool, to: str = "send", of: str = "readers") -> None:
    """Let the owner type the number of readers before anything is mailed; raise UsageError if she does not.

    of: what is counted, where it is not readers.
    With no terminal and no ``--yes`` it refuses.
    """
    from newsletter.errors import UsageError

    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError(
            "There is no terminal to ask on, and --yes was not given; nothing was done.",
            hint="Add --yes in scripts.",
        )
    typed = click.prompt(
        f"Type the number of {of} ({count}) to {to}", default="", show_default=False, err=True
    )
    if typed.strip().replace(",", "") != str(count):
        raise UsageError("That was not the number; nothing was done.", hint="Run the same command again.")


def show_findings(findings: "Sequence[Finding]", *, notes: bool = False) -> None:
    """Print findings on stderr, gravest first: where, what, how to mend. notes: those, too."""
    colours = {"error": "red", "warning": "yellow", "note": "blue"}
    for finding in findings:
        if finding.level == "note" and not notes:
            continue
        label = click.style(f"{finding.level.upper():8}", fg=colours[finding.level], bold=True)
        note(f"{label} {finding.where}: {finding.what}\n         {finding.mend}")
