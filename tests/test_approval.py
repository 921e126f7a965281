"""What the owner approved and tested is what goes."""

from tests.workspaces import Desk

NOVEMBER = "2026-11-individual-vs-group"


def edit(desk: Desk, before: str, after: str) -> None:
    path = desk.root / "issues" / f"{NOVEMBER}.md"
    text = path.read_text("utf-8")
    assert before in text
    path.write_text(text.replace(before, after), "utf-8")


def body_of(desk: Desk) -> str:
    part = desk.mailbox()[0].get_body(("plain",))
    assert part is not None
    return str(part.get_content())


def test_an_approved_issue_goes_as_it_was_even_if_its_file_was_edited_and_that_is_said(desk: Desk) -> None:
    approved = desk.json("approve", NOVEMBER)["hash"]
    edit(desk, "it is the question we hear", "this is the question we get")
    result = desk.ok("send", NOVEMBER, "--yes")
    assert "edited after its approval" in result.stderr
    assert "it is the question we hear" in " ".join(body_of(desk).split())
    assert approved != desk.json("check", NOVEMBER)["hash"]


def test_approving_again_makes_the_new_version_the_one_that_goes(desk: Desk) -> None:
    desk.ok("approve", NOVEMBER)
    edit(desk, "it is the question we hear", "this is the question we get")
    desk.ok("approve", NOVEMBER)
    result = desk.ok("send", NOVEMBER, "--yes")
    assert "edited after" not in result.stderr
    assert "this is the question we get" in " ".join(body_of(desk).split())


def test_an_approved_issue_goes_even_if_its_file_no_longer_compiles(desk: Desk) -> None:
    desk.ok("approve", NOVEMBER)
    edit(desk, "| default('friend') }}", "| default('friend') }")
    result = desk.ok("send", NOVEMBER, "--yes")
    assert "no longer compiles" in result.stderr
    assert len(desk.mailed()) == 3


def test_an_issue_with_errors_cannot_be_approved(desk: Desk) -> None:
    edit(desk, "it is the question we hear", "lorem ipsum")
    result = desk.run("approve", NOVEMBER)
    assert result.exit_code == 4
    assert desk.run("send", NOVEMBER, "--yes").exit_code == 4


def test_a_test_mail_ties_what_was_tested_to_what_goes(desk: Desk) -> None:
    tested = desk.json("send", NOVEMBER, "--test", "me@example.org")["hash"]
    assert tested == desk.json("approve", NOVEMBER)["hash"]
    assert "never sent as a test" not in desk.ok("send", NOVEMBER, "--yes").stderr


def test_a_version_that_was_never_tested_is_said_so(desk: Desk) -> None:
    desk.ok("send", NOVEMBER, "--test", "me@example.org")
    edit(desk, "it is the question we hear", "this is the question we get")
    assert "never sent as a test" in desk.ok("send", NOVEMBER, "--yes").stderr


def test_the_segment_is_frozen_with_the_approval(desk: Desk) -> None:
    edit(desk, "template: monthly", "template: monthly\nsegment: tag:group")
    desk.ok("approve", NOVEMBER)
    edit(desk, "segment: tag:group", "segment: tag:families")
    desk.ok("send", NOVEMBER, "--yes")
    assert desk.mailed() == ["ben@example.org"]
