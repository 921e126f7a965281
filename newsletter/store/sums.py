"""What deliveries and events say about an issue, as values: of an old one they are kept instead of the rows.

Kept as JSON with the number of its form: ``_FORM`` rises when a later version cannot read it as it is.
Nothing in it names a person: domains, reasons and links stand there as a report shows them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import orjson
from sqlalchemy import Connection, func, select

from newsletter.errors import AccountsError, ConfigError
from newsletter.store.figures import DomainBounces, Fates, ReasonBounces
from newsletter.store.responses import LinkClicks, Responses
from newsletter.store.tables import campaigns, sums
from newsletter.store.tallies import Tally
from newsletter.store.tracks import Track

__all__ = ["Attention", "CampaignSums", "IssueSums", "compacted_until", "from_text", "stored", "to_text"]

_FORM: Final = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Attention:
    """Opens, or clicks, of one campaign: those by people, and those by machines."""

    people: Responses
    machines: Responses


@dataclass(frozen=True, kw_only=True, slots=True)
class CampaignSums:
    """One send. number: of the campaign. track: None where nobody asked for it.

    delivered: people of whom a delivery was reported, whatever was reported afterwards.
    """

    number: int
    tally: Tally
    delivered: int
    fates: Fates
    opens: Attention
    clicks: Attention
    track: Track | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class IssueSums:
    """An issue: its sends apart, oldest first, and what is counted over all of them.

    standing: everybody once. reasons, domains, links: as a report shows them.
    """

    campaigns: Sequence[CampaignSums]
    standing: Tally
    reasons: Sequence[ReasonBounces] = field(default_factory=list)
    domains: Sequence[DomainBounces] = field(default_factory=list)
    links: Sequence[LinkClicks] = field(default_factory=list)

    def of(self, number: int) -> CampaignSums:
        """Return those of one of the campaigns. Raises LookupError if it is not among them."""
        for each in self.campaigns:
            if each.number == number:
                return each
        raise LookupError(f"no campaign {number}")


def stored(connection: Connection, slug: str) -> IssueSums:
    """Return the sums of an issue that was compacted.

    Raises AccountsError if they are gone, ConfigError if a newer version wrote them.
    """
    text = connection.execute(select(sums.c.figures).where(sums.c.slug == slug)).scalar_one_or_none()
    if text is None:
        raise AccountsError(
            f"The sums of {slug} are gone from the database, and so are its rows.",
            hint="Put a backup back: newsletter db restore FILE",
        )
    return from_text(text)


def compacted_until(connection: Connection) -> datetime | None:
    """Return when the newest send began whose rows were compacted, None if none were."""
    newest = select(func.max(campaigns.c.created_at)).where(campaigns.c.compacted_at.is_not(None))
    found: datetime | None = connection.execute(newest).scalar_one()
    return found


def to_text(issue: IssueSums) -> str:
    """Return the sums as JSON; ``from_text`` gives the same values back."""
    plain = {"version": _FORM, "issue": issue}
    return orjson.dumps(plain, option=orjson.OPT_NON_STR_KEYS).decode("utf-8")


def from_text(text: str) -> IssueSums:
    """Return the sums that ``to_text`` wrote. Raises ConfigError if a newer version did."""
    plain = orjson.loads(text)
    if plain["version"] != _FORM:
        raise ConfigError(
            f"A newer version of newsletter wrote the sums of old issues (form {plain['version']}).",
            hint="Install that version again.",
        )
    issue: dict[str, Any] = plain["issue"]
    return IssueSums(
        campaigns=[_campaign(each) for each in issue["campaigns"]],
        standing=Tally(**issue["standing"]),
        reasons=[ReasonBounces(**each) for each in issue["reasons"]],
        domains=[DomainBounces(**each) for each in issue["domains"]],
        links=[LinkClicks(**each) for each in issue["links"]],
    )


def _campaign(plain: Mapping[str, Any]) -> CampaignSums:
    return CampaignSums(
        number=plain["number"],
        tally=Tally(**plain["tally"]),
        delivered=plain["delivered"],
        fates=Fates(**plain["fates"]),
        opens=_attention(plain["opens"]),
        clicks=_attention(plain["clicks"]),
        track=None if plain["track"] is None else _track(plain["track"]),
    )


def _attention(plain: Mapping[str, Any]) -> Attention:
    def of(who: Mapping[str, Any]) -> Responses:
        return Responses(people=who["people"], times=who["times"], by_hour=_numbered(who["by_hour"]))

    return Attention(people=of(plain["people"]), machines=of(plain["machines"]))


def _track(plain: Mapping[str, Any]) -> Track:
    moments = {
        name: None if plain[name] is None else datetime.fromisoformat(plain[name])
        for name in ("first", "last")
    }
    return Track(
        width=plain["width"],
        seconds=plain["seconds"],
        sent=_numbered(plain["sent"]),
        delivered=_numbered(plain["delivered"]),
        **moments,
    )


def _numbered(counts: Mapping[str, int]) -> dict[int, int]:
    """Return counts by number: JSON has texts only as keys."""
    return {int(place): number for place, number in counts.items()}
