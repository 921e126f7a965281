"""``archive``: the web copy of the sent issues."""

from typing import TYPE_CHECKING

import click

from newsletter.cli.output import State, json_option, note, pass_state

if TYPE_CHECKING:
    from newsletter.archive.publishing import Published

__all__ = ["COMMANDS"]


@click.group()
def archive() -> None:
    """Put the sent issues on the web: pages, feeds, search; docs/archive.md."""


@archive.command()
@click.option("--dry-run", is_flag=True, help="Say what would change; change nothing.")
@json_option
@pass_state
def build(state: State, dry_run: bool) -> None:
    """Write the archive into the folder `[archive] output`, and nothing anywhere else.

    Only pages that have changed are written. Pages that we made and no issue has any more are removed; files
    of yours are left alone.

    \b
    Example: newsletter archive build
    """
    _show(
        state, state.services.publish_archive(upload=False, dry_run=dry_run), dry_run=dry_run, uploads=False
    )


@archive.command()
@click.option("--dry-run", is_flag=True, help="Say what would go up; change nothing.")
@json_option
@pass_state
def publish(state: State, dry_run: bool) -> None:
    """Write the archive into its folder, and bring the S3 bucket up to date if one is set.

    A send does this by itself, before its first mail. Do it by hand to show replies that you have approved
    since, or after a change of the newsletter's name, colours or logo.

    \b
    Examples:
      newsletter archive publish --dry-run
      newsletter archive publish
    """
    done = state.services.publish_archive(dry_run=dry_run)
    _show(state, done, dry_run=dry_run, uploads=True)


@archive.command()
@json_option
@pass_state
def snippet(state: State) -> None:
    """Print a sign-up form for another website: plain HTML, without a script.

    \b
    Example: newsletter archive snippet > form.html
    """
    from newsletter.archive.site import snippet as written

    html = written(state.services.shelf.imprint)
    state.result({"html": html}, html)


def _show(state: State, done: "Published", *, dry_run: bool, uploads: bool) -> None:
    services = state.services
    bucket = services.settings.archive.s3_bucket
    changes = {
        "written": done.written,
        "removed": done.removed,
        "uploaded": done.uploaded,
        "deleted": done.deleted,
    }
    if dry_run:
        for what, paths in changes.items():
            for path in paths:
                note(f"would be {what}: {path}")
    folder = services.shown(services.workspace.root / services.settings.archive.output)
    would = "would be " if dry_run else ""
    figures = f"{len(done.written)} of {done.files} files {would}written, {len(done.removed)} {would}removed"
    lines = [f"{done.issues} issue(s) in {folder}: {figures}."]
    if bucket and uploads:
        went = f"{len(done.uploaded)} {would}uploaded, {len(done.deleted)} {would}deleted"
        lines.append(f"Bucket {bucket}: {went}.")
    if not dry_run:
        lines.append(f"The first page: {services.settings.archive_url}/index.html")
    data = {name: list(paths) for name, paths in changes.items()}
    state.result({"issues": done.issues, "files": done.files, "dry_run": dry_run, **data}, "\n".join(lines))


COMMANDS = (archive,)
