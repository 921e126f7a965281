"""Who a preview is for: an example person, the worst ones a list may hold, or any subscriber.

A reader is named in a page's address by a key, never by an e-mail address.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final

from jinja2 import nodes
from sqlalchemy import ColumnElement, Engine, and_, or_, select

from newsletter.model import CompiledIssue, Person, Residual, SubscriberStatus
from newsletter.personal.fill import FILL_PLAIN
from newsletter.store.engine import reading
from newsletter.store.subscribers import Subscriber, list_subscribers, load_people
from newsletter.store.tables import subscriber_tags, subscribers

__all__ = ["READERS", "Reader", "everyones_tags", "search", "subscriber", "tags_asked_for"]

FOUND: Final = 8  #: subscribers shown for a search
_MOST_TAGS: Final = 200
_EXAMPLE: Final = Person(id=0, email="reader@example.org", name="Robin Reader")

_LONG_NAME: Final = "Maximiliana-Wolfeschlegelsteinhausenbergerdorff-Featherstone"


@dataclass(frozen=True, kw_only=True, slots=True)
class Reader:
    """Somebody to show an issue to. key: as in addresses; about: a few words; person.id is always 0.

    Id 0 is nobody: whoever follows a link in a preview unsubscribes nobody.
    """

    key: str
    label: str
    about: str
    person: Person


def _worst(key: str, label: str, about: str, name: str) -> Reader:
    return Reader(key=key, label=label, about=about, person=replace(_EXAMPLE, name=name))


#: Readers that need no list, by key. "all-tags" is given its tags by whoever shows it.
READERS: Final = {
    reader.key: reader
    for reader in (
        _worst("example", "Robin Reader", "an example, without tags", _EXAMPLE.name),
        _worst("nameless", "No name", "only an address is known", ""),
        _worst("long", "A very long name", "60 letters without a space", _LONG_NAME),
        _worst("rtl", "طارق الفارسي", "written right to left", "طارق الفارسي"),
        _worst("markup", "A name with markup", "signs that HTML and Jinja know", '<b>Ann</b>&"Co" {{7*7}}'),
        _worst("all-tags", "Robin, with all tags", "sees every conditional part", _EXAMPLE.name),
    )
}  # fmt: skip


def subscriber(engine: Engine, key: str) -> Reader | None:
    """Return the subscriber that a key such as "id-12" names, or None if there is none."""
    number = key.removeprefix("id-")
    if not key.startswith("id-") or not number.isascii() or not number.isdigit() or len(number) > 18:
        return None
    with reading(engine) as connection:
        person = load_people(connection, [int(number)]).get(int(number))
    if person is None:
        return None
    about = f"{person.email}{', ' if person.tags else ''}{', '.join(person.tags)}"
    return Reader(key=key, label=person.name or person.email, about=about, person=replace(person, id=0))


def search(engine: Engine, words: str) -> list[Reader]:
    """Return the first subscribers whose address or name holds every word, in any order and case."""
    wanted = words.replace("\0", "").split()[:8]
    if not wanted:
        return []
    everywhere = and_(*map(_holds, wanted))
    with reading(engine) as connection:
        found = list(islice(list_subscribers(connection, everywhere, page=FOUND), FOUND))
    return [_line(one) for one in found]


def everyones_tags(engine: Engine) -> Sequence[str]:
    """Return the tags on the list, in order."""
    with reading(engine) as connection:
        query = select(subscriber_tags.c.tag).distinct().order_by(subscriber_tags.c.tag).limit(_MOST_TAGS)
        return list(connection.scalars(query))


def tags_asked_for(issue: CompiledIssue) -> Sequence[str]:
    """Return the tags that the issue's conditions look for: ``'group' in subscriber.tags``."""
    parts = (issue.subject, issue.html, issue.text)
    return sorted({tag for part in parts for tag in _compared(part)})


def _compared(part: Residual) -> Iterator[str]:
    for compared in FILL_PLAIN.tree(part).find_all(nodes.Compare):
        looks = any(
            operand.op in {"in", "notin"}
            and isinstance(operand.expr, nodes.Getattr)
            and operand.expr.attr == "tags"
            for operand in compared.ops
        )
        if looks and isinstance(compared.expr, nodes.Const) and isinstance(compared.expr.value, str):
            yield compared.expr.value


def _holds(word: str) -> ColumnElement[bool]:
    """Return whether a row holds a word. SQLite knows the case of ASCII letters only, so we try three."""
    names = {word, word.lower(), word.upper(), word.title()}
    return or_(
        subscribers.c.email.icontains(word, autoescape=True),
        subscribers.c.name.icontains(word, autoescape=True),
        *(subscribers.c.name.contains(name, autoescape=True) for name in sorted(names) if not name.isascii()),
    )


def _line(one: Subscriber) -> Reader:
    status = "" if one.status is SubscriberStatus.CONFIRMED else f", {one.status}"
    tags = f", {', '.join(one.tags)}" if one.tags else ""
    person = Person(id=0, email=one.email, name=one.name, attributes=one.attributes, tags=one.tags)
    label = one.name or one.email
    return Reader(key=f"id-{one.id}", label=label, about=f"{one.email}{status}{tags}", person=person)
