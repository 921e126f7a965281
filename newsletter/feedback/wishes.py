"""What a mail to the unsubscribe address says: who wants to leave, if anybody does.

Decisions. A token counts only where our own mailto puts it (the subject), in the tag of an address that the
mail went to, or after the word "unsubscribe" in the first line; anywhere else it is a quotation of our mail,
as in a reply, a forward or a bounce. Programs count only by a subject that is ours to the letter: Apple Mail
marks its unsubscribe mails "Auto-Submitted: auto-replied", as an out-of-office note is, and no such note has
our subject. Whoever says plainly that they want to leave is believed by their From address, although anybody
could write it: a forged one costs somebody a letter, a wish that is not heard costs their trust.

Everything here is hostile: only the first bytes are looked at, parts are not walked but the first is opened,
and nothing takes longer than a look at those bytes.
Sources: RFC 2369 section 3.2, RFC 3834 section 5 (Auto-Submitted), RFC 6522 (multipart/report), RFC 2919.
"""

import binascii
import html
import quopri
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.parser import BytesHeaderParser
from typing import Final

from newsletter.tokens import Claim, Tokens

__all__ = ["LONGEST", "Wish", "read_wish"]

LONGEST: Final = 256 * 1024  #: bytes of a mail that are worth reading: the wish is at its beginning

_LONGEST_HEAD: Final = 64 * 1024
_LONGEST_VALUE: Final = 2_000
_LONGEST_TEXT: Final = 8 * 1024
_DEEPEST: Final = 4  # a plain text in an alternative in a mixed mail in a signed one

_SIGNATURE: Final = r"u\.\d{1,19}\.[\w-]{0,32}\.[\w-]{20,90}"
_SIGNED: Final = re.compile(rf"unsubscribe:?\s+({_SIGNATURE})(?![\w.-])", re.IGNORECASE | re.ASCII)
_TAG: Final = re.compile(_SIGNATURE, re.ASCII)
_SPOILT: Final = re.compile(r"\bu\.\d+\.\S*", re.ASCII | re.IGNORECASE)

_BARE_ADDRESS: Final = re.compile(r"[^\s<>(),;:\"@]+@[^\s<>(),;:\"@]+")

#: Who a mail went to, also after it was forwarded.
_RECIPIENTS: Final = ("To", "Delivered-To", "X-Original-To")

#: Words that change nothing about a wish, so that what is left is the wish.
_FILLERS: Final = frozenset(
    re.findall(
        r"\w+",
        """a address all an and any aus aw bitte dank danke dem den der die diesem dieser e email emails for
        from i ich ihre ihrem ihrer in kindly like list liste mail mailing mailingliste mails many me mich
        möchte my newsletter newsletters of our please pls re request send sending subscription thank thanks
        the this to us vielen vom von want wish would you your""",
    )
)
_WISHES: Final = frozenset({"unsubscribe", "remove", "stop", "abmelden", "abbestellen", "austragen"})
_SAME: Final = re.compile(r"\b(?:opt[ -]?out|take me off|cancel (?:my|the) (?:newsletter )?subscription)\b")
_GREETING: Final = re.compile(
    r"(?:hi|hello|hey|dear|good \w+|hallo|guten \w+|liebe[rs]?|sehr geehrte)\b[^,!.:]{0,40}(?:[,!.:]+ ?|$)",
    re.IGNORECASE,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    """Somebody wants to leave. claim: what the signed token says; without one, sender: who wrote."""

    claim: Claim | None
    sender: str = ""


def read_wish(raw: bytes, tokens: Tokens) -> Wish | None:
    """Return who wants to leave, None if the mail does not say so. raw: ``LONGEST`` bytes will do."""
    mail, body = _opened(raw[:LONGEST])
    if mail.get_content_type() in ("multipart/report", "message/delivery-status") or any(
        name in mail for name in ("List-Id", "List-Post", "List-Unsubscribe")
    ):
        return None
    subject = _decoded(mail, "Subject")
    by_apple = _decoded(mail, "X-Apple-Unsubscribe").lower() == "true"
    if _is_automatic(mail) and not by_apple:
        whole = _SIGNED.fullmatch(subject)
        claim = tokens.read(whole[1]) if whole else None
        return Wish(claim=claim) if claim is not None and claim.purpose == "u" else None
    line = _first_line(_text(mail, body))
    for token in _candidates(mail, subject, line):
        claim = tokens.read(token)
        if claim is not None and claim.purpose == "u":
            return Wish(claim=claim)
    if by_apple or _asks(subject) or _asks(line):
        sender = _sender(mail)
        return Wish(claim=None, sender=sender) if sender else None
    return None


def _is_automatic(mail: "Message[str, str]") -> bool:
    """Say whether a program wrote it, such as an out-of-office note."""
    said = _decoded(mail, "Auto-Submitted").partition(";")[0].strip().lower()
    return (
        said not in ("", "no")
        or _decoded(mail, "Precedence").lower() in ("bulk", "junk", "list", "auto_reply")
        or _decoded(mail, "Return-Path").strip() == "<>"
        or any(name in mail for name in ("X-Autoreply", "X-Autorespond", "X-Autoresponder"))
    )


def _candidates(mail: "Message[str, str]", subject: str, line: str) -> Iterator[str]:
    for text in (subject, line):
        if found := _SIGNED.search(text):
            yield found[1]
    for name in _RECIPIENTS:
        for address in _addresses(mail, name):
            tag = address.rpartition("@")[0].partition("+")[2]
            if _TAG.fullmatch(tag):
                yield tag


def _asks(text: str) -> bool:
    """Say whether a line wants nothing but to leave.

    >>> _asks("Please unsubscribe me from your newsletter, thank you!"), _asks("Re: Unsubscribe")
    (True, True)
    >>> _asks("Do not unsubscribe me"), _asks("How do I unsubscribe my mother?"), _asks("")
    (False, False, False)
    """
    if len(text) > 200:
        return False
    words = re.findall(r"[^\W\d_]+", _SAME.sub("unsubscribe", _SPOILT.sub(" ", text.lower())))
    left = [word for word in words if word not in _FILLERS]
    return len(left) == 1 and left[0] in _WISHES


def _sender(mail: "Message[str, str]") -> str:
    """Return the one address in From, "" if there is none or more than one."""
    found = _addresses(mail, "From")
    return found[0] if len(found) == 1 else ""


# -- reading mail -----------------------------------------------------------------------------------


def _opened(raw: bytes) -> "tuple[Message[str, str], bytes]":
    """Return header and body of a mail or of one of its parts."""
    end = re.search(rb"\n\r?\n", b"\n" + raw)  # a part may begin with its body
    head, body = (raw, b"") if end is None else (raw[: end.start()], raw[end.end() - 1 :])
    mail = BytesHeaderParser().parsebytes(head[:_LONGEST_HEAD])
    if "Content-Type" in mail:  # its parameters take time that grows with the square of its length
        mail.replace_header("Content-Type", str(mail["Content-Type"])[:_LONGEST_VALUE])
    return mail, body


def _decoded(mail: "Message[str, str]", name: str) -> str:
    """Return a header as one line of text, "" if there is none. What is ASCII survives any charset."""
    value = str(mail.get(name, ""))[:_LONGEST_VALUE]
    try:
        parts = decode_header(value)
    except HeaderParseError:
        parts = [(value, None)]
    text = "".join(part if isinstance(part, str) else part.decode("utf-8", "replace") for part, _ in parts)
    return " ".join(text.split())


def _addresses(mail: "Message[str, str]", name: str) -> list[str]:
    """Return the addresses of a header. By hand: Python's parser can be made to recurse without end."""
    text = ", ".join(str(value)[:_LONGEST_VALUE] for value in mail.get_all(name, [])[:10])
    return list(dict.fromkeys(re.findall(r"<([^\s<>]+@[^\s<>]+)>", text) or _BARE_ADDRESS.findall(text)))


def _text(mail: "Message[str, str]", body: bytes, depth: int = 0) -> str:
    """Return the beginning of the first text: that of the first part, and of its first part, and so on."""
    if mail.get_content_maintype() == "multipart":
        boundary = mail.get_boundary()
        pieces = body.split(b"--" + boundary.encode("utf-8", "replace"), 2) if boundary else []
        if len(pieces) < 2 or depth == _DEEPEST:
            return ""
        return _text(*_opened(pieces[1].partition(b"\n")[2]), depth + 1)
    if mail.get_content_maintype() != "text":
        return ""
    data = body[: 2 * _LONGEST_TEXT]
    encoding = _decoded(mail, "Content-Transfer-Encoding").lower()
    if encoding == "base64":
        letters = re.sub(rb"[^A-Za-z0-9+/]", b"", data)
        letters = letters[: len(letters) - (len(letters) % 4 == 1)]  # no byte is said by one letter
        data = binascii.a2b_base64(letters + b"=" * (-len(letters) % 4))
    elif encoding == "quoted-printable":
        data = quopri.decodestring(data)
    text = data.decode("utf-8", "replace")[:_LONGEST_TEXT]
    return _without_tags(text) if mail.get_content_subtype() == "html" else text


def _without_tags(text: str) -> str:
    text = re.sub(r"<(?:style|title|script)\b[^<>]*>[^<]*", "", text, flags=re.IGNORECASE)
    text = re.sub(r"<(?:br|/?p|/?div|/?h\d|/?td)\b[^<>]*>", "\n", text, flags=re.IGNORECASE)
    return html.unescape(re.sub(r"<[^<>]*>", "", text))


def _first_line(text: str) -> str:
    """Return the first line that says something, without a greeting."""
    for line in map(str.split, text.splitlines()):
        words = " ".join(line)
        greeting = None if _asks(words) else _GREETING.match(words)
        if words := words[greeting.end() if greeting else 0 :]:
            return words
    return ""
