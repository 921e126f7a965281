"""Subscribers, what they agreed to, and how they came."""

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, String, Table, Text

from newsletter.store.tables.base import Id, Instant, Json, metadata

__all__ = [
    "consent_events",
    "import_batches",
    "import_changes",
    "subscriber_fields",
    "subscriber_tags",
    "subscribers",
    "suppressions",
]

subscribers = Table(
    "subscribers",
    metadata,
    Column("id", Id, primary_key=True),
    Column("email", String(320), nullable=False),  # as the person wrote it
    Column("email_key", String(320), nullable=False, unique=True),  # lower case, ASCII domain: identity
    Column(
        "sendable", Integer, nullable=False, server_default="1"
    ),  # 0: local part needs SMTPUTF8, SES has none
    Column("status", String(12), nullable=False),
    Column("name", Text, nullable=False, server_default=""),
    Column("tz", String(64), nullable=False, server_default=""),
    Column("attributes", Json, nullable=False, server_default="{}"),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("paused_until", Instant, nullable=True),  # the person's own wish; NULL or past: mailed as usual
    CheckConstraint(
        "status IN ('pending', 'confirmed', 'unsubscribed', 'bounced', 'complained')", name="status"
    ),
    # a number is never given twice: the links in mail that is out there name people by it
    sqlite_autoincrement=True,
)

subscriber_tags = Table(
    "subscriber_tags",
    metadata,
    Column("tag", String(64), primary_key=True),
    Column("subscriber_id", Id, ForeignKey("subscribers.id", ondelete="CASCADE"), primary_key=True),
    Index("ix_subscriber_tags_subscriber_id", "subscriber_id"),
    sqlite_with_rowid=False,
)

#: The names of custom attributes in use, so that a misspelt merge field is found without a scan.
subscriber_fields = Table("subscriber_fields", metadata, Column("name", String(64), primary_key=True))

consent_events = Table(
    "consent_events",
    metadata,
    Column("id", Id, primary_key=True),
    Column("subscriber_id", Id, ForeignKey("subscribers.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("kind", String(32), nullable=False),  # added, imported, confirmed, unsubscribed, ...
    Column("at", Instant, nullable=False),
    Column("how", String(32), nullable=False),  # cli, import, form, one-click, mailto, ...
    Column("ip", String(45), nullable=False, server_default=""),
    Column("source", Text, nullable=False, server_default=""),  # in words: where the consent came from
    Column("text_version", String(64), nullable=False, server_default=""),
    Column("batch_id", Id, ForeignKey("import_batches.id"), nullable=True),
)

import_batches = Table(
    "import_batches",
    metadata,
    Column("id", Id, primary_key=True),
    Column("file", Text, nullable=False),
    Column("source", Text, nullable=False, server_default=""),
    Column("at", Instant, nullable=False),
    Column("counts", Json, nullable=False, server_default="{}"),
    Column("new_fields", Json, nullable=False, server_default="[]"),  # custom fields unknown before
    Column("undone_at", Instant, nullable=True),
)

#: What an import changed, so that it can be undone: how people were before it. Written by the import itself.
import_changes = Table(
    "import_changes",
    metadata,
    Column("subscriber_id", Id, primary_key=True, autoincrement=False),
    Column("batch_id", Id, ForeignKey("import_batches.id"), primary_key=True, autoincrement=False),
    Column("kind", String(8), nullable=False),  # new (all that follows is NULL), updated
    Column("name", Text, nullable=True),
    Column("attributes", Json, nullable=True),
    Column("status", String(12), nullable=True),
    Column("updated_at", Instant, nullable=True),
    Column("tags", Json, nullable=True),  # those that the import gave
    CheckConstraint("kind IN ('new', 'updated')", name="kind"),
    sqlite_with_rowid=False,
)

suppressions = Table(
    "suppressions",
    metadata,
    Column("email_key", String(320), primary_key=True),  # or "hmac:…" of somebody who asked to be forgotten
    Column("reason", String(32), nullable=False),  # bounce, complaint, owner, forgotten
    Column("at", Instant, nullable=False),
    Column("detail", Text, nullable=False, server_default=""),
)
