"""What goes out of the ledger to a call, and what comes back: values only.

No SQLAlchemy here: the processes that make calls never open the database, and start the sooner for it.
"""

from dataclasses import dataclass
from datetime import datetime

import orjson

from newsletter.model import DeliveryState, Person

__all__ = ["Call", "Claimed", "Settled", "on_the_wire", "read_people"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Claimed:
    """A delivery that is ours to send. attempt counts from 1."""

    id: int
    subscriber_id: int
    attempt: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """What one claim took: the rows for one call to the provider, and how many had to be skipped."""

    call_id: str
    lease_until: datetime
    rows: tuple[Claimed, ...]
    skipped: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Settled:
    """Where a claimed delivery goes.

    reason: for people, without an address. not_before: of a queued one, the earliest next try.
    counted: whether this attempt counts against the limit of attempts.
    """

    id: int
    state: DeliveryState
    reason: str = ""
    message_id: str = ""
    not_before: datetime | None = None
    counted: bool = True


def read_people(found: str) -> dict[int, Person]:
    """Return the people of a call by delivery number."""
    return {
        delivery: Person(
            id=number,
            email=on_the_wire(email, key),
            name=name,
            attributes=attributes,
            tags=sorted(tags),
        )
        for delivery, number, email, key, name, attributes, tags in orjson.loads(found)
    }


def on_the_wire(email: str, key: str) -> str:
    """Return the address as it is mailed: an internationalised domain in its ASCII form."""
    return email if email.isascii() else f"{email.rpartition('@')[0]}@{key.rpartition('@')[2]}"
