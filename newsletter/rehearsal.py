"""Trying an issue out: rendered for one person, or mailed to the owner. The ledger is not touched."""

import base64
import secrets
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from newsletter.errors import SendError, UsageError
from newsletter.model import CompiledIssue, OutcomeKind, Person
from newsletter.people.addresses import address_key
from newsletter.personal.fill import Filler, context_for
from newsletter.personal.links import Links
from newsletter.personal.press import Press
from newsletter.store import approvals
from newsletter.store.engine import reading
from newsletter.store.subscribers import find_id, load_people
from newsletter.wiring import Services

__all__ = ["render", "send_test"]

#: Shown when no subscriber is named; id 0 is nobody, so that the links in it do nothing.
EXAMPLE = Person(id=0, email="reader@example.org", name="Robin Reader")


def render(services: Services, issue: CompiledIssue, *, email: str | None, folder: Path) -> list[Path]:
    """Write SLUG.html, SLUG.txt and SLUG.eml as one subscriber gets them; return their paths.

    The .html file stands alone: pictures are embedded, so that a browser shows them.
    Raises UsageError if email is no subscriber.
    """
    person = EXAMPLE if email is None else _subscriber(services, email)
    links = Links(services.settings, services.tokens, "example", issue.page)
    filler, context = Filler(issue), context_for(person, links)
    html = filler.html(context)
    for image in issue.images:
        encoded = base64.b64encode(image.data).decode("ascii")
        html = html.replace(image.src, f"data:{image.content_type};base64,{encoded}")
    press = Press("raw", issue, services.settings, services.tokens, "example", services.clock)
    folder.mkdir(parents=True, exist_ok=True)
    parts = {
        "html": html.encode(),
        "txt": filler.text(context).encode(),
        "eml": press.letter(person, {"campaign": "example", "delivery": "0", "attempt": "1"}).mime,
    }
    paths = [folder / f"{issue.slug}.{suffix}" for suffix in parts]
    for path, content in zip(paths, parts.values(), strict=True):
        path.write_bytes(content)
    return paths


def send_test(services: Services, issue: CompiledIssue, addresses: Sequence[str]) -> int:
    """Mail the issue to these addresses alone, and remember the hash of what was tested; return how many.

    Raises UsageError for an address that is none, SendError if the provider does not take one.
    """
    people = [_reader(services, address) for address in addresses]
    sender = services.sender(issue)
    services.publish_pictures(issue)
    key = f"test{secrets.token_hex(4)}"
    press = Press(sender.form, issue, services.settings, services.tokens, key, services.clock)
    for number, person in enumerate(people, 1):
        tags = {"campaign": key, "delivery": f"test-{number}", "attempt": "1"}
        [outcome] = sender.send([press.letter(person, tags)])
        if outcome.kind is not OutcomeKind.ACCEPTED:
            raise SendError(
                f"The test mail number {number} was not taken: {outcome.reason}",
                hint="Nothing else was sent. Mend the cause, then run the same command again.",
            )
    with services.engine.begin() as connection:
        approvals.record_test(connection, issue, services.clock())
    return len(people)


def _subscriber(services: Services, email: str) -> Person:
    person = _find(services, email)
    if person is None:
        raise UsageError(
            "There is no subscriber with this address.",
            hint="Leave out --as to render for an example person.",
        )
    return person


def _reader(services: Services, email: str) -> Person:
    """Return the subscriber with this address, or the example person living there."""
    return _find(services, email) or replace(EXAMPLE, email=email.strip())


def _find(services: Services, email: str) -> Person | None:
    with reading(services.engine) as connection:
        found = find_id(connection, address_key(email))
        return None if found is None else load_people(connection, [found]).get(found)
