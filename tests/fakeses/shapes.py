"""The JSON of SES's events.

Source: SES Developer Guide, "Contents of event data that Amazon SES publishes to Amazon SNS".
"""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from tests.fakeses.calls import Call

__all__ = ["event_bodies"]


def event_bodies(line: Mapping[str, Any], call: Call, fate: str) -> Iterator[tuple[str, str]]:
    """Yield type and JSON of each event of one accepted mail.

    line: of the accepted log. fate: "delivered", "hard", "soft" or "complaint"; a mail that cannot be
    rendered has no other fate than that.
    """
    mail = _mail(line, call)
    address, stamp, message_id = line["address"], mail["timestamp"], line["message_id"]
    if "failed" in line:
        failure = {"templateName": "inline", "errorMessage": line["failed"]}
        yield "Rendering Failure", _event("Rendering Failure", mail, "failure", failure)
        return
    yield "Send", _event("Send", mail, "send", {})
    if fate in {"hard", "soft"}:
        yield (
            "Bounce",
            _event("Bounce", mail, "bounce", _bounce(address, stamp, message_id, hard=fate == "hard")),
        )
        return
    delivery = {
        "timestamp": stamp,
        "processingTimeMillis": 500,
        "recipients": [address],
        "smtpResponse": "250 2.0.0 OK",
        "reportingMTA": "mta.example.com",
    }
    yield "Delivery", _event("Delivery", mail, "delivery", delivery)
    if fate == "complaint":
        complaint = {
            "complainedRecipients": [{"emailAddress": address}],
            "timestamp": stamp,
            "feedbackId": f"c-{message_id}",
            "userAgent": "Feedback-Loop/1.0",
            "complaintFeedbackType": "abuse",
            "arrivalDate": stamp,
        }
        yield "Complaint", _event("Complaint", mail, "complaint", complaint)


def _event(kind: str, mail: Mapping[str, Any], part: str, content: Mapping[str, Any]) -> str:
    return json.dumps({"eventType": kind, "mail": mail, part: content})


def _mail(line: Mapping[str, Any], call: Call) -> dict[str, Any]:
    subject = (line.get("content") or {}).get("subject", line["headers"].get("Subject", ""))
    headers = {"From": call.sender, "To": line["address"], "Subject": subject, **line["headers"]}
    return {
        "timestamp": datetime.fromtimestamp(line["ts"], UTC).isoformat(timespec="milliseconds")[:-6] + "Z",
        "source": call.sender,
        "sourceArn": f"arn:aws:ses:eu-central-1:123456789012:identity/{call.sender}",
        "sendingAccountId": "123456789012",
        "messageId": line["message_id"],
        "destination": [line["address"]],
        "headersTruncated": False,
        "headers": [{"name": name, "value": value} for name, value in headers.items()],
        "commonHeaders": {
            "from": [headers["From"]],
            "to": [line["address"]],
            "messageId": line["message_id"],
            "subject": subject,
        },
        "tags": {
            "ses:operation": [line["operation"]],
            "ses:configuration-set": [call.configuration_set],
            "ses:source-ip": ["127.0.0.1"],
            "ses:from-domain": [call.sender.rpartition("@")[2]],
            "ses:caller-identity": ["newsletter"],
            **{name: [value] for name, value in line["tags"].items()},
        },
    }


def _bounce(address: str, stamp: str, message_id: str, *, hard: bool) -> dict[str, Any]:
    recipient = {
        "emailAddress": address,
        "action": "failed",
        "status": "5.1.1" if hard else "4.2.2",
        "diagnosticCode": "smtp; 550 5.1.1 user unknown" if hard else "smtp; 452 4.2.2 mailbox full",
    }
    return {
        "bounceType": "Permanent" if hard else "Transient",
        "bounceSubType": "General" if hard else "MailboxFull",
        "bouncedRecipients": [recipient],
        "timestamp": stamp,
        "feedbackId": f"b-{message_id}",
        "reportingMTA": "dns; mta.example.com",
    }
