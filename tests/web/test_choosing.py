"""Preferences: what a person chooses, and nothing else, changes."""

from datetime import UTC, datetime

import pytest

from newsletter.people.leaving import unsubscribe

from .conftest import FORM, Pages


def test_name_interests_and_a_break_are_kept(pages: Pages) -> None:
    ada = pages.add("ada@example.org", name="Ada", tags=["staff", "group"])
    page = pages.token("p", ada)
    saved = pages.post(page, {"name": "Ada Byron", "tag": ["families", "professionals"], "break": "3"})
    assert saved.status_code == 200 and "Saved." in saved.text and "24 February 2027" in saved.text
    found = pages.who("ada@example.org")
    # "staff" is not for her to choose, and stays
    assert (found.subscriber.name, found.subscriber.tags) == (
        "Ada Byron",
        ["families", "professionals", "staff"],
    )
    assert [(event.kind, event.source) for event in found.consent][-1] == ("paused", "until 2027-02-24")
    assert 'value="keep" checked' in pages.get(page).text


def test_a_break_goes_on_ends_early_or_ends_by_itself(pages: Pages) -> None:
    page = pages.token("p", pages.add("ada@example.org"))
    pages.post(page, {"name": "", "break": "1"})
    pages.later(days=3)
    pages.post(page, {"name": "Ada", "break": "keep"})
    assert _paused_until(pages) == datetime(2026, 12, 24, 12, tzinfo=UTC)
    pages.later(days=40)
    shown = pages.get(page).text
    assert 'value="keep"' not in shown and 'value="none" checked' in shown
    pages.post(page, {"name": "Ada", "break": "none"})
    assert _paused_until(pages) is None
    assert [event.kind for event in pages.who("ada@example.org").consent] == ["added", "paused", "resumed"]


def test_saving_what_is_there_already_writes_nothing(pages: Pages) -> None:
    page = pages.token("p", pages.add("ada@example.org", name="Ada", tags=["group"]))
    before = pages.dump()
    pages.later(days=1)
    assert pages.post(page, {"name": "Ada", "tag": "group", "break": "none"}).status_code == 200
    assert pages.dump() == before


@pytest.mark.parametrize("form", [{}, {"name": "x"}, {"break": "1"}, {"tag": "families"}])
def test_a_form_that_is_not_ours_changes_nothing(pages: Pages, form: dict[str, str]) -> None:
    page = pages.token("p", pages.add("ada@example.org", name="Ada", tags=["group"]))
    before = pages.dump()
    assert pages.ask("POST", page, data=form, headers=FORM).status_code == 400
    assert pages.dump() == before


def test_tags_that_are_not_offered_and_breaks_that_are_not_there_are_ignored(pages: Pages) -> None:
    page = pages.token("p", pages.add("ada@example.org", name="Ada"))
    before = pages.dump()
    pages.post(page, {"name": "Ada", "tag": ["staff", "admin", "'; DROP TABLE"], "break": "9999999"})
    assert pages.dump() == before


def test_who_has_left_sees_the_way_back_and_changes_nothing(pages: Pages) -> None:
    ada = pages.add("ada@example.org", name="Ada")
    unsubscribe(pages.engine, ada, how="cli", clock=lambda: pages.now)
    before = pages.dump()
    answer = pages.post(pages.token("p", ada), {"name": "Eve", "break": "1"})
    assert "not on the list" in answer.text and "/back" in answer.text and "Ada" not in answer.text
    assert pages.dump() == before
    assert "no longer exists" in pages.get(pages.token("p", 999)).text


def test_a_forwarded_letter_does_not_give_the_address_away(pages: Pages) -> None:
    shown = pages.get(pages.token("p", pages.add("ada.byron@example.org"))).text
    assert "a…@example.org" in shown and "ada.byron" not in shown


def test_a_name_is_text_whatever_stands_in_it(pages: Pages) -> None:
    page = pages.token("p", pages.add("ada@example.org"))
    name = "<script>alert(1)</script>\r\nBcc: x@example.org\x00 {{ 7*7 }}"
    shown = pages.post(page, {"name": name + "x" * 500, "break": "none"}).text
    assert "<script" not in shown and "{{ 7*7 }}" in shown
    kept = pages.who("ada@example.org").subscriber.name
    assert len(kept) == 100 and kept.isprintable()


def test_letters_carry_the_link_and_confirmed_people_are_sent_there(pages: Pages) -> None:
    pages.subscribe("ada@example.org")
    welcome = pages.post(pages.link(pages.desk.mailbox()[0])).text
    [link] = [part.split('"')[0] for part in welcome.split('href="') if part.startswith("/p/")]
    assert pages.get(link).status_code == 200


def _paused_until(pages: Pages) -> datetime | None:
    from newsletter.people.joining import preferences

    with pages.engine.connect() as connection:
        choice = preferences(connection, pages.who("ada@example.org").subscriber.id)
    assert choice is not None
    return choice.paused_until
