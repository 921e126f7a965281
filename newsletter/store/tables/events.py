"""What the provider reported: a row for each event and recipient, joined to the ledger by our tags."""

from sqlalchemy import CheckConstraint, Column, Index, Integer, LargeBinary, String, Table, Text

from newsletter.store.tables.base import Id, Instant, metadata

__all__ = ["events"]

events = Table(
    "events",
    metadata,
    Column("id", Id, primary_key=True),
    Column("dedupe", String(64), nullable=False, unique=True),  # of what makes two reports the same event
    Column("kind", String(20), nullable=False),
    Column("at", Instant, nullable=False),  # when it happened, as the provider says
    Column("received_at", Instant, nullable=False),
    Column("message_id", String(120), nullable=False),
    # from our own tags; no foreign keys, and no proof that such rows exist: the sender of an event is hostile
    Column("campaign_id", Id, nullable=True),
    Column("delivery_id", Id, nullable=True),
    Column(
        "email_key", String(320), nullable=False, server_default=""
    ),  # the recipient; "hmac:…" if forgotten
    Column("bounce", String(8), nullable=False, server_default=""),  # of bounces: hard, soft, reply
    Column("detail", Text, nullable=False, server_default=""),  # subtype, status and diagnosis, no address
    Column("link", Text, nullable=False, server_default=""),  # of clicks
    Column("machine", Integer, nullable=False, server_default="0"),  # 1: an open or click by a program
    Column("raw", LargeBinary, nullable=True),  # the JSON as it came, zlib; NULL once somebody is forgotten
    # wide enough for the counts of a report to need nothing else
    Index("ix_events_campaign_id_kind", "campaign_id", "kind", "delivery_id", "machine", "at"),
    Index("ix_events_delivery_id", "delivery_id"),
    Index("ix_events_email_key_kind", "email_key", "kind"),
    CheckConstraint(
        "kind IN ('send', 'delivery', 'bounce', 'complaint', 'reject', 'open', 'click', 'rendering-failure',"
        " 'delivery-delay', 'subscription')",
        name="kind",
    ),
    CheckConstraint("bounce IN ('', 'hard', 'soft', 'reply')", name="bounce"),
)
