"""What became of the sends: each campaign with its accounts, and settling what is uncertain."""

from newsletter.compose.issue_file import find_issue
from newsletter.delivery.owners import is_dead
from newsletter.errors import UsageError
from newsletter.reporting.accounting import Accounts, accounts
from newsletter.store import campaigns, deliveries, events
from newsletter.store.campaigns import Campaign
from newsletter.wiring import Services

__all__ = ["newest", "resolve", "resolve_from_events", "sends", "slug_of", "standing"]


def sends(services: Services, reference: str | None) -> list[Campaign]:
    """Return each campaign, or those of one issue, oldest first; none of their deliveries is read.

    Raises UsageError if the named issue was never sent.
    """
    slug = None if reference is None else slug_of(services, reference)
    found = campaigns.all_campaigns(services.engine, slug)
    if slug is not None and not found:
        raise UsageError(f"{slug} has not been sent.", hint=f"Send it: newsletter send {slug}")
    return found


def standing(services: Services, reference: str | None) -> list[tuple[Campaign, Accounts]]:
    """Return the campaigns of ``sends`` with their accounts."""
    return [(each, accounts(services.engine, each.id)) for each in sends(services, reference)]


def newest(services: Services, reference: str) -> Campaign:
    """Return the newest campaign of an issue. Raises UsageError if it was never sent."""
    return sends(services, reference)[-1]


def resolve(services: Services, reference: str, *, resend: bool) -> int:
    """Settle the uncertain deliveries of an issue on the owner's word; return how many there were.

    Those that a dead process left in flight when the send was cancelled count as uncertain. Raises UsageError
    if the issue was compacted.
    """
    total = 0
    for campaign in sends(services, reference):
        with services.engine.begin() as connection:
            campaigns.refuse_compacted(connection, campaign.slug)
            if not campaign.is_open:
                deliveries.abandon_dead(connection, campaign.id, is_dead=is_dead, now=services.clock())
            total += deliveries.resolve(connection, campaign.id, resend=resend, now=services.clock())
    return total


def resolve_from_events(services: Services, reference: str) -> int:
    """Settle the uncertain deliveries of an issue that the provider's events prove to have been sent.

    Returns how many those were; what no event speaks of stays uncertain. Raises UsageError as
    ``resolve`` does.
    """
    total = 0
    for campaign in sends(services, reference):
        with services.engine.begin() as connection:
            campaigns.refuse_compacted(connection, campaign.slug)
            if not campaign.is_open:
                deliveries.abandon_dead(connection, campaign.id, is_dead=is_dead, now=services.clock())
            total += events.settle(connection, campaign.id)
    return total


def slug_of(services: Services, reference: str) -> str:
    """Return the slug of a reference; one that was sent may be named even when its file is gone."""
    if campaigns.all_campaigns(services.engine, reference):
        return reference
    return find_issue(services.workspace, reference).stem
