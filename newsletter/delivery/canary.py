"""The canary: the first mails of a campaign go alone, and what comes of them decides about the rest.

    accepted = size -> wait, looking at the events -> go on, or stop: too many bounces or complaints

Amazon reviews an account at 5 % bounces or 0.1 % complaints, and pauses it at 10 % and 0.5 % (SES Developer
Guide, "Sending review process FAQs"): we stop before.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from newsletter.settings import Safety, duration

__all__ = ["NO_EVENTS", "Canary", "Health", "canary_for"]

NO_EVENTS = "no events come from the provider, so nobody watches for bounces"  #: said once, in the progress


@dataclass(frozen=True, kw_only=True, slots=True)
class Health:
    """What the provider has reported about a campaign's mail so far, in mails."""

    accepted: int
    bounced: int  #: hard bounces only
    complained: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Canary:
    """When to look, and what is too much. max_bounce, max_complaint: shares of what was accepted.

    health: returns what is reported about a campaign, by its row; None if no events come at all.
    """

    size: int
    wait: timedelta
    max_bounce: float
    max_complaint: float
    health: Callable[[int], Health | None]

    def objection(self, health: Health) -> str | None:
        """Return why not to go on, None if nothing speaks against it.

        >>> canary = Canary(size=200, wait=timedelta(minutes=10), max_bounce=0.02, max_complaint=0.001,
        ...                 health=lambda campaign: None)
        >>> canary.objection(Health(accepted=200, bounced=5, complained=0))
        'Too many mails bounce: 5 of 200 (2.5 %)'
        >>> canary.objection(Health(accepted=200, bounced=4, complained=0)) is None
        True
        """
        for count, limit, what in (
            (health.bounced, self.max_bounce, "Too many mails bounce"),
            (health.complained, self.max_complaint, "Too many readers complain of spam"),
        ):
            # one of a few is no share yet: a single complaint among 200 would be five times the limit
            if count > 1 and count > limit * health.accepted:
                return f"{what}: {count} of {health.accepted} ({100 * count / health.accepted:.1f} %)"
        return None


def canary_for(safety: Safety, *, health: Callable[[int], Health | None]) -> Canary:
    """Return the canary that the settings ask for."""
    return Canary(
        size=safety.canary,
        wait=duration(safety.canary_wait),
        max_bounce=safety.max_bounce,
        max_complaint=safety.max_complaint,
        health=health,
    )
