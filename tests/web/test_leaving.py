"""Going out: at once, by one press, and never by being looked at."""

import random

import pytest

from newsletter.people.leaving import unsubscribe
from newsletter.wiring import Services

from .conftest import FORM, Pages


def test_one_click_as_rfc_8058_describes_it(pages: Pages) -> None:
    """Section 3.2's request, to the letter: a POST of that body, and nothing that says who asks."""
    ada = pages.add("ada@example.org")
    answer = pages.ask(
        "POST",
        pages.token("u", ada),
        content=b"List-Unsubscribe=One-Click",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers and "location" not in answer.headers
    found = pages.who("ada@example.org")
    assert found.subscriber.status == "unsubscribed"
    assert [(event.kind, event.how, event.source) for event in found.consent][-1] == (
        "unsubscribed",
        "one-click",
        "link of k3xw9q",
    )


def test_one_click_as_multipart_form_data(pages: Pages) -> None:
    ada = pages.add("ada@example.org")
    body = b'--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--x--\r\n'
    answer = pages.ask(
        "POST",
        pages.token("u", ada),
        content=body,
        headers={"Content-Type": "multipart/form-data; boundary=x"},
    )
    assert answer.status_code == 200
    assert pages.who("ada@example.org").consent[-1].how == "one-click"


@pytest.mark.parametrize("body", [b"", b"\x00\xff", b"x=1", b"z" * 100_000])
def test_a_post_unsubscribes_whatever_its_body(pages: Pages, body: bytes) -> None:
    ada = pages.add("ada@example.org")
    assert pages.ask("POST", pages.token("u", ada), content=body).status_code == 200
    assert pages.who("ada@example.org").subscriber.status == "unsubscribed"


def test_leaving_twice_is_harmless(pages: Pages) -> None:
    ada = pages.add("ada@example.org")
    first = pages.post(pages.token("u", ada))
    before = pages.dump()
    pages.later(days=400)
    again = pages.post(pages.token("u", ada))
    assert (again.status_code, again.text) == (first.status_code, first.text)
    assert pages.dump() == before


def test_the_page_shows_one_button_and_is_the_same_for_everybody(pages: Pages) -> None:
    ada, gone = pages.add("ada@example.org"), pages.add("cyd@example.org")
    unsubscribe(pages.engine, gone, how="cli", clock=lambda: pages.now)
    shown = [pages.get(pages.token("u", person)).text for person in (ada, gone, 999)]
    assert shown[0] == shown[1] == shown[2]
    assert shown[0].count("<button") == 1 and 'method="post"' in shown[0]


def test_somebody_who_is_no_longer_known_is_told_the_truth(pages: Pages) -> None:
    before = pages.dump()
    answer = pages.post(pages.token("u", 999))
    assert answer.status_code == 200 and "no longer exists" in answer.text
    assert pages.dump() == before


def test_changed_your_mind_asks_again_by_mail(pages: Pages) -> None:
    ada = pages.add("ada@example.org")
    left = pages.post(pages.token("u", ada)).text
    [back] = [part.split('"')[0] for part in left.split('action="')[1:]]
    pages.later(minutes=1)
    assert pages.get(back).status_code == 405
    assert pages.post(back).headers["location"] == "/subscribe/sent"
    assert pages.who("ada@example.org").subscriber.status == "unsubscribed"
    pages.post(pages.link(pages.desk.mailbox()[0]))
    assert pages.who("ada@example.org").subscriber.status == "confirmed"


def test_coming_back_mails_only_who_has_left_and_not_often(pages: Pages) -> None:
    ada, cyd = pages.add("ada@example.org"), pages.add("cyd@example.org")
    unsubscribe(pages.engine, cyd, how="cli", clock=lambda: pages.now)
    for _ in range(6):
        assert pages.post(pages.token("u", ada) + "/back").status_code == 303
        assert pages.post(pages.token("u", cyd) + "/back").status_code == 303
        assert pages.post(pages.token("u", 999) + "/back").status_code == 303
    assert pages.desk.mailed() == ["cyd@example.org"] * 3


def test_a_token_for_one_purpose_is_refused_for_another(pages: Pages) -> None:
    ada = pages.add("ada@example.org")
    pages.subscribe("ben@example.org")
    before = pages.dump()
    for purpose in "ucp":
        for page in {"u", "c", "p"} - {purpose}:
            path = pages.token(purpose, ada).replace(f"/{purpose}/", f"/{page}/", 1)
            data = {"name": "x", "break": "1"}
            assert (pages.get(path).status_code, pages.post(path, data).status_code) == (404, 404)
    assert pages.dump() == before


def test_a_link_signed_with_an_older_secret_works_after_the_secret_was_changed(make_pages) -> None:  # type: ignore[no-untyped-def]
    pages = make_pages(NEWSLETTER_SECRET="n" * 40 + "," + "s" * 40)
    ada = pages.add("ada@example.org")
    older = Services(pages.services.workspace, env={"NEWSLETTER_SECRET": "s" * 40}).tokens
    stranger = Services(pages.services.workspace, env={"NEWSLETTER_SECRET": "x" * 40}).tokens
    assert pages.post(f"/u/{stranger.sign('u', ada, 'k')}").status_code == 404
    assert pages.who("ada@example.org").subscriber.status == "confirmed"
    assert pages.post(f"/u/{older.sign('u', ada, 'k')}").status_code == 200
    assert pages.who("ada@example.org").subscriber.status == "unsubscribed"


@pytest.mark.parametrize("tail", [".", ",", ">", ")", "%20", '"'])
def test_what_follows_a_link_in_a_sentence_is_no_part_of_it(pages: Pages, tail: str) -> None:
    assert pages.get(pages.token("u", 1) + tail).status_code == 200


def test_scanners_change_nothing_whatever_they_fetch_in_whatever_order_and_at_whatever_age(
    pages: Pages,
) -> None:
    """Every page, link and form address is fetched with GET and HEAD, over and over, for ten years."""
    ada, cyd = pages.add("ada@example.org", tags=["families"]), pages.add("cyd@example.org")
    unsubscribe(pages.engine, cyd, how="cli", clock=lambda: pages.now)
    pages.subscribe("ben@example.org")
    pages.post(pages.token("p", ada), {"name": "Ada", "break": "3", "tag": ["families"]})
    known = {"/", "/subscribe", "/subscribe/sent", "/health", pages.link(pages.desk.mailbox()[0])}
    known |= {pages.token(kind, person) for kind in "up" for person in (ada, cyd)}
    before = pages.dump()
    mails = len(pages.desk.mailbox())
    order = random.Random(8058)
    for age in (0, 1, 30, 400, 3650):
        pages.later(days=age)
        paths = sorted(known)
        order.shuffle(paths)
        for path in paths:
            answer = pages.ask(order.choice(["GET", "GET", "HEAD"]), path, headers=FORM)
            assert answer.status_code < 500
            for part in answer.text.replace('action="', 'href="').split('href="')[1:]:
                if part.startswith("/"):
                    known.add(part.split('"')[0])
            pages.get(
                path + "?List-Unsubscribe=One-Click&auto=yes", headers={"X-HTTP-Method-Override": "POST"}
            )
        assert pages.dump() == before
    assert any("/back" in path for path in known)
    assert len(pages.desk.mailbox()) == mails
