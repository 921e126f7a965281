"""Recording: where the deliveries of a call go, once the provider has answered or the call was not made.

Decision: a row is written only over the claim it belongs to, ``WHERE call_id = … AND state = 'sending'``.
Whoever was taken for dead meanwhile changes nothing any more.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, bindparam, text
from sqlalchemy.sql.elements import TextClause

from newsletter.model import DeliveryState
from newsletter.store.rows import Settled
from newsletter.store.tables import Instant

__all__ = ["RECORD", "record", "record_calls", "release", "timed", "undo_claims"]


def timed(sql: str, *names: str) -> TextClause:
    """A statement whose named parameters are instants."""
    return text(sql).bindparams(*(bindparam(name, type_=Instant) for name in names))


#: All rows of several calls in one statement: a statement a row costs twice as much.
RECORD: Final[Mapping[str, TextClause]] = {
    dialect: timed(
        f"""UPDATE deliveries SET state = fate.state, reason = fate.reason, message_id = fate.message_id,
            not_before = fate.not_before, attempt = attempt - fate.uncounted, lease_until = NULL,
            updated_at = :now
        FROM ({fates}) AS fate
        WHERE deliveries.id = fate.id AND deliveries.call_id = fate.call_id AND deliveries.state = 'sending'
        """,  # noqa: S608  (built from constants)
        "now",
    )
    for dialect, fates in {
        "sqlite": """SELECT json_extract(value, '$[0]') AS id, json_extract(value, '$[1]') AS call_id,
            json_extract(value, '$[2]') AS state, json_extract(value, '$[3]') AS reason,
            json_extract(value, '$[4]') AS message_id, json_extract(value, '$[5]') AS not_before,
            json_extract(value, '$[6]') AS uncounted
            FROM json_each(:fates)""",
        "postgresql": """SELECT CAST(fate ->> 0 AS BIGINT) AS id, fate ->> 1 AS call_id, fate ->> 2 AS state,
            fate ->> 3 AS reason, fate ->> 4 AS message_id,
            CAST(fate ->> 5 AS TIMESTAMP WITH TIME ZONE) AS not_before,
            CAST(fate ->> 6 AS INTEGER) AS uncounted
            FROM json_array_elements(CAST(:fates AS JSON)) AS fate""",
    }.items()
}


def record(connection: Connection, call_id: str, settled: Sequence[Settled], now: datetime) -> int:
    """Write what became of the deliveries of a call; return how many were still this call's to settle.

    Fewer than given means that somebody thought this process dead: those rows stay ``uncertain``.
    """
    return record_calls(connection, {call_id: settled}, now)


def record_calls(connection: Connection, settled: Mapping[str, Sequence[Settled]], now: datetime) -> int:
    """Do as ``record`` for several calls, by call id, in one statement."""
    fates = [
        (
            row.id,
            call_id,
            row.state.value,
            # a null character: PostgreSQL takes none in a text
            row.reason.replace("\x00", ""),
            row.message_id.replace("\x00", "") or None,
            row.not_before and _instant(connection, row.not_before),
            0 if row.counted else 1,
        )
        for call_id, rows in settled.items()
        for row in rows
    ]
    if not fates:
        return 0
    parameters = {"fates": json.dumps(fates), "now": now}
    return connection.execute(RECORD[connection.dialect.name], parameters).rowcount


def _instant(connection: Connection, value: datetime) -> str:
    """Return an instant as the database writes it in text."""
    processor = Instant().dialect_impl(connection.dialect).bind_processor(connection.dialect)
    return str(processor(value) if processor else value)


def release(connection: Connection, call_id: str, ids: Sequence[int], now: datetime) -> int:
    """Put deliveries that were claimed but not started back to ``queued``, the attempt not counted."""
    back = [Settled(id=number, state=DeliveryState.QUEUED, counted=False) for number in ids]
    return record(connection, call_id, back, now)


def undo_claims(connection: Connection, campaign_id: int, call_ids: Sequence[str], now: datetime) -> int:
    """Put back to ``queued`` what calls took that are sure not to have begun; return how many rows.

    For a claim of which nobody knows whether it was committed, because the connection broke.
    """
    return sum(
        connection.execute(
            timed(
                """UPDATE deliveries SET state = 'queued', attempt = attempt - 1, lease_until = NULL,
                    updated_at = :now
                WHERE campaign_id = :campaign_id AND state = 'sending' AND call_id = :call_id""",
                "now",
            ),
            {"campaign_id": campaign_id, "call_id": call_id, "now": now},
        ).rowcount
        for call_id in call_ids
    )
