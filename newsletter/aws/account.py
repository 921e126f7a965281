"""The account: may it send, to whom, and how much."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from newsletter.aws.asking import Aws, ask
from newsletter.aws.quota import ends, in_words, read_quota
from newsletter.aws.remarks import error, note, warning, well
from newsletter.model import Finding
from newsletter.settings import Settings

__all__ = ["ACCOUNT", "SANDBOX", "Need", "look_at_account", "look_at_quota"]

ACCOUNT: Final = "ses-account"
SANDBOX: Final = "ses-sandbox"
QUOTA: Final = "ses-quota"


@dataclass(frozen=True, kw_only=True, slots=True)
class Need:
    """What is to be mailed next. issue: its slug, "" for the list as a whole."""

    mails: int
    issue: str = ""


def look_at_account(answer: Mapping[str, Any], region: str) -> Iterator[Finding]:
    """Yield whether the account may send at all. answer: of GetAccount."""
    where = f"Amazon SES account, {region}"
    status = answer.get("EnforcementStatus") or "HEALTHY"
    if status == "SHUTDOWN" or not answer.get("SendingEnabled", True):
        what = f"Amazon has stopped this account from sending (status {status})."
        mend = (
            "The SES console, Account dashboard, says why and what to do. Nothing can be mailed until then."
        )
        yield error(ACCOUNT, where, what, mend)
    elif status != "HEALTHY":
        what = f"Amazon has this account under review (status {status}): it may be stopped soon."
        mend = "Answer Amazon's mail about it. `newsletter report latest` shows bounces and complaints."
        yield warning(ACCOUNT, where, what, mend)
    else:
        yield well(ACCOUNT, where, "may send.")
    if answer.get("ProductionAccessEnabled"):
        yield well(SANDBOX, where, "has production access: it may mail anybody.")
        return
    review = ((answer.get("Details") or {}).get("ReviewDetails") or {}).get("Status")
    what = "is in the sandbox: Amazon mails only addresses that you have verified, 200 a day."
    mend = "Ask for production access: newsletter aws setup --request-production-access"
    if review == "PENDING":
        mend = "Your request for production access is being looked at; Amazon answers by mail within a day."
    elif review == "DENIED":
        mend = "Your request was denied; answer Amazon's mail about it, or ask again: newsletter aws setup "
        mend += "--request-production-access"
    yield error(SANDBOX, where, what, mend)


def look_at_quota(
    aws: Aws, answer: Mapping[str, Any], settings: Settings, need: Need | None, now: datetime
) -> Iterator[Finding]:
    """Yield whether the quota is enough for what is to be mailed. answer: of GetAccount."""
    where = f"Amazon SES quota, {aws('sesv2').meta.region_name}"
    quota, zone = read_quota(answer, settings.ses), ZoneInfo(settings.newsletter.timezone)
    per_day = "no daily limit" if quota.per_day is None else f"{quota.per_day:,} mails a day"
    rate = f"{quota.per_second:,.0f} a second and {per_day} for us"
    if need is None:
        yield well(QUOTA, where, f"{rate}.")
        return
    what = in_words(
        need.mails, quota, now, zone, what="this issue needs" if need.issue else "a mail to everyone needs"
    )
    mend = (
        "Ask for a higher quota: AWS console, Service Quotas, Amazon SES. `newsletter send` waits by itself."
    )
    if not need.mails:
        yield well(QUOTA, where, f"{rate}; nobody would be mailed now.")
        return
    end = ends(need.mails, quota, now)
    if end is None:
        yield error(QUOTA, where, f"{what}.", mend)
    elif quota.left is not None and need.mails > quota.left:
        yield warning(QUOTA, where, f"{what}.", mend)
    else:
        yield well(QUOTA, where, f"{what} ({rate}).")
    if quota.left is not None and quota.per_day and quota.left < quota.per_day // 2 < need.mails:
        sent = quota.per_day - quota.left
        yield note(
            QUOTA, where, f"{sent:,} of today's mails are gone already.", "Does something else mail, too?"
        )


def ask_account(aws: Aws) -> Mapping[str, Any]:
    """Return the answer to GetAccount. Raises Refused."""
    answer: Mapping[str, Any] = ask(aws("sesv2"), "get_account")
    return answer
