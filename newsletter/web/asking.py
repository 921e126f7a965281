"""Reading requests: their form, within limits, and whom they come from."""

from collections.abc import Mapping, Sequence
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final
from urllib.parse import parse_qs

from starlette.exceptions import HTTPException
from starlette.requests import Request

__all__ = ["MOST_BYTES", "address_of", "network_of", "read_body", "read_form"]

MOST_BYTES: Final = 16_384  #: of a request's body; the longest form takes a few hundred
_MOST_FIELDS: Final = 200

#: A form: each field's values. Text that is not UTF-8 has replacement characters.
Form = Mapping[str, Sequence[str]]


async def read_body(request: Request, *, whole: bool = True, most: int = MOST_BYTES) -> bytes:
    """Return the body of a request, at most so many bytes of it.

    whole: refuse a longer one, which is HTTPException 413; otherwise the rest is left unread.
    """
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            if whole:
                raise HTTPException(413)
            return body[:most]
    return body


async def read_form(request: Request, *, most: int = MOST_BYTES) -> Form:
    """Return the fields of a form that a page of ours has sent. Raises HTTPException 400, 413 or 415."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = await read_body(request, most=most)
    if kind != "application/x-www-form-urlencoded":
        raise HTTPException(415)
    try:
        return parse_qs(
            body.decode("ascii"), keep_blank_values=True, errors="replace", max_num_fields=_MOST_FIELDS
        )
    except ValueError as error:
        raise HTTPException(400) from error


def address_of(request: Request) -> str:
    """Return the IP address that a request comes from, "" if there is none, as with a Unix socket.

    >>> address_of(Request({"type": "http", "client": ("::ffff:192.0.2.7", 1)}))
    '192.0.2.7'
    """
    try:
        found = ip_address(request.client.host.partition("%")[0] if request.client else "")
    except ValueError:
        return ""
    if isinstance(found, IPv6Address) and found.ipv4_mapped:
        found = found.ipv4_mapped
    return str(found)


def network_of(address: str) -> str:
    """Return the network that one customer of a provider has: an IPv4 address, the first half of an IPv6 one.

    >>> network_of("192.0.2.7"), network_of("2001:db8:1:2:3::4")
    ('192.0.2.7', '2001:db8:1:2::/64')
    """
    return str(ip_network(f"{address}/64", strict=False)) if ":" in address else address
