"""Reading the unsubscribe mailbox: who leaves, what is recorded, and what happens when it breaks off."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, delete, insert, text, update

from newsletter.errors import SendError
from newsletter.feedback.mail_sources import Arrived
from newsletter.feedback.mailto import UNSIGNED, read_inbox
from newsletter.people.adding import add_subscriber
from newsletter.people.leaving import unsubscribe
from newsletter.store.bookmarks import bookmark
from newsletter.store.engine import reading
from newsletter.store.subscribers import SubscriberHistory, show
from newsletter.store.tables import consent_events, subscribers
from newsletter.tokens import Tokens

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
LATER = datetime(2026, 11, 20, 12, tzinfo=UTC)
TOKENS = Tokens(["s" * 32])


@dataclass
class Pile:
    """Mails in a list, with a bookmark: what both real sources come down to (test_mail_sources.py)."""

    mails: Sequence[bytes]
    at: datetime = LATER
    breaks_at: int | None = None
    marked: dict[str, bool] = field(default_factory=dict)
    name: str = "inbox:pile"
    place: str = ""

    def messages(self, after: str = "") -> Generator[Arrived]:
        for number, raw in enumerate(self.mails):
            if number == self.breaks_at:
                raise SendError("The line is cut.", hint="Again.")
            if number >= int(after or 0):
                yield Arrived(id=str(number), raw=raw, at=self.at)
                self.place = str(number + 1)

    def done(self, arrived: Arrived, understood: bool) -> None:
        self.marked[arrived.id] = understood


def add(engine: Engine, email: str) -> int:
    return add_subscriber(engine, email, clock=lambda: NOON).id


def mail(subject: str, sender: str = "x@example.com") -> bytes:
    return f"From: {sender}\r\nSubject: {subject}\r\n\r\n".encode()


def signed(number: int) -> bytes:
    return mail(f"unsubscribe {TOKENS.sign('u', number, 'k3xw9q')}")


def read(engine: Engine, source: Pile) -> int:
    return read_inbox(source, engine, TOKENS, lambda: LATER)


def who(engine: Engine, email: str) -> SubscriberHistory:
    with reading(engine) as connection:
        found = show(connection, email)
    assert found is not None
    return found


def test_a_signed_mail_takes_whom_the_token_names_off_the_list(engine: Engine) -> None:
    ada, _ = add(engine, "ada@example.org"), add(engine, "ben@example.org")
    pile = Pile([signed(ada)])
    assert read(engine, pile) == 1
    found = who(engine, "ada@example.org")
    assert found.subscriber.status == "unsubscribed"
    event = found.consent[-1]
    assert (event.kind, event.how, event.source, event.at) == (
        "unsubscribed",
        "mailto",
        "link of k3xw9q",
        LATER,
    )
    assert who(engine, "ben@example.org").subscriber.status == "confirmed"
    assert pile.marked == {"0": True}


def test_a_plain_wish_is_believed_by_its_address_and_recorded_as_unsigned(engine: Engine) -> None:
    add(engine, "ada@example.org")
    add(engine, "ben@bücher.example")
    assert read(engine, Pile([mail("Unsubscribe", "Ada <ADA@Example.ORG>")])) == 1
    assert who(engine, "ada@example.org").consent[-1].source == UNSIGNED
    assert read(engine, Pile([mail("Unsubscribe", "ben@xn--bcher-kva.example")], name="")) == 1


def test_a_second_mail_of_the_same_person_changes_nothing_and_is_understood(engine: Engine) -> None:
    ada = add(engine, "ada@example.org")
    pile = Pile([signed(ada), signed(ada), mail("unsubscribe", "ada@example.org")])
    assert read(engine, pile) == 1
    assert pile.marked == {"0": True, "1": True, "2": True}
    assert [event.kind for event in who(engine, "ada@example.org").consent] == ["added", "unsubscribed"]


def test_who_complained_stays_who_complained(engine: Engine) -> None:
    ada = add(engine, "ada@example.org")
    with engine.begin() as connection:
        connection.execute(update(subscribers).values(status="complained"))
    assert read(engine, Pile([signed(ada)])) == 0
    assert who(engine, "ada@example.org").subscriber.status == "complained"


def test_what_nobody_understands_is_left_for_the_owner(engine: Engine) -> None:
    pile = Pile([mail("When is the next group?"), mail("unsubscribe", "stranger@example.com"), b"\0", b""])
    assert read(engine, pile) == 0
    assert pile.marked == dict.fromkeys("0123", False)


def test_a_token_of_somebody_who_was_forgotten_is_understood_and_brings_nobody_back(engine: Engine) -> None:
    ada = add(engine, "ada@example.org")
    with engine.begin() as connection:
        connection.execute(delete(subscribers))
    pile = Pile([signed(ada)])
    assert read(engine, pile) == 0
    assert pile.marked == {"0": True}
    with reading(engine) as connection:
        assert show(connection, "ada@example.org") is None


def confirm(engine: Engine, number: int, at: datetime) -> None:
    with engine.begin() as connection:
        connection.execute(update(subscribers).values(status="confirmed"))
        connection.execute(
            insert(consent_events).values(subscriber_id=number, kind="confirmed", at=at, how="form")
        )


def test_a_mail_from_before_the_person_came_back_by_themselves_is_out_of_date(engine: Engine) -> None:
    ada = add(engine, "ada@example.org")
    unsubscribe(engine, ada, how="one-click", clock=lambda: NOON)
    confirm(engine, ada, NOON + timedelta(days=5))
    pile = Pile([signed(ada)], at=NOON + timedelta(days=1))
    assert read(engine, pile) == 0
    assert who(engine, "ada@example.org").subscriber.status == "confirmed"
    assert pile.marked == {"0": True}


@pytest.mark.parametrize("after", [timedelta(hours=-20), timedelta(), timedelta(days=3)])
def test_when_the_clocks_may_differ_the_wish_to_leave_wins(engine: Engine, after: timedelta) -> None:
    ada = add(engine, "ada@example.org")
    confirm(engine, ada, LATER)
    assert read(engine, Pile([signed(ada)], at=LATER + after)) == 1


def test_what_was_read_is_not_read_again(engine: Engine) -> None:
    ada = add(engine, "ada@example.org")
    pile = Pile([mail("Hello"), signed(ada)])
    assert read(engine, pile) == 1
    pile.marked.clear()
    assert read(engine, pile) == 0
    assert pile.marked == {}
    with reading(engine) as connection:
        assert bookmark(connection, "inbox:pile") == "2"


def test_when_nothing_has_come_nothing_is_written(engine: Engine) -> None:
    pile = Pile([mail("Hello")])
    read(engine, pile)
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection:
            before = connection.execute(text("PRAGMA data_version")).scalar()
            read(engine, pile)
            assert connection.execute(text("PRAGMA data_version")).scalar() == before


def test_a_line_that_is_cut_loses_nothing_and_the_next_round_goes_on(engine: Engine) -> None:
    numbers = [add(engine, f"person{n}@example.org") for n in range(40)]
    pile = Pile([signed(number) for number in numbers], breaks_at=30)
    with pytest.raises(SendError):
        read(engine, pile)
    assert len(pile.marked) == 30
    again = replace(pile, breaks_at=None, marked={}, place="")
    assert read(engine, again) == 10
    assert sorted(map(int, again.marked)) == list(range(30, 40))


def test_a_mark_that_fails_comes_after_the_commit(engine: Engine) -> None:
    ada = add(engine, "ada@example.org")

    class Cut(Pile):
        def done(self, arrived: Arrived, understood: bool) -> None:
            raise SendError("The line is cut.", hint="Again.")

    with pytest.raises(SendError):
        read(engine, Cut([signed(ada)]))
    assert who(engine, "ada@example.org").subscriber.status == "unsubscribed"
    again = Pile([signed(ada)])
    assert read(engine, again) == 0
    assert again.marked == {"0": True}


def test_it_stops_between_two_mails_when_it_is_told_to(engine: Engine) -> None:
    numbers = [add(engine, f"person{n}@example.org") for n in range(3)]
    pile = Pile([signed(number) for number in numbers])
    assert read_inbox(pile, engine, TOKENS, lambda: LATER, stop=lambda: True) == 1
    assert list(pile.marked) == ["0"]


def test_neither_an_address_nor_a_token_is_logged(engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    ada = add(engine, "ada@example.org")
    with caplog.at_level("DEBUG"):
        read(engine, Pile([signed(ada), mail("Hello", "eve@example.org")]))
    assert "2 mail(s) read, 1 left, 1 not understood" in caplog.text
    assert "@" not in caplog.text and "k3xw9q" not in caplog.text
