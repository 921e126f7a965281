"""Coming in: nobody is on the list who did not say so from their own mailbox."""

from datetime import timedelta

from sqlalchemy import insert, update

from newsletter.people import joining
from newsletter.people.leaving import unsubscribe
from newsletter.store.tables import subscribers, suppressions

from .conftest import NOON, Pages


def test_a_sign_up_waits_until_the_button_is_pressed(pages: Pages) -> None:
    assert pages.subscribe("Ada@Example.org", name=" Ada\nByron ").headers["location"] == "/subscribe/sent"
    assert pages.who("ada@example.org").subscriber.status == "pending"
    [mail] = pages.desk.mailbox()
    assert mail["To"] == "Ada@Example.org"
    assert pages.get(pages.link(mail)).status_code == 200
    assert pages.who("ada@example.org").subscriber.status == "pending"
    assert "Welcome" in pages.post(pages.link(mail)).text
    found = pages.who("ada@example.org")
    assert (found.subscriber.status, found.subscriber.name) == ("confirmed", "Ada Byron")


def test_the_proof_of_consent_says_when_from_where_how_and_to_which_words(pages: Pages) -> None:
    pages.subscribe("ada@example.org")
    pages.later(hours=2)
    pages.post(pages.link(pages.desk.mailbox()[0]), client="2001:db8::7")
    requested, confirmed = pages.who("ada@example.org").consent
    assert (requested.kind, requested.how, requested.at, requested.ip) == (
        "requested",
        "form",
        NOON,
        "192.0.2.7",
    )
    assert (confirmed.kind, confirmed.how, confirmed.at, confirmed.ip) == (
        "confirmed",
        "link",
        pages.now,
        "2001:db8::7",
    )
    assert confirmed.source in pages.get("/subscribe").text
    assert confirmed.text_version == requested.text_version and confirmed.text_version.startswith("en-")


def test_the_confirmation_mail_is_composed_like_an_issue_and_says_nothing_that_was_typed(
    pages: Pages,
) -> None:
    pages.subscribe("ada@example.org", name="Win a prize at example.com")
    [mail] = pages.desk.mailbox()
    html, text = mail.get_body(("html",)), mail.get_body(("plain",))
    assert html is not None and text is not None
    assert "Win a prize" not in mail.as_string() + html.get_content() + text.get_content()
    assert pages.link(mail) in html.get_content()
    assert 'style="' in html.get_content() and "<mj-" not in html.get_content()
    for header in ("From", "Reply-To", "Date", "Message-ID", "List-Id", "List-Unsubscribe"):
        assert mail[header], header
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_confirming_twice_is_harmless(pages: Pages) -> None:
    pages.subscribe("ada@example.org")
    link = pages.link(pages.desk.mailbox()[0])
    pages.post(link)
    before = pages.dump()
    again = pages.post(link)
    assert again.status_code == 200 and "on the list" in again.text
    assert pages.dump() == before


def test_a_link_runs_out_and_a_newer_one_takes_its_place(pages: Pages) -> None:
    pages.subscribe("ada@example.org")
    pages.later(days=6)
    pages.subscribe("ada@example.org")
    first, second = (pages.link(mail) for mail in pages.desk.mailbox())
    assert pages.post(first).status_code == 410
    pages.later(days=8)
    assert pages.post(second).status_code == 410
    assert pages.who("ada@example.org").subscriber.status == "pending"


def test_who_never_confirms_is_forgotten_and_who_was_known_is_not(pages: Pages) -> None:
    gone = pages.add("cyd@example.org")
    unsubscribe(pages.engine, gone, how="cli", clock=lambda: pages.now)
    pages.subscribe("ada@example.org")
    pages.subscribe("cyd@example.org")
    pages.later(days=8)
    assert joining.expire(pages.engine, within=timedelta(days=7), clock=lambda: pages.now) == 1
    assert [row[1] for row in pages.dump()["subscribers"]] == ["cyd@example.org"]
    assert pages.who("cyd@example.org").subscriber.status == "unsubscribed"
    assert pages.dump()["signups"] == pages.dump()["request_limits"] == []


def test_who_had_left_comes_back_only_by_their_own_button(pages: Pages) -> None:
    pages.add("cyd@example.org", name="Cyd")
    unsubscribe(pages.engine, "cyd@example.org", how="cli", clock=lambda: pages.now)
    pages.later(minutes=1)
    pages.subscribe("cyd@example.org")
    assert pages.who("cyd@example.org").subscriber.status == "unsubscribed"
    pages.post(pages.link(pages.desk.mailbox()[0]))
    found = pages.who("cyd@example.org").subscriber
    assert (found.status, found.name) == ("confirmed", "Cyd")


def test_leaving_ends_what_waits(pages: Pages) -> None:
    pages.subscribe("ada@example.org")
    link = pages.link(pages.desk.mailbox()[0])
    pages.later(minutes=1)
    unsubscribe(pages.engine, "ada@example.org", how="mailto", clock=lambda: pages.now)
    assert pages.post(link).status_code == 410
    assert pages.who("ada@example.org").subscriber.status == "unsubscribed"


def test_the_answer_is_the_same_for_everybody_and_mail_goes_only_where_it_may(pages: Pages) -> None:
    for name in ("known", "left", "complained", "bounced", "suppressed"):
        pages.add(f"{name}@example.org")
    unsubscribe(pages.engine, "left@example.org", how="cli", clock=lambda: pages.now)
    with pages.engine.begin() as connection:
        for status in ("complained", "bounced"):
            connection.execute(
                update(subscribers)
                .where(subscribers.c.email_key == f"{status}@example.org")
                .values(status=status)
            )
        for who in ("suppressed", "never-seen"):
            connection.execute(
                insert(suppressions).values(
                    email_key=f"{who}@example.org", reason="complaint", at=NOON, detail=""
                )
            )
    answers = {
        (answer.status_code, answer.text, tuple(answer.headers.items()))
        for name in ("known", "left", "complained", "bounced", "suppressed", "never-seen", "new")
        for answer in [pages.subscribe(f"{name}@example.org")]
    }
    assert len(answers) == 1
    assert pages.desk.mailed() == ["left@example.org", "new@example.org"]
    assert pages.who("complained@example.org").subscriber.status == "complained"
    assert "never-seen@example.org" not in {row[1] for row in pages.dump()["subscribers"]}


def test_the_answer_is_given_before_anybody_looks_whether_the_address_is_known(pages: Pages) -> None:
    """So that its time says nothing: all that depends on the person happens after the last byte."""
    looked: list[str] = []
    seen: list[str] = []

    async def app(scope, receive, send):  # type: ignore[no-untyped-def]
        async def watched(message):  # type: ignore[no-untyped-def]
            seen.append(message["type"] if not message.get("more_body") else "")
            looked.append(f"{len(pages.dump()['subscribers'])} people, {len(pages.desk.mailbox())} mails")
            await send(message)

        await inner(scope, receive, watched)

    inner, pages.app = pages.app, app  # type: ignore[assignment]
    pages.subscribe("new@example.org")
    assert seen == ["http.response.start", "http.response.body"]
    assert looked == ["0 people, 0 mails"] * 2
    assert len(pages.desk.mailbox()) == 1


def test_whoever_asked_to_be_forgotten_may_come_back_by_themselves(pages: Pages) -> None:
    key = pages.tokens.fingerprints("ada@example.org")[0]
    with pages.engine.begin() as connection:
        connection.execute(insert(suppressions).values(email_key=key, reason="forgotten", at=NOON, detail=""))
    pages.subscribe("ada@example.org")
    assert len(pages.dump()["suppressions"]) == 1
    pages.post(pages.link(pages.desk.mailbox()[0]))
    assert pages.who("ada@example.org").subscriber.status == "confirmed"
    assert pages.dump()["suppressions"] == []


def test_who_was_suppressed_meanwhile_is_not_confirmed(pages: Pages) -> None:
    pages.subscribe("ada@example.org")
    with pages.engine.begin() as connection:
        connection.execute(
            insert(suppressions).values(email_key="ada@example.org", reason="bounce", at=NOON, detail="")
        )
    assert pages.post(pages.link(pages.desk.mailbox()[0])).status_code == 410
    assert pages.who("ada@example.org").subscriber.status == "pending"


def test_programs_that_fill_in_every_field_get_the_same_answer_and_do_nothing(pages: Pages) -> None:
    human = pages.subscribe("ada@example.org")
    before = pages.dump()
    program = pages.post("/subscribe", {"email": "ben@example.org", "name": "", "topic_url": "https://x"})
    assert (program.status_code, dict(program.headers)) == (human.status_code, dict(human.headers))
    assert pages.dump() == before
    assert pages.desk.mailed() == ["ada@example.org"]


def test_one_address_is_not_bombed_and_the_answer_does_not_say_so(pages: Pages) -> None:
    answers = {pages.subscribe("ada@example.org", client=f"198.51.100.{n}").status_code for n in range(1, 30)}
    assert answers == {303}
    assert len(pages.desk.mailbox()) == 3
    pages.later(hours=9)
    pages.subscribe("ADA@example.org")
    assert len(pages.desk.mailbox()) == 4


def test_one_network_cannot_sign_up_everybody(pages: Pages) -> None:
    answers = [
        pages.subscribe(f"p{n}@example.org", client=f"2001:db8:0:1::{n}").status_code for n in range(1, 25)
    ]
    assert answers == [303] * 20 + [429] * 4
    assert len(pages.desk.mailbox()) == 20
    assert pages.subscribe("other@example.org", client="2001:db8:0:2::1").status_code == 303
    pages.later(hours=1)
    assert pages.subscribe("later@example.org", client="2001:db8:0:1::9").status_code == 303


def test_limits_hold_for_all_processes_and_keep_no_address(pages: Pages) -> None:
    pages.subscribe("ada@example.org")
    rows = pages.dump()["request_limits"]
    assert len(rows) == 2
    assert "ada" not in repr(rows) and "192.0.2" not in repr(rows)


def test_a_mail_that_cannot_be_sent_is_logged_without_the_address(pages: Pages, caplog: object) -> None:
    pages.desk.write("subscribers/mailbox", "a file, not a folder")
    assert pages.subscribe("ada@example.org").status_code == 303
    assert "A confirmation mail was not sent" in caplog.text  # type: ignore[attr-defined]
    assert "ada@" not in caplog.text  # type: ignore[attr-defined]
