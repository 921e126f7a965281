"""``run``: everything on schedule, until it is stopped."""

import sys

import click

from newsletter.cli.output import State, pass_state

__all__ = ["COMMANDS"]


@click.command()
@click.option("--serve", is_flag=True, help="Serve the web pages, too, with /metrics for a monitor.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address that the pages listen on.")
@click.option(
    "--port", default=8000, show_default=True, type=click.IntRange(0, 65535), help="0 picks a free one."
)
@click.option("--once", is_flag=True, help="Do everything that is due now, once, and end.")
@click.option(
    "--every",
    default=30.0,
    show_default=True,
    type=click.FloatRange(0.2, 3600.0),
    metavar="SECONDS",
    help="How often to look what is due.",
)
@click.option("--json", "as_json", is_flag=True, help="The log as JSON, one object a line.")
@pass_state
def run(state: State, serve: bool, host: str, port: int, once: bool, every: float, as_json: bool) -> None:
    """Do everything on schedule: due issues, the slot, reminders, events, backups. Ctrl-C ends it.

    Its log is on stdout, a line for each thing that was done. Any number may run at the same time, and any of
    them may be killed: nobody is mailed twice. See docs/schedule.md.

    \b
    Examples:
      newsletter run
      newsletter run --serve --port 8000
      newsletter run --once
    """
    from newsletter.cli.progress import graceful_stop
    from newsletter.daemon.log import Log
    from newsletter.daemon.running import Plan, run_once
    from newsletter.daemon.running import run as run_daemon

    services = state.services
    log = Log(sys.stdout, services.clock, as_json=as_json)
    with graceful_stop("Stopping; calls in flight finish. Again to leave at once.") as stop:
        if once:
            run_once(services, stop=stop, log=log)
            return
        plan = Plan(every=every, host=host if serve else None, port=port)
        code = run_daemon(services, plan, stop=stop, log=log)
    if code:
        sys.exit(code)


COMMANDS = (run,)
