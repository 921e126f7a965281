"""A rule: one thing that a check looks for, and how grave it is. docs/checks.md has a row for each."""

from dataclasses import dataclass

from newsletter.model import Finding, Level

__all__ = ["Rule"]


@dataclass(frozen=True, slots=True)
class Rule:
    """name: what ``Finding.check`` and docs/checks.md call it; never reused for something else."""

    name: str
    level: Level

    def __call__(self, where: str, what: str, mend: str) -> Finding:
        """Return a finding of this rule. where: "file:line"; what: one sentence; mend: what to do."""
        return Finding(level=self.level, check=self.name, where=where, what=what, mend=mend)
