"""What can go wrong on purpose. The message says what happened and where, the hint what to do.

NewsletterError                                                        exit 1
|- UsageError       the command was asked for something it cannot do   exit 2
|- ConfigError      a setting is missing, misspelt or contradictory    exit 3
|- IssueError       an issue file or a template does not compile       exit 4
|- ConsentError     no confirmed opt-in, or the address is suppressed  exit 5
|- SendError        the provider or the network refused                exit 6
|- Stopped          a send was stopped and can be resumed              exit 7
|- InDoubt          deliveries remain whose outcome nobody knows       exit 8
`- AccountsError    the ledger does not add up                         exit 9

This module knows nothing of click: the command-line group alone turns an error into
"Error: ... / Hint: ..." and its exit code.
"""

import difflib
from collections.abc import Iterable
from typing import Any, ClassVar

__all__ = [
    "AccountsError",
    "ConfigError",
    "ConsentError",
    "InDoubt",
    "IssueError",
    "NewsletterError",
    "SendError",
    "Stopped",
    "UsageError",
    "did_you_mean",
]


class NewsletterError(Exception):
    """A deliberate error. hint: one sentence that says what to do about it."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(message)
        self.hint = hint

    def __reduce__(self) -> tuple[Any, ...]:
        """Let it travel between processes: pickle would make it again without its hint."""
        return _again, (type(self), self.args, self.__dict__)


def _again(kind: type[NewsletterError], words: tuple[Any, ...], rest: dict[str, Any]) -> NewsletterError:
    error = kind.__new__(kind, *words)
    error.__dict__.update(rest)
    return error


class UsageError(NewsletterError):
    """The command was asked for something it cannot do."""

    exit_code = 2


class ConfigError(NewsletterError):
    """A setting is missing, misspelt or contradicts another."""

    exit_code = 3


class IssueError(NewsletterError):
    """An issue file or a template does not compile.

    file, line: where, in the owner's own source (line counts from 1); part of the message when given.
    """

    exit_code = 4

    def __init__(self, message: str, *, hint: str, file: str | None = None, line: int | None = None) -> None:
        where = "" if file is None else f"{file}: " if line is None else f"{file}:{line}: "
        super().__init__(where + message, hint=hint)
        self.file, self.line, self.what = file, line, message


class ConsentError(NewsletterError):
    """There is no confirmed opt-in for this address, or it is suppressed."""

    exit_code = 5


class SendError(NewsletterError):
    """The provider refused the account or the content, or cannot be reached; nothing was lost."""

    exit_code = 6


class Stopped(NewsletterError):  # noqa: N818
    """A send was stopped before its end; `newsletter resume` goes on."""

    exit_code = 7


class InDoubt(NewsletterError):  # noqa: N818
    """Deliveries remain whose outcome nobody knows; they are never resent by themselves."""

    exit_code = 8


class AccountsError(NewsletterError):
    """The accounting identity of a campaign does not hold."""

    exit_code = 9


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ' Did you mean "x"?' for the nearest known word, or an empty string.

    >>> did_you_mean("reply-to", ["reply_to", "from"])
    ' Did you mean "reply_to"?'
    """
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f' Did you mean "{near[0]}"?' if near else ""
