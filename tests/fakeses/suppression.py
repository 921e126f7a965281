"""The account's suppression list: ListSuppressedDestinations, Put-, Get- and DeleteSuppressedDestination.

Source: SES API v2 reference. Addresses are compared in lower case; a page holds ``page_size`` at most.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from urllib.parse import parse_qs, unquote

from tests.fakeses.account import Clock
from tests.fakeses.protocol import Request
from tests.fakeses.refusals import Refusal, bad_request

__all__ = ["SuppressionList"]

_PATH: Final = "/v2/email/suppression/addresses"
_REASONS: Final = {"BOUNCE", "COMPLAINT"}


@dataclass
class SuppressionList:
    """denied: operations that the caller has no permission for. page_size: of each answer, at most."""

    clock: Clock
    denied: set[str] = field(default_factory=set)
    page_size: int = 1000
    _rows: dict[str, tuple[str, float]] = field(default_factory=dict)

    def is_asked(self, request: Request) -> bool:
        """Return whether a request is about it."""
        return request.path == _PATH or request.path.startswith(f"{_PATH}/")

    def answer(self, request: Request) -> tuple[str, Any]:
        """Return the operation and what it answers. Raises Refusal."""
        address = unquote(request.path.removeprefix(_PATH).removeprefix("/")).lower()
        operation = {
            ("GET", False): "ListSuppressedDestinations",
            ("PUT", False): "PutSuppressedDestination",
            ("GET", True): "GetSuppressedDestination",
            ("DELETE", True): "DeleteSuppressedDestination",
        }.get((request.method, bool(address)))
        if operation is None:
            raise Refusal(404, "UnknownOperationException", "No such operation.")
        if operation in self.denied:
            text = f"User: arn:aws:iam::123456789012:user/news is not authorized to perform: ses:{operation}"
            raise Refusal(403, "AccessDeniedException", text)
        if operation == "ListSuppressedDestinations":
            return operation, self._list(parse_qs(request.query))
        if operation == "PutSuppressedDestination":
            self.put(*self._asked(request.body))
            return operation, {}
        if address not in self._rows:
            raise Refusal(404, "NotFoundException", "Email address is not on the suppression list.")
        if operation == "DeleteSuppressedDestination":
            del self._rows[address]
            return operation, {}
        return operation, {"SuppressedDestination": self._row(address)}

    def put(self, address: str, reason: str, *, age: float = 0.0) -> None:
        """Suppress an address. age: how many seconds ago."""
        self._rows[address.lower()] = (reason, self.clock.now() / 1e9 - age)

    def shown(self) -> dict[str, str]:
        """Return reasons, by address."""
        return {address: reason for address, (reason, _) in self._rows.items()}

    def clear(self) -> None:
        """Forget it."""
        self._rows.clear()
        self.denied.clear()

    def _asked(self, body: bytes) -> tuple[str, str]:
        try:
            asked = json.loads(body)
            address, reason = str(asked["EmailAddress"]), str(asked["Reason"])
        except (ValueError, KeyError, TypeError):
            raise bad_request("EmailAddress and Reason are required.") from None
        if reason not in _REASONS or address.count("@") != 1 or not address.isascii():
            raise bad_request("Not an address, or not a reason.")
        return address, reason

    def _list(self, query: Mapping[str, list[str]]) -> dict[str, Any]:
        start = _seconds(query["StartDate"][0]) if "StartDate" in query else 0.0
        size = min(int(query["PageSize"][0]), self.page_size) if "PageSize" in query else self.page_size
        after = query["NextToken"][0] if "NextToken" in query else ""
        wanted = set(query.get("Reason", _REASONS))
        found = sorted(
            address
            for address, (reason, at) in self._rows.items()
            if address > after and at > start and reason in wanted
        )
        page = [self._row(address) for address in found[:size]]
        answer: dict[str, Any] = {"SuppressedDestinationSummaries": page}
        return answer | ({"NextToken": found[size - 1]} if len(found) > size else {})

    def _row(self, address: str) -> dict[str, Any]:
        reason, at = self._rows[address]
        return {"EmailAddress": address, "Reason": reason, "LastUpdateTime": at}


def _seconds(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return datetime.fromisoformat(text).timestamp()
