"""The tables, as SQLAlchemy Core sees them. Migrations make them; this is what queries are written with.

    subscribers --< subscriber_tags        campaigns --< deliveries >-- subscribers
        |--< consent_events                meta: one row a key (home, epoch, ...)
        `--< import_changes >-- import_batches
    suppressions (by email_key, or its keyed hash; outlives the subscriber)

The promises are constraints: one row per campaign and subscriber, one per campaign and address.
"""

from datetime import UTC, datetime

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    Dialect,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

__all__ = [
    "approvals",
    "campaigns",
    "consent_events",
    "deliveries",
    "import_batches",
    "import_changes",
    "limits",
    "meta",
    "metadata",
    "request_limits",
    "signups",
    "subscriber_fields",
    "subscriber_tags",
    "subscribers",
    "suppressions",
]

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

#: SQLite numbers rows by itself only when the key is INTEGER.
Id = BigInteger().with_variant(Integer, "sqlite")

#: PostgreSQL compares and searches JSONB without parsing it again for each row.
Json = JSON().with_variant(JSONB(), "postgresql")


class Instant(TypeDecorator[datetime]):
    """An aware UTC datetime in and out, on SQLite (which forgets the zone) and PostgreSQL alike."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive datetimes; store UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant needs a time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give UTC back."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


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

campaigns = Table(
    "campaigns",
    metadata,
    Column("id", Id, primary_key=True),
    Column("key", String(16), nullable=False, unique=True),  # opaque; the tag and part of signed links
    Column("slug", String(200), nullable=False),
    Column("segment", String(200), nullable=False, server_default=""),  # "" is everyone
    Column("state", String(12), nullable=False),
    Column("reason", Text, nullable=False, server_default=""),  # why paused
    Column("content", LargeBinary, nullable=False),  # CompiledIssue.to_json(), UTF-8, zlib
    Column("content_hash", String(64), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("started_at", Instant, nullable=True),
    Column("finished_at", Instant, nullable=True),
    # the frozen audience: subscribers up to `ceiling` belong; rows exist up to `planned_through`
    Column("ceiling", Id, nullable=False),
    Column("planned_through", Id, nullable=False, server_default="0"),
    Column("candidates", Id, nullable=False, server_default="0"),
    # an issue goes to a segment once; a cancelled send may be begun anew, and skips whoever had it
    Index(
        "uq_campaigns_slug_segment",
        "slug",
        "segment",
        unique=True,
        sqlite_where=text("state <> 'cancelled'"),
        postgresql_where=text("state <> 'cancelled'"),
    ),
    # one send of an issue at a time: the next one skips whoever had it from an earlier campaign
    Index(
        "uq_campaigns_open_slug",
        "slug",
        unique=True,
        sqlite_where=text("state NOT IN ('finished', 'cancelled')"),
        postgresql_where=text("state NOT IN ('finished', 'cancelled')"),
    ),
    CheckConstraint("state IN ('planning', 'sending', 'paused', 'finished', 'cancelled')", name="state"),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Id, primary_key=True),
    Column("campaign_id", Id, ForeignKey("campaigns.id"), nullable=False),
    Column("subscriber_id", Id, nullable=False),  # no foreign key: the ledger outlives the subscriber
    Column("email_key", String(320), nullable=False),
    Column("state", String(10), nullable=False),
    Column("reason", Text, nullable=False, server_default=""),
    Column("attempt", Integer, nullable=False, server_default="0"),
    Column("not_before", Instant, nullable=True),
    Column("call_id", String(32), nullable=True),
    Column("claimed_by", String(120), nullable=True),
    Column("lease_until", Instant, nullable=True),
    Column("message_id", String(120), nullable=True),
    Column("updated_at", Instant, nullable=False),
    UniqueConstraint("campaign_id", "subscriber_id"),
    UniqueConstraint("campaign_id", "email_key"),
    CheckConstraint("state IN ('queued', 'sending', 'sent', 'failed', 'uncertain', 'skipped')", name="state"),
    # Used only by statements that repeat the predicate as a literal (see store/deliveries.py).
    Index(
        "ix_deliveries_queued",
        "campaign_id",
        "id",
        sqlite_where=text("state = 'queued'"),
        postgresql_where=text("state = 'queued'"),
    ),
    Index(
        "ix_deliveries_sending",
        "campaign_id",
        "id",
        sqlite_where=text("state = 'sending'"),
        postgresql_where=text("state = 'sending'"),
    ),
)

approvals = Table(
    "approvals",
    metadata,
    Column("id", Id, primary_key=True),
    Column("slug", String(200), nullable=False, index=True),
    Column("kind", String(10), nullable=False),  # approved, tested
    Column("content_hash", String(64), nullable=False),
    Column("content", LargeBinary, nullable=True),  # of what was approved: frozen, as in campaigns
    Column("segment", String(200), nullable=False, server_default=""),
    Column("at", Instant, nullable=False),
)

#: The pace that all senders of an account in a Region share (store/limits.py). Times: seconds since 1970.
limits = Table(
    "limits",
    metadata,
    Column("key", String(200), primary_key=True),
    Column("tokens", Double, nullable=False),  # recipients that may go at once, as of `at`
    Column("at", Double, nullable=False),
    Column("rate", Double, nullable=False),  # recipients a second, when tokens were last taken
    Column("share", Double, nullable=False, server_default="1"),  # of the granted rate, as of `slowed_at`
    Column("slowed_at", Double, nullable=False, server_default="0"),  # when the provider last throttled
    Column("left_today", Double, nullable=True),  # of the daily quota; NULL for no limit
)

#: Sign-ups that wait for their confirmation (store/signups.py): one a person, the newest.
signups = Table(
    "signups",
    metadata,
    Column("subscriber_id", Id, ForeignKey("subscribers.id", ondelete="CASCADE"), primary_key=True),
    Column("code", String(16), nullable=False),  # in the link that confirms this sign-up, and no other
    Column("at", Instant, nullable=False),
    Column("name", Text, nullable=False, server_default=""),
)

#: Who asks how often (store/signups.py). key: a keyed hash, never an address. until: seconds since 1970.
request_limits = Table(
    "request_limits",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("until", Double, nullable=False, index=True),
)

#: home, epoch: the restored-copy guard (store/guard.py).
meta = Table(
    "meta", metadata, Column("key", String(32), primary_key=True), Column("value", Text, nullable=False)
)
