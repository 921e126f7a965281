"""What a reader sees before opening: subject and preheader; the postal address; and when it goes."""

import re
from collections.abc import Iterator
from typing import Final
from zoneinfo import ZoneInfo

from newsletter.checks.places import Places
from newsletter.checks.residuals import largest
from newsletter.checks.rules import Rule
from newsletter.errors import UsageError
from newsletter.model import CompiledIssue, Finding, Level
from newsletter.schedule.walls import read_when

__all__ = ["check"]

SUBJECT_LONG: Final = Rule("subject-long", Level.NOTE)
SUBJECT_CUT: Final = Rule("subject-cut", Level.WARNING)
SUBJECT_CAPITALS: Final = Rule("subject-capitals", Level.WARNING)
PREHEADER_MISSING: Final = Rule("preheader-missing", Level.NOTE)
PREHEADER_LONG: Final = Rule("preheader-long", Level.NOTE)
PREHEADER_REPEATS: Final = Rule("preheader-repeats-subject", Level.WARNING)
POSTAL_ADDRESS: Final = Rule("postal-address-missing", Level.NOTE)
SEND_AT: Final = Rule("send-at", Level.ERROR)

_LONG: Final = 78  # characters; RFC 5322 section 2.1.1, and about what a desktop list shows
_CUT: Final = 255  # characters; Exchange and Outlook keep no more of a subject
_PREHEADER: Final = 110  # characters; more is shown nowhere
_VALUE: Final = "x" * 12  # a usual first name is shorter
_EXPRESSION: Final = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_STATEMENT: Final = re.compile(r"\{%.*?%\}|\{#.*?#\}", re.DOTALL)


def check(issue: CompiledIssue, places: Places, *, postal_address: str, zone: ZoneInfo) -> Iterator[Finding]:
    """Look at subject, preheader, the sender's postal address and the time to send. zone: of that time."""
    file = places.file
    length = largest(issue.subject, len, lambda expression, constants: len(_VALUE))
    where = places.key("subject", "title")
    if length > _CUT:
        what = f"the subject may have {length} characters; Outlook cuts it at {_CUT}."
        yield SUBJECT_CUT(where, what, "Shorten it: an inbox shows about 60 characters, a phone 40.")
    elif length > _LONG:
        what = f"the subject may have {length} characters; most programs show fewer than {_LONG}."
        yield SUBJECT_LONG(where, what, "Put what matters first, or shorten it.")
    letters = [character for character in file.subject if character.isalpha()]
    if len(letters) > 8 and all(letter.isupper() for letter in letters):
        yield SUBJECT_CAPITALS(
            where, "the subject is all capitals; filters dislike it.", "Write it as a sentence."
        )
    yield from _preheader(places)
    if file.send_at:
        try:
            read_when(file.send_at, zone)
        except UsageError as error:
            yield SEND_AT(places.key("send_at"), f"send_at: {error}", error.hint)
    if not postal_address:
        yield POSTAL_ADDRESS(
            "newsletter.toml",
            "there is no postal_address; many countries want one in each mail.",
            'Add to [newsletter]: postal_address = "Street 1, Town".',
        )


def _preheader(places: Places) -> Iterator[Finding]:
    preheader = _shown(places.file.preheader)
    if not preheader:
        yield PREHEADER_MISSING(
            places.file.file,
            "there is no preheader: mail programs show the first words of the page instead.",
            "Add a line: preheader: One sentence that continues the subject.",
        )
    elif preheader.casefold() == _shown(places.file.subject).casefold():
        yield PREHEADER_REPEATS(
            places.key("preheader"),
            "the preheader says the same as the subject; the inbox shows both side by side.",
            "Let it continue the subject: what is inside, and for whom.",
        )
    elif len(preheader) > _PREHEADER:
        yield PREHEADER_LONG(
            places.key("preheader"),
            f"the preheader has {len(preheader)} characters; inboxes show at most about {_PREHEADER}.",
            "Shorten it, or put what matters first.",
        )


def _shown(text: str) -> str:
    """Return about what is shown of a front matter text: a usual value for each expression."""
    return " ".join(_EXPRESSION.sub(_VALUE, _STATEMENT.sub("", text)).split())
