"""The newsletter's own web pages: sign up, confirm, preferences, leave. READ FIRST: ``app``.

As an ASGI application for any server: ``uvicorn --factory newsletter.web:app_from_env``.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.applications import Starlette

__all__ = ["app_from_env"]


def app_from_env() -> "Starlette":
    """Return the application of the workspace named by NEWSLETTER_WORKSPACE, or the one we stand in.

    Raises ConfigError if there is none, or its settings, database or templates do not let it work.
    """
    from newsletter.web.app import web_app
    from newsletter.wiring import open_services

    return web_app(open_services(None))
