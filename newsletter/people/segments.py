"""The language of segments: which subscribers, said by tags and fields.

Parsed by hand, so that nothing the owner writes becomes SQL:

    rule  = part { "or" part }
    part  = piece { "and" piece }
    piece = "not" piece | "(" rule ")" | "tag:" value | "field:" name "=" value
    value = a word, or text in double quotes

An empty rule is everyone. Consent is no part of the language: only confirmed subscribers are ever mailed,
which the ledger's own statements see to.
"""

import re
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, func, not_, or_, select, true

from newsletter.errors import UsageError, did_you_mean
from newsletter.people.naming import field_name, tag_name
from newsletter.store.tables import subscriber_tags, subscribers

__all__ = ["audience"]

_DEEPEST = 50
_TOKEN = re.compile(
    r"""\s*(?: (?P<mark>[()])
             | (?P<term>[^\s():"=]+:(?:[^\s()"=]+=)?(?:"[^"]*"|[^\s()"]*))
             | (?P<word>[^\s()]+) )""",
    re.VERBOSE,
)


def audience(rule: str) -> ColumnElement[bool]:
    """Return the condition on ``tables.subscribers`` that a rule means, for a WHERE clause.

    rule: such as ``tag:families and not (tag:staff or field:city="New York")``; "" means everyone.

    Raises UsageError, which points at the place, if the rule cannot be read.
    """
    if not rule.strip():
        return true()
    return _Parser(rule).parse()


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    start: int
    is_term: bool = False


class _Parser:
    """Recursive descent: a method for each line of the grammar."""

    def __init__(self, rule: str) -> None:
        self._rule = rule.rstrip()
        self._tokens = [
            _Token(match[match.lastgroup or 0], match.start(match.lastgroup or 0), match.lastgroup == "term")
            for match in _TOKEN.finditer(self._rule)
        ]
        self._next = 0
        self._depth = 0

    def parse(self) -> ColumnElement[bool]:
        """Return the condition of the whole rule."""
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
            raise self._error(f"{_shown(token.text)} is not understood{_advice(token.text)}", here)
        self._next += 1
        kind, _, rest = token.text.partition(":")
        if kind.lower() == "tag":
            return self._tag(rest, here)
        if kind.lower() == "field":
            return self._field(rest, here)
        raise self._error(f"{_shown(kind)} is neither tag nor field{_advice(kind)}", here)

    def _tag(self, value: str, here: int) -> ColumnElement[bool]:
        try:
            tag = tag_name(value.strip('"'))
        except ValueError as error:
            raise self._error(str(error), here) from None
        return (
            select(subscriber_tags.c.tag)
            .where(subscriber_tags.c.subscriber_id == subscribers.c.id, subscriber_tags.c.tag == tag)
            .correlate(subscribers)
            .exists()
        )

    def _field(self, rest: str, here: int) -> ColumnElement[bool]:
        name, equals, value = rest.partition("=")
        if not equals:
            raise self._error("a field needs a value, as in field:city=Berlin", here)
        try:
            known = field_name(name)
        except ValueError as error:
            raise self._error(str(error), here) from None
        if known == "tags":
            raise self._error("tags are asked for with tag:name", here)
        if known == "email":
            return subscribers.c.email_key == value.strip('"').lower()
        if known == "name":
            return subscribers.c.name == value.strip('"')
        # who has no such field counts as having it empty: otherwise `not field:…` would leave them out
        return func.coalesce(subscribers.c.attributes[known].as_string(), "") == value.strip('"')

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
    near = did_you_mean(word, ["tag", "field", "and", "or", "not"])
    if near:
        return f";{near.lower().rstrip('?')}?"
    return "; a tag is written tag:families" if re.fullmatch(r"[\w-]+", word) else ""
