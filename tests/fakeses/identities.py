"""Identities, configuration sets, event destinations and account details, in memory, with SES's own refusals.

Off until a test asks for them (``/_ctl/identities``): endpoints that only take mail know none of these calls.
Shapes and errors: botocore's model of sesv2. What Amazon finds out by itself, such as that DNS records are
there, a test says with ``Identities.change``.
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import unquote

from tests.fakeses.protocol import Answer, Request, error_answer, json_answer
from tests.fakeses.refusals import Refusal, bad_request

__all__ = ["Identities"]

_SET_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_TOPIC = re.compile(r"arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,256}")
_TAG = re.compile(r"[\w .:/=+@-]{1,128}")
_TYPES: Final = frozenset(
    {"SEND", "REJECT", "BOUNCE", "COMPLAINT", "DELIVERY", "OPEN", "CLICK", "RENDERING_FAILURE"}
    | {"DELIVERY_DELAY", "SUBSCRIPTION"}
)
_USER = "arn:aws:iam::123456789012:user/newsletter"

_Json = dict[str, Any]


def _missing(what: str) -> Refusal:
    return Refusal(404, "NotFoundException", f"{what} does not exist.")


def _exists(what: str) -> Refusal:
    return Refusal(400, "AlreadyExistsException", f"{what} already exists.")


class Identities:
    """enabled: whether these calls are known at all. denied: operations that the key may not call."""

    def __init__(self) -> None:
        self.enabled = False
        self.denied: frozenset[str] = frozenset()
        self.identities: dict[str, _Json] = {}
        self.sets: dict[str, _Json] = {}
        self.destinations: dict[str, dict[str, _Json]] = {}
        self.details: _Json = {}
        self.asked: Counter[str] = Counter()

    def describe(self) -> _Json:
        """Return all of the state: what a test compares before and after."""
        return {
            "identities": self.identities,
            "sets": self.sets,
            "destinations": self.destinations,
            "details": self.details,
            "asked": self.asked,
        }

    def change(self, asked: Mapping[str, Any]) -> _Json:
        """Switch on or off, deny calls, and change what Amazon would have found out; return the state."""
        self.enabled = bool(asked.get("enabled", self.enabled))
        self.denied = frozenset(asked.get("denied", self.denied))
        for kind in ("identities", "sets"):
            for name, change in asked.get(kind, {}).items():
                there = getattr(self, kind)[name]
                for key, value in change.items():
                    there[key] = {**there.get(key, {}), **value} if isinstance(value, dict) else value
        self.details |= asked.get("details", {})
        return self.describe()

    def account(self) -> _Json:
        """Return what GetAccount says besides what the account itself says."""
        return {"Details": self.details} if self.details else {}

    def answer(self, request: Request) -> Answer | None:
        """Return the answer to a call, None if it is none of these."""
        if not self.enabled:
            return None
        for method, pattern, operation, handler in _ROUTES:
            match = re.fullmatch(pattern, request.path)
            if method != request.method or match is None:
                continue
            self.asked[operation] += 1
            try:
                if operation in self.denied:
                    text = f"User: {_USER} is not authorized to perform: ses:{operation} on resource: *"
                    raise Refusal(403, "AccessDeniedException", text)
                body = json.loads(request.body or b"{}")
                return json_answer(handler(self, body, *map(unquote, match.groups())))
            except Refusal as refusal:
                return error_answer(refusal.status, refusal.code, refusal.message)
            except (ValueError, TypeError, KeyError, AttributeError) as problem:
                return error_answer(400, "BadRequestException", f"Unexpected structure: {problem!r}")
        return None

    # ---- identities ---------------------------------------------------------------------------

    def create_identity(self, body: _Json) -> _Json:
        """Domains wait for DNS; addresses for a click."""
        name = body["EmailIdentity"].lower()
        if name in self.identities:
            raise _exists(f"Email identity {name}")
        if not re.fullmatch(r"(?:[^@\s]+@)?(?:[a-z0-9-]+\.)+[a-z0-9-]+", name):
            raise bad_request("Invalid email identity.")
        domain = "@" not in name
        digest = hashlib.sha256(name.encode()).hexdigest()
        self.identities[name] = {
            "IdentityType": "DOMAIN" if domain else "EMAIL_ADDRESS",
            "FeedbackForwardingStatus": True,
            "VerifiedForSendingStatus": False,
            "VerificationStatus": "PENDING",
            "DkimAttributes": {
                "SigningEnabled": domain,
                "Status": "PENDING" if domain else "NOT_STARTED",
                "Tokens": [digest[start : start + 20] for start in (0, 20, 40)] if domain else [],
                "SigningAttributesOrigin": "AWS_SES",
                "NextSigningKeyLength": "RSA_2048_BIT",
                "CurrentSigningKeyLength": (body.get("DkimSigningAttributes") or {}).get(
                    "NextSigningKeyLength", "RSA_2048_BIT"
                ),
            },
            "MailFromAttributes": {},
            "Policies": {},
            "Tags": _tags(body),
        }
        shown = self.identities[name]
        return {key: shown[key] for key in ("IdentityType", "VerifiedForSendingStatus", "DkimAttributes")}

    def get_identity(self, _: _Json, name: str) -> _Json:
        """An identity; without MAIL FROM if it has none."""
        found = self._identity(name)
        return {key: value for key, value in found.items() if key != "MailFromAttributes" or value}

    def delete_identity(self, _: _Json, name: str) -> _Json:
        """No mail leaves from it any more."""
        self._identity(name)
        del self.identities[name.lower()]
        return {}

    def put_mail_from(self, body: _Json, name: str) -> _Json:
        """A MAIL FROM domain lies below the identity's."""
        found, domain = self._identity(name), body.get("MailFromDomain", "")
        if domain and not domain.endswith("." + name.lower().rpartition("@")[2]):
            raise bad_request("The MAIL FROM domain must be a subdomain of the identity.")
        found["MailFromAttributes"] = domain and {
            "MailFromDomain": domain,
            "MailFromDomainStatus": "PENDING",
            "BehaviorOnMxFailure": body.get("BehaviorOnMxFailure", "USE_DEFAULT_VALUE"),
        }
        return {}

    def _identity(self, name: str) -> _Json:
        if name.lower() not in self.identities:
            raise _missing(f"Email identity {name}")
        return self.identities[name.lower()]

    # ---- configuration sets -------------------------------------------------------------------

    def create_set(self, body: _Json) -> _Json:
        """A configuration set without destinations."""
        name = body["ConfigurationSetName"]
        if not _SET_NAME.fullmatch(name):
            raise bad_request("Invalid configuration set name.")
        if name in self.sets:
            raise _exists(f"Configuration set {name}")
        options = ("SendingOptions", "ReputationOptions", "SuppressionOptions", "DeliveryOptions")
        self.sets[name] = {
            "ConfigurationSetName": name,
            **{key: body[key] for key in options if key in body},
            "Tags": _tags(body),
        }
        self.destinations[name] = {}
        return {}

    def get_set(self, _: _Json, name: str) -> _Json:
        """A configuration set."""
        return self._set(name)

    def delete_set(self, _: _Json, name: str) -> _Json:
        """Its destinations go with it."""
        self._set(name)
        del self.sets[name], self.destinations[name]
        return {}

    def put_sending(self, body: _Json, name: str) -> _Json:
        """On or off."""
        self._set(name)["SendingOptions"] = {"SendingEnabled": bool(body.get("SendingEnabled"))}
        return {}

    def put_suppression(self, body: _Json, name: str) -> _Json:
        """After which reports an address is not mailed any more."""
        self._set(name)["SuppressionOptions"] = {"SuppressedReasons": body.get("SuppressedReasons", [])}
        return {}

    def list_destinations(self, _: _Json, name: str) -> _Json:
        """All destinations of a set."""
        self._set(name)
        return {"EventDestinations": list(self.destinations[name].values())}

    def create_destination(self, body: _Json, name: str) -> _Json:
        """One more."""
        self._set(name)
        destination = body["EventDestinationName"]
        if destination in self.destinations[name]:
            raise _exists(f"Event destination {destination}")
        self.destinations[name][destination] = {"Name": destination, **_destination(body)}
        return {}

    def update_destination(self, body: _Json, name: str, destination: str) -> _Json:
        """All of it anew."""
        self._destination(name, destination)
        self.destinations[name][destination] = {"Name": destination, **_destination(body)}
        return {}

    def delete_destination(self, _: _Json, name: str, destination: str) -> _Json:
        """Events go there no more."""
        self._destination(name, destination)
        del self.destinations[name][destination]
        return {}

    def _set(self, name: str) -> _Json:
        if name not in self.sets:
            raise _missing(f"Configuration set <{name}>")
        return self.sets[name]

    def _destination(self, name: str, destination: str) -> None:
        self._set(name)
        if destination not in self.destinations[name]:
            raise _missing(f"Event destination {destination}")

    # ---- the account --------------------------------------------------------------------------

    def put_details(self, body: _Json) -> _Json:
        """A request for production access; while one is looked at there can be no other."""
        if (self.details.get("ReviewDetails") or {}).get("Status") == "PENDING":
            raise Refusal(409, "ConflictException", "There is already an ongoing account review.")
        if body["MailType"] not in {"MARKETING", "TRANSACTIONAL"} or not body["WebsiteURL"]:
            raise bad_request("1 validation error detected.")
        if len(body.get("UseCaseDescription", "")) > 5000:
            raise bad_request("UseCaseDescription is too long.")
        asked = body.pop("ProductionAccessEnabled", False)
        self.details = {**body, **({"ReviewDetails": {"Status": "PENDING", "CaseId": "1"}} if asked else {})}
        return {}


def _tags(body: Mapping[str, Any]) -> list[dict[str, str]]:
    tags: list[dict[str, str]] = body.get("Tags") or []
    for tag in tags:
        if not _TAG.fullmatch(tag["Key"]) or (tag["Value"] and not _TAG.fullmatch(tag["Value"])):
            raise bad_request("Invalid tag.")
    return tags


def _destination(body: Mapping[str, Any]) -> _Json:
    asked = body["EventDestination"]
    types = asked.get("MatchingEventTypes") or []
    if not types or not _TYPES.issuperset(types):
        raise bad_request("Invalid event types.")
    if not _TOPIC.fullmatch(asked["SnsDestination"]["TopicArn"]):
        raise bad_request("Invalid SNS topic.")
    return {
        "Enabled": bool(asked.get("Enabled")),
        "MatchingEventTypes": types,
        "SnsDestination": {"TopicArn": asked["SnsDestination"]["TopicArn"]},
    }


_ID, _SET = r"/v2/email/identities/([^/]+)", r"/v2/email/configuration-sets/([^/]+)"
_DEST = rf"{_SET}/event-destinations"

_ROUTES: Final[tuple[tuple[str, str, str, Callable[..., _Json]], ...]] = (
    ("POST", "/v2/email/identities", "CreateEmailIdentity", Identities.create_identity),
    ("GET", _ID, "GetEmailIdentity", Identities.get_identity),
    ("DELETE", _ID, "DeleteEmailIdentity", Identities.delete_identity),
    ("PUT", f"{_ID}/mail-from", "PutEmailIdentityMailFromAttributes", Identities.put_mail_from),
    ("POST", "/v2/email/configuration-sets", "CreateConfigurationSet", Identities.create_set),
    ("GET", _SET, "GetConfigurationSet", Identities.get_set),
    ("DELETE", _SET, "DeleteConfigurationSet", Identities.delete_set),
    ("PUT", f"{_SET}/sending", "PutConfigurationSetSendingOptions", Identities.put_sending),
    (
        "PUT",
        f"{_SET}/suppression-options",
        "PutConfigurationSetSuppressionOptions",
        Identities.put_suppression,
    ),
    ("GET", _DEST, "GetConfigurationSetEventDestinations", Identities.list_destinations),
    ("POST", _DEST, "CreateConfigurationSetEventDestination", Identities.create_destination),
    ("PUT", f"{_DEST}/([^/]+)", "UpdateConfigurationSetEventDestination", Identities.update_destination),
    ("DELETE", f"{_DEST}/([^/]+)", "DeleteConfigurationSetEventDestination", Identities.delete_destination),
    ("POST", "/v2/email/account/details", "PutAccountDetails", Identities.put_details),
)
