"""``mailbox``: look at what the mailbox sender wrote."""

import click

from newsletter.cli.output import State, note, pass_state

__all__ = ["COMMANDS"]


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", default=8025, show_default=True, type=click.IntRange(0, 65535), help="0 picks a free one."
)
@pass_state
def mailbox(state: State, host: str, port: int) -> None:
    """Show the local mailbox in a browser: every message the mailbox sender wrote.

    \b
    Example: newsletter mailbox --port 8025
    """
    import socket

    import uvicorn

    from newsletter.errors import UsageError
    from newsletter.preview.mailbox import mailbox_app

    app = mailbox_app(state.services.workspace.mailbox, hosts=("localhost", "127.0.0.1", host))
    try:
        listener = socket.create_server((host, port))
    except OSError as error:
        raise UsageError(
            f"Port {port} on {host} cannot be used: {error.strerror}.", hint="Choose another with --port."
        ) from error
    note(f"The mailbox is at http://{host}:{listener.getsockname()[1]}/   (Ctrl-C ends it)")
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
    server.run(sockets=[listener])


COMMANDS = (mailbox,)
