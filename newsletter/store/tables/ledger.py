"""The ledger: campaigns, a delivery for each person, approvals, the pace, and where this is at home."""

from sqlalchemy import (
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from newsletter.store.tables.base import Id, Instant, metadata

__all__ = ["approvals", "campaigns", "deliveries", "limits", "meta", "sums"]

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
    # which process delivers it now, so that another one need not; no lock: the ledger's claims are that
    Column("tended_by", String(120), nullable=True),
    Column("tended_until", Instant, nullable=True),
    # since when the row of the issue in `sums` speaks for its deliveries and events, which are gone or going
    Column("compacted_at", Instant, nullable=True),
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
    Index(
        "ix_deliveries_uncertain",
        "campaign_id",
        "id",
        sqlite_where=text("state = 'uncertain'"),
        postgresql_where=text("state = 'uncertain'"),
    ),
)

#: What deliveries and events said of an old issue, before they were removed (store/compacting.py).
sums = Table(
    "sums",
    metadata,
    Column("slug", String(200), primary_key=True),
    Column("at", Instant, nullable=False),
    Column("figures", Text, nullable=False),  # JSON: store/sums.py
    Column("emptied_at", Instant, nullable=True),  # when the last of its rows was removed
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

#: home, epoch: the restored-copy guard (store/guard.py).
meta = Table(
    "meta", metadata, Column("key", String(32), primary_key=True), Column("value", Text, nullable=False)
)
