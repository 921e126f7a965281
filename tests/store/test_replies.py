"""Replies wait until the owner approves them; a deleted one leaves nothing."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, func, select

from newsletter.store import replies
from newsletter.store.forgetting import erase
from newsletter.store.replies import Draft, Reply
from newsletter.store.tables import replies as table

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
SLUG = "2026-11-individual-vs-group"


def write(engine: Engine, body: str = "Thank you.", **more: Any) -> Reply | None:
    with engine.begin() as connection:
        plain = {"slug": SLUG, "name": "Nadia", "body": body, "sender": "s1", "network": "n1"}
        return replies.write(connection, Draft(**{**plain, **more}), NOON)


def shown(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return [reply.body for reply in replies.approved(connection).get(SLUG, ())]


def count(engine: Engine) -> int:
    with engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(table)) or 0


def test_a_reply_is_shown_once_it_is_approved_and_not_before(engine: Engine) -> None:
    reply = write(engine)
    assert reply is not None and reply.state == "waiting" and shown(engine) == []
    with engine.begin() as connection:
        before = replies.state_of_approved(connection)
        assert replies.approve(connection, reply.id, NOON)
        assert replies.state_of_approved(connection) != before
        assert replies.approve(connection, reply.id, NOON)
    assert shown(engine) == ["Thank you."]


def test_a_deleted_reply_leaves_nothing_and_its_number_opens_no_other(engine: Engine) -> None:
    first = write(engine)
    assert first is not None
    with engine.begin() as connection:
        assert replies.remove(connection, first.id) and not replies.remove(connection, first.id)
    assert count(engine) == 0
    second = write(engine, "Another.")
    assert second is not None
    with engine.begin() as connection:
        assert replies.find(connection, second.id, first.code) is None
        assert replies.find(connection, second.id, second.code) == second
        assert not replies.approve(connection, 10**6, NOON)


def test_sent_twice_is_kept_once(engine: Engine) -> None:
    assert write(engine) is not None
    assert write(engine) is None
    assert write(engine, name="Tom") is not None
    assert count(engine) == 2


def test_only_so_many_wait(engine: Engine, monkeypatch: Any) -> None:
    monkeypatch.setattr(replies, "MOST_WAITING", 2)
    assert [write(engine, str(number)) is not None for number in range(3)] == [True, True, False]


def test_a_ban_deletes_what_waits_from_there_and_keeps_what_is_shown(engine: Engine) -> None:
    shown_one = write(engine, "Shown.", sender="s1", network="n9")
    spam = write(engine, "Spam.", sender="s1", network="n1")
    write(engine, "More.", sender="s2", network="n1")
    write(engine, "Innocent.", sender="s3", network="n3")
    assert shown_one is not None and spam is not None
    with engine.begin() as connection:
        replies.approve(connection, shown_one.id, NOON)
        assert replies.ban(connection, spam.id, NOON) == 2
        assert replies.ban(connection, spam.id, NOON) == 0
        assert [reply.body for reply in replies.listed(connection)] == ["Shown.", "Innocent."]
        later = NOON + timedelta(days=31)
        assert replies.is_banned(connection, ["s1", "x"], later)
        assert replies.is_banned(connection, ["x", "n1"], NOON)
        assert not replies.is_banned(connection, ["x", "n1"], later)  # other people live there, too
        assert not replies.is_banned(connection, ["s2", "n2"], NOON)


def test_whoever_is_forgotten_takes_their_replies_along(engine: Engine) -> None:
    write(engine, "Mine.", email="Ada@example.org", email_key="ada@example.org")
    write(engine, "Not mine.", email_key="ben@example.org")
    with engine.begin() as connection:
        assert erase(connection, "ada@example.org", "hmac:x", NOON)["replies"] == 1
        assert [reply.body for reply in replies.listed(connection)] == ["Not mine."]


def test_replies_are_listed_by_state_and_issue(engine: Engine) -> None:
    first = write(engine)
    write(engine, slug="2026-10-songs")
    assert first is not None
    with engine.begin() as connection:
        replies.approve(connection, first.id, NOON)
        assert [r.slug for r in replies.listed(connection, state="waiting")] == ["2026-10-songs"]
        assert [r.slug for r in replies.listed(connection, slug=SLUG)] == [SLUG]
