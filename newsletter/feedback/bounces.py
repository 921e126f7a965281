"""What a bounce means: hard, soft, or only an automatic reply.

Decisions. Amazon's own word is taken where it says ``Permanent``: it puts such addresses on its own list. Its
word ``Transient`` is not always: 5.4.4 (no such domain) comes with it, and the enhanced status code decides
(RFC 3463). Codes of class 5 that speak of this message, of its sender or of the moment say nothing about the
mailbox; they are soft. An out-of-office note comes as Transient, General without a status code, and is none.

What is soft for the message's or the sender's sake is not counted towards giving an address up either: a
provider that refuses our server for three months would take all its readers off the list.
Sources: SES Developer Guide, "Contents of event data that Amazon SES publishes to Amazon SNS", Bounce types;
RFC 3463 sections 3.2 to 3.8; listmonk issue 1463 (5.4.4 as Transient).
"""

import re
from typing import Final

from newsletter.store.events import Bounce

__all__ = ["NOT_THE_MAILBOX", "about_the_mailbox", "bounce_kind", "status_of"]

_CODE: Final = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.])")
_REPLY: Final = re.compile(
    r"auto[- ]?(?:matic[- ])?(?:reply|replied|respon)|out of (?:the )?office|vacation|abwesen", re.IGNORECASE
)

#: Class 5, yet not about whether the mailbox exists, as (subject, detail); None for all of a subject.
NOT_THE_MAILBOX: Final[frozenset[tuple[int, int | None]]] = frozenset(
    {
        (1, 7),  # the sender's address is not valid
        (1, 8),  # the sender's domain is not
        (2, 2),  # mailbox full
        (2, 3),  # longer than this mailbox takes
        (3, 1),  # the system is full
        (3, 2),  # the system takes nothing now
        (3, 4),  # too big for the system
        (4, 5),  # congestion
        (4, 7),  # given up after some days
        (5, None),  # protocol
        (6, None),  # content
        (7, None),  # security or policy
    }
)

#: Of those and of class 4, what is about this message or its sender: says nothing about the mailbox at all.
_THE_MESSAGE: Final[frozenset[tuple[int, int | None]]] = frozenset(
    {(1, 7), (1, 8), (2, 3), (3, 4), (5, None), (6, None), (7, None)}
)
_MESSAGE_TYPES: Final = frozenset({"MessageTooLarge", "ContentRejected", "AttachmentRejected"})
_SOFT_TYPES: Final = _MESSAGE_TYPES | {"MailboxFull"}


def status_of(status: str, diagnosis: str) -> str:
    """Return the enhanced status code, "" if there is none: the one given, else that in the diagnosis.

    >>> status_of("", "smtp; 550 5.1.1 user unknown"), status_of("4.2.2", ""), status_of("", "550 no")
    ('5.1.1', '4.2.2', '')
    """
    found = _CODE.search(status) or _CODE.search(diagnosis)
    return found[0] if found else ""


def bounce_kind(type_: str, subtype: str, status: str, diagnosis: str) -> Bounce:
    """Return what a bounce is. type_, subtype: as Amazon calls them. diagnosis: what the server said.

    >>> bounce_kind("Transient", "General", "5.4.4", "smtp; 550 5.4.4 Invalid domain")
    'hard'
    >>> bounce_kind("Transient", "MailboxFull", "5.2.2", ""), bounce_kind("Transient", "General", "", "")
    ('soft', 'reply')
    """
    if type_ == "Permanent":
        return "hard"
    code = status_of(status, diagnosis)
    if not code:
        plain = type_ == "Transient" and subtype == "General"
        return "reply" if (plain and not diagnosis) or _REPLY.search(diagnosis) else "soft"
    if code.startswith("2.") or _REPLY.search(diagnosis):
        return "reply"
    if subtype not in _SOFT_TYPES and code.startswith("5.") and not _is_in(code, NOT_THE_MAILBOX):
        return "hard"
    return "soft"


def about_the_mailbox(detail: str) -> bool:
    """Return whether a soft bounce counts towards giving an address up. detail: as an event keeps it.

    >>> about_the_mailbox("Transient MailboxFull 4.2.2: smtp; 452 4.2.2 mailbox full")
    True
    >>> about_the_mailbox("Transient General 5.7.1: smtp; 550 5.7.1 blocked")
    False
    """
    kind, _, diagnosis = detail.partition(":")
    code = status_of(kind, diagnosis)
    return not (_MESSAGE_TYPES.intersection(kind.split()) or (code and _is_in(code, _THE_MESSAGE)))


def _is_in(code: str, which: frozenset[tuple[int, int | None]]) -> bool:
    _, subject, detail = (int(part) for part in code.split("."))
    return (subject, detail) in which or (subject, None) in which
