"""Adding one person by hand, whom the owner has asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, Engine, Row, insert, select, update

from newsletter.errors import ConsentError, UsageError
from newsletter.model import SubscriberStatus
from newsletter.people.addresses import Address, owners_address
from newsletter.people.forgetting import Fingerprints, refuse_forgotten
from newsletter.people.naming import BUILT_IN, field_name, one_line, tag_name
from newsletter.ports import Clock
from newsletter.store.sql import insert_or_ignore
from newsletter.store.subscribers import add_tags, find_suppression, remember_fields
from newsletter.store.tables import consent_events, subscribers

__all__ = ["Added", "add_subscriber"]

_REFUSED = {
    SubscriberStatus.UNSUBSCRIBED: (
        "This person has unsubscribed.",
        "Only they can come back, by signing up again themselves.",
    ),
    SubscriberStatus.COMPLAINED: (
        "This person has reported the newsletter as spam and is never mailed again.",
        "Write to them yourself, outside the newsletter, if you must.",
    ),
    SubscriberStatus.BOUNCED: (
        "Mail to this address came back: the mailbox does not exist.",
        "Ask the person for an address that works.",
    ),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Added:
    """What adding came to. sendable: False if the address is kept but SES cannot mail it."""

    id: int
    outcome: Literal["new", "updated", "unchanged"]
    sendable: bool


def add_subscriber(
    engine: Engine,
    email: str,
    *,
    name: str = "",
    tags: Sequence[str] = (),
    fields: Mapping[str, str] | None = None,
    consent: str = "stated by the owner",
    fingerprints: Fingerprints | None = None,
    clock: Clock,
) -> Added:
    """Add a person as confirmed, with the owner's word for it; or update who is there already.

    fields: custom fields by any spelling of their names. consent: in words, where the consent came
    from. An empty name, and tags and fields that are not given, change nothing. A person who signed
    up but has not confirmed yet becomes confirmed. fingerprints: ``Tokens.fingerprints``; needed once
    anybody asked to be forgotten.

    Raises UsageError if the address, a tag or a field is not valid; ConsentError if the person
    unsubscribed, complained or asked to be forgotten, the mailbox does not exist, or the address is
    suppressed.
    """
    address = owners_address(email)
    name = one_line(name)
    wanted_tags, attributes = _tags(tags), _attributes(fields or {})
    now = clock()
    with engine.begin() as connection:
        refuse_forgotten(connection, address.key, fingerprints)
        suppression = find_suppression(connection, address.key)
        if suppression is not None:
            raise ConsentError(
                f"This address is suppressed ({suppression.reason}) and is never mailed again.",
                hint="See why with: newsletter why EMAIL",
            )
        new_id = connection.scalar(
            insert_or_ignore(connection, subscribers)
            .values(
                email=address.email,
                email_key=address.key,
                sendable=int(address.sendable),
                status=SubscriberStatus.CONFIRMED,
                name=name,
                attributes=attributes,
                created_at=now,
                updated_at=now,
            )
            .returning(subscribers.c.id)
        )
        if new_id is None:
            row = _existing(connection, address)
            changes = _changes(row, name, attributes)
        else:
            row, changes = None, {}
        id_ = row.id if row is not None else new_id
        new_tags = add_tags(connection, id_, wanted_tags)
        if row is not None and (changes or new_tags):
            connection.execute(
                update(subscribers).where(subscribers.c.id == id_).values(**changes, updated_at=now)
            )
        if row is None or "status" in changes:
            connection.execute(
                insert(consent_events).values(
                    subscriber_id=id_, kind="added", at=now, how="cli", source=one_line(consent)
                )
            )
        remember_fields(connection, list(attributes))
    outcome: Literal["new", "updated", "unchanged"] = (
        "new" if row is None else "updated" if changes or new_tags else "unchanged"
    )
    return Added(id=id_, outcome=outcome, sendable=address.sendable)


def _tags(tags: Sequence[str]) -> list[str]:
    try:
        return [tag_name(tag) for tag in tags]
    except ValueError as error:
        raise UsageError(f"A tag cannot be used: {error}.", hint="Write a word, such as families.") from error


def _attributes(fields: Mapping[str, str]) -> dict[str, str]:
    named: dict[str, str] = {}
    for spelling, value in fields.items():
        try:
            name = field_name(spelling)
        except ValueError as error:
            raise UsageError(
                f"A field cannot be used: {error}.", hint="Write key=value, such as city=Berlin."
            ) from error
        if name in BUILT_IN:
            raise UsageError(
                f"{name} is not a custom field.", hint="The name is given with --name, tags with --tag."
            )
        named[name] = one_line(value)
    return named


def _existing(connection: Connection, address: Address) -> Row[Any]:
    """Return the person's row, kept as it is until the end of the transaction. Raises ConsentError."""
    row = connection.execute(
        select(subscribers).where(subscribers.c.email_key == address.key).with_for_update()
    ).one()
    refused = _REFUSED.get(SubscriberStatus(row.status))
    if refused is not None:
        raise ConsentError(refused[0], hint=refused[1])
    return row


def _changes(row: Row[Any], name: str, attributes: Mapping[str, str]) -> dict[str, Any]:
    """Return the columns that are to change: only what was given and is different."""
    changes: dict[str, Any] = {}
    if name and name != row.name:
        changes["name"] = name
    if any(row.attributes.get(key) != value for key, value in attributes.items()):
        changes["attributes"] = {**row.attributes, **attributes}
    if row.status == SubscriberStatus.PENDING:
        changes["status"] = SubscriberStatus.CONFIRMED
    return changes
