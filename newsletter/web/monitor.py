"""Figures for a monitor and nobody else: asked directly, from this computer or a trusted address."""

from collections.abc import Callable
from ipaddress import ip_address, ip_network
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from newsletter.settings import Settings
from newsletter.web.asking import address_of

__all__ = ["Monitor"]

#: What proxies add. Who comes through one may be anybody, even where the proxy itself is trusted.
_BY_A_PROXY: Final = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")


class Monitor:
    """The page /metrics."""

    def __init__(self, settings: Settings, figures: Callable[[], tuple[bytes, str]]) -> None:
        """figures: returns the body and its content type."""
        self._trusted = [ip_network(each) for each in settings.web.trusted_proxies]
        self._figures = figures

    def show(self, request: Request) -> Response:
        """GET /metrics. Raises HTTPException 404 for whoever may not see it."""
        if not self._may_see(request):
            raise HTTPException(404)
        body, content_type = self._figures()
        return Response(body, headers={"Content-Type": content_type})

    def _may_see(self, request: Request) -> bool:
        if any(name in request.headers for name in _BY_A_PROXY):
            return False
        address = address_of(request)
        if not address:
            return False
        asking = ip_address(address)
        return asking.is_loopback or any(asking in network for network in self._trusted)
