"""The tables, as SQLAlchemy Core sees them. Migrations make them; this is what queries are written with.

    subscribers --< subscriber_tags        campaigns --< deliveries >-- subscribers
        |--< consent_events                     |            |
        `--< import_changes >-- import_batches  `--- events -'   (by tag, as the provider reports)
    suppressions (by email_key, or its keyed hash; outlives the subscriber)
    schedules --- campaigns (once it has started)      meta: one row a key (home, epoch, ...)
    sums (by slug: what deliveries and events said of an old issue, once they are removed)

The promises are constraints: one row per campaign and subscriber, one per campaign and address, one event
per report, one booking per issue, one start per slot and date.
"""

from newsletter.store.tables.base import Id, Instant, Json, metadata
from newsletter.store.tables.events import events
from newsletter.store.tables.ledger import approvals, campaigns, deliveries, limits, meta, sums
from newsletter.store.tables.pages import request_limits, signups
from newsletter.store.tables.people import (
    consent_events,
    import_batches,
    import_changes,
    subscriber_fields,
    subscriber_tags,
    subscribers,
    suppressions,
)
from newsletter.store.tables.replies import replies, reply_bans
from newsletter.store.tables.schedule import notices, schedules

__all__ = [
    "Id",
    "Instant",
    "Json",
    "approvals",
    "campaigns",
    "consent_events",
    "deliveries",
    "events",
    "import_batches",
    "import_changes",
    "limits",
    "meta",
    "metadata",
    "notices",
    "replies",
    "reply_bans",
    "request_limits",
    "schedules",
    "signups",
    "subscriber_fields",
    "subscriber_tags",
    "subscribers",
    "sums",
    "suppressions",
]
