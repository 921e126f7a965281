"""Fetching a small thing from Amazon over https: a certificate, or the confirmation of a subscription."""

import http.client
import ssl
from typing import Final
from urllib.parse import urlsplit

__all__ = ["fetch"]

_SECONDS: Final = 10
_MOST_BYTES: Final = 64 * 1024


def fetch(url: str) -> bytes:
    """Return what an https address holds. It follows nobody elsewhere.

    Raises LookupError if it answers with anything but 200 or with too much, OSError if it does not answer.
    """
    parts = urlsplit(url)
    if parts.scheme != "https" or parts.hostname is None:
        raise LookupError("not an https address")
    connection = http.client.HTTPSConnection(
        parts.hostname, parts.port, timeout=_SECONDS, context=ssl.create_default_context()
    )
    try:
        connection.request("GET", f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}")
        answer = connection.getresponse()
        found = answer.read(_MOST_BYTES + 1)
    except http.client.HTTPException as error:
        raise OSError(f"no answer that can be read: {type(error).__name__}") from error
    finally:
        connection.close()
    if answer.status != 200 or len(found) > _MOST_BYTES:
        raise LookupError(f"answered {answer.status}")
    return found
