"""What an import says it would do: each row in one class, with the lines to look at."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, insert

from newsletter.errors import UsageError
from newsletter.people.adding import add_subscriber
from newsletter.people.importing import ImportResult, import_csv, look_at
from newsletter.people.leaving import unsubscribe
from newsletter.store.engine import reading
from newsletter.store.subscribers import known_fields, list_subscribers
from newsletter.store.tables import subscribers, suppressions

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


class Preview:
    """Writes a file and tries it out."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.engine, self.file = engine, folder / "people.csv"

    def __call__(self, text: str, *, dry_run: bool = True, **options: Any) -> ImportResult:
        self.file.write_text(text, "utf-8")
        return import_csv(
            self.engine, self.file, source="a list", clock=lambda: NOON, dry_run=dry_run, **options
        )

    def people(self) -> dict[str, dict[str, Any]]:
        with reading(self.engine) as connection:
            return {p.email: {"name": p.name, **p.attributes} for p in list_subscribers(connection)}


@pytest.fixture
def preview(engine: Engine, tmp_path: Path) -> Preview:
    """A list with Ada and an office on it; Cyd has left, Eve complained, Fay bounced, Gus is suppressed."""
    for email in ("ada@example.org", "info@example.org", "cyd@example.org"):
        add_subscriber(engine, email, name="X", clock=lambda: NOON)
    unsubscribe(engine, "cyd@example.org", how="one-click", clock=lambda: NOON)
    with engine.begin() as connection:
        for name, status in (("eve", "complained"), ("fay", "bounced")):
            connection.execute(
                insert(subscribers).values(
                    email=f"{name}@example.org",
                    email_key=f"{name}@example.org",
                    status=status,
                    attributes={},
                    created_at=NOON,
                    updated_at=NOON,
                )
            )
        connection.execute(insert(suppressions).values(email_key="gus@example.org", reason="bounce", at=NOON))
    return Preview(engine, tmp_path)


EVERYTHING = """\
email,name
ada@example.org,Ada
new1@example.org,
info@example.org,X
cyd@example.org,
eve@example.org,
fay@example.org,
gus@example.org,
nonsense,
office@example.org,
hal@gmial.com,
new2@example.org,
NEW1@example.org,
new3@example.org,
new4@example.org,
new5@example.org,
new6@example.org,
"""


def test_each_row_is_in_one_class_and_samples_name_the_first_lines(preview: Preview) -> None:
    result = preview(EVERYTHING)
    assert (result.new, result.updated, result.unchanged) == (6, 1, 1)
    assert result.samples == {"new": [3, 12, 14, 15, 16], "updated": [2], "unchanged": [4]}
    assert {problem.line: problem.kind for problem in result.refused} == {
        5: "unsubscribed",
        6: "complained",
        7: "bounced",
        8: "suppressed",
        9: "invalid",
        10: "role",
        11: "typo",
        13: "duplicate",
    }
    assert sum(result.refused_by_kind.values()) == 8
    assert result.refused[6].reason == (
        "gmial.com is probably gmail.com; to take it as it is, add --allow-typos"
    )
    assert result.new + result.updated + result.unchanged + len(result.refused) == 16


def test_the_import_itself_comes_to_the_same(preview: Preview) -> None:
    trial, real = preview(EVERYTHING), preview(EVERYTHING, dry_run=False)
    assert (trial.new, trial.samples, trial.refused_by_kind) == (
        real.new,
        real.samples,
        real.refused_by_kind,
    )
    assert "office@example.org" not in preview.people()


def test_offices_and_odd_domains_are_taken_when_the_owner_says_so(preview: Preview) -> None:
    text = "email\noffice@example.org\nhal@gmial.com\n"
    assert preview(text).new == 0
    assert [p.kind for p in preview(text, allow_role=True).refused] == ["typo"]
    assert [p.kind for p in preview(text, allow_typos=True).refused] == ["role"]
    assert preview(text, allow_role=True, allow_typos=True, dry_run=False).new == 2


def test_an_office_that_is_on_the_list_already_is_no_doubt(preview: Preview) -> None:
    result = preview("email,city\ninfo@example.org,Berlin\n")
    assert (result.updated, result.refused) == (1, [])


def test_the_owner_says_what_a_column_is(preview: Preview) -> None:
    mapping = {"Kontakt": "email", "Wie heisst er": "name", "Ort": "city", "Geheim": "-"}
    text = "Kontakt;email;Wie heißt er;Ort;Geheim\nhal@example.org;x;Hal;Berlin;nothing for us\n"
    with pytest.raises(UsageError, match="two columns are called email"):
        preview(text, mapping=mapping)
    preview(text, mapping={**mapping, "email": "second_mail"}, dry_run=False)
    assert preview.people()["hal@example.org"] == {"name": "Hal", "city": "Berlin", "second_mail": "x"}
    with reading(preview.engine) as connection:
        assert "geheim" not in known_fields(connection)


@pytest.mark.parametrize(
    ("mapping", "what", "hint"),
    [
        ({"Adress": "email"}, 'no column .Adress.*Did you mean "Adresse"', "The columns are: Adresse, Ort"),
        ({"Adresse": "★"}, "cannot be mapped", "--map"),
    ],
)
def test_a_mapping_that_cannot_be_is_a_usage_error(
    preview: Preview, mapping: dict[str, str], what: str, hint: str
) -> None:
    with pytest.raises(UsageError, match=what) as caught:
        preview("Adresse,Ort\nhal@example.org,x\n", mapping=mapping)
    assert hint in caught.value.hint


def test_the_columns_can_be_looked_at_without_an_import(preview: Preview) -> None:
    preview("E-Mail,Ort\n")
    columns = look_at(preview.file)
    assert (columns.email, columns.custom, columns.own) == (0, [("ort", 1)], False)


def test_whom_the_file_itself_calls_unsubscribed_is_not_taken(preview: Preview) -> None:
    result = preview(
        "email,Status,city\n"
        "a1@example.org,subscribed,x\n"
        "a2@example.org,Unsubscribed,\n"
        "a3@example.org,cleaned,\n"
        "a4@example.org,pending,\n"
        "a5@example.org,,\n",
        dry_run=False,
    )
    assert result.new == 2
    assert [problem.kind for problem in result.refused] == ["unsubscribed", "bounced", "pending"]
    assert preview.people()["a1@example.org"] == {"name": "", "city": "x"}
    with reading(preview.engine) as connection:
        assert "status" not in known_fields(connection)


def test_a_status_of_another_kind_is_a_field_like_others(preview: Preview) -> None:
    preview("email,status\nhal@example.org,member\n", dry_run=False)
    assert preview.people()["hal@example.org"] == {"name": "", "status": "member"}
    with reading(preview.engine) as connection:
        assert "status" in known_fields(connection)


def test_progress_tells_of_every_byte_and_then_of_writing(preview: Preview) -> None:
    told: list[tuple[str, int]] = []
    preview(
        "email\n" + "".join(f"reader{number}@example.org\n" for number in range(8000)),
        progress=lambda what, count: told.append((what, count)),
    )
    assert sum(count for what, count in told if what == "reading") == preview.file.stat().st_size
    assert [what for what, _ in told][-1] == "writing"
