"""``subscribers imports`` and ``undo``: what was imported, and taking it back."""

import sys

import click

from newsletter.cli.output import State, json_option, note, pass_state
from newsletter.errors import UsageError

__all__ = ["SUBCOMMANDS", "confirm"]


@click.command()
@json_option
@pass_state
def imports(state: State) -> None:
    """List the imports, the newest first: number, day, file, what came of it.

    \b
    Example: newsletter subscribers imports
    """
    from newsletter.store.engine import reading
    from newsletter.store.undoing import batches

    with reading(state.services.engine) as connection:
        found = batches(connection)
    lines = [
        f"{batch.id:>6}  {batch.at:%Y-%m-%d %H:%M} UTC  {batch.file}: "
        + ", ".join(f"{count} {what}" for what, count in batch.counts.items() if count)
        + (f"; undone on {batch.undone_at:%Y-%m-%d}" if batch.undone_at else "")
        for batch in found
    ]
    state.result(
        {
            "imports": [
                {
                    "batch": batch.id,
                    "at": batch.at.isoformat(),
                    "file": batch.file,
                    "source": batch.source,
                    "counts": dict(batch.counts),
                    "undone_at": batch.undone_at.isoformat() if batch.undone_at else None,
                }
                for batch in found
            ]
        },
        "\n".join(lines) or "Nothing has been imported yet.",
    )


@click.command()
@click.argument("batch", type=click.IntRange(1, 2**63 - 1))
@click.option("--dry-run", is_flag=True, help="Say what would be taken back; change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@pass_state
def undo(state: State, batch: int, dry_run: bool, yes: bool) -> None:
    """Take the import BATCH back: whoever it added goes, whoever it changed is as before.

    Whoever was changed since is kept as they are: who unsubscribed stays unsubscribed.

    \b
    Example: newsletter subscribers undo 7
    """
    from newsletter.people.undoing import undo_import

    services = state.services
    if not dry_run and not yes:
        trial = undo_import(services.engine, batch, clock=services.clock, dry_run=True)
        confirm(f"Remove {trial.removed} people and set {trial.restored} back?")
    done = undo_import(services.engine, batch, clock=services.clock, dry_run=dry_run)
    kept = sum(done.kept.values())
    if kept:
        which = ", ".join(f"{count} {status}" for status, count in done.kept.items())
        note(f"{kept} people were changed since the import and {'would be' if dry_run else 'were'} left as "
             f"they are ({which}).")  # fmt: skip
    state.result(
        {
            "batch": batch,
            "removed": done.removed,
            "restored": done.restored,
            "kept": dict(done.kept),
            "dry_run": dry_run,
        },
        f"{'Would undo' if dry_run else 'Undid'} import {batch} ({done.batch.file}): {done.removed} removed, "
        f"{done.restored} set back, {kept} kept.",
    )


def confirm(question: str) -> None:
    """Ask on the terminal; end unless the answer is yes. Raises UsageError when there is no terminal."""
    if not sys.stdin.isatty():
        raise UsageError(
            "There is no terminal to ask on, and --yes was not given; nothing was done.",
            hint="Add --yes in scripts.",
        )
    click.confirm(question, abort=True, err=True)


SUBCOMMANDS = (imports, undo)
