"""Asking Amazon for production access: a text from the owner's answers, and the call that hands it in.

Amazon wants to know how people come on the list, what they get and how often, and what becomes of bounces,
complaints and wishes to leave (SES Developer Guide, "Request production access"). What the program does is
said by us; what only the owner knows is asked.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from newsletter.aws.asking import Aws, Refused, ask
from newsletter.errors import SendError, UsageError
from newsletter.settings import Settings

__all__ = ["QUESTIONS", "Answers", "request_access", "request_text"]

_LONGEST = 5000  # characters of UseCaseDescription (SES API v2 reference)


@dataclass(frozen=True, kw_only=True, slots=True)
class Answers:
    """What only the owner knows. readers: how many now; grows_to: in a year."""

    website: str
    about: str  #: the practice, and what an issue is about
    joined: str  #: how people come on the list
    often: str
    readers: str
    grows_to: str


#: Each answer with the question for it and an example.
QUESTIONS: Final[Sequence[tuple[str, str, str]]] = (
    ("website", "Your web site", "https://www.example.org"),
    ("about", "Who are you, and what is the newsletter about?", "a music therapy practice; news of our work"),
    ("joined", "How do people come on the list?", "a form on our site, and a paper list at our front desk"),
    ("often", "How often do you write?", "once a month"),
    ("readers", "How many readers have you now?", "300"),
    ("grows_to", "How many in a year?", "500"),
)


def request_text(answers: Answers, settings: Settings) -> str:
    """Return the description of the use, in English, as Amazon's form takes it.

    Raises UsageError if it is longer than Amazon takes.
    """
    news = settings.newsletter
    leave = "by one click on the link or the mail program's own button (List-Unsubscribe, RFC 8058)"
    if not news.public_url.startswith("https:"):
        leave = "by the link or the mail program's own button (List-Unsubscribe), which write us a mail"
    confirm = "Sign-ups on our pages are confirmed by mail (double opt-in). " if news.public_url else ""
    text = f"""\
We are {_clause(answers.about)}. Our newsletter, "{news.name}", goes out {_clause(answers.often)} from \
{news.from_} to {_clause(answers.readers)} readers, and we expect {_clause(answers.grows_to)} in a year. \
Web site: {answers.website}.

How people come on the list: {_clause(answers.joined)}. {confirm}For each reader we keep when and how \
consent was given. We never buy, rent or share addresses.

What we send: the newsletter only, the same issue to each reader once. Each mail names us with our postal \
address, and readers leave {leave}. Whoever leaves is not mailed again, nor brought back by an import.

Bounces and complaints: a configuration set publishes all events through Amazon SNS to an Amazon SQS queue \
that our program reads. A hard bounce or a complaint takes the address off the list at once, and for good; \
soft bounces do so after three issues in a row. The account-level suppression list is on for both. After the \
first {settings.safety.canary:,} mails of an issue the program waits and looks at the figures, and stops by \
itself above {settings.safety.max_bounce:.1%} bounces or {settings.safety.max_complaint:.2%} complaints.

Our domain is verified with DKIM, a custom MAIL FROM domain and DMARC. The program keeps below the account's \
rate and daily quota.
"""
    if len(text) > _LONGEST:
        raise UsageError(
            f"The request has {len(text):,} characters; Amazon takes {_LONGEST:,}.",
            hint="Shorten your answers.",
        )
    return text


def request_access(aws: Aws, answers: Answers, text: str, *, contact: str) -> None:
    """Hand the request in. contact: address that Amazon writes to, besides the account's own.

    Raises SendError if a request is being looked at already, Refused for other refusals.
    """
    call: dict[str, Any] = {
        "MailType": "MARKETING",
        "WebsiteURL": answers.website,
        "ContactLanguage": "EN",
        "UseCaseDescription": text,
        "AdditionalContactEmailAddresses": [contact],
        "ProductionAccessEnabled": True,
    }
    try:
        ask(aws("sesv2"), "put_account_details", **call)
    except Refused as refused:
        if "ConflictException" in str(refused):
            raise SendError(
                "Amazon is looking at an earlier request already.",
                hint="It answers by mail, mostly within a day. `newsletter aws doctor` shows the state.",
            ) from refused
        raise


def _clause(answer: str) -> str:
    """Return an answer as a part of a sentence."""
    return " ".join(answer.split()).rstrip(".") or "(not said)"
