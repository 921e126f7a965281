"""Who publishes the archive, and how it looks: what all its pages share."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import Final
from urllib.parse import quote, urlsplit
from zoneinfo import ZoneInfo

from newsletter.archive.words import Words
from newsletter.errors import ConfigError
from newsletter.senders.wire import split_mailbox
from newsletter.settings import Settings, Workspace

__all__ = ["Imprint", "short_hash"]

_LOGOS: Final = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif"}


@dataclass(frozen=True)
class Imprint:
    """The newsletter, for its archive. colours: by name, as ``checks.colours.palette`` returns them."""

    workspace: Workspace
    colours: Mapping[str, str]

    def __post_init__(self) -> None:
        """Raise ConfigError if pages of this newsletter would have no address."""
        if not self.settings.archive_url:
            raise ConfigError(
                "The archive has no address.",
                hint="Set public_url in [newsletter] to where its pages stand, and output in [archive].",
            )

    @property
    def settings(self) -> Settings:
        """The workspace's settings."""
        return self.workspace.settings

    @property
    def base(self) -> str:
        """The public_url, no slash at its end."""
        return self.settings.newsletter.public_url.rstrip("/")

    @property
    def origin(self) -> str:
        """The scheme and host of public_url."""
        parts = urlsplit(self.base)
        return f"{parts.scheme}://{parts.netloc}"

    @cached_property
    def words(self) -> Words:
        """What pages say, in the newsletter's language."""
        return Words(self.settings.newsletter.language, name=self.settings.newsletter.name)

    @cached_property
    def zone(self) -> ZoneInfo:
        """Where the newsletter is at home; its pages show dates as they are there."""
        return ZoneInfo(self.settings.newsletter.timezone)

    @property
    def reply_to(self) -> str:
        """The address that answers go to."""
        news = self.settings.newsletter
        return split_mailbox(news.reply_to or news.from_)[1]

    @cached_property
    def logo(self) -> tuple[str, str, bytes] | None:
        """The logo's name in the archive, its type, its bytes; None if there is none that browsers show."""
        root, name = self.workspace.root.resolve(), self.settings.newsletter.logo
        path = (root / name).resolve()
        kind = _LOGOS.get(path.suffix.lower(), "")
        if not (name and kind and path.is_relative_to(root) and path.is_file()):
            return None
        data = path.read_bytes()
        return f"logo-{short_hash(data)}{path.suffix.lower()}", kind, data

    def day(self, instant: datetime) -> date:
        """Return the date where the newsletter is at home."""
        return instant.astimezone(self.zone).date()

    def mailto(self, title: str) -> str:
        """Return the address that answers an issue by mail (RFC 6068)."""
        return f"mailto:{quote(self.reply_to, safe='@+')}?subject={quote(f'Re: {title}', safe='')}"


def short_hash(data: bytes) -> str:
    """Return what a file's name holds of its content, so that caches may keep it for ever."""
    return hashlib.sha256(data).hexdigest()[:12]
