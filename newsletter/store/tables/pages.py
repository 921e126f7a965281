"""What the web pages keep: sign-ups that wait, and who asks how often."""

from sqlalchemy import Column, Double, ForeignKey, String, Table, Text

from newsletter.store.tables.base import Id, Instant, metadata

__all__ = ["request_limits", "signups"]

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
