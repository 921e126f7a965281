"""What an answer, or the lack of one, from Amazon SES means for one letter.

Decision: text first, then code. The same condition comes under several codes ("Maximum sending rate
exceeded." as TooManyRequestsException and as ThrottlingException), and the code of the daily quota is not
documented for API version 2. What matches nothing and could have been sent is ``unknown``: SES has no
idempotency token, so a repeated call is a second mail.

Sources: SES API v2 reference (SendEmail, SendBulkEmail: Errors; BulkEmailEntryResult: Status),
"SMTP and API throttling errors" in the SES Developer Guide, botocore's exceptions.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ProxyConnectionError,
    SSLError,
)

from newsletter.model import Effect, Outcome, OutcomeKind

__all__ = ["of_entries", "of_exception", "of_response", "refused", "without_addresses"]

_RETRY, _FINAL, _UNKNOWN = OutcomeKind.REFUSED_RETRY, OutcomeKind.REFUSED_FINAL, OutcomeKind.UNKNOWN

_Verdict = tuple[OutcomeKind, Effect]
_SLOW: Final = (_RETRY, Effect.SLOW)
_PARK: Final = (_RETRY, Effect.PARK)
_HALT: Final = (_RETRY, Effect.HALT)
_REFUSED: Final = (_FINAL, Effect.NONE)
_AGAIN: Final = (_RETRY, Effect.NONE)

#: Text in a message of SES, in lower case, and what it means whatever the code is.
_TEXTS: Final[Sequence[tuple[str, _Verdict]]] = (
    ("maximum sending rate", _SLOW),
    ("rate exceeded", _SLOW),
    ("too many requests", _SLOW),
    ("daily message quota", _PARK),
    ("daily sending quota", _PARK),
    ("24-hour", _PARK),
    ("address is not verified", _HALT),
    ("addresses are not verified", _HALT),
    ("identity is not verified", _HALT),
    ("sending paused", _HALT),
    ("sending is paused", _HALT),
    ("sending has been disabled", _HALT),
    ("account is suspended", _HALT),
    ("security token", _HALT),
)

#: Code of an error that HTTP carried.
_CODES: Final[Mapping[str, _Verdict]] = {
    **dict.fromkeys(
        (
            "TooManyRequestsException",
            "Throttling",
            "ThrottlingException",
            "ThrottledException",
            "RequestThrottled",
            "RequestThrottledException",
            "RequestLimitExceeded",
            "SlowDown",
        ),
        _SLOW,
    ),
    "LimitExceededException": _PARK,
    **dict.fromkeys(
        (
            "AccountSuspendedException",
            "SendingPausedException",
            "AccountSendingPausedException",
            "ConfigurationSetSendingPausedException",
            "MailFromDomainNotVerifiedException",
            "MailFromDomainNotVerified",
            "NotFoundException",
            "ConfigurationSetDoesNotExist",
            "ConfigurationSetDoesNotExistException",
            "AccessDenied",
            "AccessDeniedException",
            "UnrecognizedClientException",
            "InvalidClientTokenId",
            "InvalidSignatureException",
            "SignatureDoesNotMatch",
            "IncompleteSignature",
            "MissingAuthenticationToken",
            "MissingAuthenticationTokenException",
            "ExpiredToken",
            "ExpiredTokenException",
            "RequestExpired",
            "NotAuthorized",
            "OptInRequired",
            "UnknownOperationException",
        ),
        _HALT,
    ),
    "MessageRejected": _REFUSED,
}

#: BulkEmailEntryResult.Status; the reference's prose and its model differ, so both spellings are here.
_STATUSES: Final[Mapping[str, _Verdict]] = {
    "MESSAGE_REJECTED": _REFUSED,
    "INVALID_PARAMETER": _REFUSED,
    "INVALID_PARAMETER_VALUE": _REFUSED,
    "ACCOUNT_THROTTLED": _SLOW,
    "ACCOUNT_DAILY_QUOTA_EXCEEDED": _PARK,
    "TRANSIENT_FAILURE": _AGAIN,
    "FAILED": _AGAIN,
    **dict.fromkeys(
        (
            "MAIL_FROM_DOMAIN_NOT_VERIFIED",
            "CONFIGURATION_SET_NOT_FOUND",
            "CONFIGURATION_SET_DOES_NOT_EXIST",
            "TEMPLATE_NOT_FOUND",
            "TEMPLATE_DOES_NOT_EXIST",
            "ACCOUNT_SUSPENDED",
            "ACCOUNT_SENDING_PAUSED",
            "CONFIGURATION_SET_SENDING_PAUSED",
            "INVALID_SENDING_POOL_NAME",
            "INVALID_SENDING_POOL",
        ),
        _HALT,
    ),
}

_NO_HANDSHAKE = re.compile("CERTIFICATE_VERIFY|WRONG_VERSION|HANDSHAKE", re.IGNORECASE)
_ADDRESS = re.compile(r"[^\s<>\"',;:]+@[^\s<>\"',;:]+")


def without_addresses(text: str) -> str:
    """Return the text on one line, at most 300 characters, each address in it replaced.

    >>> without_addresses("Email address is not verified: <ada@example.org>")
    'Email address is not verified: <(address)>'
    """
    return _ADDRESS.sub("(address)", " ".join(text.split()))[:300]


def refused(reason: str, effect: Effect = Effect.HALT, *, final: bool = False) -> Outcome:
    """Return the outcome of a letter that never left us."""
    return Outcome(kind=_FINAL if final else _RETRY, reason=without_addresses(reason), effect=effect)


def of_exception(error: BaseException, *, letters: int, left: bool) -> Outcome:
    """Return what an exception from one call means for each of its letters.

    letters: how many the call carried. left: whether the request was on its way when it happened.
    """
    if isinstance(error, ClientError):
        return _of_answer(error.response, letters)
    reason = f"{type(error).__name__}: {error}"
    if not left:  # no credentials, no Region, a bad endpoint, a parameter we got wrong
        return refused(reason)
    if isinstance(error, EndpointConnectionError | ConnectTimeoutError | ProxyConnectionError):
        return refused(reason)  # no connection, so not a byte of the message
    if isinstance(error, SSLError) and _NO_HANDSHAKE.search(reason):
        return refused(reason)  # the connection was never ready for a request
    if isinstance(error, BotoCoreError):
        return Outcome(kind=_UNKNOWN, reason=without_addresses(f"No answer from Amazon SES: {reason}"))
    return Outcome(kind=_UNKNOWN, reason=without_addresses(reason))


def of_response(response: Mapping[str, Any]) -> Outcome:
    """Return what the answer to SendEmail means. Without a MessageId nobody knows."""
    return _accepted(response.get("MessageId"))


def of_entries(response: Mapping[str, Any], letters: int) -> list[Outcome]:
    """Return what the answer to SendBulkEmail means for each of its letters, in order.

    Results carry no address: position alone says whose they are. So if their number is not that of the
    letters, nobody knows about any of them.
    """
    results = response.get("BulkEmailEntryResults")
    if not isinstance(results, list) or len(results) != letters:
        count = len(results) if isinstance(results, list) else "no"
        reason = f"Amazon SES answered with {count} results for {letters} letters."
        return [Outcome(kind=_UNKNOWN, reason=reason)] * letters
    return [_of_entry(result) for result in results]


def _of_entry(result: Any) -> Outcome:
    if not isinstance(result, Mapping):
        return Outcome(kind=_UNKNOWN, reason="Amazon SES answered something unreadable.")
    status, text = str(result.get("Status") or ""), str(result.get("Error") or "")
    if status == "SUCCESS":
        return _accepted(result.get("MessageId"))
    kind, effect = _by_text(text) or _STATUSES.get(status, (_UNKNOWN, Effect.NONE))
    return Outcome(
        kind=kind, effect=effect, reason=without_addresses(f"{status}: {text}" if text else status)
    )


def _accepted(message_id: object) -> Outcome:
    if isinstance(message_id, str) and message_id:
        return Outcome(kind=OutcomeKind.ACCEPTED, message_id=message_id)
    return Outcome(kind=_UNKNOWN, reason="Amazon SES answered without a message id.")


def _of_answer(response: Mapping[str, Any], letters: int) -> Outcome:
    """Return what an HTTP error means: 4xx is a refusal, everything else leaves us in doubt."""
    error = response.get("Error") or {}
    code, text = str(error.get("Code") or ""), str(error.get("Message") or "")
    status = int((response.get("ResponseMetadata") or {}).get("HTTPStatusCode") or 0)
    reason = without_addresses(f"{code or status}: {text}" if text else code or str(status))
    if not 400 <= status < 500 or status == 408:  # 408: somebody gave up waiting, perhaps after SES had it
        return Outcome(kind=_UNKNOWN, reason=reason)
    kind, effect = _by_text(text) or _CODES.get(code) or _by_status(status)
    if kind is _FINAL and letters > 1:  # one letter spoils the call: smaller calls will find it
        kind, effect = _RETRY, Effect.SPLIT
    return Outcome(kind=kind, effect=effect, reason=reason)


def _by_text(text: str) -> _Verdict | None:
    lower = text.lower()
    return next((verdict for known, verdict in _TEXTS if known in lower), None)


def _by_status(status: int) -> _Verdict:
    if status == 429:
        return _SLOW
    return _REFUSED if status in {400, 413, 422} else _HALT  # 401, 403, 404, 407: the set-up is wrong
