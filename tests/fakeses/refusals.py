"""How SES says no: an HTTP error for a call, a status for one entry of a bulk call.

Source: SES API v2 reference, SendEmail and SendBulkEmail (Errors), BulkEmailEntryResult (Status); what the
code for the daily quota is in version 2 is not documented.
"""

__all__ = ["STATUSES", "Refusal", "bad_request", "by_status"]


class Refusal(Exception):  # noqa: N818 (an answer, not a failure of this program)
    """status: of HTTP. code: ``x-amzn-ErrorType``. entry_status: the same thing said of one entry."""

    def __init__(self, status: int, code: str, message: str, entry_status: str = "INVALID_PARAMETER") -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.entry_status = status, code, message, entry_status


def bad_request(message: str) -> Refusal:
    """Return the refusal of something that can never be sent."""
    return Refusal(400, "BadRequestException", message)


def by_status(status: str) -> Refusal:
    """Return the refusal behind a BulkEmailStatus other than SUCCESS; also for one that SES does not have."""
    http, code, message = STATUSES.get(status, (400, "BadRequestException", "Something new."))
    return Refusal(http, code, message, status)


#: Each BulkEmailStatus but SUCCESS: HTTP status, code and message for a call that ends so as a whole.
STATUSES = {
    "MESSAGE_REJECTED": (400, "MessageRejected", "The message contains invalid content."),
    "MAIL_FROM_DOMAIN_NOT_VERIFIED": (
        400,
        "MailFromDomainNotVerifiedException",
        "The MAIL FROM domain is not verified.",
    ),
    "CONFIGURATION_SET_NOT_FOUND": (404, "NotFoundException", "Configuration set does not exist."),
    "TEMPLATE_NOT_FOUND": (404, "NotFoundException", "Template does not exist."),
    "ACCOUNT_SUSPENDED": (400, "AccountSuspendedException", "Account is suspended."),
    "ACCOUNT_THROTTLED": (429, "TooManyRequestsException", "Maximum sending rate exceeded."),
    "ACCOUNT_DAILY_QUOTA_EXCEEDED": (429, "TooManyRequestsException", "Daily message quota exceeded."),
    "INVALID_SENDING_POOL_NAME": (404, "NotFoundException", "Sending pool does not exist."),
    "ACCOUNT_SENDING_PAUSED": (400, "SendingPausedException", "Sending is paused for this account."),
    "CONFIGURATION_SET_SENDING_PAUSED": (
        400,
        "SendingPausedException",
        "Sending is paused for this configuration set.",
    ),
    "INVALID_PARAMETER": (400, "BadRequestException", "A parameter is invalid."),
    "TRANSIENT_FAILURE": (500, "InternalServiceErrorException", "Try again."),
    "FAILED": (500, "InternalServiceErrorException", "Something failed."),
}
