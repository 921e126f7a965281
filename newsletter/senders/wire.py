"""Addresses and names as they travel: 7-bit, one line, domains in punycode.

Used by whoever writes a header and by whoever calls a provider, so that both say the same.
"""

import base64
import re
from email.utils import parseaddr

__all__ = ["encoded_words", "is_deliverable", "mailbox", "phrase", "split_mailbox", "wire_address"]

#: RFC 5321 without quoted local parts, which no mailbox provider hands out.
_DELIVERABLE = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?"
)
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]*")  # RFC 5322, section 3.2.3, with spaces between
_NOT_WIRE = re.compile(r"[^!-~]")
_BYTES_A_WORD = 39  # 64 characters: with "Reply-To: " before it still under the 76 of RFC 2047, section 2


def is_deliverable(address: str) -> bool:
    """Say whether SES can be given this address: ASCII, dot-atom, at most 320 characters (RFC 5321).

    >>> is_deliverable("ada@example.org"), is_deliverable("ada@example.org, eve@example.org")
    (True, False)
    """
    return len(address) <= 320 and _DELIVERABLE.fullmatch(address) is not None


def wire_address(address: str) -> str:
    """Return the address in ASCII, its domain in punycode (IDNA 2008); nothing that could end a header.

    What cannot be said in ASCII becomes a backslash, so that the result is not deliverable: it must never
    turn into somebody else's address.

    >>> wire_address("ada@bücher.example"), wire_address("äda@example.org")
    ('ada@xn--bcher-kva.example', '\\\\da@example.org')
    >>> wire_address("ada@example.org\\r\\nBcc: eve@example.org")
    'ada@example.org\\\\\\\\Bcc:\\\\eve@example.org'
    """
    if not address.isascii():
        # imported here: only few addresses need it, and it is slow to load
        from email_validator import EmailNotValidError, validate_email

        try:
            found = validate_email(address, check_deliverability=False, globally_deliverable=False)
            address = found.ascii_email or f"{found.local_part}@{found.ascii_domain}"
        except EmailNotValidError:
            pass
    return _NOT_WIRE.sub("\\\\", address)


def split_mailbox(text: str) -> tuple[str, str]:
    """Return the name and the address of "Name <address>".

    >>> split_mailbox("Ignite <hello@example.org>"), split_mailbox("hello@example.org")
    (('Ignite', 'hello@example.org'), ('', 'hello@example.org'))
    """
    match = re.fullmatch(r"(.*)<([^<>]*)>\s*", text, re.DOTALL)
    if not match:
        return parseaddr(text)
    name = match[1].strip()  # by hand, because parseaddr reads a name such as Müller, Ada as two mailboxes
    if len(name) > 1 and name[0] == name[-1] == '"':
        name = re.sub(r"\\(.)", r"\1", name[1:-1])
    return name, match[2].strip()


def mailbox(text: str) -> str:
    """Return "Name <address>" as a header carries it (RFC 5322, section 3.4), on one line.

    >>> mailbox("Müller, Ada <ada@example.org>")
    '=?utf-8?b?TcO8bGxlciwgQWRh?= <ada@example.org>'
    """
    name, address = split_mailbox(text)
    address = wire_address(address)
    return f"{phrase(name)} <{address}>" if name else address


def phrase(name: str) -> str:
    """Return a display name as a header carries it: atoms, a quoted string or encoded words.

    >>> phrase("Ignite Music Therapy"), phrase('The "Good" News, Inc.')
    ('Ignite Music Therapy', '"The \\\\"Good\\\\" News, Inc."')
    """
    name = " ".join(name.split())
    if not name.isascii() or not name.isprintable() or "=?" in name:
        return " ".join(encoded_words(name))
    if _ATOMS.fullmatch(name):
        return name
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def encoded_words(text: str) -> list[str]:
    """Return the text as RFC 2047 encoded words, none over 75 characters, none splitting a character.

    Control characters and half surrogates are left out.
    """
    text = "".join(c for c in text if c.isprintable() or ord(c) >= 0xA0)
    data = text.encode("utf-8", "ignore")
    words, start = [], 0
    while start < len(data):
        end = min(start + _BYTES_A_WORD, len(data))
        while end < len(data) and data[end] & 0xC0 == 0x80:  # inside a character
            end -= 1
        words.append(f"=?utf-8?b?{base64.b64encode(data[start:end]).decode('ascii')}?=")
        start = end
    return words
