"""The policies allow each call that the program makes, on what it makes it on, and nothing else."""

import json
from typing import Any

import pytest

from newsletter.aws.names import Names, Place, names_of
from newsletter.aws.policies import daily_policy, is_same_policy, setup_policy
from newsletter.settings import Settings
from newsletter.settings_file import load_settings
from tests.aws.amazon import ACCOUNT, REGION, Amazon
from tests.aws.calls import Recorder, actions_of, calls_in_source, resource_of
from tests.aws.iam import allows
from tests.aws.nameserver import NameServer
from tests.fakeses import EventPlan
from tests.workspaces import REPOSITORY, Desk

BUCKETS = {
    "NEWSLETTER_ARCHIVE__S3_BUCKET": "pictures",
    "NEWSLETTER_INBOX__KIND": "s3",
    "NEWSLETTER_INBOX__BUCKET": "arriving",
    "NEWSLETTER_INBOX__PREFIX": "inbound/",
}
HERE = Place(account=ACCOUNT, region=REGION, caller=f"arn:aws:iam::{ACCOUNT}:user/newsletter")


@pytest.fixture(scope="module")
def settings() -> Settings:
    return load_settings(REPOSITORY, BUCKETS)


@pytest.fixture(scope="module")
def names(settings: Settings) -> Names:
    return names_of(settings)


def actions(policy: Any) -> set[str]:
    return {action for statement in policy["Statement"] for action in statement["Action"]}


def test_each_call_in_the_source_is_in_a_policy_and_each_right_in_a_policy_is_for_a_call(
    settings: Settings, names: Names
) -> None:
    called = {
        action for _, service, operation in calls_in_source() for action in actions_of(service, operation)
    }
    allowed = actions(daily_policy(settings, names, HERE)) | actions(setup_policy(names, HERE))
    assert called - allowed == set(), "calls without a right"
    assert allowed - called == set(), "rights without a call"


def test_no_right_has_a_wildcard_and_only_what_iam_cannot_narrow_is_for_everything(
    settings: Settings, names: Names
) -> None:
    for policy in (daily_policy(settings, names, HERE), setup_policy(names, HERE)):
        for statement in policy["Statement"]:
            assert statement["Effect"] == "Allow"
            assert not any("*" in action for action in statement["Action"])
            if "*" in statement["Resource"]:
                assert set(statement["Action"]) <= {
                    "ses:GetAccount",
                    "ses:PutAccountDetails",
                    "ses:ListSuppressedDestinations",
                    "ses:PutSuppressedDestination",
                    "cloudwatch:GetMetricStatistics",
                }


def test_the_daily_key_can_neither_make_nor_remove_anything(settings: Settings, names: Names) -> None:
    verbs = {action.partition(":")[2] for action in actions(daily_policy(settings, names, HERE))}
    assert not [verb for verb in verbs if verb.startswith(("Create", "Set", "Tag", "Subscribe"))]
    assert {verb for verb in verbs if verb.startswith("Delete")} == {"DeleteMessage", "DeleteObject"}


def test_without_buckets_there_is_no_right_to_any(names: Names) -> None:
    plain = daily_policy(load_settings(REPOSITORY, {}), names, HERE)
    assert not [action for action in actions(plain) if action.startswith("s3:")]


@pytest.mark.slow
def test_setting_up_and_tearing_down_make_just_the_calls_of_the_setup_policy(
    office: Desk, amazon: Amazon, names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = Recorder(monkeypatch)
    office.ok("aws", "setup", "--apply", "--write")
    for change in ("NEWSLETTER_TRACKING__OPENS", "NEWSLETTER_TRACKING__CLICKS"):
        office.ok("aws", "setup", "--apply", **{change: "true"})
    office.ok("aws", "setup")
    policy = setup_policy(names, HERE)
    made = list(recorder.seen)
    for service, operation, asked in made:
        for action in actions_of(service, operation):
            resource = resource_of(service, operation, asked)
            assert allows(policy, action, resource), f"{action} on {resource}"
    recorder.seen.clear()
    office.ok("aws", "teardown", "--apply", "--identity", "--yes")
    for service, operation, asked in recorder.seen:
        for action in actions_of(service, operation):
            resource = resource_of(service, operation, asked)
            assert allows(policy, action, resource), f"{action} on {resource}"


@pytest.mark.slow
def test_a_day_with_the_newsletter_makes_just_the_calls_of_the_daily_policy(
    office: Desk,
    amazon: Amazon,
    dns: NameServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    office.ok("aws", "setup", "--apply", "--write")
    amazon.verify()
    settings = load_settings(office.root, {})
    policy = daily_policy(settings, names_of(settings), HERE)
    queue = settings.ses.events_queue_url
    amazon.ses.send_events(EventPlan(queue_url=queue, endpoint_url=amazon.moto, region=REGION, raw=True))
    amazon.client("sqs").send_message(QueueUrl=queue, MessageBody="not an event")
    office.ok("subscribers", "add", "ada@example.org", "--consent", "asked me")
    recorder = Recorder(monkeypatch)
    office.ok("aws", "doctor", "--dns-server", dns.address)
    office.ok("send", "2026-11-individual-vs-group", "--yes")
    office.run("aws", "simulate", "--wait", "--timeout", "30", "--yes")
    office.ok("events", "pull")
    for service, operation, asked in recorder.seen:
        if service == "iam":
            continue  # the caller is moto's own user
        for action in actions_of(service, operation):
            resource = resource_of(service, operation, asked)
            assert allows(policy, action, resource), f"{action} on {resource}"
    assert {"ses:SendRawEmail", "ses:SendBulkEmail", "sqs:DeleteMessage"} <= recorder.actions()


def test_with_the_printed_policy_the_doctor_finds_every_right(office: Desk, amazon: Amazon) -> None:
    office.ok("aws", "setup", "--apply", "--write")
    amazon.iam.policy = json.loads(office.ok("aws", "setup", "--policy", "daily").stdout)
    found = office.json("aws", "doctor", "--dns-server", "127.0.0.1:9")["findings"]
    [rights] = [each for each in found if each["check"] == "iam-rights"]
    assert rights["mend"] == "", rights
    amazon.iam.policy = {
        "Statement": [
            statement for statement in amazon.iam.policy["Statement"] if statement["Sid"] != "ReadEvents"
        ]
    }
    found = office.json("aws", "doctor", "--dns-server", "127.0.0.1:9")["findings"]
    [rights] = [each for each in found if each["check"] == "iam-rights"]
    assert rights["what"] == "this key may not call sqs:DeleteMessage, sqs:ReceiveMessage."


@pytest.mark.parametrize("which", ["daily", "setup"])
def test_a_policy_can_be_had_before_there_is_a_key(office: Desk, which: str) -> None:
    nobody = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "HOME": str(office.root)}
    result = office.ok("aws", "setup", "--policy", which, **nobody)
    policy = json.loads(result.stdout)
    assert policy["Version"] == "2012-10-17"
    assert f"arn:aws:sqs:{REGION}:*:newsletter-events" in result.stdout
    assert "account is not known" in result.stderr
    with_account = office.ok("aws", "setup", "--policy", which).stdout
    assert f"arn:aws:sqs:{REGION}:{ACCOUNT}:newsletter-events" in with_account
    assert len(with_account) < 6144, "the most that IAM takes in a managed policy"


def test_policies_are_the_same_whatever_words_amazon_gives_them_back_in() -> None:
    ours = {
        "Version": "2012-10-17",
        "Statement": [{"Action": "sns:Publish", "Condition": {"X": {"AWS:A": "1"}}}],
    }
    theirs = {"Statement": {"Action": ["SNS:Publish"], "Condition": {"X": {"aws:a": ["1"]}}}, "Id": "x"}
    assert is_same_policy(ours, theirs)
    assert not is_same_policy(ours, {**theirs, "Statement": {"Action": ["sns:*"]}})
