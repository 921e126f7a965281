"""Reports of Amazon SES for tests: its documented examples, with our own people, times and tags in them."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

from newsletter.feedback.events import read_events
from newsletter.feedback.keeping import Kept, keep_events
from newsletter.store.engine import reading
from newsletter.store.tables import deliveries, metadata
from newsletter.tokens import Tokens
from tests.delivery.driver import NOON, Driver

EXAMPLES = Path(__file__).resolve().parent.parent / "payloads" / "ses"
TOKENS = Tokens(["s" * 32])
PART = {
    "rendering-failure": "failure",
    "delivery-delay": "deliveryDelay",
    **{
        name: name
        for name in ("bounce", "complaint", "delivery", "send", "reject", "open", "click", "subscription")
    },
}
LISTS = {
    "bounce": "bouncedRecipients",
    "complaint": "complainedRecipients",
    "delivery-delay": "delayedRecipients",
}


def example(name: str) -> Any:
    """Return a documented example, such as "event-bounce"."""
    return json.loads((EXAMPLES / f"{name}.json").read_text("utf-8"))


def report(
    kind: str,
    to: str = "ada@example.org",
    *,
    campaign: str = "",
    delivery: int | str | None = None,
    message_id: str = "",
    at: datetime = NOON,
    sent_at: datetime | None = None,
    **part: Any,
) -> str:
    """Return a report of SES as JSON. part: fields of the part that is named as the kind.

    A status, action or diagnosticCode belongs to the recipient.
    """
    plain = example(f"event-{kind}")
    own = f"m-{to if delivery is None else delivery}"
    tags = {"campaign": [campaign], "delivery": [str(delivery)], "attempt": ["1"]}
    plain["mail"] |= {
        "messageId": message_id or own,
        "destination": [to],
        "timestamp": _stamp(sent_at or at - timedelta(minutes=1)),
        "headers": [{"name": "To", "value": to}],
        "tags": {**plain["mail"]["tags"], **(tags if delivery is not None else {})},
    }
    plain["mail"].pop("commonHeaders", None)
    content = plain[PART[kind]]
    if "timestamp" in content:
        content["timestamp"] = _stamp(at)
    if "feedbackId" in content:
        content["feedbackId"] = f"{kind}-{message_id or own}-{at.isoformat()}"
    if kind == "delivery":
        content["recipients"] = [to]
    elif kind in LISTS:
        [person] = content[LISTS[kind]]
        person["emailAddress"] = to
        for name in ("status", "action", "diagnosticCode"):
            if name in part:
                person[name] = part.pop(name)
    content |= part
    return json.dumps(plain)


def soft(to: str = "ada@example.org", **more: Any) -> str:
    """Return the report of a full mailbox."""
    full = {"bounceType": "Transient", "bounceSubType": "MailboxFull", "status": "4.2.2"}
    return report("bounce", to, **{**full, "diagnosticCode": "smtp; 452 4.2.2 mailbox full", **more})


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Listener(Driver):
    """A campaign under test that is listened to."""

    def hear(self, *bodies: str, now: datetime | None = None) -> Kept:
        """Keep what these reports say, in this order."""
        found = [event for body in bodies for event in read_events(body)]
        return keep_events(self.engine, found, fingerprints=TOKENS.fingerprints, now=now or self.now)

    @property
    def key(self) -> str:
        """The campaign's key, as its tag has it."""
        return self.campaign.key

    def numbers(self) -> dict[str, int]:
        """The number of each delivery of the campaign, by address."""
        mine = deliveries.c.campaign_id == self.campaign_id
        with reading(self.engine) as connection:
            rows = connection.execute(select(deliveries.c.email_key, deliveries.c.id).where(mine))
            return {row.email_key: row.id for row in rows}

    def about(self, report: Callable[..., str], *kind: str, to: str = "ada@example.org", **more: Any) -> str:
        """Return a report about this campaign's delivery to an address."""
        return report(*kind, to=to, campaign=self.key, delivery=self.numbers()[to], **more)

    def rows_of(self, table: str) -> list[dict[str, Any]]:
        """Every row of a table, in the order of its first column."""
        found = metadata.tables[table]
        with reading(self.engine) as connection:
            return [
                dict(row._mapping) for row in connection.execute(select(found).order_by(next(iter(found.c))))
            ]

    def status_of(self, email: str) -> str:
        """The status of a subscriber."""
        return {row["email_key"]: str(row["status"]) for row in self.rows_of("subscribers")}[email]

    def suppressed(self) -> dict[str, str]:
        """Reasons of suppressions, by address."""
        return {row["email_key"]: row["reason"] for row in self.rows_of("suppressions")}
