"""Why somebody got an issue or did not: all that is known of one address, on one page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine

from newsletter.store.engine import reading
from newsletter.store.forgetting import Fingerprints, find_forgotten
from newsletter.store.histories import (
    EventTrace,
    ImportTrace,
    LedgerTrace,
    deliveries_to,
    events_about,
    imports_of,
    rest_of,
    why_not_today,
)
from newsletter.store.subscribers import SubscriberHistory, Suppression, find_suppression, show
from newsletter.store.sums import compacted_until

__all__ = ["Why", "why"]

_TODAY = {
    "": "A campaign that began now would mail them.",
    "unknown": "They are not on the list, so nobody mails them.",
    "forgotten": "They have asked to be forgotten: never mailed again, and no import brings them back.",
    "suppressed": "They would be skipped: the address is suppressed.",
    "unsendable": "They would be skipped: Amazon SES cannot mail an address with letters beyond ASCII before "
    "the @.",
    "pending": "They would be skipped: they have not confirmed yet.",
    "unsubscribed": "They would be skipped: they have unsubscribed.",
    "bounced": "They would be skipped: mail to them came back, the mailbox does not exist.",
    "complained": "They would be skipped: they have reported the newsletter as spam.",
    "paused": "They would be skipped: they take a break.",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Why:
    """A person's history. today: why a campaign that began now would skip them, "" if it would not.

    person: None if they are not on the list (any more); the rest may be known all the same. events: what the
    provider reported, oldest first. besides: what else is kept of a subscriber. compacted_until: of issues up
    to then it is not known any more who got them; None if of all it is.
    """

    person: SubscriberHistory | None
    suppression: Suppression | None
    imports: Sequence[ImportTrace]
    deliveries: Sequence[LedgerTrace]
    today: str
    besides: Mapping[str, Any]
    events: Sequence[EventTrace] = ()
    compacted_until: datetime | None = None

    def events_of(self, delivery: int | None) -> list[EventTrace]:
        """Return what was reported about one of the deliveries; None: about none of them."""
        mine = {trace.delivery for trace in self.deliveries}
        return [
            event for event in self.events if (event.delivery if event.delivery in mine else None) == delivery
        ]

    @property
    def today_in_words(self) -> str:
        """What a campaign that began now would do, as a sentence."""
        return _TODAY.get(self.today, f"They would be skipped: {self.today}.")

    def as_dict(self) -> dict[str, Any]:
        """Return the history as JSON values; instants in ISO 8601, UTC."""
        return {
            "on_the_list": self.person is not None,
            "status": self.person.subscriber.status.value if self.person else None,
            **self.besides,
            "today": self.today,
            "today_in_words": self.today_in_words,
            "suppression": None
            if self.suppression is None
            else {
                "reason": self.suppression.reason,
                "at": self.suppression.at.isoformat(),
                "detail": self.suppression.detail,
            },
            "consent": [
                {
                    "at": event.at.isoformat(),
                    "kind": event.kind,
                    "how": event.how,
                    "source": event.source,
                    "ip": event.ip,
                    "text_version": event.text_version,
                }
                for event in (self.person.consent if self.person else ())
            ],
            "imports": [
                {
                    "batch": trace.batch,
                    "file": trace.file,
                    "source": trace.source,
                    "at": trace.at.isoformat(),
                    "undone_at": trace.undone_at.isoformat() if trace.undone_at else None,
                    "before": trace.before,
                }
                for trace in self.imports
            ],
            "deliveries": [
                {
                    "issue": trace.issue,
                    "segment": trace.segment,
                    "campaign_state": trace.campaign_state.value,
                    "delivery": trace.delivery,
                    "state": trace.state.value,
                    "reason": trace.reason,
                    "attempts": trace.attempts,
                    "message_id": trace.message_id,
                    "at": trace.at.isoformat(),
                    "events": [_plain(event) for event in self.events_of(trace.delivery)],
                }
                for trace in self.deliveries
            ],
            "compacted_until": self.compacted_until.isoformat() if self.compacted_until else None,
            "other_events": [_plain(event) for event in self.events_of(None)],
        }


def _plain(event: EventTrace) -> dict[str, Any]:
    return {
        "kind": event.kind.value,
        "at": event.at.isoformat(),
        "bounce": event.bounce,
        "detail": event.detail,
        "link": event.link,
        "machine": event.machine,
        "message_id": event.message_id,
    }


def why(engine: Engine, key: str, *, fingerprints: Fingerprints) -> Why:
    """Return all that is known of an email_key, at one moment, also of one that is not on the list.

    fingerprints: ``Tokens.fingerprints``: somebody forgotten is known by them, in the ledger too.
    """
    with reading(engine) as connection:
        person = show(connection, key)
        forgotten = find_forgotten(connection, key, fingerprints)
        keys = [key, *fingerprints(key)] if forgotten else [key]
        suppression = find_suppression(connection, key) or forgotten
        if person is not None:
            today = why_not_today(connection, person.subscriber.id)
        elif suppression is None:
            today = "unknown"
        else:
            today = "forgotten" if forgotten else "suppressed"
        deliveries = deliveries_to(connection, keys)
        return Why(
            person=person,
            suppression=suppression,
            imports=imports_of(connection, person.subscriber.id) if person else [],
            deliveries=deliveries,
            events=events_about(connection, keys, [trace.delivery for trace in deliveries]),
            today=today,
            besides=rest_of(connection, person.subscriber.id) if person else {},
            compacted_until=compacted_until(connection),
        )
