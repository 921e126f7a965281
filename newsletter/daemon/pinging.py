"""The dead man's switch: a watchdog's address is fetched while all is well; it cries when that stops."""

import http.client
import ssl
import urllib.error
import urllib.request
from typing import Any, Final

__all__ = ["ping"]

_SECONDS: Final = 10


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        """Follow nothing: it could lead to plain http, or inside of this network."""


def ping(url: str, *, version: str) -> str:
    """Fetch the address; return "" if it answered with success, else why not. Raises nothing.

    Only https; certificates are checked; no redirects.
    """
    if not url.startswith("https://"):
        return "it is no https address"
    request = urllib.request.Request(url, headers={"User-Agent": f"newsletter/{version}"})  # noqa: S310
    context = ssl.create_default_context()
    opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=context), _NoRedirect())
    try:
        with opener.open(request, timeout=_SECONDS) as answer:
            answer.read(1024)
            return ""
    except urllib.error.HTTPError as error:
        error.close()
        return f"it answered {error.code}"
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        return f"{type(error).__name__}: {reason}"
