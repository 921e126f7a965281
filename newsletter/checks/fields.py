"""Merge fields: each must be one that somebody has, and show nothing odd to whoever has it not.

A field that goes through ``safe`` is refused before any check, when the issue is composed: whatever a
reader typed would become part of the message's HTML.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import Final

from newsletter.checks.rules import Rule
from newsletter.compose.slots import FieldUse
from newsletter.errors import did_you_mean
from newsletter.model import Finding, Level

__all__ = ["check"]

UNKNOWN: Final = Rule("field-unknown", Level.ERROR)
NO_DEFAULT: Final = Rule("field-without-default", Level.WARNING)

_ALWAYS_THERE: Final = frozenset({"email", "tags"})


def check(uses: Sequence[FieldUse], known: Collection[str]) -> Iterator[Finding]:
    """Compare the fields that an issue uses with those that subscribers have."""
    for use in dict.fromkeys(uses):
        where = f"{use.file}:{use.line}"
        if use.name not in known:
            near = did_you_mean(use.name, sorted(known))
            yield UNKNOWN(
                where,
                f"no subscriber has a field {use.name}.{near}",
                f"Fields there are: {', '.join(sorted(known))}.",
            )
        elif not use.has_default and use.name not in _ALWAYS_THERE:
            yield NO_DEFAULT(
                where,
                f"{use.name} has no default: people without it see a gap.",
                f"Write {{{{ subscriber.{use.name} | default('friend') }}}}.",
            )
