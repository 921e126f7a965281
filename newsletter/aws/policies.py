"""Who may do what: IAM policies of the least right, and the policies of topic and queues, as data.

    daily    sends, reads events, keeps the suppression list, looks things over (`aws doctor`)
    setup    makes and removes what `aws setup` and `aws teardown` are about, and looks first

Each statement names the calls it is for; tests/aws/test_policies.py holds them against the calls that the
program makes, both ways. Sources: Service Authorization Reference (SES v2, SNS, SQS, S3); that SendEmail of
API v2 with a raw message needs ses:SendRawEmail is what AccessDenied itself says (symfony issue 51461).
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from newsletter.aws.names import Names, Place
from newsletter.settings import Settings

__all__ = [
    "LONGEST_RETENTION",
    "daily_policy",
    "dead_letter_attributes",
    "is_same_policy",
    "queue_attributes",
    "queue_policy",
    "setup_policy",
    "topic_policy",
]

LONGEST_RETENTION: Final = 14 * 86_400  #: seconds that SQS keeps a message at most
_FILES: Final = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]
_ATTEMPTS = 5  # to understand an event, before it is put aside

Policy = dict[str, Any]
Statement = dict[str, Any]


def daily_policy(settings: Settings, names: Names, place: Place) -> Policy:
    """Return the policy for the key that the newsletter works with day by day."""
    statements = [
        _allow("Send", ["ses:SendRawEmail", "ses:SendBulkEmail"], _sending(names, place)),
        _allow("AskTheAccount", ["ses:GetAccount"], ["*"]),
        _allow(
            "KeepTheSuppressionList",
            ["ses:ListSuppressedDestinations", "ses:PutSuppressedDestination"],
            ["*"],
        ),
        _allow(
            "ReadEvents",
            ["sqs:ReceiveMessage", "sqs:DeleteMessage"],
            [place.arn("sqs", names.queue)],
        ),
        *_looking(names, place),
        _allow("LookAtTheQueuesAge", ["cloudwatch:GetMetricStatistics"], ["*"]),
        _allow(
            "LookAtOwnRights",
            ["iam:SimulatePrincipalPolicy"],
            [place.arn("iam", "user/${aws:username}", regional=False)],
        ),
    ]
    return _document([*statements, *_buckets(settings, place)])


def setup_policy(names: Names, place: Place) -> Policy:
    """Return the policy for whoever sets the account up, or takes it down again."""
    identity = place.arn("ses", f"identity/{names.domain}")
    configuration_set = _configuration_set(names, place)
    queues = [place.arn("sqs", names.queue), place.arn("sqs", names.dead_letters)]
    topic = [place.arn("sns", names.topic)]
    return _document(
        [
            *_looking(names, place),
            _allow("AskTheAccount", ["ses:GetAccount", "ses:PutAccountDetails"], ["*"]),
            _allow(
                "Identity",
                [
                    "ses:CreateEmailIdentity",
                    "ses:DeleteEmailIdentity",
                    "ses:PutEmailIdentityMailFromAttributes",
                    "ses:TagResource",
                ],
                [identity],
            ),
            _allow(
                "ConfigurationSet",
                [
                    "ses:CreateConfigurationSet",
                    "ses:DeleteConfigurationSet",
                    "ses:PutConfigurationSetSendingOptions",
                    "ses:PutConfigurationSetSuppressionOptions",
                    "ses:CreateConfigurationSetEventDestination",
                    "ses:UpdateConfigurationSetEventDestination",
                    "ses:DeleteConfigurationSetEventDestination",
                    "ses:TagResource",
                ],
                [configuration_set],
            ),
            _allow(
                "Topic",
                [
                    "sns:CreateTopic",
                    "sns:DeleteTopic",
                    "sns:ListTagsForResource",
                    "sns:SetTopicAttributes",
                    "sns:Subscribe",
                    "sns:TagResource",
                ],
                topic,
            ),
            _allow("Subscription", ["sns:SetSubscriptionAttributes", "sns:Unsubscribe"], [f"{topic[0]}:*"]),
            _allow(
                "Queues",
                [
                    "sqs:CreateQueue",
                    "sqs:DeleteQueue",
                    "sqs:ListQueueTags",
                    "sqs:SetQueueAttributes",
                    "sqs:TagQueue",
                ],
                queues,
            ),
        ]
    )


def topic_policy(names: Names, place: Place) -> Policy:
    """Return who may publish to the topic: SES alone, for our configuration set."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "EventsOfOurMail",
                "Effect": "Allow",
                "Principal": {"Service": "ses.amazonaws.com"},
                "Action": "sns:Publish",
                "Resource": place.arn("sns", names.topic),
                "Condition": {
                    "StringEquals": {
                        "AWS:SourceAccount": place.account,
                        "AWS:SourceArn": _configuration_set(names, place),
                    }
                },
            }
        ],
    }


def queue_policy(names: Names, place: Place) -> Policy:
    """Return who may put messages into the queue: our topic alone."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "EventsFromOurTopic",
                "Effect": "Allow",
                "Principal": {"Service": "sns.amazonaws.com"},
                "Action": "sqs:SendMessage",
                "Resource": place.arn("sqs", names.queue),
                "Condition": {"ArnEquals": {"aws:SourceArn": place.arn("sns", names.topic)}},
            }
        ],
    }


def queue_attributes(names: Names, place: Place) -> Mapping[str, Any]:
    """Return how the queue must be: numbers in seconds, policies as data."""
    return {
        "MessageRetentionPeriod": LONGEST_RETENTION,
        "ReceiveMessageWaitTimeSeconds": 20,
        "VisibilityTimeout": 120,
        "SqsManagedSseEnabled": True,
        "RedrivePolicy": {
            "deadLetterTargetArn": place.arn("sqs", names.dead_letters),
            "maxReceiveCount": _ATTEMPTS,
        },
        "Policy": queue_policy(names, place),
    }


def dead_letter_attributes() -> Mapping[str, Any]:
    """Return how the queue of what was put aside must be."""
    return {"MessageRetentionPeriod": LONGEST_RETENTION, "SqsManagedSseEnabled": True}


def is_same_policy(one: Any, other: Any) -> bool:
    """Say whether two policies mean the same: Amazon may give one back in other words than it was given."""
    return bool(_normal(one) == _normal(other))


def _normal(value: Any, key: str = "") -> Any:
    if isinstance(value, Mapping):
        named = {(name.lower() if ":" in name else name): _normal(each, name) for name, each in value.items()}
        return {name: each for name, each in named.items() if name not in {"Version", "Id", "Sid"}}
    if isinstance(value, list):
        parts = [_normal(each, key) for each in value]
        return parts[0] if len(parts) == 1 else parts
    return value.lower() if key == "Action" and isinstance(value, str) else value


def _looking(names: Names, place: Place) -> list[Statement]:
    """Return what `aws doctor` and `aws setup` read before anything else."""
    return [
        _allow("LookAtIdentity", ["ses:GetEmailIdentity"], _identities(names, place)),
        _allow(
            "LookAtConfigurationSet",
            ["ses:GetConfigurationSet", "ses:GetConfigurationSetEventDestinations"],
            [_configuration_set(names, place)],
        ),
        _allow(
            "LookAtTopic",
            ["sns:GetTopicAttributes", "sns:ListSubscriptionsByTopic"],
            [place.arn("sns", names.topic)],
        ),
        _allow(
            "LookAtSubscription", ["sns:GetSubscriptionAttributes"], [place.arn("sns", f"{names.topic}:*")]
        ),
        _allow(
            "LookAtQueues",
            ["sqs:GetQueueAttributes", "sqs:GetQueueUrl"],
            [place.arn("sqs", names.queue), place.arn("sqs", names.dead_letters)],
        ),
    ]


def _buckets(settings: Settings, place: Place) -> list[Statement]:
    """Return what the settings' buckets need: the web copy to write, arriving mail to read."""
    found = []
    if bucket := settings.archive.s3_bucket:
        arn = f"arn:{place.partition}:s3:::{bucket}"
        found.append(_allow("PublishTheArchive", _FILES, [f"{arn}/*"]))
        found.append(_allow("LookIntoTheArchive", ["s3:ListBucket"], [arn]))
    if settings.inbox.kind == "s3":
        arn = f"arn:{place.partition}:s3:::{settings.inbox.bucket}"
        prefix = f"{arn}/{settings.inbox.prefix}*"
        found.append(_allow("ReadTheInbox", _FILES, [prefix]))
        found.append(_allow("LookIntoTheInbox", ["s3:ListBucket"], [arn]))
    return found


def _sending(names: Names, place: Place) -> list[str]:
    return [*_identities(names, place), _configuration_set(names, place)]


def _identities(names: Names, place: Place) -> list[str]:
    """Return whatever may let our mail leave: which of them is verified, the policy cannot know."""
    return [place.arn("ses", f"identity/{name}") for name in names.identities]


def _configuration_set(names: Names, place: Place) -> str:
    return place.arn("ses", f"configuration-set/{names.configuration_set}")


def _allow(name: str, actions: Sequence[str], resources: Sequence[str]) -> Statement:
    return {"Sid": name, "Effect": "Allow", "Action": sorted(actions), "Resource": list(resources)}


def _document(statements: Sequence[Statement]) -> Policy:
    return {"Version": "2012-10-17", "Statement": list(statements)}
