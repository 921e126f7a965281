"""Merge fields: each must be one that somebody has, and show nothing odd to whoever has it not."""

from collections.abc import Collection, Iterator, Sequence

from newsletter.compose.slots import FieldUse
from newsletter.errors import did_you_mean
from newsletter.model import Finding, Level

__all__ = ["check"]

_ALWAYS_THERE = frozenset({"email", "tags"})


def check(uses: Sequence[FieldUse], known: Collection[str]) -> Iterator[Finding]:
    """Compare the fields that an issue uses with those that subscribers have."""
    for use in dict.fromkeys(uses):
        where = f"{use.file}:{use.line}"
        if use.name not in known:
            yield Finding(
                level=Level.ERROR,
                check="fields",
                where=where,
                what=f"no subscriber has a field {use.name}.{did_you_mean(use.name, known)}",
                mend=f"Fields there are: {', '.join(sorted(known))}.",
            )
        elif not use.has_default and use.name not in _ALWAYS_THERE:
            yield Finding(
                level=Level.WARNING,
                check="fields",
                where=where,
                what=f"{use.name} has no default: people without it see a gap.",
                mend=f"Write {{{{ subscriber.{use.name} | default('friend') }}}}.",
            )
