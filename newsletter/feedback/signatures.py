"""Whether a message that claims to be from Amazon SNS is: its signature, versions 1 and 2.

    1 = RSA PKCS #1 v1.5 with SHA-1 (the default of a topic)      2 = the same with SHA-256

Decisions. A certificate is fetched only over https from SNS's own host in the topic's Region, by the name
that its certificates have; TLS vouches for the host, so the chain is not looked at again. The topic is looked
at before anything is fetched: nobody who does not know it can make us ask Amazon for something. A signature
in another spelling of the same base64 is refused, and so is a field with a line break that could move the
border between two of the lines that are signed.
Source: SNS Developer Guide, "Verifying the signatures of Amazon SNS messages".
"""

import base64
import binascii
import re
import threading
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

__all__ = ["Forged", "SnsVerifier", "is_of_sns"]

_HOST: Final = re.compile(r"sns\.([a-z0-9-]+)\.amazonaws\.com(\.cn)?")
_CERTIFICATE: Final = re.compile(r"/SimpleNotificationService-[A-Za-z0-9]{1,64}\.pem")
_TOPIC: Final = re.compile(r"arn:aws[a-z-]*:sns:([a-z0-9-]+):\d{12}:[A-Za-z0-9_-]{1,256}(\.fifo)?")
#: SHA-1 is what version 1 is: the topic's owner chooses, and an attacker would need a second preimage.
_HASHES: Final[Mapping[str, hashes.HashAlgorithm]] = {"1": hashes.SHA1(), "2": hashes.SHA256()}  # noqa: S303
_SIGNED: Final[Mapping[str, tuple[str, ...]]] = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    **dict.fromkeys(
        ("SubscriptionConfirmation", "UnsubscribeConfirmation"),
        ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
    ),
}
_OF_MANY_LINES: Final = frozenset({"Message", "Subject"})
_MOST_CERTIFICATES: Final = 16


class Forged(ValueError):  # noqa: N818
    """The message is not one that SNS signed for a topic of ours. Its text says why, and quotes nothing."""


class SnsVerifier:
    """Verifies messages for some topics; keeps the certificates it has fetched. Safe to share by threads."""

    def __init__(self, topics: Collection[str], fetch: Callable[[str], bytes]) -> None:
        """topics: ARNs that are believed. fetch: as ``fetching.fetch``."""
        self._topics, self._fetch = frozenset(topics), fetch
        self._certificates: dict[str, x509.Certificate] = {}
        self._lock = threading.Lock()

    def verify(self, envelope: Mapping[str, Any], now: datetime) -> None:
        """Return if SNS signed it. Raises Forged if not, OSError if the certificate cannot be fetched now."""
        kind, topic = envelope.get("Type"), envelope.get("TopicArn")
        arn = _TOPIC.fullmatch(topic) if isinstance(topic, str) else None
        if arn is None or topic not in self._topics:
            raise Forged("a topic that is not believed")
        algorithm = _HASHES.get(_text(envelope, "SignatureVersion"))
        if not isinstance(kind, str) or kind not in _SIGNED or algorithm is None:
            raise Forged("a type or signature version that SNS does not have")
        signed = _string_to_sign(envelope, _SIGNED[kind])
        signature = _signature(envelope)
        certificate = self._certificate(_text(envelope, "SigningCertURL"), arn[1])
        if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
            raise Forged("a certificate that is not valid now")
        key = certificate.public_key()
        if not isinstance(key, rsa.RSAPublicKey):
            raise Forged("a certificate without an RSA key")
        try:
            key.verify(signature, signed, padding.PKCS1v15(), algorithm)
        except InvalidSignature:
            raise Forged("a wrong signature") from None

    def _certificate(self, url: str, region: str) -> x509.Certificate:
        parts = _split(url)
        place = _HOST.fullmatch(parts.netloc) if parts else None
        if parts is None or place is None or place[1] != region:
            raise Forged("a certificate from elsewhere")
        if parts.scheme != "https" or not _CERTIFICATE.fullmatch(parts.path) or parts.query or parts.fragment:
            raise Forged("a certificate under another name than SNS's")
        with self._lock:
            known = self._certificates.get(url)
        if known is not None:
            return known
        try:
            found = x509.load_pem_x509_certificate(self._fetch(url))
        except (LookupError, ValueError):
            raise Forged("a certificate that is not there") from None
        with self._lock:
            if len(self._certificates) >= _MOST_CERTIFICATES:
                self._certificates.clear()
            self._certificates[url] = found
        return found


def is_of_sns(url: str) -> bool:
    """Return whether an https address is one of SNS itself.

    >>> is_of_sns("https://sns.eu-central-1.amazonaws.com/?Action=ConfirmSubscription")
    True
    >>> is_of_sns("https://sns.eu-central-1.amazonaws.com@example.org/"), is_of_sns("http://[")
    (False, False)
    """
    parts = _split(url)
    return parts is not None and parts.scheme == "https" and _HOST.fullmatch(parts.netloc) is not None


def _split(url: str) -> SplitResult | None:
    """Return the parts of an address; None for one that parsers may read in different ways."""
    if not url.isascii() or not url.isprintable() or "\\" in url or " " in url:
        return None
    try:
        return urlsplit(url)
    except ValueError:
        return None


def _string_to_sign(envelope: Mapping[str, Any], names: tuple[str, ...]) -> bytes:
    present = [name for name in names if name in envelope or name != "Subject"]
    values = {name: _text(envelope, name) for name in present}
    if any("\n" in value for name, value in values.items() if name not in _OF_MANY_LINES):
        raise Forged("a line break where there is none")
    lines = "".join(f"{name}\n{value}\n" for name, value in values.items())
    try:
        return lines.encode()
    except UnicodeEncodeError:
        raise Forged("text that cannot have been signed") from None


def _signature(envelope: Mapping[str, Any]) -> bytes:
    text = _text(envelope, "Signature")
    try:
        signature = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Forged("a signature that is not base64") from None
    if base64.b64encode(signature).decode("ascii") != text:
        raise Forged("a signature that is not base64 as it is written")
    return signature


def _text(envelope: Mapping[str, Any], name: str) -> str:
    value = envelope.get(name)
    if not isinstance(value, str):
        raise Forged(f"no {name}")
    return value
