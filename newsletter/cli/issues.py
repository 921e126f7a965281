"""``render`` and ``check``: an issue before it is sent."""

from pathlib import Path

import click

from newsletter.cli.output import State, json_option, pass_state, show_findings

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
@json_option
@pass_state
def check(state: State, issue: str, strict: bool) -> None:
    """Look for what would go wrong with ISSUE. Exit 4 if there is any error.

    \b
    Example: newsletter check latest --strict
    """
    from newsletter import readying
    from newsletter.errors import IssueError
    from newsletter.model import Level

    ready = readying.prepare(state.services, issue)
    show_findings(ready.findings)
    bad = [f for f in ready.findings if f.level is Level.ERROR or (strict and f.level is Level.WARNING)]
    count = len(ready.findings)
    state.result(
        {
            "issue": ready.issue.slug,
            "ok": not bad,
            "hash": ready.issue.hash,
            "findings": [
                {"level": f.level, "check": f.check, "where": f.where, "what": f.what, "mend": f.mend}
                for f in ready.findings
            ],
        },
        f"{ready.issue.slug}: {'nothing found' if not count else f'{count} finding(s), {len(bad)} to mend'}.",
    )
    if bad:
        raise IssueError(
            f"{len(bad)} finding(s) must be mended before {ready.issue.slug} can go.", hint=bad[0].mend
        )


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

    ready = readying.approve(state.services, issue)
    show_findings(ready.findings)
    slug = ready.issue.slug
    state.result(
        {"issue": slug, "hash": ready.issue.hash, "segment": ready.segment},
        f"Approved {slug} for {ready.segment or 'everyone'}.\n{ready.issue.hash}\n\n"
        f"Send it: newsletter send {slug}",
    )


COMMANDS = (render, check, approve)
