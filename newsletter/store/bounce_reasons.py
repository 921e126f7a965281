"""Why mail came back, in our words, as SQL: by the provider's subtype and the enhanced status code.

What the receiving servers write differs from mail to mail, so nothing can be counted by it; and it comes from
outside. Sources: RFC 3463 (status codes), RFC 7505 (a domain that takes no mail), and for types and subtypes
the SES Developer Guide, "Amazon SNS notification contents for Amazon SES".
"""

from collections.abc import Mapping, Sequence
from typing import Final

__all__ = ["LONGEST", "REASON", "SAID_IN_DETAIL", "WORDS", "WORDS_OF_DETAIL"]

LONGEST: Final = 60  #: characters of a reason that we have no words for

#: Our words, with the subtypes and status codes that they stand for; a code with a dot at its end stands for
#: all that begin so. The first that is found is taken.
WORDS: Final[Mapping[str, Sequence[str]]] = {
    "On the suppression list of Amazon SES": ("suppressed", "onaccountsuppressionlist"),
    "The mailbox does not exist": ("5.1.1", "5.1.0", "5.1.3", "5.1.6", "noemail"),
    "The domain does not exist or takes no mail": ("5.1.2", "5.1.10", "5.4.4", "4.4.4"),
    "The mailbox is full": ("mailboxfull", "4.2.2", "5.2.2"),
    "The mailbox is closed": ("5.2.1", "4.2.1"),
    "The letter is too large": ("messagetoolarge", "5.2.3", "5.3.4", "4.3.4"),
    "Refused for its content": ("contentrejected", "attachmentrejected", "5.6.", "4.6."),
    "Refused by a policy, or taken for spam": ("5.7.", "4.7."),
    "The server could not be reached in time": ("4.4.", "5.4."),
    "The server is busy or out of order": ("4.3.", "5.3.", "4.5.", "5.5."),
}

#: SQL to be spelt: what Amazon says, type, subtype and code, as small words between spaces: ``detail`` up to
#: the colon. What comes after it may quote other servers.
WORDS_OF_DETAIL: Final = """' ' || lower(CASE WHEN {find}(detail, ':') = 0 THEN detail
    ELSE substr(detail, 1, {find}(detail, ':') - 1) END) || ' '"""

#: SQL to be spelt: what the receiving server said: ``detail`` after the colon.
SAID_IN_DETAIL: Final = """CASE WHEN {find}(detail, ':') = 0 THEN ''
    ELSE trim(substr(detail, {find}(detail, ':') + 1)) END"""


def _found(codes: Sequence[str]) -> str:
    return " OR ".join(f"words LIKE '% {code}{'' if code.endswith('.') else ' '}%'" for code in codes)


#: SQL: the reason, of ``words`` (WORDS_OF_DETAIL) and ``said`` (SAID_IN_DETAIL). What we have no words for is
#: told in those of the receiving server, unless an address stands in them.
REASON: Final = f"""CASE {" ".join(f"WHEN {_found(codes)} THEN '{said}'" for said, codes in WORDS.items())}
    WHEN said = '' THEN 'No reason was given'
    WHEN substr(said, 1, {LONGEST}) LIKE '%@%' THEN 'Another reason'
    ELSE substr(said, 1, {LONGEST}) END"""
