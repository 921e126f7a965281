"""Signed links. A token names a subscriber and a campaign; nobody without the secret can make one.

Decision: itsdangerous signs (HMAC-SHA256), several keys are accepted so that a secret can be
rotated: the first signs, all verify. A token never expires: an unsubscribe link must work at any age.
Its key is derived once and not for each signature, and the C form of HMAC is used: every mail needs two.
"""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass

from itsdangerous import BadSignature, Signer
from itsdangerous.signer import SigningAlgorithm

__all__ = ["Claim", "Tokens"]


@dataclass(frozen=True, slots=True)
class Claim:
    """What a token says. purpose: "u" for unsubscribe; campaign: its public key, "" for none."""

    purpose: str
    subscriber: int
    campaign: str


class Tokens:
    """Makes and reads tokens such as ``u.512.k3xw9q.<signature>``: URL-safe, 7-bit, under 100 characters."""

    def __init__(self, secrets: Sequence[str]) -> None:
        """secrets: newest first; the first signs, each verifies."""
        self._secrets = [secret.encode() for secret in secrets]
        # itsdangerous signs with its last key and tries all of them
        self._signer = _Signer(list(reversed(secrets)))

    def sign(self, purpose: str, subscriber: int, campaign: str = "") -> str:
        """Return the token for one subscriber and purpose."""
        return self._signer.sign(f"{purpose}.{subscriber}.{campaign}").decode("ascii")

    def read(self, token: str) -> Claim | None:
        """Return what a token says, or None if it was not signed by us. Never raises, whatever it is given.

        >>> tokens = Tokens(["s" * 32])
        >>> tokens.read(tokens.sign("u", 7, "k3xw9q"))
        Claim(purpose='u', subscriber=7, campaign='k3xw9q')
        >>> tokens.read("u.7.k3xw9q.forged") is None
        True
        """
        try:
            purpose, subscriber, campaign = self._signer.unsign(token).decode("ascii").split(".")
            return Claim(purpose, int(subscriber), campaign)
        except (BadSignature, ValueError):
            return None

    def fingerprints(self, key: str) -> list[str]:
        """Return the keyed hashes (HMAC-SHA256) of an address's email_key, one a secret, newest first.

        They stand for somebody who asked to be forgotten: the first is kept, any of them is that person.

        >>> [hash] = Tokens(["s" * 32]).fingerprints("ada@example.org")
        >>> hash[:10], len(hash)
        ('hmac:69c71', 69)
        """
        text = b"newsletter.forgotten\0" + key.encode()
        return [f"hmac:{hmac.digest(secret, text, 'sha256').hex()}" for secret in self._secrets]


class _Hmac(SigningAlgorithm):
    def get_signature(self, key: bytes, value: bytes) -> bytes:
        """Return the HMAC-SHA256 of the value."""
        return hmac.digest(key, value, "sha256")


class _Signer(Signer):
    """itsdangerous' signer, with its own derivation of keys done once a key."""

    def __init__(self, secrets: Sequence[str]) -> None:
        super().__init__(
            list(secrets), salt="newsletter.link", sep=".", digest_method=_sha256, algorithm=_Hmac()
        )
        self._derived: dict[bytes, bytes] = {}

    def derive_key(self, secret_key: str | bytes | None = None) -> bytes:
        """Return the key that a secret stands for."""
        secret = self.secret_keys[-1] if secret_key is None else secret_key
        raw = secret.encode() if isinstance(secret, str) else secret
        if raw not in self._derived:
            self._derived[raw] = super().derive_key(raw)
        return self._derived[raw]


def _sha256(data: bytes = b"") -> "hashlib._Hash":
    return hashlib.sha256(data)
