"""Subscribers: what they agreed to, and what a template may know about one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

__all__ = ["Person", "SubscriberStatus"]


class SubscriberStatus(StrEnum):
    """What a subscriber has agreed to. Only ``confirmed`` people are mailed."""

    PENDING = "pending"  #: signed up, has not yet confirmed (double opt-in)
    CONFIRMED = "confirmed"  #: said yes, and it can be proved
    UNSUBSCRIBED = "unsubscribed"  #: said no; an import never overrules it
    BOUNCED = "bounced"  #: the mailbox does not exist
    COMPLAINED = "complained"  #: pressed "this is spam"; treated as unsubscribed, for ever


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """What a template may know about one subscriber.

    id: the subscriber's row; email: as mailed; attributes: custom fields, JSON values only.
    """

    id: int
    email: str
    name: str = ""
    attributes: Mapping[str, Any] = field(default_factory=dict)
    tags: Sequence[str] = ()

    def fields(self) -> dict[str, Any]:
        """Return what ``subscriber`` is in a template: the custom attributes and the built-in fields.

        first_name is the custom attribute of that name, or the first word of ``name``.

        >>> Person(id=1, email="ada@example.org", name="Ada Byron").fields()["first_name"]
        'Ada'
        """
        words = self.name.split()
        return {
            "first_name": words[0] if words else "",
            "last_name": words[-1] if len(words) > 1 else "",
            **self.attributes,
            "email": self.email,
            "name": self.name,
            "tags": list(self.tags),
        }
