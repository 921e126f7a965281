"""What is to be sent when, and what the owner was already told about it."""

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, String, Table, Text, text

from newsletter.store.tables.base import Id, Instant, metadata

__all__ = ["notices", "schedules"]

#: One row for each appointment: an issue that the owner booked, or one date of a recurring slot.
schedules = Table(
    "schedules",
    metadata,
    Column("id", Id, primary_key=True),
    Column("slug", String(200), nullable=False),  # "" where a slot found no approved issue
    Column("segment", String(200), nullable=False, server_default=""),  # "" is everyone
    Column("send_at", Instant, nullable=False),
    Column("wall", String(80), nullable=False),  # the same in the newsletter's zone, for people
    Column("slot", String(120), nullable=False, server_default=""),  # the recurring slot, "" for a booking
    Column("slot_date", String(10), nullable=False, server_default=""),  # its local date, ISO 8601
    Column("state", String(10), nullable=False),
    Column("reason", Text, nullable=False, server_default=""),
    Column("campaign_id", Id, ForeignKey("campaigns.id"), nullable=True),
    Column("created_at", Instant, nullable=False),
    Column("settled_at", Instant, nullable=True),
    # an issue is booked once at a time
    Index(
        "uq_schedules_waiting_slug",
        "slug",
        unique=True,
        sqlite_where=text("state = 'waiting'"),
        postgresql_where=text("state = 'waiting'"),
    ),
    # a slot happens once a date, however often the clock shows its hour
    Index(
        "uq_schedules_slot",
        "slot",
        "slot_date",
        unique=True,
        sqlite_where=text("slot <> ''"),
        postgresql_where=text("slot <> ''"),
    ),
    CheckConstraint("state IN ('waiting', 'started', 'missed', 'skipped', 'cancelled')", name="state"),
)

#: What the owner was told by mail, once: reminders, missed sends. key: what about, and for when.
notices = Table(
    "notices", metadata, Column("key", String(200), primary_key=True), Column("at", Instant, nullable=False)
)
