"""The DNS records that make our mail ours: a table to copy from, and lines of a zone file.

Sources: SES Developer Guide, "Easy DKIM", "Using a custom MAIL FROM domain", "Complying with DMARC";
RFC 7208 (SPF), RFC 7489 (DMARC).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from newsletter.aws.names import Names

__all__ = ["AMAZON_SPF", "DnsRecord", "dns_records", "feedback_host", "table", "zone_file"]

AMAZON_SPF = "v=spf1 include:amazonses.com ~all"


@dataclass(frozen=True, kw_only=True, slots=True)
class DnsRecord:
    """One record. name: in full, without a dot at its end. why: what it is for, in a few words."""

    name: str
    kind: str
    value: str
    why: str
    priority: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return what ``--json`` shows."""
        shown = {"name": self.name, "type": self.kind, "value": self.value, "why": self.why}
        return shown | ({} if self.priority is None else {"priority": self.priority})


def feedback_host(region: str) -> str:
    """Return the host that takes bounces in a Region, for the MX record of a MAIL FROM domain."""
    return f"feedback-smtp.{region}.amazonses.com"


def dns_records(names: Names, identity: Mapping[str, Any] | None, region: str) -> list[DnsRecord]:
    """Return the records for an identity as SES describes it; those of DKIM only once SES knows them."""
    dkim = (identity or {}).get("DkimAttributes") or {}
    zone = dkim.get("SigningHostedZone") or "dkim.amazonses.com"
    mail_from = ((identity or {}).get("MailFromAttributes") or {}).get("MailFromDomain") or names.mail_from
    records = [
        DnsRecord(
            name=f"{token}._domainkey.{names.domain}",
            kind="CNAME",
            value=f"{token}.{zone}",
            why="DKIM: signs our mail, and proves that the domain is yours",
        )
        for token in dkim.get("Tokens") or ()
    ]
    records += [
        DnsRecord(
            name=mail_from,
            kind="MX",
            priority=10,
            value=feedback_host(region),
            why="MAIL FROM: where bounces go",
        ),
        DnsRecord(name=mail_from, kind="TXT", value=AMAZON_SPF, why="SPF: Amazon may send for this name"),
        DnsRecord(
            name=f"_dmarc.{names.domain}",
            kind="TXT",
            value=f"v=DMARC1; p=none; rua=mailto:{names.address}",
            why="DMARC: what receivers do with forged mail; keep yours if you have one",
        ),
    ]
    return records


def table(records: Sequence[DnsRecord]) -> str:
    """Return the records for people who paste them into a form, one field a line."""
    blocks = []
    for record in records:
        priority = "" if record.priority is None else f"\n  priority  {record.priority}"
        blocks.append(
            f"  {record.why}\n  type      {record.kind}\n  name      {record.name}{priority}\n"
            f"  value     {record.value}"
        )
    return "\n\n".join(blocks)


def zone_file(records: Sequence[DnsRecord]) -> str:
    """Return the records as lines of a zone file (RFC 1035, section 5)."""
    lines = []
    for record in records:
        value = f'"{record.value}"' if record.kind == "TXT" else f"{record.value}."
        priority = "" if record.priority is None else f"{record.priority} "
        lines.append(f"{record.name}. 3600 IN {record.kind} {priority}{value}")
    return "\n".join(lines)
