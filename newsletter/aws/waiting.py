"""Waiting until Amazon has found the DNS records of an identity."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Final

from newsletter.aws.asking import Aws, ask
from newsletter.errors import SendError
from newsletter.ports import Clock

__all__ = ["states", "wait_for_identity"]

_PAUSES: Final = (1, 2, 4, 8, 15)  # seconds between questions; the last for all that follow


def states(identity: Mapping[str, Any]) -> dict[str, str]:
    """Return how far SES is with an identity: identity, DKIM and, if it has one, MAIL FROM."""
    verified = identity.get("VerifiedForSendingStatus")
    found = {
        "identity": "SUCCESS" if verified else str(identity.get("VerificationStatus") or "PENDING"),
        "DKIM": str((identity.get("DkimAttributes") or {}).get("Status") or "NOT_STARTED"),
    }
    mail_from = identity.get("MailFromAttributes") or {}
    if mail_from.get("MailFromDomain"):
        found["MAIL FROM"] = str(mail_from.get("MailFromDomainStatus") or "PENDING")
    return found


def wait_for_identity(
    aws: Aws,
    domain: str,
    *,
    clock: Clock,
    sleep: Callable[[float], None],
    timeout: timedelta,
    tell: Callable[[str], None],
) -> dict[str, str]:
    """Return the states of an identity once all are SUCCESS. tell: told of each change.

    Raises SendError when the time is over; Refused if SES cannot be asked.
    """
    seen: dict[str, str] = {}
    until, turn = clock() + timeout, 0
    while True:
        now = states(ask(aws("sesv2"), "get_email_identity", EmailIdentity=domain))
        for part, state in now.items():
            if seen.get(part) != state:
                tell(f"{part}: {state.lower()}")
        seen = now
        if set(now.values()) == {"SUCCESS"}:
            return now
        if clock() >= until:
            open_parts = ", ".join(part for part, state in now.items() if state != "SUCCESS")
            raise SendError(
                f"Amazon has not found all DNS records of {domain} yet ({open_parts}).",
                hint="It looks for 72 hours. `newsletter aws doctor` says which record is not right.",
            )
        sleep(_PAUSES[min(turn, len(_PAUSES) - 1)])
        turn += 1
