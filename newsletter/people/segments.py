"""The language of segments: which subscribers, said by tags, fields, dates and what they were sent.

Parsed by hand, so that nothing the owner writes becomes SQL:

    rule  = part { "or" part }
    part  = piece { "and" piece }
    piece = "not" piece | "(" rule ")" | "tag:" value | "field:" name operator value
          | "subscribed" ( "before" | "after" ) day | "received" issue
    operator = "=" | "!=" | "<" | "<=" | ">" | ">=" | "~"
    value = a word, or text in double quotes

An empty rule is everyone. Consent is no part of the language: only confirmed subscribers are ever mailed,
which the ledger's own statements see to. What the terms mean is in ``segment_terms``; for owners it is
explained in docs/people.md.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, tzinfo
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, and_, not_, or_, true

from newsletter.errors import UsageError, did_you_mean
from newsletter.people import segment_terms
from newsletter.settings import Settings
from newsletter.store.campaigns import campaigns_of
from newsletter.store.schedules import unsettled

__all__ = ["audience", "audience_of", "issues_asked_about", "issues_named"]

_DEEPEST = 50
_OPERATOR = "|".join(map(re.escape, segment_terms.OPERATORS))
_TOKEN = re.compile(
    rf"""\s*(?: (?P<mark>[()])
             | (?P<term>[^\s():"=]+:(?:[^\s()"=!<>~]*(?:{_OPERATOR}))?(?:"[^"]*"|[^\s()"]*))
             | (?P<word>[^\s()]+) )""",
    re.VERBOSE,
)
_LATER = "is not known yet: opens and clicks come with the provider's feedback. What is known: received ISSUE"


def audience(rule: str, zone: tzinfo = UTC) -> ColumnElement[bool]:
    """Return the condition on ``tables.subscribers`` that a rule means, for a WHERE clause.

    rule: such as ``tag:families and not (tag:staff or field:city="New York")``; "" means everyone.
    zone: the time zone in which the days of the rule are meant.

    Raises UsageError, which points at the place, if the rule cannot be read.
    """
    if not rule.strip():
        return true()
    return _Parser(rule, zone).parse()


def audience_of(settings: Settings, segment: str) -> ColumnElement[bool]:
    """Return the condition that a segment means. segment: a name from [segments], or a rule; "" is everyone.

    Raises UsageError if it cannot be read.
    """
    return audience(settings.segments.get(segment, segment), ZoneInfo(settings.newsletter.timezone))


def issues_named(rule: str) -> list[str]:
    """Return the slugs of the issues that a rule asks about. Raises UsageError if it cannot be read."""
    if not rule.strip():
        return []
    parser = _Parser(rule, UTC)
    parser.parse()
    return parser.issues


def issues_asked_about(connection: Connection, settings: Settings) -> dict[str, str]:
    """Return the issues that segments ask about which may be used yet, and in words which segment that is.

    Those of the settings, and those that sends under way or booked go to. Raises UsageError if one cannot be
    read.
    """
    rules = {f"the segment {name} in [segments]": rule for name, rule in settings.segments.items()}
    for campaign in campaigns_of(connection, None):
        if campaign.is_open:
            rules[f"the send of {campaign.slug}, which is {campaign.state},"] = campaign.segment
    for booked in unsettled(connection):
        rules[f"the segment that {booked.slug} is booked for"] = booked.segment
    return {
        slug: whose
        for whose, rule in rules.items()
        for slug in issues_named(settings.segments.get(rule, rule))
    }


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    start: int
    is_term: bool = False


class _Parser:
    """Recursive descent: a method for each line of the grammar."""

    def __init__(self, rule: str, zone: tzinfo) -> None:
        self.issues: list[str] = []  #: those asked about, once parsed
        self._rule = rule.rstrip()
        self._zone = zone
        self._tokens = [
            _Token(match[match.lastgroup or 0], match.start(match.lastgroup or 0), match.lastgroup == "term")
            for match in _TOKEN.finditer(self._rule)
        ]
        self._next = 0
        self._depth = 0

    def parse(self) -> ColumnElement[bool]:
        """Return the condition of the whole rule."""
        if broken := re.search(
            r"[\ud800-\udfff]", self._rule
        ):  # of bytes that are not the terminal's encoding
            raise self._error("this is no character", broken.start())
        if self._rule.count('"') % 2:
            raise self._error("this quote is not closed", self._rule.rindex('"'))
        condition = self._or()
        if self._next < len(self._tokens):
            token = self._tokens[self._next]
            raise self._error(
                'there is a ")" too many here'
                if token.text == ")"
                else '"and" or "or" is missing before this',
                token.start,
            )
        return condition

    def _or(self) -> ColumnElement[bool]:
        parts = [self._and()]
        while self._take("or"):
            parts.append(self._and())
        return or_(*parts)

    def _and(self) -> ColumnElement[bool]:
        parts = [self._piece()]
        while self._take("and"):
            parts.append(self._piece())
        return and_(*parts)

    def _piece(self) -> ColumnElement[bool]:
        here = self._tokens[self._next].start if self._next < len(self._tokens) else len(self._rule)
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self._error(f"it is nested more than {_DEEPEST} deep", here)
        try:
            if self._take("not"):
                return not_(self._piece())
            if self._take("("):
                condition = self._or()
                if not self._take(")"):
                    raise self._error('a ")" is missing for this one', here)
                return condition
            return self._term(here)
        finally:
            self._depth -= 1

    def _term(self, here: int) -> ColumnElement[bool]:
        if self._next >= len(self._tokens):
            raise self._error("something is missing at the end", here)
        token = self._tokens[self._next]
        if not token.is_term:
            return self._phrase(token)
        self._next += 1
        kind, _, rest = token.text.partition(":")
        if kind.lower() == "tag":
            return self._meant(here, segment_terms.tag, rest.strip('"'))
        if kind.lower() == "field":
            return self._field(rest, here)
        raise self._error(f"{_shown(kind)} is neither tag nor field{_advice(kind)}", here)

    def _field(self, rest: str, here: int) -> ColumnElement[bool]:
        found = re.search(_OPERATOR, rest)
        if not found:
            raise self._error("a field needs a value, as in field:city=Berlin", here)
        name, operator, value = rest[: found.start()], found[0], rest[found.end() :]
        return self._meant(here, segment_terms.field, name, operator, value.strip('"'))

    def _phrase(self, token: _Token) -> ColumnElement[bool]:
        """A condition of several words."""
        word, here = token.text.lower(), token.start
        if word in ("opened", "clicked"):
            raise self._error(f"{word} {_LATER}", here)
        if word not in ("subscribed", "received"):
            raise self._error(f"{_shown(token.text)} is not understood{_advice(token.text)}", here)
        self._next += 1
        if word == "received":
            slug = self._word("received needs an issue, as in received 2026-11-music-and-memory", here)
            self.issues.append(slug.text)
            return segment_terms.received(slug.text)
        example = "as in subscribed after 2026-01-31"
        when = self._word(f"subscribed needs before or after, {example}", here)
        if when.text.lower() not in ("before", "after"):
            raise self._error(f"subscribed needs before or after, {example}", when.start)
        day = self._word(f"{when.text} needs a day, {example}", when.start)
        return self._meant(day.start, segment_terms.subscribed, when.text.lower(), day.text, self._zone)

    def _word(self, missing: str, here: int) -> _Token:
        """Take the next word, whatever it is."""
        if self._next < len(self._tokens):
            token = self._tokens[self._next]
            if not token.is_term and token.text not in ("(", ")"):
                self._next += 1
                return _Token(token.text.strip('"'), token.start)
        raise self._error(missing, here)

    def _meant(
        self, here: int, term: Callable[..., ColumnElement[bool]], *values: object
    ) -> ColumnElement[bool]:
        try:
            return term(*values)
        except ValueError as error:
            raise self._error(str(error), here) from None

    def _take(self, word: str) -> bool:
        if self._next < len(self._tokens):
            token = self._tokens[self._next]
            if not token.is_term and token.text.lower() == word:
                self._next += 1
                return True
        return False

    def _error(self, what: str, position: int) -> UsageError:
        # one line, and a caret under the place, also where the rule has tabs or line breaks
        shown = re.sub(r"\s", " ", self._rule)
        return UsageError(
            f"The segment rule cannot be read: {what}.\n  {shown}\n  {' ' * position}^",
            hint='Write for example: tag:families and not (tag:staff or field:city="New York")',
        )


def _shown(word: str) -> str:
    return f'"{word}"' if len(word) <= 40 else f'"{word[:40]}…"'


def _advice(word: str) -> str:
    if word.lower() in ("and", "or", ")"):
        return " here"
    if word.startswith("status"):
        return ": only confirmed subscribers are ever mailed"
    near = did_you_mean(word, ["tag", "field", "subscribed", "received", "and", "or", "not"])
    if near:
        return f";{near.lower().rstrip('?')}?"
    return "; a tag is written tag:families" if re.fullmatch(r"[\w-]+", word) else ""
