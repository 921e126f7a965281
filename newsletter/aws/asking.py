"""One way to call Amazon, and what a refusal means: who may not, what is not there, who cannot be reached.

Functions of this package take ``aws``: a function from a service's name to its boto3 client
(``Services.aws``).
"""

import re
from collections.abc import Callable
from typing import Any, Final, Literal

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004 (botocore's own: the parent of all that is said of connections)
    CredentialRetrievalError,
    HTTPClientError,
    NoCredentialsError,
    PartialCredentialsError,
    SSOError,
)

from newsletter.errors import SendError
from newsletter.senders.outcomes import without_addresses

__all__ = ["Aws", "Kind", "Refused", "ask", "ask_or_none"]

Aws = Callable[[str], Any]  #: from the name of a service, such as "sqs", to its boto3 client

Kind = Literal["denied", "missing", "exists", "credentials", "unreachable", "throttled", "unknown", "other"]

_CODES: Final[dict[Kind, frozenset[str]]] = {
    "denied": frozenset(
        {
            "AccessDenied",
            "AccessDeniedException",
            "AuthorizationError",
            "AuthorizationErrorException",
            "NotAuthorized",
            "UnauthorizedOperation",
        }
    ),
    "missing": frozenset(
        {
            "NotFound",
            "NotFoundException",
            "NoSuchEntity",
            "QueueDoesNotExist",
            "ResourceNotFound",
            "ResourceNotFoundException",
            "AWS.SimpleQueueService.NonExistentQueue",
        }
    ),
    "exists": frozenset({"AlreadyExistsException", "QueueNameExists", "QueueAlreadyExists"}),
    "credentials": frozenset(
        {
            "ExpiredToken",
            "ExpiredTokenException",
            "IncompleteSignature",
            "IncompleteSignatureException",
            "InvalidAccessKeyId",
            "InvalidClientTokenId",
            "InvalidSignatureException",
            "InvalidToken",
            "MissingAuthenticationToken",
            "MissingAuthenticationTokenException",
            "OptInRequired",
            "RequestExpired",
            "SignatureDoesNotMatch",
            "UnrecognizedClientException",
        }
    ),
    "throttled": frozenset(
        {"RequestLimitExceeded", "Throttled", "ThrottledException", "Throttling", "ThrottlingException"}
        | {"TooManyRequestsException"}
    ),
    # an emulator, or a proxy: Amazon itself knows what we ask for
    "unknown": frozenset({"404", "405", "501", "InvalidAction", "UnknownOperationException"}),
}

_HINTS: Final[dict[Kind, str]] = {
    "denied": "Attach to the user whose key this is what `newsletter aws setup --policy daily` prints "
    "(to set up: `--policy setup`).",
    "missing": "Make it: newsletter aws setup",
    "exists": "Somebody else made it meanwhile. Run the same command again.",
    "credentials": "Check the AWS access key: `aws configure`, or the AWS_* variables. docs/aws.md shows how "
    "to make one.",
    "unreachable": "Is this computer online, and [ses] region right? AWS_ENDPOINT_URL* variables count, too.",
    "throttled": "Amazon asks for patience. Run the same command again in a minute.",
    "unknown": "Check what AWS_ENDPOINT_URL* points at: it does not know this call.",
    "other": "Run it again; if it stays, the text above is what Amazon's support will ask for.",
}

_ACTION = re.compile(r"perform:? *[`'\"]?([a-z0-9-]+:[A-Za-z]+)")


class Refused(SendError):  # noqa: N818 (as errors.Stopped: what happened, not a fault)
    """A call that did not succeed. kind: why. action: the IAM action that was denied, if Amazon names it."""

    def __init__(self, kind: Kind, operation: str, text: str) -> None:
        super().__init__(f"{operation}: {without_addresses(text)}", hint=_HINTS[kind])
        self.kind, self.operation = kind, operation
        match = _ACTION.search(text)
        self.action = match[1] if match else operation


def ask(client: Any, method: str, **parameters: Any) -> Any:
    """Return the answer to one call. method: boto3's name, such as "get_account". Raises Refused."""
    operation = f"{client.meta.service_model.service_name} {client.meta.method_to_api_mapping[method]}"
    try:
        return getattr(client, method)(**parameters)
    except ClientError as error:
        told = error.response.get("Error") or {}
        code, text = str(told.get("Code") or ""), str(told.get("Message") or "")
        raise Refused(_kind(code), operation, f"{code}: {text}" if text else code) from error
    except (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError, SSOError) as error:
        raise Refused("credentials", operation, str(error)) from error
    except (ConnectionError, HTTPClientError) as error:
        raise Refused("unreachable", operation, str(error)) from error
    except BotoCoreError as error:
        raise Refused("other", operation, str(error)) from error


def ask_or_none(client: Any, method: str, **parameters: Any) -> Any:
    """Return the answer to one call, or None if what it asks about does not exist. Raises Refused."""
    try:
        return ask(client, method, **parameters)
    except Refused as refused:
        if refused.kind == "missing":
            return None
        raise


def _kind(code: str) -> Kind:
    return next((kind for kind, codes in _CODES.items() if code in codes), "other")
