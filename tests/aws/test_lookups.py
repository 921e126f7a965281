"""What the DNS says, asked of a real name server; whatever it says."""

import pytest

from newsletter.aws.lookups import look_at_dns, make_resolver
from newsletter.aws.names import names_of
from newsletter.model import Finding, Level
from newsletter.settings import Newsletter, Settings
from tests.aws.nameserver import NameServer

NAMES = names_of(Settings(newsletter=Newsletter(name="N", from_="Ada <ada@mail.example.org>")))


def look(dns: NameServer) -> list[Finding]:
    return look_at_dns(make_resolver(dns.address), NAMES, None, "eu-central-1")


def test_without_an_identity_spf_and_dmarc_are_looked_at_all_the_same(dns: NameServer) -> None:
    dns.records[("_dmarc.example.org", "TXT")] = ['"v=DMARC1; p=reject"']
    assert [(each.check, each.level, bool(each.mend)) for each in look(dns)] == [
        ("dns-spf", Level.NOTE, True),
        ("dns-dmarc", Level.NOTE, False),
    ]
    assert dns.asked == [
        "mail.example.org TXT",
        "_dmarc.mail.example.org TXT",
        "_dmarc.example.org TXT",
    ]


def test_a_record_in_several_strings_is_one(dns: NameServer) -> None:
    dns.records[("mail.example.org", "TXT")] = ['"v=spf1 include:a.example" " +all"']
    assert "everybody" in look(dns)[0].what


@pytest.mark.parametrize(
    "record",
    ['"\\027[2J\\007v=DMARC1; p=none"', '"v=DMARC1; p=\\027]0;x\\007"', '"\\255\\254"', '""', '"v=DMARC1"'],
)
def test_whatever_a_record_holds_nothing_of_it_reaches_the_terminal(dns: NameServer, record: str) -> None:
    dns.records[("_dmarc.mail.example.org", "TXT")] = [record]
    dns.records[("mail.example.org", "TXT")] = [record]
    for finding in look(dns):
        assert (finding.where + finding.what + finding.mend).isprintable()


@pytest.mark.parametrize("record", ['"v=spf10 -all"', '"xv=spf1 -all"', '"v=spf1x"'])
def test_what_only_looks_like_spf_is_none(dns: NameServer, record: str) -> None:
    dns.records[("mail.example.org", "TXT")] = [record]
    assert look(dns)[0].what == "is not there."


def test_a_name_server_may_have_an_ipv6_address_and_must_be_an_address() -> None:
    assert list(make_resolver("::1").nameservers) == ["::1"]
    assert make_resolver("127.0.0.1:5353").port == 5353
    with pytest.raises(ValueError):
        make_resolver("name.example.org")
