"""The language of segments: who is meant, and how a mistake is shown."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select

from newsletter.errors import UsageError
from newsletter.people.adding import add_subscriber
from newsletter.people.segments import audience
from newsletter.store.engine import reading
from newsletter.store.tables import subscribers

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
@given(st.text(max_size=60) | st.text(alphabet='tagfield:=()"andornot ', max_size=60))
def test_any_text_is_a_rule_or_a_usage_error(text: str) -> None:
    try:
        audience(text)
    except UsageError as error:
        assert "^" in str(error).splitlines()[-1]
