"""The command group: where the workspace is found and where every error becomes one clear line.

Modules of this package import nothing heavy at their top, so that ``newsletter --help`` is instant.
"""

import os
import sys
from pathlib import Path
from typing import Any

import click

from newsletter import __version__
from newsletter.cli import (
    archive,
    aws,
    campaigns,
    database,
    events,
    issues,
    mailbox,
    people,
    preview,
    replies,
    report,
    run,
    schedule,
    segments,
    sending,
    serve,
    start,
    steering,
    why,
    worker,
)
from newsletter.cli.output import State
from newsletter.errors import NewsletterError

__all__ = ["cli"]


class Boundary(click.Group):
    """Turns an error into "Error: ... / Hint: ..." and its exit code; no traceback reaches a user."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; translate what it raises."""
        state = ctx.ensure_object(State)
        try:
            return super().invoke(ctx)
        except NewsletterError as error:
            state.fail(str(error), error.hint)
            sys.exit(error.exit_code)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except KeyboardInterrupt:
            click.echo("Stopped.", err=True)
            sys.exit(7)
        except BrokenPipeError:
            # the reader of our output has left (`| head`): point stdout away so that the exit flush is silent
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(0)
        except Exception as error:
            if translated := _translate(error):
                state.fail(str(translated), translated.hint)
                sys.exit(translated.exit_code)
            if os.environ.get("NEWSLETTER_DEBUG"):
                raise
            state.fail(
                f"Unexpected {_kind(error)}.",
                "This is a fault of ours. Set NEWSLETTER_DEBUG=1 and run it again to see where.",
            )
            sys.exit(1)
        finally:
            state.close()

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List commands in the order of an owner's month, not of the alphabet."""
        return list(self.commands)


def _kind(error: Exception) -> str:
    """Return an unexpected error in words. A database's own text may hold an address, and is left out."""
    name = type(error).__name__
    in_database = type(error).__module__.startswith("sqlalchemy")
    return f"{name} in the database" if in_database else f"{name}: {error}"


def _translate(error: Exception) -> NewsletterError | None:
    """Return a clear error for what a database or file system raises late, such as a full disk."""
    if isinstance(error, OSError) and error.filename:
        return NewsletterError(
            f"{error.filename}: {error.strerror}.", hint="Check the path, its permissions and the free space."
        )
    if type(error).__module__.startswith("sqlalchemy"):
        from sqlalchemy.exc import DBAPIError

        from newsletter.store.faults import explain

        return explain(error) if isinstance(error, DBAPIError) else None
    return None


@click.group(cls=Boundary, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "-C",
    "workspace",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="The newsletter's folder. Default: NEWSLETTER_WORKSPACE, or the nearest with a newsletter.toml.",
)
@click.version_option(__version__, prog_name="newsletter")
@click.pass_context
def cli(ctx: click.Context, workspace: Path | None) -> None:
    """Write an issue in Markdown, send it once to each confirmed subscriber, and honour every unsubscribe.

    \b
    A month, in commands:
      newsletter new "Music and memory"        start a draft in issues/
      newsletter check latest                  what would go wrong, and how to mend it
      newsletter send latest --test me@example.org
      newsletter send latest                   asks first; safe to repeat
      newsletter proof latest                  everyone accounted for
    """
    ctx.ensure_object(State).workspace_option = workspace


for command in (
    *start.COMMANDS,
    *preview.COMMANDS,
    *issues.COMMANDS,
    *sending.COMMANDS,
    *schedule.COMMANDS,
    *run.COMMANDS,
    *worker.COMMANDS,
    *steering.COMMANDS,
    *campaigns.COMMANDS,
    *report.COMMANDS,
    *people.COMMANDS,
    *segments.COMMANDS,
    *why.COMMANDS,
    *events.COMMANDS,
    *serve.COMMANDS,
    *archive.COMMANDS,
    *replies.COMMANDS,
    *mailbox.COMMANDS,
    *database.COMMANDS,
    *aws.COMMANDS,
):
    cli.add_command(command)
