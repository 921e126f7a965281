"""Mails to the owner about the schedule: plain text, to her alone, by the same sender as everything else."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Final

from newsletter.model import Letter
from newsletter.personal import headers
from newsletter.ports import Clock
from newsletter.senders.wire import mailbox, split_mailbox, wire_address
from newsletter.settings import Settings
from newsletter.store.schedules import Appointment

__all__ = ["Words", "letter", "missed", "nag", "owner_of", "skipped", "trouble"]

_KEY: Final = "notice"  #: stands where a campaign's key stands in the tags of other mail


@dataclass(frozen=True, kw_only=True, slots=True)
class Words:
    """What a mail to the owner says."""

    subject: str
    body: str


def owner_of(settings: Settings) -> str:
    """Return "Name <address>" of whoever is reminded and warned."""
    return settings.schedule.owner or settings.newsletter.reply_to or settings.newsletter.from_


def letter(settings: Settings, words: Words, clock: Clock) -> Letter:
    """Return the mail to the owner. It says that a program wrote it (RFC 3834), so that none answers.

    Raises ConfigError if mail cannot come from the From address.
    """
    owner, number = owner_of(settings), secrets.token_hex(6)
    to = wire_address(split_mailbox(owner)[1])
    message = EmailMessage(policy=SMTP)
    message["From"] = mailbox(settings.newsletter.from_)
    message["To"] = mailbox(owner)
    message["Date"] = format_datetime(clock())
    message["Message-ID"] = f"<{_KEY}.{number}@{headers.sender_domain(settings)}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(words.body.strip() + "\n", cte="quoted-printable")
    head = f"{headers.subject(words.subject)}\r\n".encode("ascii")
    tags = {"campaign": _KEY, "delivery": f"{_KEY}-{number}", "attempt": "1"}
    return Letter(to=to, tags=tags, mime=head + message.as_bytes())


def nag(newsletter: str, wall: str, left: str, drafts: Sequence[str], withheld: Sequence[str]) -> Words:
    """Return the reminder that nothing is approved for a slot.

    left: "3 days". drafts: issues that are written and not approved. withheld: approved ones that wait for
    the owner's word.
    """
    lines = [
        f"The next issue of {newsletter} is to go on {wall}, in {left}, and none is approved yet.",
        "If it stays so, nothing is sent on that day, and no earlier issue is sent again.",
        "",
    ]
    if drafts:
        lines += ["Not yet approved:", *(f"    newsletter approve {slug}" for slug in drafts), ""]
    else:
        lines += ['Begin one:  newsletter new "Title"', ""]
    lines += _withheld(withheld)
    return Words(subject=f"{newsletter}: no issue is approved for {wall}", body="\n".join(lines))


def skipped(
    newsletter: str, appointment: Appointment, drafts: Sequence[str], withheld: Sequence[str]
) -> Words:
    """Return the news that a slot came and nothing was approved."""
    lines = [
        f"The slot of {newsletter} on {appointment.wall} came, and no issue was approved by then.",
        "Nothing was sent. The next approved issue goes at the next slot, unless you send it before:",
        "",
        *(f"    newsletter send {slug}" for slug in drafts[:3] or ["ISSUE"]),
        "",
        *_withheld(withheld),
    ]
    return Words(subject=f"{newsletter}: nothing was sent on {appointment.wall}", body="\n".join(lines))


def missed(newsletter: str, appointment: Appointment) -> Words:
    """Return the question what to do with an issue whose time went by."""
    why = appointment.reason or "nothing was running that could have sent it"
    lines = [
        f"{appointment.slug} was to go on {appointment.wall}, to {appointment.segment or 'everyone'}.",
        f"It did not: {why}.",
        "Nothing was sent, and nothing will be until you say so.",
        "",
        f"To send it now:            newsletter send {appointment.slug}",
        f"To send it another time:   newsletter schedule add {appointment.slug} WHEN",
        f"To leave it to the slot:   newsletter approve {appointment.slug}",
    ]
    return Words(subject=f"{newsletter}: {appointment.slug} was not sent. What now?", body="\n".join(lines))


def trouble(newsletter: str, slug: str, said: str, hint: str, *, begun: bool) -> Words:
    """Return the news that an issue that is due cannot go, or that its send was stopped by a fault."""
    state = "was stopped before its end" if begun else "is due and cannot go"
    what = "The rest is still queued." if begun else "It is tried again until it is too late for it."
    lines = [f"{slug} {state}:", "", f"    {said}", f"    {hint}", "", what]
    return Words(subject=f"{newsletter}: {slug} {state}", body="\n".join(lines))


def _withheld(slugs: Sequence[str]) -> list[str]:
    if not slugs:
        return []
    return [
        "Approved, but left alone by the slot because they were missed or taken back once:",
        *(f"    newsletter approve {slug}" for slug in slugs),
        "",
    ]
