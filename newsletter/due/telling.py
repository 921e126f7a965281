"""Mails to the owner: each once, whoever sends it.

A mail is noted before it is sent, so that no other scheduler sends it too. If the provider definitely did not
take it, the note is taken back, and a later round tries again. A crash between the two costs that mail; what
it would have said is in the log and in ``newsletter schedule list``.
"""

import hashlib
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import Final

from newsletter.due.news import News, Report
from newsletter.due.outlook import unsent
from newsletter.errors import NewsletterError
from newsletter.model import OutcomeKind
from newsletter.schedule import letters
from newsletter.schedule.letters import Words
from newsletter.schedule.nagging import due_nags, nags_before, time_left
from newsletter.schedule.turns import next_slot, zone_of
from newsletter.store import notices, schedules
from newsletter.store.engine import reading
from newsletter.store.schedules import Appointment, AppointmentState
from newsletter.wiring import Services

__all__ = ["remind", "tell_settled", "tell_trouble"]

_TOLD_FOR: Final = timedelta(days=3)  # after that it is no news
_NEXT_TRY: Final = timedelta(minutes=15)


def remind(services: Services, report: Report) -> None:
    """Remind the owner if nothing is approved for the next slot and it is time to; each reminder once.

    Where several are due at once, because nobody looked for a while, only the last is mailed.
    """
    settings, now = services.settings, services.clock()
    with reading(services.engine) as connection:
        slot = next_slot(connection, settings, now)
    if slot is None or slot.takes or slot.booked:
        return
    zone = zone_of(settings)
    nags = due_nags(nags_before(slot.occurrence, settings.schedule.nag, zone), now)
    if not nags:
        return
    keys = [f"nag {slot.slot} {slot.occurrence.date} {nag.span}" for nag in nags]
    wall, left = slot.occurrence.wall, time_left(slot.occurrence.at - now)

    def words() -> Words:
        found = unsent(services)
        return letters.nag(settings.newsletter.name, wall, left, found.drafts, found.withheld)

    _tell_once(services, keys, words, report)


def tell_settled(services: Services, report: Report) -> None:
    """Tell the owner what was missed or skipped lately, each once."""
    with reading(services.engine) as connection:
        news = [
            each
            for each in schedules.settled_since(connection, services.clock() - _TOLD_FOR)
            if notices.noted_at(connection, f"{each.state} {each.id}") is None
        ]
    for appointment in news:
        key = f"{appointment.state} {appointment.id}"
        words = partial(_settled, services, appointment)
        _tell_once(services, [key], words, report, issue=appointment.slug)


def _settled(services: Services, appointment: Appointment) -> Words:
    name = services.settings.newsletter.name
    if appointment.state is AppointmentState.MISSED:
        return letters.missed(name, appointment)
    found = unsent(services)
    return letters.skipped(name, appointment, found.drafts, found.withheld)


def tell_trouble(services: Services, about: str, news: News, error: NewsletterError, report: Report) -> None:
    """Report that an issue cannot go, or that its send was stopped, and tell the owner; once for each fault.

    about: which appointment or campaign. news: "held" or "halted".
    """
    digest = hashlib.sha256(str(error).encode()).hexdigest()[:16]
    name, begun = services.settings.newsletter.name, news.what == "halted"
    words = partial(letters.trouble, name, news.issue, str(error), error.hint, begun=begun)
    _tell_once(services, [f"trouble {about} {digest}"], words, report, issue=news.issue, before=news)


def _tell_once(
    services: Services,
    keys: Sequence[str],
    words: Callable[[], Words],
    report: Report,
    *,
    issue: str = "",
    before: News | None = None,
) -> None:
    """Mail the owner, unless the last of the keys is noted already; note all of them.

    before: reported first. Raises nothing that the provider or the network does.
    """
    key, now = keys[-1], services.clock()
    tried = f"tried {key}"
    with reading(services.engine) as connection:
        last_try = notices.noted_at(connection, tried)
        if notices.noted_at(connection, key) or (last_try and now - last_try < _NEXT_TRY):
            return
    with services.engine.begin() as connection:
        if not [notices.claim(connection, each, now) for each in keys][-1]:
            return
    if before is not None:
        report(before)
    said = words()
    problem = _mail(services, said)
    if problem is None:
        report(News(what="told", issue=issue, text=f"Mailed to the owner: {said.subject}"))
        return
    with services.engine.begin() as connection:
        notices.give_back(connection, key)
        notices.give_back(connection, tried)
        notices.claim(connection, tried, now)
    text = f"The owner could not be told ({said.subject}): {problem}"
    report(News(what="untold", issue=issue, text=text, warning=True))


def _mail(services: Services, words: Words) -> str | None:
    """Mail the owner; return why it was definitely not taken, None if it was, or if nobody can tell."""
    try:
        letter = letters.letter(services.settings, words, services.clock)
        [outcome] = services.sender_in_form("raw").send([letter])
    except NewsletterError as error:
        return str(error)
    refused = outcome.kind in (OutcomeKind.REFUSED_RETRY, OutcomeKind.REFUSED_FINAL)
    return outcome.reason or "it was refused" if refused else None
