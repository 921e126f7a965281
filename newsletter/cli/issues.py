"""``render`` and ``check``: an issue before it is sent."""

from pathlib import Path

import click

from newsletter.cli.output import State, json_option, note, pass_state, show_findings

__all__ = ["COMMANDS"]


@click.command()
@click.argument("issue")
@click.option(
    "--as", "email", metavar="EMAIL", help="Render for this subscriber. Default: an example person."
)
@click.option(
    "-o",
    "--output",
    "folder",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where to put the files. Default: out/ in the workspace.",
)
@json_option
@pass_state
def render(state: State, issue: str, email: str | None, folder: Path | None) -> None:
    """Write ISSUE as one subscriber would get it: ISSUE.html, ISSUE.txt and ISSUE.eml.

    \b
    Example: newsletter render latest --as ada@example.org
    """
    from newsletter import rehearsal
    from newsletter.compose.compiling import compile_issue
    from newsletter.compose.issue_file import find_issue

    services = state.services
    compiled = compile_issue(services.workspace, find_issue(services.workspace, issue))
    files = rehearsal.render(
        services, compiled, email=email, folder=folder or services.workspace.root / "out"
    )
    state.result({"files": [str(path) for path in files]}, "\n".join(services.shown(path) for path in files))


@click.command()
@click.argument("issue")
@click.option("--strict", is_flag=True, help="Warnings count as errors.")
@click.option("--notes", is_flag=True, help="Show the notes too, not only their number.")
@click.option("--online", is_flag=True, help="Ask the web whether links and pictures answer (up to 40 s).")
@json_option
@pass_state
def check(state: State, issue: str, strict: bool, notes: bool, online: bool) -> None:
    """Look for what would go wrong with ISSUE. Exit 4 if there is any error. All checks: docs/checks.md.

    \b
    Example: newsletter check latest --strict --online
    """
    from newsletter.checks import preflight
    from newsletter.compose.issue_file import find_issue
    from newsletter.errors import IssueError
    from newsletter.model import Level

    services = state.services
    draft = preflight.draft_of(services.workspace, find_issue(services.workspace, issue), services.engine)
    found = preflight.findings(draft)
    if online:
        note("Asking the web ...")
        found = preflight.in_order([*found, *preflight.online_findings(draft)])
    shown = [f for f in found if notes or f.level is not Level.NOTE]
    show_findings(found, notes=notes)
    bad = [f for f in found if f.level is Level.ERROR or (strict and f.level is Level.WARNING)]
    slug, left_out = draft.issue.slug, len(found) - len(shown)
    summary = [f"{slug}: {f'{len(shown)} finding(s), {len(bad)} to mend' if shown else 'nothing found'}."]
    if left_out:
        summary.append(f"{left_out} note(s): --notes shows them.")
    state.result(
        {
            "issue": slug,
            "ok": not bad,
            "hash": draft.issue.hash,
            "findings": [
                {"level": f.level, "check": f.check, "where": f.where, "what": f.what, "mend": f.mend}
                for f in found
            ],
        },
        "\n".join(summary),
    )
    if bad:
        raise IssueError(f"{len(bad)} finding(s) must be mended before {slug} can go.", hint=bad[0].mend)


@click.command()
@click.argument("issue")
@json_option
@pass_state
def approve(state: State, issue: str) -> None:
    """Check ISSUE and freeze it: what was approved is what goes, even if the file is edited later.

    \b
    Example: newsletter approve latest
    """
    from newsletter import readying

    ready = readying.prepare(state.services, issue)
    show_findings(ready.findings)
    when = readying.approve(state.services, ready)
    slug = ready.issue.slug
    state.result(
        {"issue": slug, "hash": ready.issue.hash, "segment": ready.segment, "schedule": when},
        f"Approved {slug} for {ready.segment or 'everyone'}.\n{ready.issue.hash}\n\n"
        + (f"{when}\n" if when else "")
        + f"Send it: newsletter send {slug}",
    )


COMMANDS = (render, check, approve)
