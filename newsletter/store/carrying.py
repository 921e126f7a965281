"""What a restore must not un-know, as SQL that both databases understand.

A backup is older than what happened since. People who left, were suppressed or asked to be forgotten since,
and what was sent to whom, are facts: forgetting them would mail people who left, or mail people twice. So a
restore takes them over from the database it replaces, under the names ``present_…`` (``SOURCES``).

Whatever was open or due in the backup is stopped: it may have gone out since. What was compacted since stays
so: the rows in the backup may be of a send that had not ended, and would say of some that they never had it.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

__all__ = ["SOURCES", "Columns", "Contents", "carried_over", "held_back"]

#: Table -> its columns, in order.
Columns = Mapping[str, Collection[str]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Contents:
    """What a backup or a database holds. revision: of its tables. campaigns: number -> key.

    compacted: whether rows of some campaigns were compacted.
    """

    tables: Columns
    revision: str
    subscribers: int
    campaigns: Mapping[int, str]
    compacted: bool = False

    def is_earlier_than(self, other: "Contents") -> bool:
        """Return whether this is an earlier state of the same database: its campaigns are all there."""
        return self.campaigns.items() <= other.campaigns.items()


#: What is read of the present database: name -> the table and a condition on its rows.
SOURCES: Final[Mapping[str, tuple[str, str]]] = {
    "present_subscribers": ("subscribers", "status IN ('unsubscribed', 'bounced', 'complained')"),
    "present_suppressions": ("suppressions", "true"),
    "present_campaigns": ("campaigns", "true"),
    "present_deliveries": ("deliveries", "true"),
    "present_sums": ("sums", "true"),
    "present_schedules": ("schedules", "slot <> '' AND state <> 'waiting'"),
}

_HELD: Final = "a backup was restored; check what has gone out since it was made, then resume"
_MISSED: Final = "a backup was restored after this time; it may have gone out already"
_SINCE: Final = "kept when an older backup was restored"

_OWN_TO_A_ROW: Final = frozenset({"id", "campaign_id"})

#: Who is on the list in the backup, and has left since.
_LEFT: Final = """status IN ('pending', 'confirmed') AND EXISTS (
    SELECT 1 FROM present_subscribers p WHERE p.email_key = subscribers.email_key)"""


def held_back(backup: Columns, *, source: str, now: datetime, dialect: str) -> Iterator[str]:
    """Yield the statements that stop what is open or due, and let the guard refuse until ``db adopt``.

    backup: the tables of the backup, which the statements run in. source: the backup's name.
    """
    at = _instant(now, dialect)
    yield "DELETE FROM meta WHERE key = 'restored'"
    restored = f"{source}, on {now.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    yield f"INSERT INTO meta (key, value) VALUES ('restored', {_literal(restored)})"  # noqa: S608
    yield (
        f"UPDATE campaigns SET state = 'paused', reason = {_literal(_HELD)} "  # noqa: S608
        "WHERE state IN ('planning', 'sending')"
    )
    if "schedules" in backup:
        yield (
            f"UPDATE schedules SET state = 'missed', reason = {_literal(_MISSED)}, settled_at = {at} "  # noqa: S608
            f"WHERE state = 'waiting' AND send_at <= {at}"
        )


def carried_over(
    backup: Columns, present: Columns, *, ledger: bool, now: datetime, dialect: str
) -> Iterator[str]:
    """Yield the statements that take over from ``present_…`` tables what the backup cannot know.

    ledger: whether the backup is an earlier state of the present database, so that the rows of its ledger
    have the same numbers.
    """
    if {"subscribers", "suppressions"} <= present.keys():
        yield from _leavers(_instant(now, dialect))
    if ledger and {"campaigns", "deliveries"} <= present.keys():
        yield from _ledger(backup, present)
    if "schedules" in backup and "schedules" in present:
        yield from _slots(backup, present)


def _leavers(at: str) -> Iterator[str]:
    yield (
        """INSERT INTO suppressions (email_key, reason, at, detail)
        SELECT email_key, reason, at, detail FROM present_suppressions p
        WHERE NOT EXISTS (SELECT 1 FROM suppressions s WHERE s.email_key = p.email_key)"""
    )
    yield (
        f"""INSERT INTO consent_events (subscriber_id, kind, at, how, source)
        SELECT id, (SELECT p.status FROM present_subscribers p WHERE p.email_key = subscribers.email_key),
            {at}, 'restore', {_literal(_SINCE)} FROM subscribers WHERE {_LEFT}"""  # noqa: S608
    )
    yield (
        f"""UPDATE subscribers SET updated_at = {at},
            status = (SELECT p.status FROM present_subscribers p WHERE p.email_key = subscribers.email_key)
        WHERE {_LEFT}"""  # noqa: S608
    )


def _ledger(backup: Columns, present: Columns) -> Iterator[str]:
    shared = [name for name in present["campaigns"] if name in backup["campaigns"]]
    changing = _quoted([name for name in shared if name not in {"id", "key"}])
    yield (
        f"""UPDATE campaigns SET ({changing}) =
            (SELECT {changing} FROM present_campaigns p WHERE p.key = campaigns.key)
        WHERE key IN (SELECT key FROM present_campaigns)"""  # noqa: S608
    )
    yield (
        f"""INSERT INTO campaigns ({_quoted(shared)}) SELECT {_quoted(shared)} FROM present_campaigns
        WHERE key NOT IN (SELECT key FROM campaigns)"""  # noqa: S608
    )
    rows = _quoted([name for name in present["deliveries"] if name in backup["deliveries"]])
    yield "DELETE FROM deliveries WHERE campaign_id IN (SELECT id FROM present_campaigns)"
    yield f"INSERT INTO deliveries ({rows}) SELECT {rows} FROM present_deliveries"  # noqa: S608
    if "sums" in backup and "sums" in present:
        yield "DELETE FROM sums"
        # not emptied: events that were compacted since came back with the backup, and may go again
        yield "INSERT INTO sums (slug, at, figures) SELECT slug, at, figures FROM present_sums"


def _slots(backup: Columns, present: Columns) -> Iterator[str]:
    """Dates of a recurring slot that are over: a slot must not happen twice on a date."""
    shared = _quoted(
        [name for name in present["schedules"] if name in backup["schedules"] and name not in _OWN_TO_A_ROW]
    )
    yield (
        f"""INSERT INTO schedules ({shared}) SELECT {shared} FROM present_schedules p
        WHERE NOT EXISTS (
            SELECT 1 FROM schedules s WHERE s.slot = p.slot AND s.slot_date = p.slot_date)"""  # noqa: S608
    )
    yield (
        """UPDATE schedules SET state = 'missed' WHERE state = 'waiting' AND EXISTS (
            SELECT 1 FROM present_schedules p
            WHERE p.slot = schedules.slot AND p.slot_date = schedules.slot_date)"""
    )


def _instant(moment: datetime, dialect: str) -> str:
    """Return an instant as SQL, in the form that ``tables.Instant`` keeps."""
    zone = "" if dialect == "sqlite" else "+00:00"
    return _literal(f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}{zone}")


def _literal(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _quoted(names: Collection[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)
