"""What there is to do, as a list: a step has words for the owner and, unless all is well, an act."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from newsletter.aws.names import WORKSPACE, Names
from newsletter.errors import ConfigError

__all__ = ["Step", "Verb", "carry_out", "refuse_to_share", "to_do"]

Verb = Literal["make", "change", "keep", "leave", "remove"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """verb: keep: it is as it should be; leave: it is not ours. kind, name: of what. why: in words.

    act: does it; None when there is nothing to do.
    """

    verb: Verb
    kind: str
    name: str
    why: str
    act: Callable[[], object] | None = field(default=None, repr=False, compare=False)

    def as_dict(self) -> dict[str, str]:
        """Return what ``--json`` shows."""
        return {"verb": self.verb, "kind": self.kind, "name": self.name, "why": self.why}

    def in_words(self) -> str:
        """Return one line for the owner."""
        return f"{self.verb:<7} {self.kind} {self.name}: {self.why}"


def to_do(steps: Sequence[Step]) -> list[Step]:
    """Return the steps that would change something."""
    return [step for step in steps if step.act is not None]


def carry_out(steps: Sequence[Step]) -> Iterator[Step]:
    """Take the steps in order; yield each that changed something when it is done.

    Raises Refused where Amazon refuses; what was done stays, and the same command goes on from there.
    """
    for step in steps:
        if step.act is not None:
            step.act()
            yield step


def refuse_to_share(kind: str, name: str, tags: dict[str, str], names: Names) -> None:
    """Raise ConfigError if something carries another newsletter's tag: two would read one queue."""
    owner = tags.get(WORKSPACE)
    if owner is not None and owner != names.workspace:
        raise ConfigError(
            f"The {kind} {name} belongs to another newsletter of this account, {owner}.",
            hint='Give this one a name of its own: configuration_set = "..." under [ses].',
        )
