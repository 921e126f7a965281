"""The accounts of a campaign: everyone in the audience is in exactly one place, and it can be checked.

    candidates = sent + failed + skipped (by reason) + uncertain + queued + sending

``candidates`` was counted from the subscribers while the audience was frozen; the right-hand side is
counted from the delivery rows, or was, before they were compacted. Two figures of different origin, which
must agree.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine

from newsletter.errors import AccountsError, InDoubt
from newsletter.model import CampaignState
from newsletter.store.campaigns import Campaign, get_campaign
from newsletter.store.engine import reading
from newsletter.store.sums import stored
from newsletter.store.tallies import Tally, tally, uncertain_ids

__all__ = ["Accounts", "accounts", "accounts_of", "assert_balanced", "read_accounts"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Accounts:
    """Where a campaign's audience is. skipped: by reason. uncertain_ids: delivery numbers, no addresses."""

    slug: str
    state: CampaignState
    planned: bool
    candidates: int
    sent: int
    failed: int
    skipped: Mapping[str, int]
    uncertain: int
    queued: int
    sending: int
    uncertain_ids: Sequence[int]

    @property
    def accounted(self) -> int:
        """The right-hand side: all rows."""
        return (
            self.sent + self.failed + sum(self.skipped.values()) + self.uncertain + self.queued + self.sending
        )

    @property
    def balances(self) -> bool:
        """Whether both sides agree. They do after every chunk of planning, too."""
        return self.candidates == self.accounted

    def as_dict(self) -> dict[str, object]:
        """Return the figures as JSON values."""
        return {
            "candidates": self.candidates,
            "sent": self.sent,
            "failed": self.failed,
            "skipped": dict(self.skipped),
            "uncertain": self.uncertain,
            "queued": self.queued,
            "sending": self.sending,
            "balances": self.balances,
            "uncertain_deliveries": list(self.uncertain_ids),
        }

    def assert_settled(self) -> None:
        """Raise AccountsError if the accounts do not balance, InDoubt if deliveries are uncertain."""
        assert_balanced(self)
        if self.uncertain:
            raise InDoubt(
                f"{self.uncertain} deliveries of {self.slug} are uncertain: nobody knows whether they left.",
                hint=f"They are not sent again by themselves. Decide: newsletter resolve {self.slug} "
                "--assume-sent, or --resend",
            )


def accounts(engine: Engine, campaign_id: int) -> Accounts:
    """Return the accounts of a campaign at one moment. Raises LookupError if there is no such campaign."""
    with reading(engine) as connection:
        return read_accounts(connection, campaign_id)


def read_accounts(connection: Connection, campaign_id: int) -> Accounts:
    """Do as ``accounts`` within a transaction that also reads other things."""
    campaign = get_campaign(connection, campaign_id)
    if campaign.compacted_at is None:
        return accounts_of(connection, campaign, tally(connection, campaign_id))
    return accounts_of(connection, campaign, stored(connection, campaign.slug).of(campaign_id).tally)


def accounts_of(connection: Connection, campaign: Campaign, rows: Tally) -> Accounts:
    """Return the accounts of a campaign whose deliveries were counted already."""
    return Accounts(
        slug=campaign.slug,
        state=campaign.state,
        planned=campaign.planned,
        candidates=campaign.candidates,
        sent=rows.sent,
        failed=rows.failed,
        skipped=rows.skipped,
        uncertain=rows.uncertain,
        queued=rows.queued,
        sending=rows.sending,
        uncertain_ids=uncertain_ids(connection, campaign.id) if rows.uncertain else [],
    )


def assert_balanced(standing: Accounts) -> None:
    """Raise AccountsError if the accounts do not balance; while planning goes on nothing is asked yet."""
    if standing.state is CampaignState.PLANNING or not standing.planned or standing.balances:
        return
    raise AccountsError(
        f"The accounts of {standing.slug} do not balance: {standing.candidates} candidates, "
        f"but {standing.accounted} deliveries.",
        hint="Do not send from this database before you know why. Check it: newsletter db check",
    )
