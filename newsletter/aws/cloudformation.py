"""The same as `aws setup`, as a CloudFormation template, for those who prefer to apply it themselves.

Names, policies and attributes are those of ``names`` and ``policies``; account and Region are left to
CloudFormation. DNS records are among the outputs.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from newsletter.aws.names import Names, Place
from newsletter.aws.policies import (
    daily_policy,
    dead_letter_attributes,
    queue_attributes,
    queue_policy,
    topic_policy,
)
from newsletter.aws.records import AMAZON_SPF, feedback_host
from newsletter.settings import Settings

__all__ = ["template", "write_template"]

_HERE = Place(account="${AWS::AccountId}", region="${AWS::Region}", partition="${AWS::Partition}")


def write_template(path: Path, content: Mapping[str, Any]) -> None:
    """Write a template: JSON if the file is called so, else YAML."""
    if path.suffix == ".json":
        text = json.dumps(content, indent=2) + "\n"
    else:
        import yaml

        text = yaml.safe_dump(dict(content), sort_keys=False, allow_unicode=True, width=110)
    path.write_text(text, "utf-8")


def template(settings: Settings, names: Names) -> dict[str, Any]:
    """Return the template as data."""
    content = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"Amazon SES for the newsletter {names.workspace}: identity, events, and a policy.",
        "Resources": {
            **_queues(names),
            **_topic(names),
            **_configuration_set(names),
            "Identity": {
                "Type": "AWS::SES::EmailIdentity",
                "DeletionPolicy": "Retain",  # without it no mail leaves from the domain, whoever sends it
                "UpdateReplacePolicy": "Retain",
                "Properties": {
                    "EmailIdentity": names.domain,
                    "DkimSigningAttributes": {"NextSigningKeyLength": "RSA_2048_BIT"},
                    "MailFromAttributes": {
                        "MailFromDomain": names.mail_from,
                        "BehaviorOnMxFailure": "USE_DEFAULT_VALUE",
                    },
                    "Tags": _tags(names),
                },
            },
            "DailyPolicy": {
                "Type": "AWS::IAM::ManagedPolicy",
                "Properties": {
                    "Description": "What the newsletter needs day by day. Attach it to its user or role.",
                    "PolicyDocument": daily_policy(settings, names, _HERE),
                },
            },
        },
        "Outputs": _outputs(names),
    }
    return _substituted(content)  # type: ignore[no-any-return]


def _queues(names: Names) -> dict[str, Any]:
    queue = dict(queue_attributes(names, _HERE))
    del queue["Policy"]
    queue["RedrivePolicy"] = {**queue["RedrivePolicy"], "deadLetterTargetArn": _of("DeadLetters", "Arn")}
    return {
        "DeadLetters": {
            "Type": "AWS::SQS::Queue",
            "DeletionPolicy": "Delete",
            "UpdateReplacePolicy": "Delete",
            "Properties": {
                "QueueName": names.dead_letters,
                **dead_letter_attributes(),
                "Tags": _tags(names),
            },
        },
        "Queue": {
            "Type": "AWS::SQS::Queue",
            "DeletionPolicy": "Delete",
            "UpdateReplacePolicy": "Delete",
            "Properties": {"QueueName": names.queue, **queue, "Tags": _tags(names)},
        },
        "QueuePolicy": {
            "Type": "AWS::SQS::QueuePolicy",
            "Properties": {"Queues": [{"Ref": "Queue"}], "PolicyDocument": queue_policy(names, _HERE)},
        },
    }


def _topic(names: Names) -> dict[str, Any]:
    return {
        "Topic": {
            "Type": "AWS::SNS::Topic",
            "Properties": {"TopicName": names.topic, "SignatureVersion": "2", "Tags": _tags(names)},
        },
        "TopicPolicy": {
            "Type": "AWS::SNS::TopicPolicy",
            "Properties": {"Topics": [{"Ref": "Topic"}], "PolicyDocument": topic_policy(names, _HERE)},
        },
        "Subscription": {
            "Type": "AWS::SNS::Subscription",
            "Properties": {
                "TopicArn": {"Ref": "Topic"},
                "Protocol": "sqs",
                "Endpoint": _of("Queue", "Arn"),
                "RawMessageDelivery": True,
            },
        },
    }


def _configuration_set(names: Names) -> dict[str, Any]:
    return {
        "ConfigurationSet": {
            "Type": "AWS::SES::ConfigurationSet",
            "Properties": {
                "Name": names.configuration_set,
                "SendingOptions": {"SendingEnabled": True},
                "ReputationOptions": {"ReputationMetricsEnabled": True},
                "SuppressionOptions": {"SuppressedReasons": ["BOUNCE", "COMPLAINT"]},
                "Tags": _tags(names),
            },
        },
        "EventDestination": {
            "Type": "AWS::SES::ConfigurationSetEventDestination",
            "DependsOn": "TopicPolicy",  # SES tries the topic when the destination is made
            "Properties": {
                "ConfigurationSetName": {"Ref": "ConfigurationSet"},
                "EventDestination": {
                    "Name": names.destination,
                    "Enabled": True,
                    "MatchingEventTypes": [_in_camel_case(kind) for kind in names.types],
                    "SnsDestination": {"TopicARN": {"Ref": "Topic"}},
                },
            },
        },
    }


def _outputs(names: Names) -> dict[str, Any]:
    outputs = {
        "EventsQueueUrl": {
            "Description": "For newsletter.toml, [ses] events_queue_url",
            "Value": {"Ref": "Queue"},
        },
        "ConfigurationSetName": {
            "Description": "For newsletter.toml, [ses] configuration_set",
            "Value": {"Ref": "ConfigurationSet"},
        },
        "MailFromMx": {
            "Description": f"DNS: MX record of {names.mail_from}, priority 10",
            "Value": feedback_host(_HERE.region),
        },
        "MailFromSpf": {"Description": f"DNS: TXT record of {names.mail_from}", "Value": AMAZON_SPF},
        "DailyPolicyArn": {
            "Description": "To be attached to the newsletter's user or role",
            "Value": {"Ref": "DailyPolicy"},
        },
    }
    for number in (1, 2, 3):
        name, value = (f"DkimDNSToken{part}{number}" for part in ("Name", "Value"))
        outputs[f"DkimName{number}"] = {
            "Description": "DNS: name of a CNAME record",
            "Value": _of("Identity", name),
        }
        outputs[f"DkimValue{number}"] = {"Description": "DNS: its value", "Value": _of("Identity", value)}
    return outputs


def _in_camel_case(event_type: str) -> str:
    """Return a type of event as CloudFormation spells it: "renderingFailure"."""
    first, *rest = event_type.lower().split("_")
    return first + "".join(word.capitalize() for word in rest)


def _of(resource: str, attribute: str) -> dict[str, list[str]]:
    return {"Fn::GetAtt": [resource, attribute]}


def _tags(names: Names) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in names.tags.items()]


def _substituted(value: Any) -> Any:
    """Return data with each text that names account, Region or partition wrapped in Fn::Sub."""
    if isinstance(value, str) and "${AWS::" in value:
        return {"Fn::Sub": value.replace("${aws:", "${!aws:")}  # an IAM variable is not CloudFormation's
    if isinstance(value, dict):
        return {key: _substituted(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_substituted(each) for each in value]
    return value
