"""``db``: the database behind the list and the ledger."""

import sys
from pathlib import Path

import click

from newsletter.cli.compacting import compact
from newsletter.cli.output import State, json_option, note, pass_state
from newsletter.errors import AccountsError, NewsletterError, UsageError

__all__ = ["COMMANDS"]


@click.group()
def db() -> None:
    """Look after the database: migrate, check, backup, restore, adopt, compact."""


db.add_command(compact)


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
            f"{len(problems)} problem(s) found.",
            hint="An older revision: newsletter db migrate. Damage: db restore. A restored copy: db adopt.",
        )


@db.command()
@click.option(
    "--keep",
    type=click.IntRange(min=1),
    default=None,
    help="How many backups stay; the oldest are removed. Default: keep_backups in [schedule].",
)
@click.option("--list", "list_", is_flag=True, help="Show the backups that there are; make none.")
@json_option
@pass_state
def backup(state: State, keep: int | None, list_: bool) -> None:
    """Copy the database into subscribers/backups/, while others may use it.

    SQLite: a file that is a database itself. PostgreSQL: by pg_dump, for pg_restore. Whole, or not at all.

    \b
    Examples:
      newsletter db backup
      newsletter db backup --list
    """
    from newsletter.store.backup import back_up, backups

    services = state.services
    folder = services.workspace.backups
    if list_:
        found = [(path, path.stat().st_size) for path in backups(folder)]
        lines = [f"{services.shown(path)}  {_size(size)}" for path, size in found]
        state.result(
            {"backups": [{"file": str(path), "bytes": size} for path, size in found]},
            "\n".join(lines) or "There are no backups yet. Make one: newsletter db backup",
        )
        return
    made = back_up(
        services.raw_engine,
        folder,
        now=services.clock(),
        env=services.env,
        keep=keep or services.settings.schedule.keep_backups,
    )
    state.result({"backup": str(made)}, services.shown(made))


@db.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--as-it-was",
    is_flag=True,
    help="Exactly the backup: forget who has left, and what was sent, since it was made.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@pass_state
def restore(state: State, file: Path, as_it_was: bool, yes: bool) -> None:
    """Put a backup back in the place of the database; what is there now is backed up first.

    Who has left since the backup was made stays off the list, and what was sent since stays known, unless
    you say --as-it-was. Nothing is sent from a restored database before: newsletter db adopt

    \b
    Example: newsletter db restore subscribers/backups/newsletter-20261101-120000-000000.db
    """
    from newsletter.delivery.owners import is_dead
    from newsletter.store import restoring

    services = state.services
    workspace = services.workspace
    with restoring.open_backup(file, workspace.database_url, workspace.backups, services.env) as found:
        people, sends = found.contents.subscribers, len(found.contents.campaigns)
        note(f"{file.name} holds {people} subscribers and {sends} sends.")
        _ask("Put it in the place of the database?", yes=yes)
        done = restoring.put_back(
            found,
            workspace.database_url,
            workspace.backups,
            now=services.clock(),
            env=services.env,
            is_dead=is_dead,
            as_it_was=as_it_was,
        )
    said = [f"Restored {services.shown(file)}."]
    if done.saved:
        said.append(f"What was there before is in {services.shown(done.saved)}.")
    if done.damaged:
        said.append(f"The damaged file is now {services.shown(done.damaged)}.")
    if done.sends:
        said.append(f"{done.sends} send(s) that the backup did not know of stay known.")
    steps = ["newsletter db migrate"] if found.pending else []
    steps += ["newsletter db check", "newsletter status", "newsletter db adopt"]
    said += ["Restart newsletter run and serve where they are up."]
    said += ["\nNothing is sent until you have looked at it and said that it may. Next:"]
    state.result(
        {
            "restored": str(file),
            "subscribers": people,
            "sends": sends + done.sends,
            "saved": None if done.saved is None else str(done.saved),
            "damaged": None if done.damaged is None else str(done.damaged),
            "pending": list(found.pending),
        },
        "\n".join([*said, *(f"  {step}" for step in steps)]),
    )


@db.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@pass_state
def adopt(state: State, yes: bool) -> None:
    """Say that this copy of the database is now the one that sends (after a restore or a move).

    \b
    Example: newsletter db adopt
    """
    from newsletter.people.forgetting import forget_again
    from newsletter.store import guard, schedules

    services = state.services
    _ask(
        "A restored copy does not know what was mailed after it was made. Is no other copy sending, "
        "and is every later send in here?",
        yes=yes,
    )
    erased = forget_again(services.engine, fingerprints=state.fingerprints, clock=services.clock)
    with services.engine.begin() as connection:  # before adopting: it may not know what was sent since
        held = schedules.hold_all(connection, services.clock(), "the database was adopted")
    guard.adopt(services.engine, services.place)
    said = ["Adopted: this copy sends from now on."]
    if erased:
        said.append(f"{erased} who had asked to be forgotten were in it, and are erased again.")
    if held:
        said.append(f"Held back until you book or approve them again: {', '.join(held)}")
    state.result({"adopted": True, "forgotten": erased, "held": list(held)}, "\n".join(said))


def _ask(question: str, *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError(
            "There is no terminal to ask on, and --yes was not given; nothing was done.",
            hint="Add --yes in scripts.",
        )
    click.confirm(question, abort=True, err=True)


def _size(count: int) -> str:
    return f"{count / 1_000_000:.1f} MB" if count >= 100_000 else f"{count / 1000:.1f} kB"


COMMANDS = (db,)
