"""``preview``: see an issue while writing it."""

import click

from newsletter.cli.output import State, note, pass_state

__all__ = ["COMMANDS"]


@click.command()
@click.argument("issue", default="latest")
@click.option(
    "--port", default=8026, show_default=True, type=click.IntRange(0, 65535), help="0 picks a free one."
)
@click.option("--open", "open_browser", is_flag=True, help="Open it in your browser.")
@pass_state
def preview(state: State, issue: str, port: int, open_browser: bool) -> None:
    """Show ISSUE in a browser while you write it; without ISSUE, the latest. Saving a file shows it anew.

    On a phone or a desktop, light or dark, without pictures, as plain text, for any reader; with what
    `newsletter check` finds beside it. Press ? in the page for its keys.

    \b
    Example: newsletter preview latest --open
    """
    import os
    import socket

    import uvicorn

    from newsletter.errors import UsageError
    from newsletter.preview.authoring import authoring_app
    from newsletter.preview.workbench import slug_of
    from newsletter.wiring import open_services, workspace_root

    root = workspace_root(state.workspace_option)
    app = authoring_app(
        root,
        lambda: open_services(root),
        first=slug_of(root, issue),
        stopping=lambda: server.should_exit,
    )
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="on"))
    try:
        listener = socket.create_server(("127.0.0.1", port))
    except OSError as error:
        raise UsageError(
            f"Port {port} cannot be used: {os.strerror(error.errno or 0)}.",
            hint="Choose another with --port.",
        ) from error
    address = f"http://127.0.0.1:{listener.getsockname()[1]}/"
    note(f"The preview is at {address}   (Ctrl-C ends it)")
    if open_browser:
        click.launch(address)
    server.run(sockets=[listener])


COMMANDS = (preview,)
