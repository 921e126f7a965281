"""How tags and custom fields are called, whatever way the owner spells them."""

import re
import unicodedata
from functools import lru_cache

__all__ = ["BUILT_IN", "field_name", "one_line", "tag_name"]

#: Fields of every subscriber; a custom field may not have these names.
BUILT_IN = ("email", "name", "tags")

_LONGEST = 64
#: Control characters, and halves of characters that no encoding can write.
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
#: In a template, ``subscriber.items`` would be the method of the dictionary.
_METHODS = frozenset(name for name in dir(dict) if not name.startswith("_"))


@lru_cache(maxsize=4096)
def tag_name(text: str) -> str:
    """Return the tag that a text means: lower case, one word, at most 64 characters.

    Raises ValueError, with the reason, if nothing is left or it is too long.

    >>> tag_name(" Group Therapy ")
    'group-therapy'
    """
    # what the segment language gives a meaning to cannot be part of a tag
    words = re.sub(
        r"[\s()\"',;:=\x00-\x1f\x7f-\x9f\ud800-\udfff]+", "-", unicodedata.normalize("NFC", text).lower()
    )
    tag = words.strip("-")
    if not tag:
        raise ValueError("a tag is empty")
    if len(tag) > _LONGEST:
        raise ValueError(f"a tag is longer than {_LONGEST} characters")
    return tag


def field_name(text: str) -> str:
    """Return the name by which templates know a custom field: a lower-case ASCII identifier.

    Raises ValueError, with the reason, if nothing is left.

    >>> field_name("First Name"), field_name("Größe (cm)"), field_name("2nd child"), field_name("items")
    ('first_name', 'grosse_cm', 'field_2nd_child', 'items_field')
    """
    # "ß" is two letters only when folded; accents fall off when decomposed
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    letters = "".join(c for c in decomposed if not unicodedata.combining(c))
    name = re.sub(r"[^a-z0-9]+", "_", letters).strip("_")
    if not name:
        raise ValueError("a field needs a name with at least one letter of the Latin alphabet or a digit")
    if name[0].isdigit():
        name = f"field_{name}"
    if name in _METHODS:
        name = f"{name}_field"
    return name[:_LONGEST].rstrip("_")


def one_line(text: str) -> str:
    """Return a text as one line: no control characters, single spaces. For names, which go into headers.

    >>> one_line("  Ada\\nByron ")
    'Ada Byron'
    """
    clean = text if text.isprintable() else _UNPRINTABLE.sub(" ", text)
    return " ".join(clean.split())
