"""`aws setup`: what is missing or not as it should be, in an order in which it can be made.

    dead letters, queue, topic, subscription     the way that events take to us
    configuration set, event destination         what sends them that way
    identity, MAIL FROM                          who we are

Decision: something of the same name that carries no tag of ours is used as it is and never changed. An
owner who has set up a part by hand keeps it, and `aws doctor` says whether it works.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from newsletter.aws.asking import Aws, ask
from newsletter.aws.looking import Found, tags_of
from newsletter.aws.names import Names
from newsletter.aws.plan_ways import NOT_OURS, pairs, queue_steps, topic_steps
from newsletter.aws.steps import Step, refuse_to_share

__all__ = ["setup_steps"]

_SUPPRESSED = ["BOUNCE", "COMPLAINT"]


def setup_steps(aws: Aws, names: Names, found: Found, *, mail_from_asked: bool = False) -> list[Step]:
    """Return what `aws setup --apply` does, given what is there.

    mail_from_asked: the owner named the MAIL FROM domain, so an identity that is not ours gets it, too.
    Raises ConfigError if a name is another newsletter's.
    """
    return [
        *queue_steps(aws, names, found),
        *topic_steps(aws, names, found),
        *_configuration_set(aws, names, found),
        *_identity(aws, names, found, mail_from_asked=mail_from_asked),
    ]


def _configuration_set(aws: Aws, names: Names, found: Found) -> Iterator[Step]:
    ses, there = aws("sesv2"), found.configuration_set
    kind, name = "configuration set", names.configuration_set
    why = "our mail names it, so that SES reports on it"
    if there is None:
        yield Step(
            verb="make",
            kind=kind,
            name=name,
            why=why,
            act=lambda: ask(
                ses,
                "create_configuration_set",
                ConfigurationSetName=name,
                SendingOptions={"SendingEnabled": True},
                ReputationOptions={"ReputationMetricsEnabled": True},
                SuppressionOptions={"SuppressedReasons": _SUPPRESSED},
                Tags=pairs(names.tags),
            ),
        )
    else:
        refuse_to_share(kind, name, dict(tags_of(there)), names)
        if names.are_ours(tags_of(there)):
            yield from _own_set(aws, name, there, why)
        else:
            yield Step(verb="leave", kind=kind, name=name, why=NOT_OURS)
    yield _destination(aws, names, found)


def _own_set(aws: Aws, name: str, there: Mapping[str, Any], why: str) -> Iterator[Step]:
    ses, kind = aws("sesv2"), "configuration set"
    reasons = (there.get("SuppressionOptions") or {}).get("SuppressedReasons") or ()
    sends = (there.get("SendingOptions") or {}).get("SendingEnabled", True)
    if not sends:
        yield Step(
            verb="change",
            kind=kind,
            name=name,
            why="switched off; mail that names it may be sent again",
            act=lambda: ask(
                ses, "put_configuration_set_sending_options", ConfigurationSetName=name, SendingEnabled=True
            ),
        )
    if set(reasons) != set(_SUPPRESSED):
        yield Step(
            verb="change",
            kind=kind,
            name=name,
            why="no mail to addresses that bounced or complained",
            act=lambda: ask(
                ses,
                "put_configuration_set_suppression_options",
                ConfigurationSetName=name,
                SuppressedReasons=_SUPPRESSED,
            ),
        )
    if sends and set(reasons) == set(_SUPPRESSED):
        yield Step(verb="keep", kind=kind, name=name, why=why)


def _destination(aws: Aws, names: Names, found: Found) -> Step:
    ses, kind, name = aws("sesv2"), "event destination", names.destination
    topic = found.place.arn("sns", names.topic)
    wanted = {
        "Enabled": True,
        "MatchingEventTypes": list(names.types),
        "SnsDestination": {"TopicArn": topic},
    }
    call = {
        "ConfigurationSetName": names.configuration_set,
        "EventDestinationName": name,
        "EventDestination": wanted,
    }
    there = next((each for each in found.destinations if each["Name"] == name), None)
    if there is None:
        return Step(
            verb="make",
            kind=kind,
            name=name,
            why=f"{', '.join(names.types)} to the topic",
            act=lambda: ask(ses, "create_configuration_set_event_destination", **call),
        )
    same = (
        there.get("Enabled")
        and set(there.get("MatchingEventTypes") or ()) == set(names.types)
        and (there.get("SnsDestination") or {}).get("TopicArn") == topic
    )
    if same:
        return Step(verb="keep", kind=kind, name=name, why="events go to the topic")
    return Step(
        verb="change",
        kind=kind,
        name=name,
        why=f"{', '.join(names.types)} to the topic",
        act=lambda: ask(ses, "update_configuration_set_event_destination", **call),
    )


def _identity(aws: Aws, names: Names, found: Found, *, mail_from_asked: bool) -> Iterator[Step]:
    ses, there = aws("sesv2"), found.identity
    kind, name = "identity", names.domain
    ours = there is None or names.are_ours(tags_of(there))
    if there is None:
        yield Step(
            verb="make",
            kind=kind,
            name=name,
            why="with DKIM; SES verifies it by the DNS records below",
            act=lambda: ask(
                ses,
                "create_email_identity",
                EmailIdentity=name,
                DkimSigningAttributes={"NextSigningKeyLength": "RSA_2048_BIT"},
                Tags=pairs(names.tags),
            ),
        )
    elif ours:
        yield Step(verb="keep", kind=kind, name=name, why="made by us")
    else:
        yield Step(verb="leave", kind=kind, name=name, why="was there before us; our mail uses it")
    set_now = ((there or {}).get("MailFromAttributes") or {}).get("MailFromDomain") or ""
    kind = "MAIL FROM"
    if set_now == names.mail_from or (set_now and not mail_from_asked):
        yield Step(verb="keep", kind=kind, name=set_now, why="where bounces go, below your own domain")
    elif not ours and not mail_from_asked:
        why = f"{name} was there before us and has none; to give it one: --mail-from {names.mail_from}"
        yield Step(verb="leave", kind=kind, name=names.mail_from, why=why)
    else:
        yield Step(
            verb="change" if set_now else "make",
            kind=kind,
            name=names.mail_from,
            why="bounces go there, so that SPF speaks for your own domain",
            act=lambda: ask(
                ses,
                "put_email_identity_mail_from_attributes",
                EmailIdentity=name,
                MailFromDomain=names.mail_from,
                # until the MX record is there, mail goes out all the same
                BehaviorOnMxFailure="USE_DEFAULT_VALUE",
            ),
        )
