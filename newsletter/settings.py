"""The workspace and its settings: one typed, frozen object, read once and passed along.

A workspace is a folder with ``newsletter.toml``, ``issues/``, ``templates/`` and ``subscribers/``.
``newsletter.settings_file`` reads them. Each key may be overridden by an environment variable:
``NEWSLETTER_SECTION__KEY``.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Literal

__all__ = ["SETTINGS_FILE", "Settings", "Workspace", "duration"]

SETTINGS_FILE = "newsletter.toml"


@dataclass(frozen=True, kw_only=True)
class Newsletter:
    """``[newsletter]``: who writes, and what every issue says about the sender."""

    name: str  #: the newsletter's name, as readers see it
    from_: str  #: "Name <address>": the From header; the address must be verified with the provider
    reply_to: str = ""  #: where answers go; default: the From address
    unsubscribe_email: str = ""  #: takes "unsubscribe" mails (RFC 2369 mailto form); default: reply_to
    postal_address: str = ""  #: the sender's street address; the law of many countries wants it in each mail
    timezone: str = "UTC"  #: IANA name, such as "Europe/Berlin"; times without an offset are in it
    language: str = "en"  #: BCP 47; the default language of issues
    public_url: str = ""  #: https address where `newsletter serve` is reachable; "" until there is one
    website: str = ""  #: the practice's own site, for the footer and "contact us"
    phone: str = ""  #: shown in "contact us" when given
    brand_color: str = "#2f5d62"  #: six-digit hex colour of buttons and links
    accent_color: str = ""  #: six-digit hex colour of lines and labels; default: brand_color
    logo: str = ""  #: picture file in the workspace, shown above each issue; "" for the name in letters


@dataclass(frozen=True, kw_only=True)
class SenderSettings:
    """``[sender]``: which way mail leaves."""

    kind: Literal["mailbox", "ses"] = "mailbox"  #: mailbox writes .eml files under subscribers/mailbox/


@dataclass(frozen=True, kw_only=True)
class Ses:
    """``[ses]``: Amazon SES. Credentials come from boto3's own chain and are never written here."""

    region: str = ""  #: AWS Region, such as "eu-central-1"; default: boto3's own
    configuration_set: str = ""  #: publishes events about our mail; "" for none
    api: Literal["auto", "raw", "bulk"] = "auto"  #: auto: raw up to 200 mails/s of MaxSendRate, bulk above
    share: float = 0.9  #: part of the account's MaxSendRate that we use, above 0 and at most 1
    quota_reserve: float = 0.05  #: part of the 24-hour quota left to other mail, 0 or more and below 1
    events_queue_url: str = ""  #: SQS queue that carries the events
    event_topics: tuple[str, ...] = ()  #: ARNs of SNS topics whose posts to /events/ses are believed
    price_per_thousand: float = 0.10  #: US dollars for a thousand mails, to say what a send will cost


@dataclass(frozen=True, kw_only=True)
class Database:
    """``[database]``: where people and the ledger live."""

    url: str = ""  #: SQLAlchemy URL; default: sqlite:///subscribers/newsletter.db


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """``[schedule]``: when issues go."""

    slot: str = ""  #: recurring slot, such as "first tuesday 09:00"
    max_late: str = "6h"  #: later than this, the owner is asked instead
    nag: tuple[str, ...] = ("3d", "1d", "2h")  #: reminders before a slot without an approved issue
    cooling_off: str = "5m"  #: wait between the order to send and the first mail
    owner: str = ""  #: address that reminders and warnings go to; default: reply_to, else the From address
    keep_backups: int = 14  #: backups that stay; the oldest are removed
    ping_url: str = ""  #: https address fetched after each round of `newsletter run`, for a watchdog


@dataclass(frozen=True, kw_only=True)
class Tracking:
    """``[tracking]``: Amazon's open and click tracking; off unless the owner wants it."""

    opens: bool = False  #: count opens by a picture
    clicks: bool = False  #: count clicks by redirecting links


@dataclass(frozen=True, kw_only=True)
class Archive:
    """``[archive]``: the web copy."""

    output: str = "out/archive"  #: folder for the static site: what stands at public_url; "" for no archive
    s3_bucket: str = ""  #: publish there, too; "" for the folder only
    comments: bool = True  #: readers may reply under each issue; replies are shown once approved


@dataclass(frozen=True, kw_only=True)
class Safety:
    """``[safety]``: stop before Amazon stops you."""

    canary: int = 200  #: the first deliveries, after which the figures are looked at
    canary_wait: str = "10m"  #: how long to wait for events about them
    max_bounce: float = 0.02  #: stop above this share of hard bounces
    max_complaint: float = 0.001  #: stop above this share of complaints


@dataclass(frozen=True, kw_only=True)
class Web:
    """``[web]``: the pages of `newsletter serve`."""

    offered_tags: tuple[str, ...] = ()  #: tags that readers choose themselves: "tag" or "tag: words for it"
    confirm_within: str = "7d"  #: how long a sign-up may wait for its confirmation
    trusted_proxies: tuple[str, ...] = ()  #: addresses or networks whose X-Forwarded-For is believed


@dataclass(frozen=True, kw_only=True)
class Inbox:
    """``[inbox]``: where "unsubscribe" mails arrive (RFC 2369 mailto form), for `newsletter events pull`."""

    kind: Literal["", "imap", "s3"] = ""  #: imap: a mailbox; s3: a bucket of SES inbound; "": none
    host: str = ""  #: IMAP server, always over TLS; its password comes from NEWSLETTER_IMAP_PASSWORD
    port: int = 993  #: of the IMAP server
    user: str = ""  #: IMAP login
    folder: str = "INBOX"  #: IMAP folder that is read; what was understood is marked as read
    bucket: str = ""  #: S3 bucket
    prefix: str = ""  #: start of the names of its objects, such as "inbound/"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything an owner can choose, one attribute a section of ``newsletter.toml``."""

    newsletter: Newsletter
    sender: SenderSettings = field(default_factory=SenderSettings)
    ses: Ses = field(default_factory=Ses)
    database: Database = field(default_factory=Database)
    segments: Mapping[str, str] = field(default_factory=dict)  #: name = rule, such as "tag:families"
    schedule: Schedule = field(default_factory=Schedule)
    tracking: Tracking = field(default_factory=Tracking)
    archive: Archive = field(default_factory=Archive)
    safety: Safety = field(default_factory=Safety)
    web: Web = field(default_factory=Web)
    inbox: Inbox = field(default_factory=Inbox)

    @property
    def archive_url(self) -> str:
        """The address that the pages of issues stand under, no slash at its end; "" if there are none."""
        base = self.newsletter.public_url.rstrip("/")
        return f"{base}/archive" if base and self.archive.output else ""


@dataclass(frozen=True, kw_only=True)
class Workspace:
    """A folder with a newsletter in it, and what its settings say."""

    root: Path
    settings: Settings

    @property
    def issues(self) -> Path:
        """The folder of issue files."""
        return self.root / "issues"

    @property
    def templates(self) -> Path:
        """The folder of templates, one folder each."""
        return self.root / "templates"

    @property
    def subscribers(self) -> Path:
        """The folder of personal data, never in git."""
        return self.root / "subscribers"

    @property
    def mailbox(self) -> Path:
        """Where the mailbox sender puts its .eml files."""
        return self.subscribers / "mailbox"

    @property
    def backups(self) -> Path:
        """Where backups of the database are."""
        return self.subscribers / "backups"

    @property
    def pictures_url(self) -> str:
        """The address that published pictures stand under, no slash at its end; "" if there is none."""
        base = self.settings.newsletter.public_url.rstrip("/")
        return f"{base}/images" if base else ""

    @property
    def pictures(self) -> Path:
        """The folder of published pictures, when they are not in S3."""
        return self.root / self.settings.archive.output / "images"

    @property
    def database_url(self) -> str:
        """The SQLAlchemy URL of the database."""
        url = self.settings.database.url or "sqlite:///subscribers/newsletter.db"
        scheme, _, path = url.partition(":///")
        if scheme.startswith("sqlite") and path and not path.startswith((":", "/")):
            return f"{scheme}:///{self.root / path}"  # a relative file is in the workspace, wherever we stand
        return url


def duration(text: str) -> timedelta:
    """Return how long "90s", "5m", "6h" or "3d" is.

    Raises ValueError for anything else.

    >>> duration("6h")
    datetime.timedelta(seconds=21600)
    """
    match = re.fullmatch(r"(\d+)([smhd])", text.strip())
    if not match:
        raise ValueError(f"{text!r} is not a time span such as 90s, 5m, 6h or 3d")
    unit = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}[match[2]]
    return timedelta(**{unit: int(match[1])})
