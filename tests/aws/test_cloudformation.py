"""The CloudFormation template says the same as `aws setup` does."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.aws.amazon import ACCOUNT, REGION, Amazon
from tests.workspaces import Desk

OFFLINE = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}


def written(office: Desk, name: str, **env: str) -> Path:
    file = office.root / name
    office.ok("aws", "setup", "--cloudformation", str(file), **OFFLINE, **env)
    return file


def lint(file: Path) -> "subprocess.CompletedProcess[str]":
    command = [
        sys.executable,
        "-c",
        "from cfnlint.runner import main; main()",
        "-t",
        str(file),
        "-r",
        "ca-central-1",
        "us-east-1",
    ]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["newsletter.yaml", "newsletter.json"])
def test_cfn_lint_finds_nothing_wrong(office: Desk, name: str) -> None:
    buckets = {
        "NEWSLETTER_ARCHIVE__S3_BUCKET": "pictures",
        "NEWSLETTER_INBOX__KIND": "s3",
        "NEWSLETTER_INBOX__BUCKET": "arriving",
        "NEWSLETTER_TRACKING__OPENS": "true",
    }
    result = lint(written(office, name, **buckets))
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


@pytest.mark.slow
def test_cfn_lint_would_find_it(office: Desk) -> None:
    file = written(office, "newsletter.json")
    content = json.loads(file.read_text("utf-8"))
    content["Resources"]["EventDestination"]["Properties"]["EventDestination"]["MatchingTypes"] = []
    file.write_text(json.dumps(content), "utf-8")
    assert "MatchingTypes" in lint(file).stdout


def test_yaml_and_json_say_the_same(office: Desk) -> None:
    one = yaml.safe_load(written(office, "a.yaml").read_text("utf-8"))
    other = json.loads(written(office, "b.json").read_text("utf-8"))
    assert one == other


def test_the_identity_outlives_the_stack_and_no_secret_is_in_it(office: Desk) -> None:
    text = written(office, "a.yaml").read_text("utf-8")
    assert yaml.safe_load(text)["Resources"]["Identity"]["DeletionPolicy"] == "Retain"
    assert office.env["NEWSLETTER_SECRET"] not in text


@pytest.mark.slow
def test_the_stack_that_moto_makes_is_what_setup_makes(office: Desk, amazon: Amazon) -> None:
    content = json.loads(written(office, "a.json").read_text("utf-8"))
    # what moto's CloudFormation can make; the rest is compared as data below
    known = {"AWS::SQS::Queue", "AWS::SNS::Topic", "AWS::IAM::ManagedPolicy"}
    content["Resources"] = {
        name: each for name, each in content["Resources"].items() if each["Type"] in known
    }
    content["Outputs"] = {}
    cloudformation = amazon.client("cloudformation")
    cloudformation.create_stack(
        StackName="newsletter", TemplateBody=json.dumps(content), Capabilities=["CAPABILITY_IAM"]
    )
    [stack] = cloudformation.describe_stacks(StackName="newsletter")["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    by_stack = comparable(amazon.dump())
    amazon.clear()
    office.ok("aws", "setup", "--apply")
    assert by_stack == comparable(amazon.dump())


def test_what_moto_cannot_make_is_the_same_as_data(office: Desk, amazon: Amazon) -> None:
    resources = resolved(json.loads(written(office, "a.json").read_text("utf-8"))["Resources"])
    office.ok("aws", "setup", "--apply")
    state = amazon.dump()
    said = {name: each["Properties"] for name, each in resources.items()}
    [topic], [subscription] = state["topics"].values(), state["subscriptions"].values()
    queue = next(each for url, each in state["queues"].items() if url.endswith("newsletter-events"))
    assert said["QueuePolicy"]["PolicyDocument"] == json.loads(queue["attributes"]["Policy"])
    assert said["TopicPolicy"]["PolicyDocument"] == json.loads(topic["attributes"]["Policy"])
    assert said["Subscription"]["Protocol"] == subscription["Protocol"] == "sqs"
    assert said["Subscription"]["RawMessageDelivery"] and subscription["RawMessageDelivery"] == "true"
    ses = state["ses"]
    assert said["Topic"]["Tags"] == topic["tags"]
    assert said["Topic"]["SignatureVersion"] == "2"
    configuration_set = {**ses["sets"]["newsletter"], "Name": "newsletter"}
    del configuration_set["ConfigurationSetName"]
    assert said["ConfigurationSet"] == configuration_set
    destination = ses["destinations"]["newsletter"]["newsletter-events"]
    types = said["EventDestination"]["EventDestination"]["MatchingEventTypes"]
    assert [re.sub("([A-Z])", r"_\1", each).upper() for each in types] == destination["MatchingEventTypes"]
    identity = ses["identities"]["ignite.example.org"]
    assert said["Identity"]["Tags"] == identity["Tags"]
    mail_from = {**identity["MailFromAttributes"]}
    del mail_from["MailFromDomainStatus"]
    assert said["Identity"]["MailFromAttributes"] == mail_from
    daily = json.loads(office.ok("aws", "setup", "--policy", "daily").stdout)
    assert said["DailyPolicy"]["PolicyDocument"] == daily


def comparable(state: Any) -> Any:
    """Return topics and queues of a dump without policies and what differs from run to run."""
    left_out = {"CreatedTimestamp", "LastModifiedTimestamp", "Policy"}
    found: dict[str, Any] = {}
    for kind in ("topics", "queues"):
        for name, each in state[kind].items():
            attributes = {key: value for key, value in each["attributes"].items() if key not in left_out}
            if "RedrivePolicy" in attributes:
                attributes["RedrivePolicy"] = json.loads(attributes["RedrivePolicy"])
            # moto makes topics without their tags; those are compared as data
            found[name] = attributes if kind == "topics" else {"tags": each["tags"], **attributes}
    return found


def resolved(value: Any) -> Any:
    """Return a template's data with Fn::Sub carried out for the account of these tests."""
    if isinstance(value, dict) and set(value) == {"Fn::Sub"}:
        text = value["Fn::Sub"]
        for name, known in (("AccountId", ACCOUNT), ("Region", REGION), ("Partition", "aws")):
            text = text.replace(f"${{AWS::{name}}}", known)
        return text.replace("${!", "${")
    if isinstance(value, dict):
        return {key: resolved(each) for key, each in value.items()}
    return [resolved(each) for each in value] if isinstance(value, list) else value
