"""How the doctor says things: what is well, what is not, and what could not be looked at.

A finding at level NOTE without a remedy says that something is well.
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Final

from newsletter.aws.asking import Refused
from newsletter.errors import ConfigError
from newsletter.model import Finding, Level

__all__ = ["error", "is_well", "looked", "note", "warning", "well"]

CREDENTIALS: Final = "aws-credentials"
REGION: Final = "aws-region"
REACH: Final = "aws-unreachable"
RIGHTS: Final = "aws-rights"


def _finding(level: Level, check: str, where: str, what: str, mend: str) -> Finding:
    return Finding(level=level, check=check, where=where, what=what, mend=mend)


error = partial(_finding, Level.ERROR)
warning = partial(_finding, Level.WARNING)
note = partial(_finding, Level.NOTE)


def well(check: str, where: str, what: str) -> Finding:
    """Return the finding that all is well."""
    return _finding(Level.NOTE, check, where, what, "")


def is_well(finding: Finding) -> bool:
    """Say whether a finding only says that all is well."""
    return finding.level is Level.NOTE and not finding.mend


def looked(where: str, look: Callable[[], Iterable[Finding]]) -> list[Finding]:
    """Return what a look found; where Amazon refused, a finding that says so instead of an error.

    What was found before the refusal is kept. A right that is missing is a warning: whoever may not look
    may still be allowed to send.
    """
    found: list[Finding] = []
    try:
        found.extend(look())
    except Refused as refused:
        found.append(_refusal(where, refused))
    except ConfigError as problem:  # no Region, or a client that cannot be made
        found.append(error(REGION, where, str(problem), problem.hint))
    return found


def _refusal(where: str, refused: Refused) -> Finding:
    match refused.kind:
        case "denied":
            what = f"this key may not call {refused.action}, so nothing is known about it."
            return warning(RIGHTS, where, what, refused.hint)
        case "credentials":
            return error(
                CREDENTIALS, where, f"Amazon does not accept the access key: {refused}", refused.hint
            )
        case "unreachable":
            return error(REACH, where, f"Amazon cannot be reached: {refused}", refused.hint)
        case _:
            return warning("aws-refused", where, f"Amazon did not answer: {refused}", refused.hint)
