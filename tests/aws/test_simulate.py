"""`aws simulate`: ten mails to Amazon's simulator, and what became of them in the database."""

import re

import pytest
from sqlalchemy import create_engine, text

from tests.aws.amazon import REGION, Amazon
from tests.fakeses import EventPlan
from tests.workspaces import Desk

NAMES = ["success", "bounce", "complaint", "suppressionlist", "ooto"]


@pytest.fixture
def laboratory(office: Desk, amazon: Amazon) -> Desk:
    """A workspace that was set up, one reader on its list, and events that come through the queue."""
    office.ok("aws", "setup", "--apply", "--write")
    amazon.verify()
    office.ok("subscribers", "add", "ada@example.org", "--consent", "asked me")
    url = amazon.client("sqs").get_queue_url(QueueName="newsletter-events")["QueueUrl"]
    amazon.ses.send_events(
        EventPlan(queue_url=url, endpoint_url=amazon.moto, region=REGION, raw=True, twice=0.3, spread=0.5)
    )
    return office


def rows(desk: Desk, table: str) -> int:
    engine = create_engine(f"sqlite:///{desk.root / 'subscribers' / 'newsletter.db'}")
    with engine.connect() as connection:
        count = connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()
    engine.dispose()
    return int(count)


@pytest.mark.slow
def test_what_the_simulator_does_reaches_the_database_by_both_ways(laboratory: Desk, amazon: Amazon) -> None:
    shown = laboratory.json("aws", "simulate", "--wait", "--timeout", "60", "--yes")
    assert shown["ok"], shown
    expected = {
        "success": {"send", "delivery"},
        "bounce": {"send", "bounce"},
        "complaint": {"send", "delivery", "complaint"},
        "suppressionlist": {"send", "bounce"},
        "ooto": {"send", "bounce"},
    }
    for api in ("raw", "bulk"):
        mails = {mail["address"].partition("@")[0]: mail for mail in shown["mails"] if mail["api"] == api}
        assert {name: set(mail["events"]) for name, mail in mails.items()} == expected
    for mail in shown["mails"]:
        assert mail["accepted"] and mail["missing"] == [] and 0 <= mail["seconds"] < 60
    accepted = amazon.ses.accepted()
    assert [each.address for each in accepted] == [f"{name}@simulator.amazonses.com" for name in NAMES] * 2
    assert [each.operation for each in accepted] == ["SendEmail"] * 5 + ["SendBulkEmail"] * 5
    for each in accepted:
        assert each.content["subject"] == "A trial of the newsletter's way out"
        assert "unsubscribe" in each.content["html"]


@pytest.mark.slow
def test_no_campaign_and_no_reader_is_touched(laboratory: Desk) -> None:
    before = {table: rows(laboratory, table) for table in ("campaigns", "deliveries", "subscribers")}
    laboratory.ok("aws", "simulate", "--wait", "--timeout", "60", "--yes")
    assert {table: rows(laboratory, table) for table in before} == before
    assert laboratory.json("subscribers", "show", "ada@example.org")["status"] == "confirmed"
    engine = create_engine(f"sqlite:///{laboratory.root / 'subscribers' / 'newsletter.db'}")
    with engine.connect() as connection:
        joined = connection.execute(
            text("SELECT count(*) FROM events WHERE campaign_id IS NOT NULL OR delivery_id IS NOT NULL")
        ).scalar_one()
    engine.dispose()
    assert joined == 0


@pytest.mark.slow
def test_events_that_do_not_come_are_named(laboratory: Desk, amazon: Amazon) -> None:
    url = amazon.client("sqs").get_queue_url(QueueName="newsletter-events")["QueueUrl"]
    plan = EventPlan(queue_url=url, endpoint_url=amazon.moto, region=REGION, types=("Send", "Delivery"))
    amazon.ses.send_events(plan)
    result = laboratory.run("aws", "simulate", "--wait", "--timeout", "4", "--yes")
    assert result.exit_code == 6
    assert re.search(r"^bounce +raw +yes .*missing: bounce$", result.stdout, re.MULTILINE), result.stdout
    assert re.search(
        r"^success +bulk +yes +[0-9.]+ +send, delivery$|delivery, send$", result.stdout, re.MULTILINE
    )
    assert "newsletter aws doctor" in result.stderr


def test_with_no_terminal_and_no_yes_nothing_is_mailed(laboratory: Desk, amazon: Amazon) -> None:
    result = laboratory.run("aws", "simulate")
    assert result.exit_code == 2 and amazon.ses.addresses() == []


def test_waiting_for_events_that_cannot_come_is_refused_before_anything_is_mailed(
    office: Desk, amazon: Amazon
) -> None:
    result = office.run("aws", "simulate", "--wait", "--yes")
    assert result.exit_code == 2 and "aws setup --apply --write" in result.stderr
    assert amazon.ses.addresses() == []


def test_what_amazon_does_not_take_is_shown(laboratory: Desk, amazon: Amazon) -> None:
    amazon.client("sesv2").delete_email_identity(EmailIdentity="ignite.example.org")
    from tests.fakeses import Fault

    amazon.ses.plan(
        [Fault("error", status=400, code="MessageRejected", message="Email address is not verified.")]
    )
    result = laboratory.run("aws", "simulate", "--yes")
    assert result.exit_code == 6
    assert result.stdout.count(" no ") == 10
    assert "not verified" in result.stderr and "aws doctor" in result.stderr


@pytest.mark.slow
def test_in_the_sandbox_it_keeps_to_one_mail_a_second(office: Desk, amazon: Amazon) -> None:
    from tests.fakeses import FakeSes

    with FakeSes.start(
        office.root, in_thread=True, fsync=False, rate=2, sandbox=True, verified=["ignite.example.org"]
    ) as ses:
        result = office.ok("aws", "simulate", "--yes", AWS_ENDPOINT_URL_SESV2=ses.url)
        assert len(ses.addresses()) == 10
        assert result.stdout.count(" yes ") == 10
        refused = ses.counts()["answers"].get("429 TooManyRequestsException", 0)
        assert refused <= 2, "the rate is kept, not found out"
