"""What was looked at is tied to what goes, by its hash; what was approved is frozen."""

from dataclasses import replace
from datetime import UTC, datetime

from sqlalchemy import Engine

from newsletter.model import CompiledIssue, Image, Residual
from newsletter.store.approvals import approve, approved, record_test, was_tested

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
ISSUE = CompiledIssue(
    slug="2026-11-notes",
    title="Notes",
    language="en",
    subject=Residual(source="Notes"),
    html=Residual(source="<p>Zoé</p>", constants={"c1": [1, "two"]}),
    text=Residual(source="Zoé"),
    images=[Image(name="a.png", cid="a@x", content_type="image/png", data=bytes(range(256)))],
)


def test_the_newest_approval_gives_back_the_same_issue_and_its_segment(engine: Engine) -> None:
    later = replace(ISSUE, title="Notes, mended")
    with engine.begin() as connection:
        approve(connection, ISSUE, "", NOON)
        approve(connection, later, "families", NOON)
    with engine.connect() as connection:
        found = approved(connection, ISSUE.slug)
        assert found is not None
        assert (found.issue.hash, found.segment, found.at) == (later.hash, "families", NOON)
        assert found.issue.images[0].data == ISSUE.images[0].data
        assert approved(connection, "2026-12-notes") is None


def test_a_test_mail_is_remembered_for_exactly_that_content(engine: Engine) -> None:
    with engine.begin() as connection:
        record_test(connection, ISSUE, NOON)
        assert was_tested(connection, ISSUE)
        assert not was_tested(connection, replace(ISSUE, title="Edited since"))
        assert approved(connection, ISSUE.slug) is None
