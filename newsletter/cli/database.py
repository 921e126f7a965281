"""``db``: the database behind the list and the ledger."""

import sys

import click

from newsletter.cli.output import State, json_option, pass_state
from newsletter.errors import AccountsError, NewsletterError

__all__ = ["COMMANDS"]


@click.group()
def db() -> None:
    """Look after the database: migrate, check, backup, adopt."""


@db.command()
@json_option
@pass_state
def migrate(state: State) -> None:
    """Bring the database's tables up to this version.

    \b
    Example: newsletter db migrate
    """
    from newsletter.store.engine import migrate as apply

    applied = apply(state.services.raw_engine)
    state.result({"applied": applied}, f"Applied: {', '.join(applied)}" if applied else "Already up to date.")


@db.command()
@json_option
@pass_state
def check(state: State) -> None:
    """Check that the database is whole: file, revision, references, and every campaign's accounts.

    \b
    Example: newsletter db check
    """
    from newsletter.reporting.accounting import accounts
    from newsletter.store import campaigns, guard
    from newsletter.store.engine import check as problems_of

    services = state.services
    problems = list(problems_of(services.raw_engine))
    unbalanced = []
    if not problems:
        unbalanced = [
            campaign.slug
            for campaign in campaigns.all_campaigns(services.engine)
            if not accounts(services.engine, campaign.id).balances
        ]
        problems += guard.problems(services.engine, services.place)
    state.result(
        {"problems": problems, "unbalanced": unbalanced},
        "\n".join([*problems, *(f"The accounts of {slug} do not balance." for slug in unbalanced)])
        or "The database is whole; every campaign's accounts balance.",
    )
    if unbalanced:
        raise AccountsError("Some accounts do not balance.", hint="See: newsletter proof ISSUE")
    if problems:
        raise NewsletterError(
            f"{len(problems)} problem(s) found.", hint="Restore a backup, or run: newsletter db migrate"
        )


@db.command()
@click.option(
    "--keep",
    type=click.IntRange(min=1),
    default=10,
    show_default=True,
    help="How many backups stay; the oldest are removed.",
)
@json_option
@pass_state
def backup(state: State, keep: int) -> None:
    """Copy the database into subscribers/backups/, while others may use it.

    SQLite: a file that is a database itself. PostgreSQL: by pg_dump, for pg_restore.

    \b
    Example: newsletter db backup
    """
    from newsletter.store.backup import back_up

    services = state.services
    folder = services.workspace.subscribers / "backups"
    made = back_up(services.raw_engine, folder, now=services.clock(), env=services.env, keep=keep)
    state.result({"backup": str(made)}, services.shown(made))


@db.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@pass_state
def adopt(state: State, yes: bool) -> None:
    """Say that this copy of the database is now the one that sends (after a restore or a move).

    \b
    Example: newsletter db adopt
    """
    from newsletter.errors import UsageError
    from newsletter.store import guard

    services = state.services
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError("There is no terminal to ask on.", hint="Add --yes in scripts.")
        click.confirm(
            "A restored copy does not know what was mailed after it was made. Is no other copy sending, "
            "and is every later send in here?",
            abort=True,
            err=True,
        )
    guard.adopt(services.engine, services.place)
    state.result({"adopted": True}, "Adopted: this copy sends from now on.")


COMMANDS = (db,)
