"""`aws setup`: shows first, makes what is missing, and the second time changes nothing."""

import json
import threading
import time
import tomllib

import dns.zone
import pytest

from newsletter.aws.names import EVENT_TYPES
from newsletter.aws.settings_lines import with_settings
from tests.aws.amazon import ACCOUNT, DOMAIN, REGION, Amazon
from tests.workspaces import REPOSITORY, Desk

TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:newsletter-events"
OURS = {"newsletter:workspace": "ignite-music-therapy", "newsletter:made-by": "newsletter"}


def queue_url(amazon: Amazon, name: str = "newsletter-events") -> str:
    url: str = amazon.client("sqs").get_queue_url(QueueName=name)["QueueUrl"]
    return url


def verbs(result: object) -> dict[str, str]:
    assert isinstance(result, dict)
    return {f"{step['kind']} {step['name']}": step["verb"] for step in result["steps"]}


def test_a_plan_changes_nothing_and_names_everything(office: Desk, amazon: Amazon) -> None:
    before = amazon.dump()
    shown = office.json("aws", "setup")
    assert amazon.dump() == before
    assert shown["changed"] == 0 and shown["account"] == ACCOUNT and shown["region"] == REGION
    assert set(verbs(shown).values()) == {"make"}
    assert list(verbs(shown)) == [
        "SQS queue newsletter-events-dead",
        "SQS queue newsletter-events",
        "SNS topic newsletter-events",
        "subscription newsletter-events to newsletter-events",
        "configuration set newsletter",
        "event destination newsletter-events",
        f"identity {DOMAIN}",
        f"MAIL FROM bounce.{DOMAIN}",
    ]


def test_the_second_apply_changes_nothing_and_says_so(office: Desk, amazon: Amazon) -> None:
    first = office.json("aws", "setup", "--apply", "--write")
    assert first["changed"] == 8
    before = amazon.dump()
    second = office.ok("aws", "setup", "--apply", "--write")
    assert "Nothing to change: everything is as it should be." in second.stdout
    assert amazon.dump() == before
    assert set(verbs(office.json("aws", "setup", "--apply")).values()) == {"keep"}
    assert amazon.dump() == before


@pytest.mark.slow
def test_it_is_the_same_in_processes_of_their_own(office: Desk, amazon: Amazon) -> None:
    for changed in (8, 0):
        process = office.process("aws", "setup", "--apply", "--json")
        output, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
        assert json.loads(output)["changed"] == changed


def test_everything_that_can_carry_a_tag_carries_ours(office: Desk, amazon: Amazon) -> None:
    office.ok("aws", "setup", "--apply")
    state = amazon.dump()
    tagged = [each["tags"] for kind in ("topics", "queues") for each in state[kind].values()]
    tagged += [each["Tags"] for kind in ("identities", "sets") for each in state["ses"][kind].values()]
    plain = [
        tags if isinstance(tags, dict) else {pair["Key"]: pair["Value"] for pair in tags} for tags in tagged
    ]
    assert plain == [OURS] * 5


def test_what_amazon_is_told_to_report_is_all_of_it_and_nobody_is_watched(
    office: Desk, amazon: Amazon
) -> None:
    office.ok("aws", "setup", "--apply")
    destination = amazon.dump()["ses"]["destinations"]["newsletter"]["newsletter-events"]
    assert destination["Enabled"] and destination["MatchingEventTypes"] == list(EVENT_TYPES)
    office.ok("aws", "setup", "--apply", NEWSLETTER_TRACKING__OPENS="true")
    destination = amazon.dump()["ses"]["destinations"]["newsletter"]["newsletter-events"]
    assert destination["MatchingEventTypes"] == [*EVENT_TYPES, "OPEN"]
    office.ok("aws", "setup", "--apply")
    destination = amazon.dump()["ses"]["destinations"]["newsletter"]["newsletter-events"]
    assert "OPEN" not in destination["MatchingEventTypes"]


def test_what_is_published_to_the_topic_arrives_in_the_queue_as_it_is(office: Desk, amazon: Amazon) -> None:
    office.ok("aws", "setup", "--apply")
    amazon.client("sns").publish(TopicArn=TOPIC, Message='{"eventType": "Send"}')
    answer = amazon.client("sqs").receive_message(QueueUrl=queue_url(amazon), WaitTimeSeconds=1)
    assert [message["Body"] for message in answer["Messages"]] == ['{"eventType": "Send"}']


def test_what_nobody_understands_ends_in_the_second_queue_and_both_keep_it_for_two_weeks(
    office: Desk, amazon: Amazon
) -> None:
    office.ok("aws", "setup", "--apply")
    queues = {url.rpartition("/")[2]: each["attributes"] for url, each in amazon.dump()["queues"].items()}
    redrive = json.loads(queues["newsletter-events"]["RedrivePolicy"])
    assert redrive["deadLetterTargetArn"] == queues["newsletter-events-dead"]["QueueArn"]
    assert {each["MessageRetentionPeriod"] for each in queues.values()} == {str(14 * 86_400)}


def test_what_was_changed_by_hand_is_put_right_and_nothing_beside_it(office: Desk, amazon: Amazon) -> None:
    office.ok("aws", "setup", "--apply")
    good = amazon.dump()
    sqs, sns, ses = (amazon.client(name) for name in ("sqs", "sns", "sesv2"))
    sqs.set_queue_attributes(QueueUrl=queue_url(amazon), Attributes={"MessageRetentionPeriod": "60"})
    sns.set_topic_attributes(TopicArn=TOPIC, AttributeName="Policy", AttributeValue='{"Statement": []}')
    [subscription] = sns.list_subscriptions()["Subscriptions"]
    sns.set_subscription_attributes(
        SubscriptionArn=subscription["SubscriptionArn"],
        AttributeName="RawMessageDelivery",
        AttributeValue="false",
    )
    ses.put_configuration_set_sending_options(ConfigurationSetName="newsletter", SendingEnabled=False)
    ses.put_configuration_set_suppression_options(ConfigurationSetName="newsletter", SuppressedReasons=[])
    ses.update_configuration_set_event_destination(
        ConfigurationSetName="newsletter",
        EventDestinationName="newsletter-events",
        EventDestination={
            "Enabled": False,
            "MatchingEventTypes": ["SEND"],
            "SnsDestination": {"TopicArn": TOPIC},
        },
    )
    mended = office.json("aws", "setup", "--apply")
    assert mended["changed"] == 6
    now = amazon.dump()
    for state in (good, now):  # when a queue was changed last is Amazon's own
        for queue in state["queues"].values():
            queue["attributes"].pop("LastModifiedTimestamp")
        for topic in state["topics"].values():
            topic["attributes"]["Policy"] = json.loads(topic["attributes"]["Policy"])
    assert now == good


def test_a_run_that_was_cut_off_is_finished_by_the_next(office: Desk, amazon: Amazon) -> None:
    amazon.change(denied=["CreateConfigurationSet"])
    result = office.run("aws", "setup", "--apply")
    assert result.exit_code == 6
    assert "CreateConfigurationSet" in result.stderr and "--policy setup" in result.stderr
    amazon.change(denied=[])
    shown = office.json("aws", "setup", "--apply")
    assert verbs(shown)["SQS queue newsletter-events"] == "keep"
    assert shown["changed"] == 4


def test_things_of_that_name_that_are_not_ours_are_used_and_left_as_they_are(
    office: Desk, amazon: Amazon
) -> None:
    ses, sns, sqs = (amazon.client(name) for name in ("sesv2", "sns", "sqs"))
    ses.create_email_identity(EmailIdentity=DOMAIN)
    ses.create_configuration_set(ConfigurationSetName="newsletter")
    sns.create_topic(Name="newsletter-events")
    sqs.create_queue(QueueName="newsletter-events")
    before = amazon.dump()
    shown = verbs(office.json("aws", "setup", "--apply"))
    after = amazon.dump()
    assert [name for name, verb in shown.items() if verb == "leave"] == [
        "SQS queue newsletter-events",
        "SNS topic newsletter-events",
        "configuration set newsletter",
        f"identity {DOMAIN}",
        f"MAIL FROM bounce.{DOMAIN}",
    ]
    assert after["ses"]["identities"] == before["ses"]["identities"]
    assert after["ses"]["sets"] == before["ses"]["sets"]
    assert after["topics"][TOPIC]["attributes"] == {
        **before["topics"][TOPIC]["attributes"],
        "SubscriptionsConfirmed": after["topics"][TOPIC]["attributes"]["SubscriptionsConfirmed"],
    }
    assert before["queues"].items() <= after["queues"].items()


def test_an_identity_that_is_not_ours_gets_a_mail_from_domain_only_when_asked(
    office: Desk, amazon: Amazon
) -> None:
    amazon.client("sesv2").create_email_identity(EmailIdentity=DOMAIN)
    office.ok("aws", "setup", "--apply")
    assert not amazon.dump()["ses"]["identities"][DOMAIN]["MailFromAttributes"]
    office.ok("aws", "setup", "--apply", "--mail-from", f"mail.{DOMAIN}")
    told = amazon.dump()["ses"]["identities"][DOMAIN]["MailFromAttributes"]
    assert told["MailFromDomain"] == f"mail.{DOMAIN}"
    assert told["BehaviorOnMxFailure"] == "USE_DEFAULT_VALUE", "mail must leave before the DNS knows it"
    before = amazon.dump()
    office.ok("aws", "setup", "--apply")
    assert amazon.dump() == before, "what is set stays, whatever the default is"


def test_another_newsletters_things_are_refused_with_the_setting_that_helps(
    office: Desk, amazon: Amazon
) -> None:
    office.ok("aws", "setup", "--apply", NEWSLETTER_NEWSLETTER__NAME="Another")
    before = amazon.dump()
    result = office.run("aws", "setup", "--apply")
    assert result.exit_code == 3
    assert "belongs to another newsletter of this account, another" in result.stderr
    assert "configuration_set" in result.stderr
    assert amazon.dump() == before
    office.ok("aws", "setup", "--apply", NEWSLETTER_SES__CONFIGURATION_SET="ignite")
    assert set(amazon.dump()["ses"]["sets"]) == {"newsletter", "ignite"}


def test_the_names_are_written_into_the_settings_and_every_other_line_stays(
    office: Desk, amazon: Amazon
) -> None:
    file = office.root / "newsletter.toml"
    before = file.read_text("utf-8").splitlines()
    office.ok("aws", "setup", "--apply", "--write")
    text = file.read_text("utf-8")
    ses = tomllib.loads(text)["ses"]
    assert ses["configuration_set"] == "newsletter" and ses["events_queue_url"] == queue_url(amazon)
    assert len(text.splitlines()) == len(before)
    changed = [old for old, new in zip(before, text.splitlines(), strict=True) if old != new]
    assert changed == [
        '# configuration_set = "newsletter"',
        next(line for line in before if line.startswith("# events_queue_url")),
    ]


def test_without_write_the_lines_are_shown_and_the_file_stays(office: Desk, amazon: Amazon) -> None:
    file = office.root / "newsletter.toml"
    before = file.read_bytes()
    result = office.ok("aws", "setup", "--apply")
    assert '  configuration_set = "newsletter"' in result.stdout
    assert f'  events_queue_url = "{queue_url(amazon)}"' in result.stdout
    assert file.read_bytes() == before


@pytest.mark.parametrize("file", ["newsletter.toml", "newsletter/starter/newsletter.toml"])
def test_settings_lines_keep_what_they_do_not_mean(file: str) -> None:
    source = (REPOSITORY / file).read_text("utf-8").replace("{name}", "N").replace("{from}", "a@example.org")
    values = {"configuration_set": 'odd "name"', "events_queue_url": "https://sqs/1/q#x"}
    written = with_settings(source, "ses", values)
    before, after = tomllib.loads(source), tomllib.loads(written)
    assert after["ses"] == {**before["ses"], **values}
    assert {**after, "ses": before["ses"]} == before
    assert with_settings(written, "ses", values) == written
    for line in source.splitlines():
        if line.startswith("#") and "=" not in line:
            assert line in written


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("", '\n[ses]\nqueue = "q"\n'),
        ('[newsletter]\nqueue = "x"', '[newsletter]\nqueue = "x"\n\n[ses]\nqueue = "q"\n'),
        ("[ses]\r\n[other]\r\n", '[ses]\r\nqueue = "q"\r\n[other]\r\n'),
        ("[ses]\nqueue = 'a # b'  # why\n", '[ses]\nqueue = "q"  # why\n'),
        (
            '[ses]\nqueue_url = "1"\n[b]\nqueue = "2"\n',
            '[ses]\nqueue = "q"\nqueue_url = "1"\n[b]\nqueue = "2"\n',
        ),
    ],
)
def test_a_setting_finds_its_place(source: str, expected: str) -> None:
    assert with_settings(source, "ses", {"queue": "q"}) == expected


def test_the_dns_records_are_those_of_the_identity_in_a_table_and_as_a_zone_file(
    office: Desk, amazon: Amazon
) -> None:
    office.ok("aws", "setup", "--apply")
    shown = office.json("aws", "setup")["dns"]
    tokens = amazon.dump()["ses"]["identities"][DOMAIN]["DkimAttributes"]["Tokens"]
    assert [(each["name"], each["value"]) for each in shown if each["type"] == "CNAME"] == [
        (f"{token}._domainkey.{DOMAIN}", f"{token}.dkim.amazonses.com") for token in tokens
    ]
    text = office.ok("aws", "setup").stdout
    lines = text.partition("zone file:\n\n")[2].partition("\n\n")[0]
    soa = f"{DOMAIN}. 60 IN SOA ns. me. 1 2 3 4 5\n{DOMAIN}. 60 IN NS ns.\n"
    zone = dns.zone.from_text(soa + lines, origin=f"{DOMAIN}.", relativize=False)
    mx = zone.get_rdataset(f"bounce.{DOMAIN}.", "MX")
    assert mx is not None and mx[0].exchange.to_text() == f"feedback-smtp.{REGION}.amazonses.com."
    for each in shown:
        assert zone.get_rdataset(f"{each['name']}.", each["type"]) is not None
        assert each["value"] in text


@pytest.mark.slow
def test_wait_ends_when_amazon_has_found_the_records(office: Desk, amazon: Amazon) -> None:
    office.ok("aws", "setup", "--apply")
    later = threading.Timer(1.5, amazon.verify)
    later.start()
    begun = time.monotonic()
    shown = office.json("aws", "setup", "--apply", "--wait", "--timeout", "30")
    later.join()
    assert set(shown["identity"].values()) == {"SUCCESS"}
    assert 1.4 < time.monotonic() - begun < 20


def test_wait_gives_up_after_its_time_and_says_what_is_missing(office: Desk, amazon: Amazon) -> None:
    result = office.run("aws", "setup", "--apply", "--wait", "--timeout", "0")
    assert result.exit_code == 6
    assert "DKIM" in result.stderr and "aws doctor" in result.stderr


def test_a_mail_from_domain_elsewhere_is_refused(office: Desk, amazon: Amazon) -> None:
    before = amazon.dump()
    result = office.run("aws", "setup", "--apply", "--mail-from", "bounce.example.com")
    assert result.exit_code == 3 and f"bounce.{DOMAIN}" in result.stderr
    assert amazon.dump() == before


@pytest.mark.parametrize("command", ["setup", "teardown", "doctor"])
def test_without_credentials_there_is_one_clear_line(office: Desk, command: str) -> None:
    result = office.run("aws", command, AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="", HOME=str(office.root))
    assert result.exit_code == 6
    assert "credentials" in result.output and "aws configure" in result.output


def test_without_a_region_there_is_one_clear_line(office: Desk) -> None:
    result = office.run(
        "aws", "setup", NEWSLETTER_SES__REGION="", AWS_DEFAULT_REGION="", HOME=str(office.root)
    )
    assert result.exit_code == 3 and "No AWS region is set." in result.stderr


def test_nobody_at_the_other_end_is_said_so(office: Desk) -> None:
    result = office.run("aws", "setup", AWS_ENDPOINT_URL_STS="http://127.0.0.1:9")
    assert result.exit_code == 6 and "[ses] region" in result.stderr
