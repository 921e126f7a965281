"""``init`` and ``new``: from nothing to a draft."""

from datetime import date
from pathlib import Path

import click

from newsletter.cli.output import State, json_option, pass_state

__all__ = ["COMMANDS"]


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--name", default="My newsletter", show_default=True, help="The newsletter's name, as readers see it."
)
@click.option("--from", "from_", default="", help='The From header: "Name <address>".')
@json_option
@pass_state
def init(state: State, folder: Path, name: str, from_: str) -> None:
    """Make a new workspace in DIR: settings, templates, a first draft, a secret.

    \b
    Example: newsletter init my-news --name "Ignite Music Therapy" --from "Ignite <hello@example.org>"
    """
    from newsletter import starting

    made = starting.init_workspace(folder, name=name, from_address=from_)
    state.result(
        {"workspace": str(folder), "files": [str(path) for path in made]},
        f"Made {folder} with {len(made)} files.\n\n"
        f"Next:\n"
        f"  cd {folder}\n"
        f"  newsletter subscribers add you@example.org --name 'Your Name'\n"
        f"  newsletter render latest      # look at out/*.html in a browser\n"
        f"  newsletter send latest        # into the local mailbox; no account needed\n"
        f"  newsletter mailbox            # look at what was sent",
    )


@click.command()
@click.argument("title")
@click.option(
    "--date", "month", metavar="YYYY-MM", default="", help="The issue's month. Default: this month."
)
@json_option
@pass_state
def new(state: State, title: str, month: str) -> None:
    """Start a draft named TITLE in issues/.

    \b
    Example: newsletter new "Music and memory" --date 2026-12
    """
    from newsletter.compose.drafting import new_issue
    from newsletter.errors import UsageError

    services = state.services
    try:
        first = date.fromisoformat(f"{month}-01") if month else services.today()
    except ValueError as error:
        raise UsageError(f"--date {month!r} is not a month.", hint="Write it as 2026-12.") from error
    path = new_issue(services.workspace, title, first)
    shown = services.shown(path)
    state.result(
        {"issue": path.stem, "file": str(path)}, f"{shown}\n\nWrite it, then: newsletter check {path.stem}"
    )


COMMANDS = (init, new)
