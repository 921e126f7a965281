"""Header values of a message, each safe whatever is put in.

A value comes back 7-bit and without line ends, or folded for the wire; nothing a person or a setting
holds can begin a header of its own.
"""

import re
import unicodedata
from collections.abc import Mapping

from newsletter.errors import ConfigError
from newsletter.model import CompiledIssue
from newsletter.personal.values import one_line
from newsletter.senders.wire import (
    encoded_words,
    is_deliverable,
    mailbox,
    phrase,
    split_mailbox,
    wire_address,
)
from newsletter.settings import Settings

__all__ = ["language", "list_headers", "sender_domain", "slug", "subject"]

_WIDTH = 76  # RFC 5322, section 2.1.1 asks for at most 78
_NOT_LABEL = re.compile(r"[^a-z0-9]+")


def subject(text: str) -> str:
    """Return ``Subject: ...`` folded, without the last line end; RFC 2047 when it is not ASCII.

    >>> subject("Individual vs. group"), subject("Grüße")
    ('Subject: Individual vs. group', 'Subject: =?utf-8?b?R3LDvMOfZQ==?=')
    """
    text = one_line(text)
    if not text.isascii() or "=?" in text:
        return "Subject: " + "\r\n ".join(encoded_words(text))
    if len(text) <= _WIDTH - 9:
        return "Subject: " + text
    lines = ["Subject:"]
    for word in text.split(" "):
        if len(word) >= _WIDTH:
            return "Subject: " + "\r\n ".join(encoded_words(text))
        if len(lines[-1]) + 1 + len(word) > _WIDTH:
            lines.append("")
        lines[-1] += " " + word
    return "\r\n".join(lines)


def slug(name: str) -> str:
    """Return a name as one label of a domain, at most 40 characters; "newsletter" when nothing of it is left.

    >>> slug("Ignite: Música & Therapy"), slug("音楽")
    ('ignite-musica-therapy', 'newsletter')
    """
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode("ascii").lower()
    return _NOT_LABEL.sub("-", plain).strip("-")[:40].rstrip("-") or "newsletter"


def sender_domain(settings: Settings) -> str:
    """Return the domain of the From address, in ASCII. Raises ConfigError if mail cannot come from there."""
    sender = wire_address(split_mailbox(settings.newsletter.from_)[1])
    if not is_deliverable(sender):
        raise ConfigError(
            f"[newsletter] from is {settings.newsletter.from_!r}: mail cannot come from there.",
            hint='Write an ASCII address: from = "Name <name@example.org>".',
        )
    return sender.rpartition("@")[2]


def language(issue: CompiledIssue) -> str:
    """Return the issue's language tag for Content-Language (RFC 3282), "" if it is not one."""
    return issue.language if re.fullmatch(r"[A-Za-z0-9]+(-[A-Za-z0-9]+)*", issue.language) else ""


def list_headers(settings: Settings, campaign_key: str) -> Mapping[str, str]:
    """Return what every message of a campaign says about its list, each value on one line.

    Reply-To; List-Id (RFC 2919): it must not change while the newsletter keeps its name, since readers
    filter by it; Feedback-ID (Google's feedback loop): campaign, newsletter, kind of mail, sender.
    Raises ConfigError if mail cannot come from the From address.
    """
    news = settings.newsletter
    label = slug(news.name)
    key = re.sub(r"[^A-Za-z0-9_-]", "", campaign_key) or "none"
    return {
        "Reply-To": mailbox(news.reply_to or news.from_),
        "List-Id": f"{phrase(news.name)} <{label}.{sender_domain(settings)}>".strip(),
        "Feedback-ID": f"{key}:{label[:20]}:newsletter:{label[:15]:-<5}",
    }
