"""Addresses that are valid but probably not a reader's: an office's, or one with a slip of the finger.

Only new people are doubted; whoever is on the list already is known to be meant.
"""

from functools import lru_cache

__all__ = ["is_role", "likely_meant"]

# fmt: off
#: Parts before the @ that an office reads, not a person who signed up (RFC 2142, and what is common).
_ROLES = frozenset(
    (
        "abuse", "accounts", "admin", "administrator", "billing", "careers", "contact", "enquiries",
        "feedback", "help", "helpdesk", "hostmaster", "hr", "info", "inquiries", "kontakt", "legal",
        "mailer-daemon", "marketing", "media", "newsletter", "no-reply", "noc", "noreply", "office",
        "postmaster", "press", "privacy", "registrar", "root", "sales", "security", "service", "spam",
        "subscribe", "support", "sysadmin", "unsubscribe", "usenet", "uucp", "webmaster", "www",
    )
)
#: Where most private mailboxes are; the first word must be long enough that a slip cannot be another name.
_PROVIDERS = (
    "gmail.com", "googlemail.com", "hotmail.com", "hotmail.ca", "hotmail.co.uk", "hotmail.de",
    "hotmail.fr", "outlook.com", "outlook.de", "outlook.fr", "yahoo.com", "yahoo.ca", "yahoo.co.uk",
    "yahoo.de", "yahoo.fr", "icloud.com", "protonmail.com", "comcast.net", "verizon.net",
    "sympatico.ca", "eastlink.ca", "t-online.de", "freenet.de", "orange.fr", "wanadoo.fr",
    "btinternet.com", "bigpond.com",
)
# fmt: on
_WORDS = {domain: domain.partition(".")[0] for domain in _PROVIDERS}

#: Ends that no domain has, and what was meant.
_NO_ENDS = dict.fromkeys(("con", "cmo", "ocm", "comm", "vom", "xom", "cpm", "coom", "ccom", "comn"), "com")
#: Ends that domains do have, but not the big providers' ".com" ones.
_SLIPPED_ENDS = frozenset(("co", "cm", "om", "cim", "coml", *_NO_ENDS))


def is_role(key: str) -> bool:
    """Return whether an email_key is an office's, such as info@ or admin@.

    >>> is_role("info@example.org"), is_role("information@example.org")
    (True, False)
    """
    return key.partition("@")[0] in _ROLES


@lru_cache(maxsize=65_536)
def likely_meant(domain: str) -> str:
    """Return the domain that was probably meant, or "" if this one may well be right. Lower case.

    >>> likely_meant("gmial.com"), likely_meant("hotmail.con"), likely_meant("email.com")
    ('gmail.com', 'hotmail.com', '')
    """
    if domain in _PROVIDERS:
        return ""
    word, _, end = domain.partition(".")
    if end in _SLIPPED_ENDS and f"{word}.com" in _PROVIDERS:
        return f"{word}.com"
    for provider, name in _WORDS.items():
        if end == provider[len(name) + 1 :] and _one_slip(word, name):
            return provider
    host, _, last = domain.rpartition(".")
    return f"{host}.{_NO_ENDS[last]}" if last in _NO_ENDS else ""


def _one_slip(word: str, name: str) -> bool:
    """Whether one letter is missing, too many, wrong, or has changed places with the next.

    The first letter must be right, or have changed places: "email" and "ymail" are names of their own.
    """
    if word == name or abs(len(word) - len(name)) > 1:
        return False
    at = next(
        (i for i, (a, b) in enumerate(zip(word, name, strict=False)) if a != b), min(len(word), len(name))
    )
    swapped = word[at + 1 : at + 2] + word[at : at + 1] + word[at + 2 :] == name[at:]
    if at == 0:
        return swapped and len(word) == len(name)
    return (
        (swapped and len(word) == len(name))
        or word[at + 1 :] == name[at + 1 :]
        or word[at + 1 :] == name[at:]
        or word[at:] == name[at + 1 :]
    )
