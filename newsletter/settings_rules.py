"""What settings must keep to, beyond their types."""

import re
from collections.abc import Iterator
from email.utils import parseaddr
from ipaddress import ip_network
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from newsletter.settings import Inbox, Newsletter, Ses, Settings, Web, duration

__all__ = ["Complaint", "contradictions"]

#: section, key, what is wrong, what to do
Complaint = tuple[str, str, str, str]


def contradictions(settings: Settings) -> Iterator[Complaint]:
    """Yield each value that is well-typed and cannot work."""
    yield from _check_newsletter(settings.newsletter)
    yield from _check_ses(settings.ses)
    spans = [("schedule", key, getattr(settings.schedule, key)) for key in ("max_late", "cooling_off")]
    spans += [("schedule", "nag", span) for span in settings.schedule.nag]
    spans += [
        ("safety", "canary_wait", settings.safety.canary_wait),
        ("web", "confirm_within", settings.web.confirm_within),
    ]
    yield from _check_web(settings.web)
    yield from _check_inbox(settings.inbox)
    owner = settings.schedule.owner
    if owner and not _is_mailbox(owner):
        yield "schedule", "owner", f"is {owner!r}, not an address.", 'Write "Name <name@example.org>".'
    ping = settings.schedule.ping_url
    if ping and urlsplit(ping).scheme != "https":
        yield "schedule", "ping_url", f"is {ping!r}, not an https address.", "Copy it from your watchdog."
    if settings.schedule.keep_backups < 1:
        yield "schedule", "keep_backups", f"is {settings.schedule.keep_backups}.", "Keep one at least."
    for section, key, span in spans:
        try:
            duration(span)
        except ValueError:
            yield section, key, f"is {span!r}.", "Write a time span such as 90s, 5m, 6h or 3d."


def _check_newsletter(news: Newsletter) -> Iterator[Complaint]:
    addresses = {"from": news.from_, "reply_to": news.reply_to, "unsubscribe_email": news.unsubscribe_email}
    for key, value in addresses.items():
        if (value or key == "from") and not _is_mailbox(value):
            yield "newsletter", key, f"is {value!r}, not an address.", 'Write "Name <name@example.org>".'
    if news.public_url:
        url = urlsplit(news.public_url)
        local = url.hostname in {"localhost", "127.0.0.1"}
        if not url.hostname or (url.scheme != "https" and not local):
            yield (
                "newsletter",
                "public_url",
                f"is {news.public_url!r}, not an https address.",
                "One-click unsubscribe needs https (RFC 8058).",
            )
    try:
        ZoneInfo(news.timezone)
    except (KeyError, ValueError, OSError):
        yield (
            "newsletter",
            "timezone",
            f"{news.timezone!r} is not known.",
            'Write an IANA name: "Europe/Berlin".',
        )
    for key, value in (("brand_color", news.brand_color), ("accent_color", news.accent_color)):
        if (value or key == "brand_color") and not re.fullmatch(r"#[0-9a-fA-F]{6}", value):
            yield "newsletter", key, f"is {value!r}.", 'Write six hex digits: "#2f5d62".'


def _check_ses(ses: Ses) -> Iterator[Complaint]:
    if not 0 < ses.share <= 1:
        yield "ses", "share", f"is {ses.share}.", "Use a number above 0 and at most 1."
    if not 0 <= ses.quota_reserve < 1:
        yield "ses", "quota_reserve", f"is {ses.quota_reserve}.", "Use a number from 0 to below 1."


def _check_web(web: Web) -> Iterator[Complaint]:
    for proxy in web.trusted_proxies:
        try:
            ip_network(proxy)
        except ValueError:
            yield (
                "web",
                "trusted_proxies",
                f"has {proxy!r}, neither an address nor a network.",
                'Write ["127.0.0.1"] or ["10.0.0.0/8"].',
            )


def _check_inbox(inbox: Inbox) -> Iterator[Complaint]:
    needed = {"imap": ("host", "user"), "s3": ("bucket",), "": ()}
    for key in needed[inbox.kind]:
        if not getattr(inbox, key):
            yield "inbox", key, f"is missing, and kind is {inbox.kind!r}.", f"Set {key} under [inbox]."
    if not 0 < inbox.port < 65536:
        yield "inbox", "port", f"is {inbox.port}.", "IMAP over TLS is at 993."


def _is_mailbox(text: str) -> bool:
    address = parseaddr(text)[1]
    return bool(re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", address)) and not re.search(r"[\r\n]", text)
