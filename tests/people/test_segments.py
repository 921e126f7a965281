"""The language of segments: who is meant, and how a mistake is shown."""

import itertools
from collections import Counter
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import ColumnElement, Engine, insert, literal_column, select

from newsletter.delivery import planning
from newsletter.errors import UsageError
from newsletter.model import Outcome, OutcomeKind, SubscriberStatus
from newsletter.people.adding import add_subscriber
from newsletter.people.segments import audience, issues_named
from newsletter.senders.memory import MemorySender
from newsletter.store.deliveries import WHY_NOT
from newsletter.store.engine import reading
from newsletter.store.segments import count_segment
from newsletter.store.tables import subscribers, suppressions
from tests.delivery.driver import Driver, an_issue

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
EVERYONE = ["ada", "bob", "cyd", "dot"]


@pytest.fixture
def people(engine: Engine) -> Engine:
    """Ada: families, Berlin. Bob: families and staff, New York. Cyd: Group Therapy. Dot: nothing."""
    for name, tags, fields in (
        ("ada", ["families"], {"city": "Berlin"}),
        ("bob", ["families", "staff"], {"city": "New York"}),
        ("cyd", ["Group Therapy"], {"city": ""}),
        ("dot", [], {}),
    ):
        add_subscriber(
            engine, f"{name}@example.org", name=name.title(), tags=tags, fields=fields, clock=lambda: NOON
        )
    return engine


@pytest.mark.parametrize(
    ("rule", "meant"),
    [
        ("", EVERYONE),
        ("  ", EVERYONE),
        ("tag:families", ["ada", "bob"]),
        ("TAG:Families", ["ada", "bob"]),
        ("not tag:families", ["cyd", "dot"]),
        ("tag:families and not tag:staff", ["ada"]),
        ("tag:staff or tag:group-therapy", ["bob", "cyd"]),
        ('tag:"Group Therapy"', ["cyd"]),
        ("not (tag:families or tag:group-therapy)", ["dot"]),
        ("not not tag:staff", ["bob"]),
        # "and" binds more closely than "or"
        ("tag:group-therapy or tag:families and tag:staff", ["bob", "cyd"]),
        ("(tag:group-therapy or tag:families) and tag:staff", ["bob"]),
        ("field:city=Berlin", ["ada"]),
        ('field:city="New York"', ["bob"]),
        ("not field:city=Berlin", ["bob", "cyd", "dot"]),
        ("field:city=", ["cyd", "dot"]),
        ('field:city=""', ["cyd", "dot"]),
        ("field:City=Berlin AND tag:families", ["ada"]),
        ("field:name=Dot", ["dot"]),
        ("field:email=Dot@example.org", ["dot"]),
        ("tag:nobody", []),
        ("field:city=x'OR'1'='1", []),
    ],
)
def test_a_rule_means_these_people(people: Engine, rule: str, meant: list[str]) -> None:
    query = select(subscribers.c.email).where(audience(rule)).order_by(subscribers.c.id)
    with reading(people) as connection:
        assert [email.split("@")[0] for email in connection.scalars(query)] == meant


@pytest.mark.parametrize(
    ("rule", "what", "caret"),
    [
        ("tag:a tag:b", '"and" or "or" is missing', 6),
        ("tag:a and", "something is missing at the end", 9),
        ("(tag:a or tag:b", r'a "\)" is missing', 0),
        ("tag:a)", r'"\)" too many', 5),
        ("()", "not understood here", 1),
        ("tag:a and or tag:b", '"or" is not understood here', 10),
        ("families", "a tag is written tag:families", 0),
        ("tga:families", 'did you mean "tag"', 0),
        ("tag:", "a tag is empty", 0),
        ('tag:a or tag:"b', "quote is not closed", 13),
        ("field:city", "needs a value", 0),
        ("field:=Berlin", "needs a name", 0),
        ("field:tags=a", "tags are asked for", 0),
        ("status:confirmed", "only confirmed subscribers", 0),
        ("tag:a and status=pending", "only confirmed subscribers", 10),
        ("tag:a & tag:b", "is missing", 6),
        ("not " * 51 + "tag:a", "nested more than 50 deep", 200),
        ("(" * 2000, "nested more than 50 deep", 50),
    ],
)
def test_a_mistake_is_pointed_at(rule: str, what: str, caret: int) -> None:
    with pytest.raises(UsageError, match=what) as caught:
        audience(rule)
    _, shown, pointer = str(caught.value).split("\n")
    assert shown == f"  {rule}"
    assert pointer == "  " + " " * caret + "^"
    assert "tag:families" in caught.value.hint


@settings(deadline=None)
@given(st.text(max_size=60) | st.text(alphabet='tagfield:=<>!~()"andornot -0123', max_size=60))
def test_any_text_is_a_rule_or_a_usage_error(text: str) -> None:
    try:
        audience(text)
    except UsageError as error:
        assert "^" in str(error).splitlines()[-1]


# -- fields compared, days, issues ----------------------------------------------------------------


@pytest.fixture
def readers(engine: Engine) -> Engine:
    """Four people, a day apart from 1 November; the first two had the November issue."""
    fields = [
        {"age": "9", "born": "1990-05-01", "city": "Neustadt an der Weinstraße"},
        {"age": "10", "born": "1990-05-02", "city": "Bad_Homburg"},
        {"age": "-2.5", "born": "soon", "city": "100% Berlin"},
        {"age": "1.2.3"},
    ]
    driver = Driver(engine)
    for day, name in enumerate(EVERYONE, start=1):
        now = datetime(2026, 11, day, 12, tzinfo=UTC)
        add_subscriber(
            engine,
            f"{name}@example.org",
            name=name.title(),
            tags=["had-it"] if day < 3 else [],
            fields=fields[day - 1],
            clock=lambda now=now: now,  # type: ignore[misc]
        )
    driver.sender = MemorySender({"bob@example.org": [Outcome(kind=OutcomeKind.UNKNOWN)]})
    begun = planning.begin(engine, an_issue(), segment="tag:had-it", clock=driver.clock)
    planning.plan(engine, begun.id, audience=audience("tag:had-it"), clock=driver.clock)
    driver.campaign_id = begun.id
    driver.deliver()
    return engine


@pytest.mark.parametrize(
    ("rule", "meant"),
    [
        ("field:age>9", ["bob"]),
        ("field:age>=9", ["ada", "bob"]),
        ("field:age<9", ["cyd"]),
        ("field:age<=9", ["ada", "cyd"]),
        ("not field:age>9", ["ada", "cyd", "dot"]),
        ("field:age!=9", ["bob", "cyd", "dot"]),
        ("field:nothing!=x", EVERYONE),
        ("field:nothing>0", []),
        ("field:born<1990-05-02", ["ada"]),
        ("field:born>=1990-05-02", ["bob"]),
        ("field:city~NEUSTADT", ["ada"]),
        ('field:city~"an der"', ["ada"]),
        ("field:city~_", ["bob"]),
        ("field:city~%", ["cyd"]),
        ("not field:city~stadt", ["bob", "cyd", "dot"]),
        ("field:name~d", ["ada", "cyd", "dot"]),
        ("field:email~BOB@", ["bob"]),
        ("subscribed after 2026-11-02", ["cyd", "dot"]),
        ("subscribed before 2026-11-02", ["ada"]),
        ("not subscribed before 2026-11-02", ["bob", "cyd", "dot"]),
        ("Subscribed AFTER 2026-11-01 and (subscribed before 2026-11-03)", ["bob"]),
        ("received 2026-11-notes", ["ada"]),  # whether Bob has it nobody knows
        ("not received 2026-11-notes", ["bob", "cyd", "dot"]),
        ("received 2026-10-other", []),
        ("tag:had-it and not received 2026-11-notes", ["bob"]),
    ],
)
def test_fields_days_and_issues(readers: Engine, rule: str, meant: list[str]) -> None:
    query = select(subscribers.c.email).where(audience(rule)).order_by(subscribers.c.id)
    with reading(readers) as connection:
        assert [email.split("@")[0] for email in connection.scalars(query)] == meant


def test_a_day_is_meant_where_the_newsletter_is_at_home(engine: Engine) -> None:
    late = datetime(2026, 11, 2, 3, tzinfo=UTC)  # the evening of 1 November in Halifax
    add_subscriber(engine, "ada@example.org", clock=lambda: late)
    query = select(subscribers.c.id)
    with reading(engine) as connection:
        there = audience("subscribed before 2026-11-02", ZoneInfo("America/Halifax"))
        assert connection.scalar(query.where(there)) is not None
        assert connection.scalar(query.where(audience("subscribed before 2026-11-02"))) is None


def test_the_issues_that_a_rule_asks_about() -> None:
    assert issues_named("tag:a and not (received 2026-11-x or received 2026-10-y)") == [
        "2026-11-x",
        "2026-10-y",
    ]
    assert issues_named("") == []


@pytest.mark.parametrize(
    ("rule", "what", "caret"),
    [
        ("subscribed 2026-11-01", "needs before or after", 11),
        ("subscribed", "needs before or after", 0),
        ("subscribed after", "after needs a day", 11),
        ("subscribed after tag:x", "after needs a day", 11),
        ("subscribed after yesterday", "is not a date", 17),
        ("subscribed after 2026-02-30", "there is no day 2026-02-30", 17),
        ("tag:a and received", "received needs an issue", 10),
        ("received (tag:a)", "received needs an issue", 0),
        ("opened 2026-11-notes", "come with the provider's feedback", 0),
        ("not clicked x", "come with the provider's feedback", 4),
        ("recieved x", 'did you mean "received"', 0),
        ("field:city>Berlin", "compares numbers and dates", 0),
        ("field:born<1990-13-01", "there is no day", 0),
        ("field:city~", "needs a text to look for", 0),
    ],
)
def test_a_mistake_in_a_day_or_an_issue_is_pointed_at(rule: str, what: str, caret: int) -> None:
    with pytest.raises(UsageError, match=what) as caught:
        audience(rule)
    assert str(caught.value).split("\n")[2] == "  " + " " * caret + "^"


def test_the_count_is_what_asking_everybody_would_give(engine: Engine) -> None:
    """The count looks only at the doubtful ones: it must not miss a reason, nor a combination of them."""
    past, future = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
    numbers = itertools.product(SubscriberStatus, [0, 1], [None, past, future], [False, True], range(2))
    with engine.begin() as connection:
        for number, (status, sendable, paused, suppressed, _) in enumerate(numbers):
            key = f"p{number}@example.org"
            row = {"email": key, "email_key": key, "status": status, "sendable": sendable, "attributes": {}}
            dates = {"created_at": past, "updated_at": past, "paused_until": paused}
            connection.execute(insert(subscribers).values(**row, **dates))
            if suppressed:
                connection.execute(insert(suppressions).values(email_key=key, reason="bounce", at=NOON))
    with reading(engine) as connection:
        for rule in ("", "subscribed before 2026-01-01", "not tag:x", "tag:x"):
            condition = audience(rule)
            why: ColumnElement[str] = literal_column(f"({WHY_NOT})")
            asked = Counter(connection.scalars(select(why).select_from(subscribers).where(condition)))
            counted = count_segment(connection, condition)
            assert (counted.mailed, dict(counted.skipped)) == (asked.pop("", 0), dict(asked))
            assert counted.people == (0 if rule == "tag:x" else 120)
