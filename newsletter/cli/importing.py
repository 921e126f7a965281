"""``subscribers import`` and ``export``: the list as files."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from newsletter.cli.output import State, json_option, note, pass_state
from newsletter.errors import UsageError

if TYPE_CHECKING:
    from newsletter.people.importing import ImportResult, Progress
    from newsletter.wiring import Services

__all__ = ["SUBCOMMANDS", "back_up_first"]

_SAMPLE = 5  #: lines named for each reason
_COLUMNS = 20  #: that are named at most


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--consent", default="", metavar="TEXT", help="Where these people agreed; kept as proof.")
@click.option("--tag", "tags", multiple=True, help="Give everyone this tag; repeatable.")
@click.option(
    "--map",
    "mapping",
    metavar="COLUMN=FIELD",
    multiple=True,
    help='What a column is: "Kontakt=email", "Notes=-" to leave it out; repeatable.',
)
@click.option("--encoding", default="", metavar="NAME", help="Of the file, such as windows-1250.")
@click.option("--allow-role", is_flag=True, help="Take addresses of offices, such as info@, too.")
@click.option("--allow-typos", is_flag=True, help="Take domains that look mistyped, such as gmial.com, too.")
@click.option("--no-backup", is_flag=True, help="Do not back up the database first.")
@click.option("--dry-run", is_flag=True, help="Say what would happen; change nothing.")
@json_option
@pass_state
def import_(  # noqa: PLR0913, PLR0917  (one parameter an option)
    state: State,
    file: Path,
    consent: str,
    tags: tuple[str, ...],
    mapping: tuple[str, ...],
    encoding: str,
    allow_role: bool,
    allow_typos: bool,
    no_backup: bool,
    dry_run: bool,
) -> None:
    """Import subscribers from a CSV FILE (also .gz). Bad rows are listed with their line; good ones go in.

    Columns: email, and any of name, first_name, last_name, tags; every other column is a merge field.
    Whoever unsubscribed, complained, bounced or was forgotten is refused, whatever the file says. It can be
    taken back with `newsletter subscribers undo`. Exit 0 if every row was taken, 2 if some were refused.

    \b
    Examples:
      newsletter subscribers import people.csv --dry-run
      newsletter subscribers import people.csv --consent "sign-up sheet, spring fair 2026"
    """
    from newsletter.people.importing import import_csv, look_at

    columns = _mapping(mapping)
    look_at(file, columns, encoding=encoding)  # a wrong file is said before anything is asked
    services = state.services
    engine = services.engine
    if not dry_run:
        consent = consent.strip() or _ask_for_consent(file)
        if not no_backup:
            back_up_first(services)
    with _bar(file) as progress:
        result = import_csv(
            engine,
            file,
            source=consent,
            tags=tags,
            mapping=columns,
            encoding=encoding,
            allow_role=allow_role,
            allow_typos=allow_typos,
            fingerprints=state.fingerprints,
            progress=progress,
            clock=services.clock,
            dry_run=dry_run,
        )
    if not encoding and not result.encoding.startswith("utf-"):
        note(
            f"{file} is not UTF-8 and was read as {result.encoding}. "
            "If letters such as ä or é come out wrong, say with --encoding what it is."
        )
    for problem in result.refused[:50]:
        note(f"{file}:{problem.line}: {problem.reason}")
    if len(result.refused) > 50:
        note(f"... and {len(result.refused) - 50} more; --json lists all of them.")
    state.result(_describe(result, dry_run), _in_words(file, result, dry_run))
    if result.refused:
        raise SystemExit(UsageError.exit_code)


def _mapping(given: tuple[str, ...]) -> dict[str, str]:
    mapping: dict[str, str] = {}
    for each in given:
        column, equals, field = each.rpartition("=")
        if not equals:
            raise UsageError(
                f"--map {each!r} is not COLUMN=FIELD.", hint='Write it like --map "Kontakt=email".'
            )
        mapping[column] = field
    return mapping


def _ask_for_consent(file: Path) -> str:
    """Return where these people agreed, in the owner's words. Raises UsageError when nobody can be asked."""
    asked = ""
    if sys.stdin.isatty():
        question = "Where did these people agree to get the newsletter? (kept as proof)"
        asked = str(click.prompt(question, err=True)).strip()
    if not asked:
        raise UsageError(
            f"{file} was not imported: nobody said where these people agreed to get email.",
            hint='Add for example --consent "sign-up sheet, spring fair 2026"; it is kept as the proof.',
        )
    return asked


def back_up_first(services: "Services") -> None:
    """Make a backup, and say where it is; where there is no pg_dump, say that and go on."""
    from newsletter.store.backup import NoPgDump, back_up

    keep = services.settings.schedule.keep_backups
    try:
        made = back_up(
            services.engine, services.workspace.backups, now=services.clock(), env=services.env, keep=keep
        )
    except NoPgDump as error:
        note(f"{error} {error.hint}")
    else:
        note(f"Backup: {services.shown(made)}")


@contextmanager
def _bar(file: Path) -> "Iterator[Progress | None]":
    """Give what draws the bar on stderr; None where there is no terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    with bar:
        task = bar.add_task("Reading", total=file.stat().st_size)

        def progress(what: str, count: int) -> None:
            if what == "writing":
                bar.update(task, description="Writing", total=None)
            else:
                bar.advance(task, count)

        yield progress


def _describe(result: "ImportResult", dry_run: bool) -> dict[str, object]:
    return {
        "new": result.new,
        "updated": result.updated,
        "unchanged": result.unchanged,
        "refused": [
            {"line": problem.line, "kind": problem.kind, "reason": problem.reason}
            for problem in result.refused
        ],
        "refused_by_kind": result.refused_by_kind,
        "samples": {name: list(lines) for name, lines in result.samples.items()},
        "columns": [{"column": column, "read_as": meant} for column, meant in result.columns],
        "encoding": result.encoding,
        "batch": result.batch_id,
        "dry_run": dry_run,
    }


def _in_words(file: Path, result: "ImportResult", dry_run: bool) -> str:
    summary = (
        f"{'Would import' if dry_run else 'Imported'} {file.name}: {result.new} new, {result.updated} "
        f"{'will change' if dry_run else 'updated'}, {result.unchanged} unchanged, "
        f"{len(result.refused)} refused."
    )
    if not dry_run:
        taken = result.new + result.updated
        return (
            f"{summary}\nTo take it back: newsletter subscribers undo {result.batch_id}" if taken else summary
        )
    samples = {name: list(lines) for name, lines in result.samples.items()}
    groups = [
        ("new", result.new, samples.get("new", [])),
        ("will change", result.updated, samples.get("updated", [])),
        ("unchanged", result.unchanged, samples.get("unchanged", [])),
    ]
    for kind, count in result.refused_by_kind.items():
        lines = [problem.line for problem in result.refused if problem.kind == kind][:_SAMPLE]
        groups.append((f"refused, {kind}", count, lines))
    return "\n".join([summary, _columns(result), *(_group(*group) for group in groups if group[1])])


def _columns(result: "ImportResult") -> str:
    """Return what each column was read as, so that a wrong one is seen before it is imported."""
    shown = [
        f"{column} left out" if meant == "-" else f"{column} = {meant}" if column != meant else column
        for column, meant in result.columns[:_COLUMNS]
    ]
    more = len(result.columns) - len(shown)
    return f"{'columns':>10}  {', '.join(shown)}{f' and {more:,} more' if more else ''}"


def _group(name: str, count: int, lines: list[int]) -> str:
    more = ", …" if count > len(lines) else ""
    return f"{count:>10,}  {name:22} line{'s' if count > 1 else ''} {', '.join(map(str, lines))}{more}"


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--format",
    "form",
    type=click.Choice(["csv", "json"]),
    default="csv",
    show_default=True,
    help="csv: for spreadsheets and for import. json: one object a line.",
)
@click.option("--segment", default="", help="Only this segment: a name from [segments], or a rule.")
@click.option(
    "--status", default=None, help="Only these: pending, confirmed, unsubscribed, bounced, complained."
)
@click.option("--replace", is_flag=True, help="Replace the file if it exists.")
@json_option
@pass_state
def export(state: State, file: Path, form: str, segment: str, status: str | None, replace: bool) -> None:
    """Write subscribers to FILE, readable by you alone; a name that ends in .gz is compressed.

    Import reads a CSV export back exactly. It is personal data: keep it safe, and delete it after use.

    \b
    Example: newsletter subscribers export subscribers/all.csv --status confirmed
    """
    from newsletter.cli.people import choose
    from newsletter.people.exporting import export as write

    services = state.services
    count = write(
        services.engine,
        file,
        choose(services, segment, status),
        form="json" if form == "json" else "csv",
        replace=replace,
    )
    state.result({"file": str(file), "format": form, "subscribers": count}, f"Wrote {count} to {file}.")


SUBCOMMANDS = (import_, export)
