"""The request to leave Amazon's sandbox: asks what only the owner knows."""

import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from newsletter.cli.output import State, note

if TYPE_CHECKING:
    from newsletter.aws.production import Answers
    from newsletter.wiring import Services

__all__ = ["confirm", "request"]


def request(state: State, given: Sequence[str], *, yes: bool) -> None:
    """Make the text of the request from the answers, show it, and hand it in if the owner says so."""
    from newsletter.aws.names import names_of
    from newsletter.aws.production import request_access, request_text

    services = state.services
    answers = _answers(services, given)
    text = request_text(answers, services.settings)
    if not yes and not sys.stdin.isatty():
        state.result({"text": text, "handed_in": False}, text)
        note("Not handed in. Paste it: SES console, Account dashboard, Request production access. Or: --yes")
        return
    note(text)
    confirm("Hand this in to Amazon", yes=yes)
    contact = names_of(services.settings).address
    request_access(services.aws, answers, text, contact=contact)
    state.result(
        {"text": text, "handed_in": True},
        "Handed in. Amazon answers by mail, mostly within a day; `newsletter aws doctor` shows the state.",
    )


def _answers(services: "Services", given: Sequence[str]) -> "Answers":
    """Return the owner's answers: from options, else asked for. Raises UsageError."""
    from newsletter.aws.production import QUESTIONS, Answers
    from newsletter.errors import UsageError, did_you_mean

    keys = [key for key, _, _ in QUESTIONS]
    found: dict[str, str] = {}
    for pair in given:
        key, sign, text = pair.partition("=")
        if key not in keys or not sign or not text.strip():
            raise UsageError(
                f"--answer {pair!r} is not KEY=TEXT.{did_you_mean(key, keys)}",
                hint=f"Keys: {', '.join(keys)}.",
            )
        found[key] = text.strip()
    defaults = {"website": services.settings.newsletter.website}
    for key, question, example in QUESTIONS:
        if key in found:
            continue
        if sys.stdin.isatty():
            default = defaults.get(key) or None
            found[key] = click.prompt(f"{question} (such as: {example})", default=default, err=True)
        elif defaults.get(key):
            found[key] = defaults[key]
        else:
            raise UsageError(
                f"There is no terminal to ask on: {question}",
                hint=f"Add --answer {key}={json.dumps(example)}",
            )
    return Answers(**found)


def confirm(question: str, *, yes: bool) -> None:
    """Let the owner say yes; raise UsageError if she does not, or there is no terminal and no --yes."""
    from newsletter.errors import UsageError

    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError(
            "There is no terminal to ask on, and --yes was not given; nothing was done.",
            hint="Add --yes in scripts.",
        )
    if not click.confirm(f"{question}?", default=False, err=True):
        raise UsageError("Nothing was done.", hint="Run the same command again when you are sure.")
