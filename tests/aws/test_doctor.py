"""`aws doctor`: each broken state is found, with its remedy, and nothing else is said to be wrong."""

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from newsletter.aws.names import EVENT_TYPES
from newsletter.aws.quota import Quota, ends, in_words, read_quota
from newsletter.settings import Ses
from tests.aws.amazon import ACCOUNT, DOMAIN, REGION, Amazon
from tests.aws.nameserver import NameServer
from tests.fakeses import Fault
from tests.workspaces import Desk

TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:newsletter-events"
QUEUE = f"arn:aws:sqs:{REGION}:{ACCOUNT}:newsletter-events"


class Clinic:
    """An account where all is well, the means to break it, and the doctor."""

    def __init__(self, office: Desk, amazon: Amazon, dns: NameServer) -> None:
        self.office, self.amazon, self.dns = office, amazon, dns
        # without an issue the list as a whole is looked at, which takes no composing
        shutil.move(office.root / "issues", office.root / "issues-aside")
        (office.root / "issues").mkdir()
        office.ok("aws", "setup", "--apply", "--write")
        amazon.verify()
        dns.records.update(
            {
                (f"bounce.{DOMAIN}", "MX"): [f"10 feedback-smtp.{REGION}.amazonses.com."],
                (f"bounce.{DOMAIN}", "TXT"): ['"v=spf1 include:amazonses.com ~all"'],
                (DOMAIN, "TXT"): ['"v=spf1 -all"', '"google-site-verification=abc"'],
                (f"_dmarc.{DOMAIN}", "TXT"): ['"v=DMARC1; p=quarantine; rua=mailto:d@example.org"'],
            }
        )

    def examine(self, **env: str) -> tuple[int, list[dict[str, str]]]:
        """Return the exit code and what was found but for what is well."""
        result = self.office.run("aws", "doctor", "--json", "--dns-server", self.dns.address, **env)
        assert "Traceback" not in result.output
        found = json.loads(result.stdout)["findings"]
        return result.exit_code, [each for each in found if each["mend"]]

    def client(self, service: str) -> Any:
        return self.amazon.client(service)

    @property
    def queue_url(self) -> str:
        url: str = self.client("sqs").get_queue_url(QueueName="newsletter-events")["QueueUrl"]
        return url

    def identity(self, **change: Any) -> None:
        self.amazon.change(identities={DOMAIN: change})

    def configuration_set(self, **change: Any) -> None:
        self.amazon.change(sets={"newsletter": change})

    def destination(
        self, *, enabled: bool = True, types: tuple[str, ...] = EVENT_TYPES, topic: str = TOPIC
    ) -> None:
        self.client("sesv2").update_configuration_set_event_destination(
            ConfigurationSetName="newsletter",
            EventDestinationName="newsletter-events",
            EventDestination={
                "Enabled": enabled,
                "MatchingEventTypes": list(types),
                "SnsDestination": {"TopicArn": topic},
            },
        )

    def queue(self, **attributes: str) -> None:
        sqs = self.client("sqs")
        there = sqs.get_queue_attributes(QueueUrl=self.queue_url, AttributeNames=["Policy"])["Attributes"]
        # moto forgets a policy that is not said again
        sqs.set_queue_attributes(QueueUrl=self.queue_url, Attributes={**there, **attributes})

    def record(self, name: str, kind: str, *values: str) -> None:
        self.dns.records[(name, kind)] = list(values)

    def unsubscribe(self) -> None:
        [each] = self.client("sns").list_subscriptions()["Subscriptions"]
        self.client("sns").unsubscribe(SubscriptionArn=each["SubscriptionArn"])

    def age(self, hours: float) -> None:
        """Let the oldest of some messages be so old."""
        self.client("sqs").send_message(QueueUrl=self.queue_url, MessageBody="{}")
        self.client("cloudwatch").put_metric_data(
            Namespace="AWS/SQS",
            MetricData=[
                {
                    "MetricName": "ApproximateAgeOfOldestMessage",
                    "Dimensions": [{"Name": "QueueName", "Value": "newsletter-events"}],
                    "Timestamp": datetime.now(UTC) - timedelta(minutes=4),
                    "Value": hours * 3600,
                }
            ],
        )


@pytest.fixture
def clinic(office: Desk, amazon: Amazon, dns: NameServer) -> Clinic:
    return Clinic(office, amazon, dns)


def test_where_all_is_well_it_says_so_and_exits_0(clinic: Clinic) -> None:
    result = clinic.office.ok("aws", "doctor", "--dns-server", clinic.dns.address)
    assert {line.split()[0] for line in result.stdout.splitlines()} == {"OK"}
    assert len(result.stdout.splitlines()) >= 14
    assert clinic.examine() == (0, [])


def test_nothing_is_changed_or_sent_by_looking(clinic: Clinic) -> None:
    before = clinic.amazon.dump()
    clinic.examine()
    assert clinic.amazon.dump() == before
    assert clinic.amazon.ses.addresses() == []


Break = Callable[[Clinic], object]

#: What is broken, how grave it is found, by which check, and a word of the remedy.
BROKEN: dict[str, tuple[Break, str, str, str]] = {
    "the account is paused": (lambda c: c.amazon.ses.pause(), "error", "ses-account", "Account dashboard"),
    "the account is shut down": (lambda c: c.amazon.ses.suspend(), "error", "ses-account", "says why"),
    "the identity is gone": (
        lambda c: c.client("sesv2").delete_email_identity(EmailIdentity=DOMAIN),
        "error",
        "ses-identity",
        "newsletter aws setup",
    ),
    "the identity is not verified": (
        lambda c: c.identity(
            VerifiedForSendingStatus=False,
            VerificationStatus="FAILED",
            VerificationInfo={"ErrorType": "HOST_NOT_FOUND"},
        ),
        "error",
        "ses-identity",
        "Paste the DNS records",
    ),
    "DKIM is off": (
        lambda c: c.identity(DkimAttributes={"SigningEnabled": False}),
        "warning",
        "ses-dkim",
        "Switch it on",
    ),
    "DKIM failed": (
        lambda c: c.identity(DkimAttributes={"Status": "FAILED"}),
        "warning",
        "ses-dkim",
        "Paste the DNS records",
    ),
    "the DKIM key is short": (
        lambda c: c.identity(DkimAttributes={"CurrentSigningKeyLength": "RSA_1024_BIT"}),
        "note",
        "ses-dkim",
        "2048",
    ),
    "there is no MAIL FROM": (
        lambda c: c.client("sesv2").put_email_identity_mail_from_attributes(EmailIdentity=DOMAIN),
        "warning",
        "ses-mail-from",
        f"--mail-from bounce.{DOMAIN}",
    ),
    "MAIL FROM failed": (
        lambda c: c.identity(MailFromAttributes={"MailFromDomainStatus": "FAILED"}),
        "warning",
        "ses-mail-from",
        "one MX and one TXT",
    ),
    "MAIL FROM failed and mail is refused": (
        lambda c: c.identity(
            MailFromAttributes={
                "MailFromDomainStatus": "FAILED",
                "BehaviorOnMxFailure": "REJECT_MESSAGE",
            }
        ),
        "error",
        "ses-mail-from",
        "one MX and one TXT",
    ),
    "the MX record is wrong": (
        lambda c: c.record(f"bounce.{DOMAIN}", "MX", "10 mail.example.org."),
        "warning",
        "dns-mail-from",
        f"feedback-smtp.{REGION}.amazonses.com",
    ),
    "the MAIL FROM domain has no SPF": (
        lambda c: c.record(f"bounce.{DOMAIN}", "TXT", '"hello"'),
        "warning",
        "dns-mail-from",
        "v=spf1 include:amazonses.com ~all",
    ),
    "there are two SPF records": (
        lambda c: c.record(DOMAIN, "TXT", '"v=spf1 -all"', '"v=spf1 include:x.example ~all"'),
        "warning",
        "dns-spf",
        "Make one of them",
    ),
    "SPF lets everybody in": (
        lambda c: c.record(DOMAIN, "TXT", '"v=spf1 +all"'),
        "warning",
        "dns-spf",
        "~all",
    ),
    "there is no SPF record": (lambda c: c.record(DOMAIN, "TXT"), "note", "dns-spf", "-all"),
    "there is no DMARC record": (
        lambda c: c.record(f"_dmarc.{DOMAIN}", "TXT"),
        "warning",
        "dns-dmarc",
        "v=DMARC1; p=none",
    ),
    "there are two DMARC records": (
        lambda c: c.record(f"_dmarc.{DOMAIN}", "TXT", '"v=DMARC1; p=none"', '"v=DMARC1; p=reject"'),
        "warning",
        "dns-dmarc",
        "Keep one",
    ),
    "DMARC has no policy": (
        lambda c: c.record(f"_dmarc.{DOMAIN}", "TXT", '"v=DMARC1; rua=mailto:a@example.org"'),
        "warning",
        "dns-dmarc",
        "p=none",
    ),
    "no name server answers": (
        lambda c: setattr(c.dns, "silent", True),
        "warning",
        "dns-silent",
        "--dns-server",
    ),
    "the configuration set is gone": (
        lambda c: c.client("sesv2").delete_configuration_set(ConfigurationSetName="newsletter"),
        "error",
        "ses-configuration-set",
        "newsletter aws setup",
    ),
    "the configuration set is switched off": (
        lambda c: c.configuration_set(SendingOptions={"SendingEnabled": False}),
        "error",
        "ses-configuration-set",
        "Switch it on",
    ),
    "the configuration set mails to complainers": (
        lambda c: c.configuration_set(SuppressionOptions={"SuppressedReasons": ["BOUNCE"]}),
        "warning",
        "ses-configuration-set",
        "Suppression",
    ),
    "there is no event destination": (
        lambda c: c.client("sesv2").delete_configuration_set_event_destination(
            ConfigurationSetName="newsletter", EventDestinationName="newsletter-events"
        ),
        "error",
        "ses-event-destination",
        "--apply",
    ),
    "the event destination is switched off": (
        lambda c: c.destination(enabled=False),
        "error",
        "ses-event-destination",
        "--apply",
    ),
    "bounces are not reported": (
        lambda c: c.destination(types=("SEND", "DELIVERY", "COMPLAINT")),
        "error",
        "ses-event-destination",
        "--apply",
    ),
    "delays are not reported": (
        lambda c: c.destination(types=tuple(t for t in EVENT_TYPES if t != "DELIVERY_DELAY")),
        "warning",
        "ses-event-destination",
        "--apply",
    ),
    "readers are watched though the settings say no": (
        lambda c: c.destination(types=(*EVENT_TYPES, "OPEN")),
        "warning",
        "ses-event-destination",
        "takes it out",
    ),
    "the topic leads nowhere": (lambda c: c.unsubscribe(), "error", "ses-event-destination", "--apply"),
    "events go to another topic": (
        lambda c: c.destination(topic=f"{TOPIC}-of-theirs"),
        "error",
        "ses-event-destination",
        "--apply",
    ),
    "the queue lets nobody in": (
        lambda c: c.queue(Policy='{"Version": "2012-10-17", "Statement": []}'),
        "error",
        "sqs-queue",
        "--apply",
    ),
    "the queue forgets soon": (
        lambda c: c.queue(MessageRetentionPeriod="3600"),
        "warning",
        "sqs-queue",
        "14 days",
    ),
    "the queue is gone": (
        lambda c: c.client("sqs").delete_queue(QueueUrl=c.queue_url),
        "error",
        "sqs-queue",
        "--apply",
    ),
    "events wait": (lambda c: c.age(0.5), "note", "sqs-queue", "events pull"),
    "events have waited for days": (lambda c: c.age(50), "warning", "sqs-queue", "newsletter run"),
    "events will be lost soon": (lambda c: c.age(12 * 24), "error", "sqs-queue", "events pull"),
    "something was not understood": (
        lambda c: c.client("sqs").send_message(QueueUrl=f"{c.queue_url}-dead", MessageBody="?"),
        "warning",
        "sqs-dead-letters",
        "redrive",
    ),
    "the second queue is gone": (
        lambda c: c.client("sqs").delete_queue(QueueUrl=f"{c.queue_url}-dead"),
        "warning",
        "sqs-dead-letters",
        "--apply",
    ),
    "the key may do nothing": (
        lambda c: setattr(c.amazon.iam, "policy", {"Statement": []}),
        "error",
        "iam-rights",
        "--policy daily",
    ),
    "the key may not ask what it may": (
        lambda c: setattr(c.amazon.iam, "refuse", True),
        "note",
        "iam-rights",
        "aws simulate",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("state", BROKEN)
def test_a_broken_state_is_found_with_its_remedy(clinic: Clinic, state: str) -> None:
    break_it, level, check, remedy = BROKEN[state]
    break_it(clinic)
    code, found = clinic.examine()
    matching = [each for each in found if each["check"] == check and each["level"] == level]
    assert matching, found
    assert any(remedy in each["mend"] for each in matching), matching
    assert code == (6 if any(each["level"] == "error" for each in found) else 0)
    for each in found:
        assert each["what"] and each["mend"] and each["where"]
        assert (each["level"] != "error") or level == "error", found


def test_the_sandbox_is_found_and_how_far_the_request_is(clinic: Clinic) -> None:
    clinic.amazon.ses.stop()
    from tests.fakeses import FakeSes

    with FakeSes.start(None, in_thread=True, sandbox=True) as ses:
        sandbox = {"AWS_ENDPOINT_URL_SESV2": ses.url}
        code, found = clinic.examine(**sandbox)
        assert code == 6
        [finding] = [each for each in found if each["check"] == "ses-sandbox"]
        assert "--request-production-access" in finding["mend"]
        Amazon(ses=ses, moto=clinic.amazon.moto, iam=clinic.amazon.iam).change(
            enabled=True, details={"ReviewDetails": {"Status": "PENDING"}}
        )
        [finding] = [each for each in clinic.examine(**sandbox)[1] if each["check"] == "ses-sandbox"]
        assert "being looked at" in finding["mend"]


def test_the_dkim_records_that_are_wrong_are_named_with_what_is_there(clinic: Clinic) -> None:
    first, second, third = clinic.amazon.dump()["ses"]["identities"][DOMAIN]["DkimAttributes"]["Tokens"]
    clinic.identity(DkimAttributes={"Status": "PENDING"})
    clinic.record(f"{first}._domainkey.{DOMAIN}", "CNAME", f"{first}.dkim.amazonses.com.")
    clinic.record(f"{second}._domainkey.{DOMAIN}", "CNAME", "elsewhere.example.com.")
    clinic.record(f"{third}._domainkey.{DOMAIN}.{DOMAIN}", "CNAME", f"{third}.dkim.amazonses.com.")
    found = [each for each in clinic.examine()[1] if each["check"] == "dns-dkim"]
    assert [each["what"].split(":")[0] for each in found] == [
        "is elsewhere.example.com.",
        f"was made as {third}._domainkey.{DOMAIN}.{DOMAIN}",
    ]
    assert found[0]["mend"].endswith(f"{second}.dkim.amazonses.com")
    assert found[1]["mend"] == f"Type {third}._domainkey as the record's name."


@pytest.mark.parametrize(
    ("record", "level"),
    [("v=DMARC1; p=none", "note"), ("v=DMARC1; p=reject", "error"), ("v=DMARC1;p=quarantine", "error")],
)
def test_mail_that_does_not_pass_dmarc_is_as_grave_as_its_policy(
    clinic: Clinic, record: str, level: str
) -> None:
    clinic.identity(
        DkimAttributes={"Status": "PENDING"}, MailFromAttributes={"MailFromDomainStatus": "PENDING"}
    )
    clinic.record(f"_dmarc.{DOMAIN}", "TXT", f'"{record}"')
    assert [each["level"] for each in clinic.examine()[1] if each["check"] == "dns-dmarc"] == [level]


def test_the_dmarc_record_of_the_domain_above_counts_with_its_policy_for_subdomains(clinic: Clinic) -> None:
    del clinic.dns.records[(f"_dmarc.{DOMAIN}", "TXT")]
    clinic.record("_dmarc.example.org", "TXT", '"v=DMARC1; p=none; sp=reject"')
    assert clinic.examine() == (0, [])
    clinic.identity(
        DkimAttributes={"Status": "PENDING"}, MailFromAttributes={"MailFromDomainStatus": "PENDING"}
    )
    [finding] = [each for each in clinic.examine()[1] if each["check"] == "dns-dmarc"]
    assert finding["level"] == "error" and "p=reject" in finding["what"]


def test_an_identity_of_the_domain_above_lets_mail_leave(clinic: Clinic) -> None:
    ses = clinic.client("sesv2")
    ses.delete_email_identity(EmailIdentity=DOMAIN)
    ses.create_email_identity(EmailIdentity="example.org")
    clinic.amazon.verify("example.org", MailFromAttributes={})
    _, found = clinic.examine()
    assert not [each for each in found if each["check"] == "ses-identity"]


@pytest.mark.parametrize(
    ("operation", "check"),
    [
        ("GetEmailIdentity", "aws-rights"),
        ("GetConfigurationSet", "aws-rights"),
        ("GetConfigurationSetEventDestinations", "aws-rights"),
    ],
)
def test_what_the_key_may_not_look_at_is_a_warning_and_the_rest_is_looked_at(
    clinic: Clinic, operation: str, check: str
) -> None:
    clinic.amazon.change(denied=[operation])
    code, found = clinic.examine()
    assert code == 0
    assert [(each["level"], each["check"]) for each in found][:1] == [("warning", check)]
    assert f"ses:{operation}" in found[0]["what"] and "--policy daily" in found[0]["mend"]


def test_an_account_that_may_not_be_asked_about_is_a_warning(clinic: Clinic) -> None:
    clinic.amazon.ses.plan(
        [Fault("error", operation="GetAccount", status=403, code="AccessDeniedException", message="No.")]
    )
    code, found = clinic.examine()
    assert code == 0
    assert [each["check"] for each in found] == ["aws-rights"]


def test_settings_without_configuration_set_or_queue_are_errors(clinic: Clinic) -> None:
    for key in ("CONFIGURATION_SET", "EVENTS_QUEUE_URL"):
        code, found = clinic.examine(**{f"NEWSLETTER_SES__{key}": ""})
        assert code == 6
        assert next(each["check"] for each in found if each["level"] == "error") == "events-unheard"


def test_a_webhook_that_was_confirmed_is_a_way_too(clinic: Clinic) -> None:
    public = {
        "NEWSLETTER_NEWSLETTER__PUBLIC_URL": "https://news.example.org/",
        "NEWSLETTER_SES__EVENT_TOPICS": json.dumps([TOPIC]),
        "NEWSLETTER_SES__EVENTS_QUEUE_URL": "",
    }
    code, found = clinic.examine(**public)
    assert code == 6 and "ses-event-destination" in {each["check"] for each in found}
    clinic.client("sns").subscribe(
        TopicArn=TOPIC, Protocol="https", Endpoint="https://news.example.org/events/ses"
    )
    assert clinic.examine(**public) == (0, [])


def test_a_mailbox_provider_cannot_be_the_senders_domain(clinic: Clinic) -> None:
    code, found = clinic.examine(NEWSLETTER_NEWSLETTER__FROM="Ada <ada@gmail.com>")
    assert code == 6
    assert "a domain of your own" in next(e for e in found if e["check"] == "ses-identity")["mend"]


def test_credentials_that_amazon_does_not_know_end_the_visit_with_one_finding(clinic: Clinic) -> None:
    code, found = clinic.examine(AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="", HOME=str(clinic.office.root))
    assert code == 6
    assert [each["check"] for each in found] == ["aws-credentials"]
    assert "aws configure" in found[0]["mend"]


def test_no_network_ends_the_visit_with_one_finding(clinic: Clinic) -> None:
    code, found = clinic.examine(AWS_ENDPOINT_URL_STS="http://127.0.0.1:9")
    assert code == 6 and [each["check"] for each in found] == ["aws-unreachable"]


def test_the_quota_is_held_against_the_next_issues_readers(clinic: Clinic) -> None:
    shutil.rmtree(clinic.office.root / "issues")
    shutil.move(clinic.office.root / "issues-aside", clinic.office.root / "issues")
    clinic.office.write("people.csv", "email\n" + "".join(f"p{n}@example.org\n" for n in range(30)))
    clinic.office.ok("subscribers", "import", str(clinic.office.root / "people.csv"), "--consent", "asked")
    clinic.amazon.ses.set_quota(20, sent=5)
    code, found = clinic.examine()
    [finding] = [each for each in found if each["check"] == "ses-quota"]
    assert code == 0 and finding["level"] == "warning"
    tomorrow = (datetime.now(ZoneInfo("America/Halifax")) + timedelta(days=1)).strftime("%A")
    assert finding["what"].startswith(f"this issue needs 30; 14 left today: ends {tomorrow} ")
    clinic.amazon.ses.set_quota(1000, sent=0)
    assert clinic.examine() == (0, [])


def test_a_list_of_forty_thousand_ends_when_the_quota_frees() -> None:
    quota = read_quota(
        {"SendQuota": {"Max24HourSend": 50_000.0, "MaxSendRate": 14.0, "SentLast24Hours": 9_500.0}},
        Ses(share=0.9, quota_reserve=0.05),
    )
    assert quota.left == 38_000
    tuesday = datetime(2026, 11, 24, 14, 36, tzinfo=UTC)
    said = in_words(41_210, quota, tuesday, ZoneInfo("America/Halifax"), what="this issue needs")
    assert said == "this issue needs 41,210; 38,000 left today: ends Wednesday 10:40"


@pytest.mark.parametrize(
    ("need", "left", "hours"),
    [
        (0, 10, 0),
        (10, 10, 10 / 3600),
        (11, 10, 24 + 1 / 3600),
        (110, 10, 24 + 100 / 3600),
        (111, 10, 48 + 1 / 3600),
    ],
)
def test_the_end_is_never_promised_before_the_quota_frees(need: int, left: int, hours: float) -> None:
    now = datetime(2026, 11, 24, tzinfo=UTC)
    end = ends(need, Quota(per_second=1, per_day=100, left=left), now)
    assert end is not None and (end - now).total_seconds() / 3600 == pytest.approx(hours)


def test_without_a_limit_only_the_rate_counts_and_a_quota_of_nothing_never_ends() -> None:
    now = datetime(2026, 11, 24, tzinfo=UTC)
    assert ends(3600, Quota(per_second=1, per_day=None, left=None), now) == now + timedelta(hours=1)
    assert ends(5, Quota(per_second=1, per_day=0, left=0), now) is None
    assert ends(5, Quota(per_second=0, per_day=None, left=None), now) is None


def test_a_name_server_that_is_no_address_is_a_matter_of_usage(office: Desk) -> None:
    result = office.run("aws", "doctor", "--dns-server", "not an address")
    assert result.exit_code == 2 and "1.1.1.1" in result.stderr
