"""The nouns of the pipeline, one frozen dataclass each.

    Issue -> CompiledIssue -> Campaign -> Delivery            -> Outcome
    written   rendered once    one send    to one subscriber     what the provider answered

True everywhere below:
- An address is kept as the person wrote it; ``email_key`` (lower case, ASCII form of the domain)
  decides whether two are the same person.
- An instant is an aware UTC datetime. Naive ones are refused at the edge.
- A Delivery moves only along ``NEXT``; one that left is never queued again by itself.

Imports nothing from this package but ``errors``. Glossary: README.md.
"""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Self

__all__ = [
    "NEXT",
    "BulkTemplate",
    "CampaignState",
    "CompiledIssue",
    "DeliveryState",
    "Effect",
    "EventKind",
    "Finding",
    "Image",
    "Letter",
    "Level",
    "Outcome",
    "OutcomeKind",
    "Person",
    "Residual",
    "SubscriberStatus",
    "WebCopy",
]


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


@dataclass(frozen=True, kw_only=True, slots=True)
class Residual:
    """What is left of a template once everything that is the same for all people has been rendered.

    source: Jinja with private-use delimiters (``newsletter.personal.fill``), so that literal text is
    never parsed as Jinja. constants: JSON values that the expressions refer to by name.
    """

    source: str
    constants: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Image:
    """A picture of an issue.

    name: file name, unique in the issue. cid: Content-ID without brackets (RFC 2392), under which it travels
    with the message; url: where it is published instead, "" if it travels.
    """

    name: str
    cid: str
    content_type: str
    data: bytes = field(repr=False)
    url: str = ""

    @property
    def src(self) -> str:
        """How the HTML part refers to it."""
        return self.url or f"cid:{self.cid}"


@dataclass(frozen=True, kw_only=True, slots=True)
class WebCopy:
    """What an issue's page on the web says: made from the same Markdown as the mail, without its template.

    body: plain HTML, headings and blocks one after the other. summary: the preheader, as text.
    direction: "ltr" or "rtl".
    """

    body: Residual
    summary: Residual
    author: str = ""
    tags: Sequence[str] = ()
    direction: str = "ltr"


@dataclass(frozen=True, kw_only=True, slots=True)
class CompiledIssue:
    """An issue after Jinja, MJML and premailer have run once; plain JSON when stored.

    subject, html, text: to be filled for each person. fields: the subscriber fields that they use,
    such as ``first_name``. defaulted: those of them that have a default everywhere they are used.
    web: None for an issue that has no page on the web.
    """

    slug: str
    title: str
    language: str  #: BCP 47, such as "en"
    subject: Residual
    html: Residual
    text: Residual
    fields: Sequence[str] = ()
    defaulted: Sequence[str] = ()
    uses_unsubscribe: Sequence[str] = ()  #: the parts ("html", "text") that hold the unsubscribe link
    images: Sequence[Image] = ()
    web: WebCopy | None = None

    def to_json(self) -> str:
        """Return the issue as JSON: the same issue always gives the same text."""
        plain = {
            "slug": self.slug,
            "title": self.title,
            "language": self.language,
            **{
                part: _plain(residual)
                for part, residual in (("subject", self.subject), ("html", self.html), ("text", self.text))
            },
            "fields": list(self.fields),
            "defaulted": list(self.defaulted),
            "uses_unsubscribe": list(self.uses_unsubscribe),
            "images": [
                {
                    "name": image.name,
                    "cid": image.cid,
                    "content_type": image.content_type,
                    "url": image.url,
                    "data": base64.b64encode(image.data).decode("ascii"),
                }
                for image in self.images
            ],
        }
        if self.web is not None:
            plain["web"] = {
                "body": _plain(self.web.body),
                "summary": _plain(self.web.summary),
                "author": self.web.author,
                "tags": list(self.web.tags),
                "direction": self.web.direction,
            }
        return json.dumps(plain, ensure_ascii=False, sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return the issue that ``to_json`` wrote."""
        plain = json.loads(text)
        parts: dict[str, Any] = {part: Residual(**plain.pop(part)) for part in ("subject", "html", "text")}
        images = [
            Image(**{**image, "data": base64.b64decode(image["data"])}) for image in plain.pop("images")
        ]
        web: dict[str, Any] | None = plain.pop("web", None)
        if web is not None:
            web |= {part: Residual(**web[part]) for part in ("body", "summary")}
        return cls(**plain, **parts, images=images, web=WebCopy(**web) if web else None)

    @property
    def embedded(self) -> list[Image]:
        """The pictures that travel with each message; the others are published once."""
        return [image for image in self.images if not image.url]

    @property
    def page(self) -> str:
        """The file name of its page on the web, "" if it has none."""
        return f"{self.slug}.html" if self.web is not None else ""

    @property
    def hash(self) -> str:
        """SHA-256 of the JSON form, in hex: two issues with one hash send the same mail."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()


def _plain(residual: Residual) -> dict[str, Any]:
    return {"source": residual.source, "constants": dict(residual.constants)}


class Level(StrEnum):
    """How grave a finding is. Only errors stop a send."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing that a check found. where: "file:line" or the part; mend: what to do about it."""

    level: Level
    check: str
    where: str
    what: str
    mend: str


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
