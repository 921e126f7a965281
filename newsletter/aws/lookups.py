"""What the DNS says about the domain: DKIM, MAIL FROM, SPF and DMARC, asked of a resolver that is passed in.

Sources: RFC 7208 (SPF: one record, ten look-ups), RFC 7489 (DMARC: the domain's own record, else that of a
domain above it), SES Developer Guide, "Easy DKIM" and "Using a custom MAIL FROM domain".
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from dns.exception import DNSException
from dns.resolver import NXDOMAIN, NoAnswer, Resolver

from newsletter.aws.names import Names
from newsletter.aws.records import AMAZON_SPF, feedback_host
from newsletter.aws.remarks import error, note, warning, well
from newsletter.model import Finding

__all__ = ["look_at_dns", "make_resolver"]

SPF: Final = "dns-spf"
DMARC: Final = "dns-dmarc"
DKIM: Final = "dns-dkim"
MAIL_FROM: Final = "dns-mail-from"
SILENT: Final = "dns-silent"

_SECONDS: Final = 5.0  # for one question, whatever the number of servers


class _Silence(Exception):  # noqa: N818 (what happened)
    """No name server answered."""


def make_resolver(server: str = "") -> Resolver:
    """Return a resolver. server: "HOST" or "HOST:PORT", an address; "" for those of this computer.

    Raises ValueError if server is none.
    """
    resolver = Resolver(configure=not server)
    if server:
        host, _, port = server.rpartition(":") if server.count(":") == 1 else (server, "", "")
        resolver.nameservers = [host]
        resolver.port = int(port) if port else 53
    resolver.lifetime = _SECONDS
    return resolver


def look_at_dns(
    resolver: Resolver,
    names: Names,
    identity: tuple[str, Mapping[str, Any]] | None,
    region: str,
) -> list[Finding]:
    """Return what the DNS says. identity: as SES describes it, if it does, with its name."""
    found: list[Finding] = []
    try:
        if identity is not None:
            found += _dkim(resolver, *identity)
            found += _mail_from(resolver, identity[1], region)
        found += _spf(resolver, names.domain)
        found += _dmarc(resolver, names, identity)
    except _Silence as silence:
        what = f"no name server answers: {silence}"
        mend = "Is this computer online? Another server: newsletter aws doctor --dns-server 1.1.1.1"
        found.append(warning(SILENT, f"DNS of {names.domain}", what, mend))
    return found


def _dkim(resolver: Resolver, name: str, identity: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield which of the three records are wrong, while SES has not found them."""
    dkim = identity.get("DkimAttributes") or {}
    if dkim.get("Status") == "SUCCESS" or "@" in name:
        return
    zone = dkim.get("SigningHostedZone") or "dkim.amazonses.com"
    for token in dkim.get("Tokens") or ():
        record, value = f"{token}._domainkey.{name}", f"{token}.{zone}"
        there = _ask(resolver, record, "CNAME")
        if [text.lower() for text in there] == [value.lower()]:
            continue
        where = f"CNAME record {record}"
        mend = f"Its value must be {value}"
        if there:
            yield warning(DKIM, where, f"is {there[0]}.", mend)
        elif _ask(resolver, f"{record}.{name}", "CNAME"):
            what = f"was made as {record}.{name}: the provider puts the domain after what is typed."
            yield warning(DKIM, where, what, f"Type {token}._domainkey as the record's name.")
        else:
            yield warning(DKIM, where, "is not there.", mend)


def _mail_from(resolver: Resolver, identity: Mapping[str, Any], region: str) -> Iterator[Finding]:
    domain = (identity.get("MailFromAttributes") or {}).get("MailFromDomain") or ""
    if not domain:
        return
    host, hosts = feedback_host(region), _ask(resolver, domain, "MX")
    if hosts != [host]:
        what = f"is {', '.join(hosts)}." if hosts else "is not there."
        mend = f"One MX record, priority 10, value {host}, and no other."
        yield warning(MAIL_FROM, f"MX record of {domain}", what, mend)
    policies = _policies(resolver, domain, "v=spf1")
    if len(policies) != 1 or "include:amazonses.com" not in policies[0]:
        what = f"is {' and '.join(policies)}" if policies else "is not there."
        yield warning(MAIL_FROM, f"SPF (TXT) record of {domain}", what, f"One TXT record: {AMAZON_SPF}")
    if hosts == [host] and len(policies) == 1 and "include:amazonses.com" in policies[0]:
        yield well(MAIL_FROM, f"DNS of {domain}", "MX and SPF are right.")


def _spf(resolver: Resolver, domain: str) -> Iterator[Finding]:
    where, policies = f"SPF (TXT) record of {domain}", _policies(resolver, domain, "v=spf1")
    if len(policies) > 1:
        what = f"there are {len(policies)}; receivers then believe none of them (RFC 7208, section 4.5)."
        yield warning(SPF, where, what, "Make one of them: each include: once, and ~all at the end.")
    elif policies and policies[0].split()[-1].lower() == "+all":
        yield warning(SPF, where, "ends with +all: everybody may mail as you.", "End it with ~all.")
    elif policies:
        yield well(SPF, where, "is there, once. Our mail is judged by the MAIL FROM domain's.")
    else:
        mend = f"Not needed for our mail. If nothing else mails from {domain}: a TXT record v=spf1 -all"
        yield note(SPF, where, "is not there.", mend)


def _dmarc(
    resolver: Resolver, names: Names, identity: tuple[str, Mapping[str, Any]] | None
) -> Iterator[Finding]:
    record, policies = _dmarc_record(resolver, names.domain)
    where = f"DMARC (TXT) record {record}"
    if not policies:
        what = "is not there. Gmail and Yahoo ask it of everyone who mails many people."
        mend = f"One TXT record: v=DMARC1; p=none; rua=mailto:{names.address}"
        yield warning(DMARC, where, what, mend)
        return
    if len(policies) > 1:
        what = (
            f"there are {len(policies)}; receivers then act as if there were none (RFC 7489, section 6.6.3)."
        )
        yield warning(DMARC, where, what, "Keep one of them.")
        return
    tags = _tags(policies[0])
    inherited = record != f"_dmarc.{names.domain}"
    policy = (tags.get("sp") if inherited else None) or tags.get("p", "")
    if policy.lower() not in {"none", "quarantine", "reject"}:
        yield warning(
            DMARC, where, f"has no policy: {policies[0]}", "It must say p=none, quarantine or reject."
        )
        return
    yield from _alignment(where, names, identity, tags, policy)


def _alignment(
    where: str,
    names: Names,
    identity: tuple[str, Mapping[str, Any]] | None,
    tags: Mapping[str, str],
    policy: str,
) -> Iterator[Finding]:
    """Yield whether our mail passes: signed by, or bouncing to, the domain it comes from."""
    if identity is None:  # not known, or not to be seen: nothing can be said of what it signs
        yield well(DMARC, where, f"is there (p={policy}).")
        return
    name, told = identity
    signed = (told.get("DkimAttributes") or {}).get("Status") == "SUCCESS" and "@" not in name
    strict = tags.get("adkim", "r").lower() == "s" and name != names.domain
    mail_from = told.get("MailFromAttributes") or {}
    bounces = mail_from.get("MailFromDomainStatus") == "SUCCESS" and tags.get("aspf", "r").lower() != "s"
    if (signed and not strict) or bounces:
        yield well(DMARC, where, f"is there (p={policy}), and our mail passes it.")
        return
    why = (
        f"it is signed by {name}, and adkim=s wants {names.domain}"
        if signed and strict
        else "it is not signed"
    )
    mend = "Make DKIM work first: newsletter aws setup shows its records."
    if policy.lower() == "none":
        yield note(DMARC, where, f"only watches (p=none); our mail would not pass: {why}.", mend)
    else:
        so = "refuse it" if policy.lower() == "reject" else "put it into spam"
        yield error(
            DMARC, where, f"says p={policy}, and our mail does not pass: receivers {so}. {why}.", mend
        )


def _dmarc_record(resolver: Resolver, domain: str) -> tuple[str, Sequence[str]]:
    """Return the name of the record that counts and what is there: the domain's own, or of one above."""
    labels = domain.split(".")
    for start in range(len(labels) - 1):
        record = f"_dmarc.{'.'.join(labels[start:])}"
        if policies := _policies(resolver, record, "v=dmarc1"):
            return record, policies
    return f"_dmarc.{domain}", ()


def _tags(policy: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in policy.split(";"))
    return {key.strip().lower(): value.strip() for key, _, value in pairs if key.strip()}


def _policies(resolver: Resolver, name: str, start: str) -> list[str]:
    """Return the TXT records that begin with a version: "v=spf1" or "v=dmarc1"."""
    found = []
    for text in _ask(resolver, name, "TXT"):
        head, after = text[: len(start)].lower().replace(" ", ""), text[len(start) : len(start) + 1]
        if head == start and after in {"", " ", ";"}:
            found.append(text[:300])
    return found


def _ask(resolver: Resolver, name: str, kind: str) -> list[str]:
    """Return the records of a kind, without dots at their ends; none if there are none. Raises _Silence."""
    try:
        answer = resolver.resolve(name, kind, search=False)
    except (NXDOMAIN, NoAnswer):
        return []
    except DNSException as problem:
        raise _Silence(f"{type(problem).__name__} for {name}") from problem
    if kind == "TXT":
        texts = (b"".join(record.strings).decode("utf-8", "replace") for record in answer)
        return ["".join(c if c.isprintable() else "?" for c in text) for text in texts]
    if kind == "MX":
        return sorted(record.exchange.to_text().rstrip(".").lower() for record in answer)
    return [record.target.to_text().rstrip(".") for record in answer]
