"""``worker``: one of many that send together."""

import sys
from typing import Any

import click

from newsletter.cli.output import State, pass_state

__all__ = ["COMMANDS"]


class _Address(click.ParamType[tuple[str, int]]):
    """[HOST:]PORT as a host and a port; without a host, this computer alone."""

    name = "[HOST:]PORT"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, int]:
        """Return both. Fails with one line if it is neither."""
        host, colon, port = str(value).rpartition(":")
        host = host.removeprefix("[").removesuffix("]") if colon else "127.0.0.1"
        if not host or not (port.isascii() and port.isdigit()) or int(port) > 65535:
            self.fail(f"{value!r} is no port and no HOST:PORT, such as 9464 or 0.0.0.0:9464.", param, ctx)
        return host, int(port)


@click.command()
@click.option(
    "--processes",
    type=click.IntRange(0, 64),
    default=None,
    help="Processes that make letters and calls, 0 for this one alone. Default: as many as pay.",
)
@click.option(
    "--calls",
    type=click.IntRange(1, 64),
    default=None,
    help="Calls to the provider at a time. Default: as the rate needs, 16 at most.",
)
@click.option(
    "--concurrency", type=click.IntRange(1, 16), default=1, show_default=True, help="Campaigns at a time."
)
@click.option(
    "--lease",
    type=click.FloatRange(5, 3600),
    default=600.0,
    show_default=True,
    metavar="SECONDS",
    help="After so long without an answer, another host may call a delivery uncertain.",
)
@click.option(
    "--heartbeat",
    type=click.FloatRange(0.5, 10),
    default=10.0,
    show_default=True,
    metavar="SECONDS",
    help="Between two signs of life; after three that failed to come, others take over. Alike on all.",
)
@click.option(
    "--metrics",
    type=_Address(),
    default=None,
    help="Answer monitors there: a port for this computer alone, or HOST:PORT. 0 picks a free one.",
)
@click.option("--json", "as_json", is_flag=True, help="The log as JSON, one object a line.")
@pass_state
def worker(
    state: State,
    processes: int | None,
    calls: int | None,
    concurrency: int,
    lease: float,
    heartbeat: float,
    metrics: tuple[str, int] | None,
    as_json: bool,
) -> None:
    """Send together with others: any number of workers, on any number of hosts, on one PostgreSQL.

    Waits for campaigns and takes its part in them, at the one rate that all share. Its log is on stdout.
    Ctrl-C ends it when the calls in flight are made; the others go on. See docs/fleet.md.

    \b
    Examples:
      newsletter worker
      newsletter worker --processes 4 --json
      newsletter worker --metrics 9464
    """
    from datetime import timedelta

    from newsletter.cli.progress import graceful_stop
    from newsletter.daemon.log import Log, capture_logging
    from newsletter.errors import ConfigError

    try:
        from newsletter.fleet.shares import Way
        from newsletter.fleet.working import Plan, work
    except ModuleNotFoundError as error:
        raise ConfigError(
            "Workers need packages that are not installed.",
            hint="Install them: pip install 'newsletter[postgres]'",
        ) from error
    services = state.services
    log = Log(sys.stdout, services.clock, as_json=as_json)
    capture_logging(log)
    way = Way(calls=calls, processes=processes, lease=timedelta(seconds=lease))
    plan = Plan(concurrency=concurrency, heartbeat=heartbeat, way=way, monitor=metrics)
    with graceful_stop("Stopping; calls in flight finish. Again to leave at once.") as stop:
        code = work(services, plan, stop=stop, say=log.line)
    if code:
        sys.exit(code)


COMMANDS = (worker,)
