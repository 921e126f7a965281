"""`aws teardown`: what we made goes; what others made stays, to the last attribute."""

import pytest

from tests.aws.amazon import ACCOUNT, DOMAIN, REGION, Amazon
from tests.workspaces import Desk

TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:newsletter-events"


@pytest.fixture
def neighbours(amazon: Amazon) -> Amazon:
    """The account of somebody who uses Amazon for other things, too."""
    ses, sns, sqs = (amazon.client(name) for name in ("sesv2", "sns", "sqs"))
    ses.create_email_identity(EmailIdentity="shop.example.com")
    ses.create_configuration_set(ConfigurationSetName="shop")
    topic = sns.create_topic(Name="shop-events", Tags=[{"Key": "newsletter:workspace", "Value": "other"}])
    queue = sqs.create_queue(QueueName="shop-events", tags={"newsletter:made-by": "newsletter"})
    arn = sqs.get_queue_attributes(QueueUrl=queue["QueueUrl"], AttributeNames=["QueueArn"])["Attributes"]
    sns.subscribe(TopicArn=topic["TopicArn"], Protocol="sqs", Endpoint=arn["QueueArn"])
    ses.create_configuration_set_event_destination(
        ConfigurationSetName="shop",
        EventDestinationName="newsletter-events",
        EventDestination={
            "Enabled": True,
            "MatchingEventTypes": ["SEND"],
            "SnsDestination": {"TopicArn": topic["TopicArn"]},
        },
    )
    return amazon


def test_setup_and_teardown_leave_the_account_as_it_was(office: Desk, neighbours: Amazon) -> None:
    before = neighbours.dump()
    office.ok("aws", "setup", "--apply")
    assert neighbours.dump() != before
    office.ok("aws", "teardown", "--apply", "--identity", "--yes")
    assert neighbours.dump() == before


def test_a_plan_removes_nothing(office: Desk, amazon: Amazon) -> None:
    office.ok("aws", "setup", "--apply")
    before = amazon.dump()
    shown = office.json("aws", "teardown")
    assert amazon.dump() == before
    assert [step["verb"] for step in shown["steps"]] == ["remove"] * 4 + ["leave"]


def test_with_no_terminal_and_no_yes_it_refuses(office: Desk, amazon: Amazon) -> None:
    office.ok("aws", "setup", "--apply")
    before = amazon.dump()
    result = office.run("aws", "teardown", "--apply")
    assert result.exit_code == 2 and "--yes" in result.stderr
    assert amazon.dump() == before


def test_the_identity_stays_unless_asked_for_because_others_may_mail_from_it(
    office: Desk, amazon: Amazon
) -> None:
    office.ok("aws", "setup", "--apply")
    office.ok("aws", "teardown", "--apply", "--yes")
    state = amazon.dump()
    assert list(state["ses"]["identities"]) == [DOMAIN]
    assert not state["ses"]["sets"] and not state["queues"] and not state["topics"]


def test_an_identity_that_we_did_not_make_stays_even_if_asked_for(office: Desk, amazon: Amazon) -> None:
    amazon.client("sesv2").create_email_identity(EmailIdentity=DOMAIN)
    before = amazon.dump()
    office.ok("aws", "setup", "--apply")
    office.ok("aws", "teardown", "--apply", "--identity", "--yes")
    assert amazon.dump() == before


def test_in_a_configuration_set_of_somebody_else_only_our_destination_goes(
    office: Desk, amazon: Amazon
) -> None:
    ses = amazon.client("sesv2")
    ses.create_configuration_set(ConfigurationSetName="newsletter")
    ses.create_configuration_set_event_destination(
        ConfigurationSetName="newsletter",
        EventDestinationName="theirs",
        EventDestination={
            "Enabled": True,
            "MatchingEventTypes": ["SEND"],
            "SnsDestination": {"TopicArn": f"{TOPIC}-of-theirs"},
        },
    )
    before = amazon.dump()
    office.ok("aws", "setup", "--apply")
    assert len(amazon.dump()["ses"]["destinations"]["newsletter"]) == 2
    office.ok("aws", "teardown", "--apply", "--identity", "--yes")
    assert amazon.dump() == before


def test_on_a_topic_of_somebody_else_only_our_subscription_goes(office: Desk, amazon: Amazon) -> None:
    sns = amazon.client("sns")
    sns.create_topic(Name="newsletter-events")
    office.ok("aws", "setup", "--apply")
    office.ok("aws", "teardown", "--apply", "--yes")
    assert [topic["TopicArn"] for topic in sns.list_topics()["Topics"]] == [TOPIC]
    assert sns.list_subscriptions()["Subscriptions"] == []


def test_another_newsletters_things_stay(office: Desk, amazon: Amazon) -> None:
    office.ok("aws", "setup", "--apply", NEWSLETTER_NEWSLETTER__NAME="Another")
    before = amazon.dump()
    result = office.ok("aws", "teardown", "--apply", "--identity", "--yes")
    assert "Nothing of ours is there." in result.stdout
    assert amazon.dump() == before


def test_events_that_nobody_has_read_are_counted_before_they_go(office: Desk, amazon: Amazon) -> None:
    office.ok("aws", "setup", "--apply", "--write")
    amazon.client("sns").publish(TopicArn=TOPIC, Message="{}")
    assert "with 1 event(s) that nobody has read" in office.ok("aws", "teardown").stdout
    result = office.ok("aws", "teardown", "--apply", "--yes")
    assert "newsletter.toml still names them" in result.stdout
    assert "Nothing of ours is there." in office.ok("aws", "teardown", "--apply", "--yes").stdout
