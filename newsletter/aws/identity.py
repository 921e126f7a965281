"""The identity that mail comes from: verified, signed with DKIM, with a MAIL FROM domain of its own."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from newsletter.aws.asking import Aws, ask_or_none
from newsletter.aws.names import Names
from newsletter.aws.remarks import error, note, warning, well
from newsletter.model import Finding

__all__ = ["IDENTITY", "find_identity", "look_at_dkim", "look_at_identity", "look_at_mail_from"]

IDENTITY: Final = "ses-identity"
DKIM: Final = "ses-dkim"
MAIL_FROM: Final = "ses-mail-from"

#: VerificationInfo.ErrorType (SES API v2 reference) in the owner's words.
_ERRORS: Final[Mapping[str, str]] = {
    "SERVICE_ERROR": "Amazon could not look at the DNS records, by a fault of its own; it tries again.",
    "DNS_SERVER_ERROR": "the domain's name servers answered with an error.",
    "HOST_NOT_FOUND": "the DKIM records are not in the DNS: no such name.",
    "TYPE_NOT_FOUND": "the names of the DKIM records exist in the DNS, but not as CNAME records.",
    "INVALID_VALUE": "the DKIM records in the DNS have another value than Amazon asked for.",
}

#: Domains of mailbox providers: nobody but they can verify them, and their DMARC rejects others' mail.
_FREE: Final = frozenset(
    {
        "aol.com",
        "gmail.com",
        "gmx.de",
        "gmx.net",
        "googlemail.com",
        "hotmail.com",
        "icloud.com",
        "live.com",
        "outlook.com",
        "proton.me",
        "protonmail.com",
        "web.de",
        "yahoo.com",
    }
)

_RECORDS = "Paste the DNS records that `newsletter aws setup` shows at your domain's provider"


def find_identity(aws: Aws, names: Names) -> tuple[str, Mapping[str, Any]] | None:
    """Return the identity that lets mail from the From address leave, and its name; None if there is none.

    SES takes the address itself, its domain, or a domain above it; one that is verified before one that is
    not. Raises Refused.
    """
    first: tuple[str, Mapping[str, Any]] | None = None
    for name in names.identities:
        found = ask_or_none(aws("sesv2"), "get_email_identity", EmailIdentity=name)
        if found is not None and found.get("VerifiedForSendingStatus"):
            return name, found
        if found is not None and first is None:
            first = name, found
    return first


def look_at_identity(
    names: Names, found: tuple[str, Mapping[str, Any]] | None, region: str
) -> Iterator[Finding]:
    """Yield whether mail may come from the From address. found: of ``find_identity``."""
    where = f"[newsletter] from, {names.domain}"
    if names.domain in _FREE:
        what = f"nobody but its provider may mail as {names.domain}; such mail is refused or lands in spam."
        yield error(
            IDENTITY, where, what, "Write from an address at a domain of your own: [newsletter] from."
        )
        return
    if found is None:
        what = f"Amazon does not know this domain in {region}. Identities belong to one Region."
        mend = "Make it: newsletter aws setup. If it is verified in another Region, set [ses] region."
        yield error(IDENTITY, where, what, mend)
        return
    name, identity = found
    if identity.get("VerifiedForSendingStatus"):
        yield well(IDENTITY, where, f"{name} is verified.")
        return
    status = identity.get("VerificationStatus") or "PENDING"
    told = (identity.get("VerificationInfo") or {}).get("ErrorType") or ""
    why = f": {_ERRORS.get(told, f'{told}.')}" if told else "."
    what = f"{name} is not verified (status {status}){why}"
    if "@" in name:
        mend = "Open the mail that Amazon sent to this address, and click the link in it."
    else:
        mend = f"{_RECORDS}; Amazon sees them within minutes to a day."
    yield error(IDENTITY, where, what, mend)


def look_at_dkim(name: str, identity: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield whether our mail is signed."""
    where, dkim = f"DKIM of {name}", identity.get("DkimAttributes") or {}
    status = dkim.get("Status") or "NOT_STARTED"
    if not dkim.get("SigningEnabled"):
        what = "mail is not signed: DKIM is off. Gmail and Yahoo ask it of everyone who mails many people."
        mend = "Switch it on: SES console, Identities, Authentication, DKIM."
        if "@" in name:
            mend = (
                f"Verify the domain, not the address alone: newsletter aws setup makes {name.split('@')[1]}."
            )
        yield warning(DKIM, where, what, mend)
    elif status != "SUCCESS":
        what = f"mail is not signed yet (status {status})."
        yield warning(DKIM, where, what, f"{_RECORDS}.")
    else:
        yield well(DKIM, where, "mail is signed.")
        if dkim.get("CurrentSigningKeyLength") == "RSA_1024_BIT":
            mend = "SES console, Identities, Authentication, DKIM: 2048 bits."
            yield note(DKIM, where, "the key has 1024 bits; 2048 are usual today.", mend)


def look_at_mail_from(name: str, identity: Mapping[str, Any], names: Names) -> Iterator[Finding]:
    """Yield whether bounces go to a domain of ours."""
    told = identity.get("MailFromAttributes") or {}
    domain, status = told.get("MailFromDomain") or "", told.get("MailFromDomainStatus")
    where = f"MAIL FROM of {name}"
    if not domain:
        what = "bounces go to amazonses.com, so SPF does not speak for your domain (DKIM alone does)."
        yield warning(
            MAIL_FROM,
            where,
            what,
            f"newsletter aws setup --mail-from {names.mail_from}, then its DNS records.",
        )
    elif status != "SUCCESS":
        strict = told.get("BehaviorOnMxFailure") == "REJECT_MESSAGE"
        so = "Amazon refuses to send until then" if strict else "amazonses.com is used until then"
        level = error if strict else warning
        what = f"{domain} does not work (status {status}); {so}."
        yield level(MAIL_FROM, where, what, f"{_RECORDS}: one MX and one TXT record of {domain}.")
    else:
        yield well(MAIL_FROM, where, f"bounces go to {domain}.")
