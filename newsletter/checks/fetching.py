"""One question to a stranger's web server, safely and with an end.

    address --resolve--> numbers --allowed?--> connect to that very number --HEAD, GET--> status
       ^------------------------- redirect, at most five, each looked at anew -----------'

Decisions
- An issue may hold any address, and a server may redirect to any other. Each hop is resolved here, each of
  its numbers must be public, and the connection is made to the number that was looked at: a name that
  changes its mind between the two (DNS rebinding) gains nothing. No proxy, no cookies, no credentials.
- ``http.client`` rather than urllib3 or httpx: those resolve names themselves.
- A deadline for the whole answer, also against a server that sends one byte every few seconds: a timer
  shuts the socket. No body is read.
"""

import contextlib
import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urljoin, urlsplit

__all__ = ["AllowAddress", "Answer", "Forbidden", "NoAnswer", "ask", "is_public"]

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
AllowAddress = Callable[[IPAddress], bool]

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_HOPS: Final = 5
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052: an IPv4 address in the last 32 bits
_TUNNELS: Final = (ipaddress.IPv6Network("64:ff9b:1::/48"), ipaddress.IPv6Network("2001::/32"))
_HEADERS: Final = {
    "User-Agent": "Mozilla/5.0 (compatible; newsletter-check)",
    "Accept": "*/*",
    "Accept-Encoding": "identity",
}
_URL: Final = "%/:=&?~+!$,;'@()*[]|"  # stays as it is in a path and query


class NoAnswer(Exception):  # noqa: N818
    """There was no usable answer; the message says why, in plain words."""


class Forbidden(NoAnswer):
    """The address is not on the public web."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The last answer of a chain of redirects. size: bytes of its body, None if the server does not say."""

    status: int
    url: str
    size: int | None


def ask(url: str, *, seconds: float, allow_address: AllowAddress) -> Answer:
    """Return what a server answers for an address, without reading the body.

    seconds: for everything, redirects included. allow_address: says which numbers may be connected to;
    ``is_public`` except in tests. Raises NoAnswer, and Forbidden for what is not http or not public.
    """
    end = time.monotonic() + seconds
    for _ in range(_HOPS + 1):
        answer, location = _hop(url, end, allow_address)
        if location is None:
            return answer
        url = urljoin(url, location)
    raise NoAnswer(f"it redirects more than {_HOPS} times")


def is_public(address: IPAddress) -> bool:
    """Say whether an address is somebody's on the public internet: not private, local, reserved or multicast.

    >>> is_public(ipaddress.ip_address("10.0.0.1")), is_public(ipaddress.ip_address("9.9.9.9"))
    (False, True)
    """
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
        if address.is_site_local or any(address in network for network in _TUNNELS):
            return False
    return address.is_global and not (
        address.is_private
        or address.is_loopback
        or address.is_link_local
        or address.is_multicast
        or address.is_reserved
        or address.is_unspecified
    )


def _hop(url: str, end: float, allow_address: AllowAddress) -> tuple[Answer, str | None]:
    """Return one server's answer, and where it redirects to, if it does."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        if parts.scheme not in {"http", "https"} or not host:
            raise Forbidden("it is no web address")
        target = _target(host, port or (443 if parts.scheme == "https" else 80), allow_address)
        path = quote(parts.path or "/", _URL) + (f"?{quote(parts.query, _URL)}" if parts.query else "")
        try:
            status, headers = _request("HEAD", parts.scheme, target, path, end)
        except (http.client.HTTPException, ConnectionError):
            status, headers = 0, http.client.HTTPMessage()  # some servers know only GET
        if status == 0 or status >= 400:
            status, headers = _request("GET", parts.scheme, target, path, end)
    except NoAnswer:
        raise
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise NoAnswer(_reason(error)) from error
    size = headers.get("Content-Length") or ""
    location = headers.get("Location") if status in _REDIRECTS else None
    if location is not None:  # http.client reads bytes as Latin-1; addresses are UTF-8
        location = location.encode("latin-1", "replace").decode("utf-8", "replace")
    return Answer(status, url, int(size) if size.isascii() and size.isdigit() else None), location


@dataclass(frozen=True, slots=True)
class _Target:
    """A host by its name, and the number to connect to."""

    host: str
    port: int
    family: socket.AddressFamily
    number: Any  #: as ``socket.connect`` wants it


def _target(host: str, port: int, allow_address: AllowAddress) -> _Target:
    """Return the host's number. Raises Forbidden if any number of the host is not allowed."""
    name = host if host.isascii() else host.encode("idna").decode("ascii")
    found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
    for *_, number in found:
        if not allow_address(ipaddress.ip_address(str(number[0]))):
            raise Forbidden("it leads to a private or reserved address, where no reader can follow")
    family, *_, number = found[0]
    return _Target(name, port, family, number)


def _request(
    method: str, scheme: str, target: _Target, path: str, end: float
) -> tuple[int, http.client.HTTPMessage]:
    connection = _Pinned(target, secure=scheme == "https", end=end)
    try:
        with _cut_off(connection, end):
            connection.request(method, path, headers=_HEADERS)
            answer = connection.getresponse()
            answer.close()
        return answer.status, answer.headers
    finally:
        connection.close()


class _Pinned(http.client.HTTPConnection):
    """A connection to the number that was looked at, under the host's name."""

    def __init__(self, target: _Target, *, secure: bool, end: float) -> None:
        super().__init__(target.host, target.port)
        self._target, self._secure, self._end = target, secure, end
        self.default_port = 443 if secure else 80  # left out of the Host header

    def connect(self) -> None:
        """Connect; http.client calls this."""
        raw = socket.socket(self._target.family, socket.SOCK_STREAM)
        self.sock = raw
        raw.settimeout(_left(self._end))
        raw.connect(self._target.number)
        if self._secure:
            context = ssl.create_default_context()
            # the handshake comes after, so that the deadline can reach the socket
            wrapped = context.wrap_socket(raw, server_hostname=self.host, do_handshake_on_connect=False)
            self.sock = wrapped
            wrapped.settimeout(_left(self._end))
            wrapped.do_handshake()


@contextlib.contextmanager
def _cut_off(connection: _Pinned, end: float) -> Iterator[None]:
    """Shut the connection's socket at the end of its time, whatever it is waiting for."""

    def shut() -> None:
        if connection.sock is not None:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)

    timer = threading.Timer(_left(end), shut)
    timer.daemon = True
    timer.start()
    try:
        yield
    except (OSError, http.client.HTTPException) as error:
        if time.monotonic() >= end:
            raise TimeoutError from error
        raise
    finally:
        timer.cancel()
    _left(end)  # a socket that was shut in the middle of the headers looks like their end


def _left(end: float) -> float:
    left = end - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


#: The first that fits names the reason.
_REASONS: Final = (
    (TimeoutError, "it does not answer in time"),
    (socket.gaierror, "there is no such host"),
    (ssl.SSLCertVerificationError, "its certificate is not valid"),
    (ssl.SSLError, "its encryption cannot be used"),
    (ConnectionRefusedError, "it refuses connections"),
    (OSError, "it cannot be reached"),
    (http.client.InvalidURL, "it is no address"),
    (http.client.HTTPException, "it does not speak HTTP"),
)


def _reason(error: Exception) -> str:
    return next((words for kind, words in _REASONS if isinstance(error, kind)), "it is no address")
