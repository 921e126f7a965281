"""States of a send and of each mail, what the provider answers and reports, and what is handed over to it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from newsletter.model.issue import Image

__all__ = [
    "NEXT",
    "BulkTemplate",
    "CampaignState",
    "DeliveryState",
    "Effect",
    "EventKind",
    "Letter",
    "Outcome",
    "OutcomeKind",
]


class CampaignState(StrEnum):
    """Where one issue's one send stands."""

    PLANNING = "planning"  #: the audience is being frozen into delivery rows
    SENDING = "sending"  #: all rows are there; a sender is at work or may go on
    PAUSED = "paused"  #: stopped by the owner or by us; `resume` goes on
    FINISHED = "finished"  #: nothing is queued or in flight any more
    CANCELLED = "cancelled"  #: given up by the owner; what was queued is skipped


class DeliveryState(StrEnum):
    """Where one campaign's mail to one subscriber stands."""

    QUEUED = "queued"  #: to be sent, perhaps not before a given time
    SENDING = "sending"  #: claimed, committed before a byte left
    SENT = "sent"  #: accepted by the provider, which gave it a message id
    FAILED = "failed"  #: refused for good
    UNCERTAIN = "uncertain"  #: nobody knows whether it left; never resent by itself
    SKIPPED = "skipped"  #: not mailed, for a reason: unsubscribed, suppressed, ...


#: Each state and what may follow it. ``uncertain`` moves only on evidence or on the owner's word; what
#: did not go is queued again only by her ``catch-up``.
NEXT: Final[Mapping[DeliveryState, frozenset[DeliveryState]]] = {
    DeliveryState.QUEUED: frozenset({DeliveryState.SENDING, DeliveryState.SKIPPED}),
    DeliveryState.SENDING: frozenset(
        {DeliveryState.SENT, DeliveryState.FAILED, DeliveryState.UNCERTAIN, DeliveryState.QUEUED}
    ),
    DeliveryState.UNCERTAIN: frozenset({DeliveryState.SENT, DeliveryState.QUEUED}),
    DeliveryState.SENT: frozenset(),
    DeliveryState.FAILED: frozenset({DeliveryState.QUEUED}),
    DeliveryState.SKIPPED: frozenset({DeliveryState.QUEUED}),
}


class OutcomeKind(StrEnum):
    """What one attempt to hand over one message came to."""

    ACCEPTED = "accepted"  #: the provider has it and gave a message id
    REFUSED_RETRY = "refused-retry"  #: definitely not taken; may be tried again
    REFUSED_FINAL = "refused-final"  #: definitely not taken, and never will be
    UNKNOWN = "unknown"  #: nobody can tell


class Effect(StrEnum):
    """What an outcome means for the rest of the run."""

    NONE = "none"  #: go on
    SLOW = "slow"  #: over the account's rate: halve it
    PARK = "park"  #: over the daily quota: wait until it frees
    SPLIT = "split"  #: one entry spoils the whole call: try smaller calls
    HALT = "halt"  #: the account or the set-up cannot send: stop and tell the owner


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """One message's outcome. reason: for people; never holds an address."""

    kind: OutcomeKind
    message_id: str = ""
    reason: str = ""
    effect: Effect = Effect.NONE


class EventKind(StrEnum):
    """What the provider reports about one mail to one person."""

    SEND = "send"  #: SES has taken it and will try
    DELIVERY = "delivery"  #: the recipient's server took it
    DELIVERY_DELAY = "delivery-delay"  #: it will be tried again
    BOUNCE = "bounce"
    COMPLAINT = "complaint"
    REJECT = "reject"  #: SES took it, found a virus in it, and does not send it
    RENDERING_FAILURE = "rendering-failure"  #: SES took it and cannot make a mail of it
    OPEN = "open"
    CLICK = "click"
    SUBSCRIPTION = "subscription"  #: of SES's own lists, which we do not use


@dataclass(frozen=True, kw_only=True, slots=True)
class BulkTemplate:
    """What all letters of a bulk call share: Handlebars sources whose only markup is ``{{name}}``.

    defaults: values for names that a letter does not give. headers: the same for all.
    """

    subject: str
    html: str
    text: str
    headers: Mapping[str, str]
    defaults: Mapping[str, str]
    images: Sequence[Image] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Letter:
    """One recipient's message, ready to hand over.

    tags: opaque ids (``campaign``, ``delivery``, ``attempt``), never an address.
    Raw senders use ``mime`` (the whole message, CRLF). Bulk senders use ``template`` (the same object
    for every letter of a call), ``values`` and ``headers``.
    """

    to: str
    tags: Mapping[str, str]
    mime: bytes = field(default=b"", repr=False)
    template: BulkTemplate | None = field(default=None, repr=False)
    values: Mapping[str, str] = field(default_factory=dict, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
