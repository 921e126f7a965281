"""Whom an issue was sent to, as a condition; of an issue whose rows were compacted nobody can tell any more.

Decision. A condition is refused where it meets the database, in the functions of the store that take one, so
that no caller can forget to ask: without its rows, ``not received …`` would hold for everybody.
"""

from sqlalchemy import BindParameter, ColumnElement, Connection, String, select
from sqlalchemy.sql import visitors

from newsletter.errors import UsageError
from newsletter.model import DeliveryState
from newsletter.store.tables import campaigns, deliveries, subscribers

__all__ = ["issues_in", "received", "refuse_unknowable"]


class _Slug(BindParameter[str]):
    """The slug of an issue in a condition, known again by its class."""

    inherit_cache = True


def received(slug: str) -> ColumnElement[bool]:
    """Return whom an issue was sent to, by any of its campaigns: the provider took it."""
    named = _Slug(None, slug, type_=String(), unique=True)
    of_the_issue = select(campaigns.c.id).where(campaigns.c.slug == named)
    has = select(deliveries.c.email_key).where(
        deliveries.c.campaign_id.in_(of_the_issue), deliveries.c.state == DeliveryState.SENT.value
    )
    # by address: numbers of removed subscribers came to others before revision 0003
    return subscribers.c.email_key.in_(has)


def issues_in(condition: ColumnElement[bool]) -> set[str]:
    """Return the slugs of the issues that a condition asks about."""
    return {str(each.value) for each in visitors.iterate(condition) if isinstance(each, _Slug)}


def refuse_unknowable(connection: Connection, condition: ColumnElement[bool]) -> None:
    """Raise UsageError if a condition asks who had an issue of which nobody can tell any more."""
    slugs = issues_in(condition)
    if not slugs:
        return
    query = (
        select(campaigns.c.slug, campaigns.c.compacted_at)
        .where(campaigns.c.slug.in_(slugs), campaigns.c.compacted_at.is_not(None))
        .order_by(campaigns.c.slug)
    )
    for slug, at in connection.execute(query):
        raise UsageError(
            f"The segment asks who received {slug}, whose deliveries were compacted on {at:%Y-%m-%d}: nobody "
            "knows any more who had it.",
            hint="Take it out of the rule. A tag, given before an issue is compacted, keeps them known.",
        )
