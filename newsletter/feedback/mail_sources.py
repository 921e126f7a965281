"""Where unsubscribe mails are read: an IMAP mailbox, or a bucket that Amazon SES puts incoming mail into."""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from newsletter.errors import ConfigError
from newsletter.settings import Inbox

__all__ = ["Arrived", "MailSource", "open_source"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Arrived:
    """A mail that has arrived. id: the source's own; raw: its beginning; at: when, by the source's clock."""

    id: str
    raw: bytes = field(repr=False)
    at: datetime


class MailSource(Protocol):
    """Gives mails that nobody has looked at yet, and is told what became of each."""

    @property
    def name(self) -> str:
        """What its bookmark is called, "" if it needs none because it shows each mail but once."""
        ...

    @property
    def place(self) -> str:
        """Where the bookmark belongs now, "" if nothing is to be kept."""
        ...

    def messages(self, after: str = "") -> Generator[Arrived]:
        """Yield the mails behind a bookmark, oldest first, of each at most ``wishes.LONGEST`` bytes.

        Memory holds a few at a time. Close it, or exhaust it, to leave the mailbox. Raises ConfigError or
        SendError if it cannot be read.
        """
        ...

    def done(self, arrived: Arrived, understood: bool) -> None:
        """Mark the mail that was yielded last. Call it once what it asked for is committed."""
        ...


def open_source(inbox: Inbox, env: Mapping[str, str], s3: Callable[[], Any]) -> MailSource:
    """Return where the settings say that unsubscribe mails arrive. Nothing is connected before it is read.

    env: NEWSLETTER_IMAP_PASSWORD, and NEWSLETTER_IMAP_CA_FILE for a server whose certificate a private
    authority signed. s3: makes boto3's ``s3`` client. Raises ConfigError if something is missing.
    """
    if inbox.kind == "imap":
        from newsletter.feedback.imap_inbox import ImapInbox

        return ImapInbox(inbox, env)
    if inbox.kind == "s3":
        from newsletter.feedback.s3_inbox import S3Inbox

        return S3Inbox(inbox, s3)
    raise ConfigError(
        "There is no mailbox for unsubscribe mails.",
        hint='Set kind = "imap" or "s3" under [inbox]; see docs/no-server.md.',
    )
