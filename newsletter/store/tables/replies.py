"""What readers wrote under the issues, and who may not any more."""

from sqlalchemy import CheckConstraint, Column, Index, String, Table, Text, text

from newsletter.store.tables.base import Id, Instant, metadata

__all__ = ["replies", "reply_bans"]

#: Replies (store/replies.py). A deleted one has no row. sender, network: keyed hashes, never an address.
replies = Table(
    "replies",
    metadata,
    Column("id", Id, primary_key=True),
    Column("code", String(16), nullable=False),  # in the owner's link: SQLite gives the number out again
    Column("slug", String(200), nullable=False),
    Column("state", String(10), nullable=False),
    Column("at", Instant, nullable=False),
    Column("decided_at", Instant, nullable=True),
    Column("name", Text, nullable=False),
    Column("body", Text, nullable=False),  # plain text, as it was written
    Column("email", Text, nullable=False, server_default=""),  # for an answer; shown to the owner alone
    Column("email_key", String(320), nullable=False, server_default="", index=True),
    Column("subscriber_id", Id, nullable=True, index=True),  # known by the link in their own mail
    Column("sender", String(64), nullable=False, server_default=""),
    Column("network", String(64), nullable=False, server_default=""),
    CheckConstraint("state IN ('waiting', 'approved')", name="state"),
    # Used only by statements that repeat the predicate as a literal (see store/replies.py).
    Index(
        "ix_replies_approved",
        "slug",
        "id",
        sqlite_where=text("state = 'approved'"),
        postgresql_where=text("state = 'approved'"),
    ),
    Index(
        "ix_replies_waiting",
        "id",
        sqlite_where=text("state = 'waiting'"),
        postgresql_where=text("state = 'waiting'"),
    ),
)

#: Whose replies are not taken (store/replies.py). key: as ``sender`` or ``network`` above.
reply_bans = Table(
    "reply_bans",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("until", Instant, nullable=True),  # NULL for ever
)
