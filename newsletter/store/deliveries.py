"""The ledger: one row for each campaign and subscriber, and the statements that move it.

    queued --claim--> sending --record--> sent | failed | uncertain | queued (definitely refused)
       `--claim--> skipped      `--abandon_dead--> uncertain (its process died: nobody knows)

Decisions.
- A claim is ONE statement. It checks the campaign, consent and suppressions again, and is on disk
  before a byte leaves; so a crash leaves a row ``sending``, and never one that looks untouched.
- An outcome is written only over the claim it belongs to (store/recording.py).
- The hot statements are text with LITERAL states: a partial index is used only by a statement that
  repeats its predicate, and a bound parameter does not (seen with EXPLAIN).
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.sql.elements import TextClause

from newsletter.errors import UsageError
from newsletter.model import CampaignState, DeliveryState
from newsletter.store import campaigns
from newsletter.store.recording import record, record_calls, release, timed, undo_claims
from newsletter.store.rows import Call, Claimed
from newsletter.store.tables import Instant

__all__ = [
    "CLAIM",
    "IN_FLIGHT",
    "WHY_NOT",
    "abandon_dead",
    "claim",
    "make_ready",
    "record",
    "record_calls",
    "release",
    "resolve",
    "skip_queued",
    "undo_claims",
]

#: SQL: why a subscriber may not be mailed, '' if they may. Needs ``subscribers`` in the FROM clause.
WHY_NOT: Final = """CASE
    WHEN subscribers.status <> 'confirmed' THEN subscribers.status
    WHEN EXISTS (SELECT 1 FROM suppressions WHERE suppressions.email_key = subscribers.email_key)
        THEN 'suppressed'
    WHEN subscribers.sendable = 0 THEN 'unsendable'
    WHEN subscribers.paused_until > CURRENT_TIMESTAMP THEN 'paused'
    ELSE '' END"""

# The join is by address as well as by id: SQLite gives the id of the newest row again once it is deleted,
# and whoever has it then was not in the audience.
_CLAIM = f"""
WITH picked AS MATERIALIZED (
    SELECT queued.id, CASE WHEN subscribers.id IS NULL THEN 'forgotten' ELSE {WHY_NOT} END AS why
    FROM deliveries AS queued
    LEFT JOIN subscribers
        ON subscribers.id = queued.subscriber_id AND subscribers.email_key = queued.email_key
    WHERE {{mine}} AND queued.state = 'queued'
        AND (queued.not_before IS NULL OR queued.not_before <= :now)
        AND EXISTS (SELECT 1 FROM campaigns WHERE campaigns.id = :campaign_id AND campaigns.state = 'sending')
    ORDER BY queued.campaign_id, queued.id LIMIT :limit {{lock}}
)
UPDATE deliveries SET
    state = CASE WHEN picked.why = '' THEN 'sending' ELSE 'skipped' END,
    reason = picked.why,
    attempt = attempt + CASE WHEN picked.why = '' THEN 1 ELSE 0 END,
    call_id = CASE WHEN picked.why = '' THEN :call_id END,
    claimed_by = CASE WHEN picked.why = '' THEN :owner END,
    lease_until = CASE WHEN picked.why = '' THEN :lease_until END,
    not_before = NULL,
    updated_at = :now
FROM picked
WHERE deliveries.id = picked.id AND deliveries.state = 'queued'
RETURNING deliveries.id, deliveries.subscriber_id, deliveries.state, deliveries.attempt
"""  # noqa: S608  (built from constants above)


# The planner must not walk the primary key instead of the partial index, past everything that is sent, as it
# would when its statistics still say that most rows are queued. On PostgreSQL the primary key cannot serve
# where campaign and number are compared together; and the walk begins at the mark, which it would not with
# "campaign_id = ..." beside that. On SQLite the + keeps the number from choosing an index.
_MINE: Final = {
    "sqlite": "queued.campaign_id = :campaign_id AND +queued.id >= :since",
    "postgresql": """(queued.campaign_id, queued.id) >= (CAST(:campaign_id AS BIGINT), CAST(:since AS BIGINT))
        AND (queued.campaign_id, queued.id) < (CAST(:campaign_id AS BIGINT) + 1, CAST(0 AS BIGINT))""",
}

#: The claim for each database. On PostgreSQL rows that another claimer is taking are passed over.
CLAIM: Final[Mapping[str, TextClause]] = {
    dialect: timed(_CLAIM.format(mine=_MINE[dialect], lock=lock), "now", "lease_until")
    for dialect, lock in {"sqlite": "", "postgresql": "FOR UPDATE OF queued SKIP LOCKED"}.items()
}


_READY: Final = """SELECT CASE current_setting('synchronous_commit')
        WHEN 'off' THEN set_config('synchronous_commit', 'on', true) END,
    set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true),
    set_config('enable_sort', 'off', true), set_config('enable_hashjoin', 'off', true),
    set_config('enable_mergejoin', 'off', true)"""


def make_ready(connection: Connection) -> None:
    """Prepare a transaction for claims and records: its commit is on disk, however PostgreSQL is set up.

    And rows are found one by one, by an index, whatever PostgreSQL's statistics say: of a campaign that was
    planned just now they know nothing, and each claim would sort all that is queued to take the first of it.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(_READY)


def claim(
    connection: Connection,
    campaign_id: int,
    *,
    limit: int,
    owner: str,
    call_id: str,
    lease_until: datetime,
    now: datetime,
    since: int = 0,
) -> Call:
    """Take up to ``limit`` queued deliveries that are due, for one call, and return them.

    Those who may no longer be mailed become ``skipped`` in the same statement. Takes nothing when the
    campaign is not ``sending``. since: the first delivery to look at. The caller must ``make_ready`` the
    transaction, and commit it before it sends.
    """
    parameters = {
        "campaign_id": campaign_id,
        "limit": limit,
        "owner": owner,
        "call_id": call_id,
        "lease_until": lease_until,
        "now": now,
        "since": since,
    }
    moved = connection.execute(CLAIM[connection.dialect.name], parameters).all()
    rows = [
        Claimed(id=row.id, subscriber_id=row.subscriber_id, attempt=row.attempt)
        for row in sorted(moved, key=lambda row: int(row.id))
        if row.state == DeliveryState.SENDING
    ]
    return Call(call_id=call_id, lease_until=lease_until, rows=tuple(rows), skipped=len(moved) - len(rows))


#: The calls that are under way.
IN_FLIGHT: Final = text(
    """SELECT call_id, claimed_by, lease_until FROM deliveries
    WHERE campaign_id = :campaign_id AND state = 'sending' GROUP BY call_id, claimed_by, lease_until"""
)


def abandon_dead(
    connection: Connection,
    campaign_id: int,
    *,
    is_dead: Callable[[str], bool],
    now: datetime,
) -> int:
    """Make ``uncertain`` what a dead process left ``sending``; return how many rows that were.

    A process is dead when its lease is over, or when ``is_dead(owner)`` knows that it is gone. Whether
    its mail left nobody can tell, therefore its rows are never queued.
    """
    calls = connection.execute(IN_FLIGHT.columns(lease_until=Instant), {"campaign_id": campaign_id}).all()
    verdicts: dict[str, bool] = {}
    abandoned = 0
    for call in calls:
        if call.claimed_by not in verdicts:
            verdicts[call.claimed_by] = is_dead(call.claimed_by)
        if verdicts[call.claimed_by] or call.lease_until <= now:
            abandoned += connection.execute(
                timed(
                    """UPDATE deliveries SET state = 'uncertain', lease_until = NULL, updated_at = :now,
                        reason = 'the sending process ended without saying whether this left'
                    WHERE campaign_id = :campaign_id AND state = 'sending' AND call_id = :call_id""",
                    "now",
                ),
                {"campaign_id": campaign_id, "call_id": call.call_id, "now": now},
            ).rowcount
    return abandoned


def skip_queued(connection: Connection, campaign_id: int, reason: str, now: datetime) -> int:
    """Skip everything that is queued, for one reason; return how many rows that were."""
    return connection.execute(
        timed(
            """UPDATE deliveries SET state = 'skipped', reason = :reason, not_before = NULL, updated_at = :now
            WHERE campaign_id = :campaign_id AND state = 'queued'""",
            "now",
        ),
        {"campaign_id": campaign_id, "reason": reason, "now": now},
    ).rowcount


def resolve(connection: Connection, campaign_id: int, *, resend: bool, now: datetime) -> int:
    """Settle what is uncertain on the owner's word, as sent or to be sent again; return how many that were.

    A finished campaign is opened again when there is something to send. Raises UsageError if resending
    is asked of a cancelled campaign, or while another campaign of the issue is open.
    """
    campaign = campaigns.get_campaign(connection, campaign_id)
    if resend and campaign.state is CampaignState.CANCELLED:
        raise UsageError(
            f"The send of {campaign.slug} was cancelled: nothing of it can be sent again.",
            hint=f"Count them as sent: newsletter resolve {campaign.slug} --assume-sent",
        )
    word = (
        "state = 'queued', call_id = NULL, reason = '' "
        if resend
        else "state = 'sent', reason = 'assumed sent by the owner' "
    )
    settled = connection.execute(
        timed(
            f"""UPDATE deliveries SET {word}, not_before = NULL, updated_at = :now
            WHERE campaign_id = :campaign_id AND state = 'uncertain'""",  # noqa: S608
            "now",
        ),
        {"campaign_id": campaign_id, "now": now},
    ).rowcount
    if resend and settled:
        try:
            with connection.begin_nested():
                campaigns.move(
                    connection, campaign_id, to=CampaignState.SENDING, since=[CampaignState.FINISHED]
                )
        except IntegrityError as error:
            raise UsageError(
                f"Another send of {campaign.slug} is open; one goes at a time.",
                hint="Let that one end first, then resolve this one. See: newsletter status",
            ) from error
    return settled
