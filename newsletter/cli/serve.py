"""``serve``: the web pages that readers see."""

import click

from newsletter.cli.output import State, note, pass_state

__all__ = ["COMMANDS"]


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", default=8000, show_default=True, type=click.IntRange(0, 65535), help="0 picks a free one."
)
@pass_state
def serve(state: State, host: str, port: int) -> None:
    """Serve the web pages: sign up, confirm, preferences, unsubscribe; with /health for a monitor.

    Readers reach them at public_url, through a proxy that speaks https (docs/web.md). Without public_url they
    are for a look on this computer, and mails link to http://127.0.0.1.

    \b
    Example: newsletter serve --port 8000
    """
    import dataclasses
    import logging
    import os
    import socket

    import uvicorn

    from newsletter.errors import UsageError
    from newsletter.web.app import web_app

    services = state.services
    try:
        listener = socket.create_server((host, port))
    except OSError as error:
        raise UsageError(
            f"Port {port} on {host} cannot be used: {os.strerror(error.errno or 0)}.",
            hint="Choose another with --port.",
        ) from error
    address = f"http://{host}:{listener.getsockname()[1]}"
    public = services.settings.newsletter.public_url
    if not public:
        news = dataclasses.replace(services.settings.newsletter, public_url=address)
        settings = dataclasses.replace(services.settings, newsletter=news)
        workspace = dataclasses.replace(services.workspace, settings=settings)
        services = dataclasses.replace(services, workspace=workspace)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s")
    app = web_app(services)
    note(f"The pages are at {public or address}/   (listening on {address}; Ctrl-C ends it)")
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,  # addresses of pages are keys, and are not written anywhere
        proxy_headers=False,  # [web] trusted_proxies says whom to believe
        server_header=False,
        lifespan="off",
        timeout_graceful_shutdown=20,
    )
    uvicorn.Server(config).run(sockets=[listener])


COMMANDS = (serve,)
