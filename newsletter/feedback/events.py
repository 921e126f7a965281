"""Reading what Amazon SES reports: one body in, an Event for each person it is about out.

    SNS envelope or the message alone  ->  eventType or notificationType  ->  Events

Decisions
- A mail of ours has one recipient, and the report may name another: the mailbox that theirs forwards to. So
  where the mail went to one address only, the report is about that one.
- A report about several people (other mail of the account) is kept for each of them without the others, so
  that one can be forgotten.
- Two reports are the same if message, kind, recipient and Amazon's own id of it (feedbackId), else its time,
  are; a recipient's address is part of that only where there are several.
- A body is hostile: no field need be there or be what it should. What cannot be read is ``Unreadable``.

Sources: SES Developer Guide, "Contents of event data that Amazon SES publishes to Amazon SNS" and "Amazon SNS
notification contents for Amazon SES".
"""

import hashlib
import json
import re
import zlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from newsletter.feedback.bounces import bounce_kind, status_of
from newsletter.feedback.machines import machine_sign
from newsletter.model import EventKind
from newsletter.senders.outcomes import without_addresses
from newsletter.senders.wire import wire_address
from newsletter.store.events import Event

__all__ = ["Unreadable", "email_key", "message_of", "read_events", "read_message"]

_KINDS: Final[Mapping[str, EventKind]] = {
    "Send": EventKind.SEND,
    "Delivery": EventKind.DELIVERY,
    "DeliveryDelay": EventKind.DELIVERY_DELAY,
    "Bounce": EventKind.BOUNCE,
    "Complaint": EventKind.COMPLAINT,
    "Reject": EventKind.REJECT,
    "Rendering Failure": EventKind.RENDERING_FAILURE,
    "Open": EventKind.OPEN,
    "Click": EventKind.CLICK,
    "Subscription": EventKind.SUBSCRIPTION,
}
#: Where each kind has what it says, and who it is about.
_PARTS: Final[Mapping[EventKind, tuple[str, str]]] = {
    EventKind.SEND: ("send", ""),
    EventKind.DELIVERY: ("delivery", "recipients"),
    EventKind.DELIVERY_DELAY: ("deliveryDelay", "delayedRecipients"),
    EventKind.BOUNCE: ("bounce", "bouncedRecipients"),
    EventKind.COMPLAINT: ("complaint", "complainedRecipients"),
    EventKind.REJECT: ("reject", ""),
    EventKind.RENDERING_FAILURE: ("failure", ""),
    EventKind.OPEN: ("open", ""),
    EventKind.CLICK: ("click", ""),
    EventKind.SUBSCRIPTION: ("subscription", ""),
}
_MOST_RECIPIENTS: Final = 50  # that a mail of SES may have
_NAMED: Final = re.compile(r"[^<>]*<([^<>]*)>\s*")
_KEY: Final = re.compile(r"[^\s@<>,;]+@[^\s@<>,;]+")
_DIGITS: Final = re.compile(r"[0-9]{1,18}", re.ASCII)
_UNWRITABLE: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
_TOKEN: Final = re.compile(r"\b([a-z])\.\d{1,19}\.[\w-]{0,32}\.[\w-]{20,90}", re.ASCII)


class Unreadable(ValueError):  # noqa: N818
    """A body that is no event of Amazon SES. Its text says why, and quotes nothing of it.

    notice: it is something else that is known to come this way, and needs no attention.
    """

    def __init__(self, why: str, *, notice: bool = False) -> None:
        super().__init__(why)
        self.notice = notice


def read_events(body: str) -> list[Event]:
    """Return the events in a body from a queue, with or without SNS's envelope. Raises Unreadable."""
    outer = _object(body)
    if "Type" in outer and "TopicArn" in outer:
        return read_message(message_of(outer))
    return _events(outer, body)


def message_of(envelope: Mapping[str, Any]) -> str:
    """Return the message in an envelope of SNS. Raises Unreadable if it carries none."""
    kind, message = envelope.get("Type"), envelope.get("Message")
    if kind != "Notification" or not isinstance(message, str):
        raise Unreadable("a notice of SNS itself", notice=kind != "Notification")
    return message


def read_message(message: str) -> list[Event]:
    """Return the events in a message of SES. Raises Unreadable."""
    if message.startswith("Successfully validated SNS topic"):
        raise Unreadable("the note that a topic was connected", notice=True)
    return _events(_object(message), message)


def email_key(address: object) -> str:
    """Return the email_key of an address as SES writes it, "" if it is none.

    >>> email_key("Ada <Ada@Example.org>"), email_key("ada"), email_key(None)
    ('ada@example.org', '', '')
    """
    if not isinstance(address, str) or len(address) > 1000:
        return ""
    named = _NAMED.fullmatch(address)
    bare = (named[1] if named else address).strip()
    if not bare.isascii():
        local, _, domain = bare.rpartition("@")
        ascii_domain = wire_address(f"x@{domain}").rpartition("@")[2]
        bare = f"{local}@{ascii_domain}"
    bare = bare.lower()
    fits = len(bare) <= 320 and _KEY.fullmatch(bare) and not _UNWRITABLE.search(bare) and "\\" not in bare
    return bare if fits else ""


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise Unreadable("not JSON") from None
    if not isinstance(found, dict):
        raise Unreadable("not a JSON object")
    return found


def _events(report: Mapping[str, Any], text: str) -> list[Event]:
    name = report.get("eventType", report.get("notificationType"))
    if not isinstance(name, str):
        raise Unreadable("no event of Amazon SES")
    kind = _KINDS.get(name)
    if kind is None:
        is_test = name == "AmazonSnsSubscriptionSucceeded"
        raise Unreadable("a kind of event that is not known here", notice=is_test)
    mail = _dict(report.get("mail"))
    message_id = _words(mail.get("messageId"), 120)
    if not message_id:
        raise Unreadable("an event without the id of a message")
    part_name, list_name = _PARTS[kind]
    part = _dict(report.get(part_name))
    sent_at = _instant(mail.get("timestamp"))
    at = _instant(part.get("timestamp")) or sent_at
    tags = _dict(mail.get("tags"))
    alone, people = _people(mail, part, list_name)
    raw = text if alone else ""
    found = []
    for key, entry in people:
        found.append(
            Event(
                dedupe=_dedupe(kind, message_id, part, at, "" if alone else key),
                kind=kind,
                at=at,
                message_id=message_id,
                recipient=key,
                campaign=_words(_first(tags.get("campaign")), 16),
                delivery=_number(_first(tags.get("delivery"))),
                raw=_packed(raw or _only(report, part_name, list_name, key, entry)),
                **_said(kind, part, entry, at, sent_at),
            )
        )
    return found


# -- who it is about --------------------------------------------------------------------------------


def _people(
    mail: Mapping[str, Any], part: Mapping[str, Any], list_name: str
) -> tuple[bool, list[tuple[str, Mapping[str, Any]]]]:
    """Return whether the mail went to one person, and whom a report is about with what it says of each."""
    listed = [each if isinstance(each, dict) else {"emailAddress": each} for each in _list(part, list_name)]
    destinations = list(dict.fromkeys(filter(None, map(email_key, _list(mail, "destination")))))
    named = {key: entry for entry in listed if (key := email_key(entry.get("emailAddress")))}
    if len(destinations) == 1 or not (destinations or len(named) > 1):
        key = destinations[0] if destinations else next(iter(named), "")
        return True, [(key, listed[0] if listed else {})]
    return False, list(named.items()) or [(key, {}) for key in destinations]


def _only(
    report: Mapping[str, Any], part_name: str, list_name: str, key: str, entry: Mapping[str, Any]
) -> str:
    """Return a report about several people as one about one of them."""
    mail = _dict(report.get("mail"))
    kept = {name: mail[name] for name in ("timestamp", "messageId", "source", "tags") if name in mail}
    part = dict(_dict(report.get(part_name)))
    if list_name:
        part[list_name] = [dict(entry)] if entry else []
    name = "eventType" if "eventType" in report else "notificationType"
    return json.dumps({name: report[name], "mail": {**kept, "destination": [key]}, part_name: part})


def _dedupe(kind: EventKind, message_id: str, part: Mapping[str, Any], at: datetime | None, who: str) -> str:
    """Return what is the same for two reports of one thing, as a SHA-256 in hex."""
    own = _words(part.get("feedbackId"), 200) or (at.isoformat() if at else "")
    # a program opens and clicks several times in a millisecond
    more = [_words(part.get(name), 2000) for name in ("link", "ipAddress", "userAgent")]
    plain = json.dumps([message_id, kind.value, own, who, *more])
    return hashlib.sha256(plain.encode("utf-8", "replace")).hexdigest()


# -- what it says -----------------------------------------------------------------------------------


def _said(
    kind: EventKind,
    part: Mapping[str, Any],
    entry: Mapping[str, Any],
    at: datetime | None,
    sent_at: datetime | None,
) -> dict[str, Any]:
    """Return the fields of an Event that differ by kind."""
    status, diagnosis = _words(entry.get("status"), 40), _words(entry.get("diagnosticCode"), 2000)
    if kind is EventKind.BOUNCE:
        type_, subtype = _words(part.get("bounceType"), 40), _words(part.get("bounceSubType"), 60)
        what = " ".join(filter(None, (type_, subtype, status_of(status, diagnosis))))
        detail = f"{what}: {diagnosis}" if diagnosis else what
        return {"bounce": bounce_kind(type_, subtype, status, diagnosis), "detail": _detail(detail)}
    if kind in {EventKind.OPEN, EventKind.CLICK}:
        sign = machine_sign(_words(part.get("userAgent"), 500), at, sent_at)
        link = _TOKEN.sub(r"\1.(token)", _words(part.get("link"), 2000))
        return {"machine": bool(sign), "detail": sign, "link": link}
    words: Sequence[object] = {
        EventKind.COMPLAINT: (part.get("complaintFeedbackType"), part.get("complaintSubType")),
        EventKind.DELIVERY: (part.get("smtpResponse"),),
        EventKind.DELIVERY_DELAY: (part.get("delayType"), status, diagnosis),
        EventKind.REJECT: (part.get("reason"),),
        EventKind.RENDERING_FAILURE: (part.get("errorMessage"),),
        EventKind.SUBSCRIPTION: (part.get("source"),),
    }.get(kind, ())
    return {"detail": _detail(", ".join(filter(None, (_words(word, 1000) for word in words))))}


def _detail(text: str) -> str:
    return without_addresses(text)


# -- fields that may be anything --------------------------------------------------------------------


def _dict(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(holder: Mapping[str, Any], name: str) -> list[Any]:
    value = holder.get(name) if name else None
    return value[:_MOST_RECIPIENTS] if isinstance(value, list) else []


def _first(value: object) -> object:
    return value[0] if isinstance(value, list) and value else None


def _words(value: object, longest: int) -> str:
    """Return a text on one line that any database takes, "" for what is none."""
    if not isinstance(value, str):
        return ""
    return " ".join(_UNWRITABLE.sub(" ", value[: 2 * longest]).split())[:longest]


def _number(value: object) -> int | None:
    return int(value) if isinstance(value, str) and _DIGITS.fullmatch(value) else None


def _instant(value: object) -> datetime | None:
    """Return an instant in UTC, None for what is none.

    >>> _instant("2016-10-14T05:02:16.645Z")
    datetime.datetime(2016, 10, 14, 5, 2, 16, 645000, tzinfo=datetime.timezone.utc)
    """
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
        if found is None:
            return None
        at = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return at if at.year >= 2000 else None


def _packed(text: str) -> bytes:
    return zlib.compress(text.encode("utf-8", "replace"))
