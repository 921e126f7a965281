"""Reading an e-mail address: what is mailed, what makes it one person, and whether SES can mail it.

Decision: plain ASCII addresses, nearly all, pass a regular expression (60 times faster); the rest goes
through email-validator, which knows internationalised domains and the reserved names. No DNS is asked.
Sources: RFC 5321 section 4.5.3.1 and RFC 5322 section 3.4.1; Amazon SES: local parts are ASCII only.
"""

import re
import unicodedata
from dataclasses import dataclass

from email_validator import SPECIAL_USE_DOMAIN_NAMES as _RESERVED
from email_validator import EmailNotValidError, validate_email

from newsletter.errors import UsageError

__all__ = ["Address", "InvalidAddress", "address_key", "owners_address", "parse_address"]

_LONGEST = 320

_WORD = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
#: words joined by single dots, so that "a..b" goes the slow way and is refused there
_PLAIN = re.compile(rf"({_WORD}(?:\.{_WORD})*)@((?:{_LABEL}\.)+[A-Za-z]{{2,63}})")
_RESERVED_LAST = frozenset(name.rsplit(".", 1)[-1] for name in _RESERVED)


class InvalidAddress(ValueError):  # noqa: N818
    """This is not one e-mail address. Its text is the reason, in plain words, without the address."""


@dataclass(frozen=True, slots=True)
class Address:
    """One address. email: as written; key: lower case with an ASCII domain, equal only for one person.

    sendable: False if the part before the @ needs SMTPUTF8 (RFC 6531), which SES does not have.
    """

    email: str
    key: str
    sendable: bool = True


def parse_address(text: str) -> Address:
    """Return the address that a text is; spaces around it are dropped.

    Raises InvalidAddress, with the reason, for anything but exactly one address.

    >>> parse_address("Ada@Example.org")
    Address(email='Ada@Example.org', key='ada@example.org', sendable=True)
    >>> parse_address("ada@bücher.example").key
    'ada@xn--bcher-kva.example'
    """
    text = text.strip(" \t\xa0")
    plain = _PLAIN.fullmatch(text)
    if plain is not None and len(text) <= 254 and plain.end(1) <= 64 and "--" not in plain[2]:
        key = text.lower()
        if key.rsplit(".", 1)[1] not in _RESERVED_LAST:
            return Address(text, key)
    return _parse_slowly(text)


def owners_address(text: str) -> Address:
    """Return the address that the owner gave to a command. Raises UsageError for anything else."""
    try:
        return parse_address(text)
    except InvalidAddress as error:
        raise UsageError(
            f"This is not an e-mail address: {error}.", hint="Write it like ada@example.org."
        ) from error


def address_key(text: str) -> str:
    """Return the ``email_key`` of an address that the owner gave to a command; raises UsageError."""
    return owners_address(text).key


def _parse_slowly(text: str) -> Address:
    reason = _obvious_fault(text)
    if reason:
        raise InvalidAddress(reason)
    try:
        found = validate_email(text, check_deliverability=False, allow_smtputf8=True, strict=True)
    except EmailNotValidError as error:
        raise InvalidAddress(_plain_words(str(error))) from None  # the cause repeats the address
    key = f"{found.local_part}@{found.ascii_domain}".lower()
    email = text if text.isascii() else found.normalized
    return Address(email, key, sendable=not found.smtputf8 or found.local_part.isascii())


def _obvious_fault(text: str) -> str:
    """Say what is wrong where a person would see it at once, or nothing."""
    ats = text.count("@")
    faults = {
        "the address is empty": not text,
        f"the address is longer than {_LONGEST} characters": len(text) > _LONGEST,
        "there is a line break in the address": "\r" in text or "\n" in text,
        "there is an invisible or control character in the address": any(
            unicodedata.category(character)[0] == "C" for character in text
        ),
        "only the address is wanted, without a name and without < and >": "<" in text or ">" in text,
        "there is no @ in it": ats == 0,
        "this is more than one address": ats > 1 and bool(re.search(r"[,;\s]", text)),
        "there is more than one @ in it": ats > 1,
        "there is a space in the address": bool(re.search(r"\s", text)),
    }
    return next((reason for reason, present in faults.items() if present), "")


def _plain_words(message: str) -> str:
    """Take email-validator's sentence, without quoted parts of the address."""
    words = re.sub(r"\s*\([^)]*'[^)]*\)|\s*\(.*Codepoint.*\)", "", message).strip().rstrip(".")
    return words[:1].lower() + words[1:]
