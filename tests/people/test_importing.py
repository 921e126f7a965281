"""Importing a CSV file: the rules of consent, and what happened to each row."""

import gzip
import tracemalloc
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, insert, select, update

from newsletter.errors import UsageError
from newsletter.model import SubscriberStatus
from newsletter.people.adding import add_subscriber
from newsletter.people.importing import ImportResult, RowProblem, import_csv
from newsletter.people.leaving import unsubscribe
from newsletter.store.engine import check, reading
from newsletter.store.subscribers import SubscriberHistory, counts, known_fields, list_subscribers, show
from newsletter.store.tables import consent_events, import_batches, subscribers, suppressions

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
LATER = datetime(2026, 11, 2, 12, tzinfo=UTC)
PAPER = "paper list at the practice"


class Importer:
    """Writes a file and imports it; shows who is there afterwards."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.engine, self.file = engine, folder / "people.csv"

    def __call__(self, text: str | bytes, *, dry_run: bool = False, now: datetime = NOON) -> ImportResult:
        self.file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return import_csv(self.engine, self.file, source=PAPER, clock=lambda: now, dry_run=dry_run)

    def history(self, key: str = "ada@example.org") -> SubscriberHistory:
        with reading(self.engine) as connection:
            found = show(connection, key)
        assert found is not None
        return found

    @property
    def keys(self) -> Sequence[str]:
        with reading(self.engine) as connection:
            return connection.scalars(select(subscribers.c.email_key).order_by(subscribers.c.id)).all()


@pytest.fixture
def run(engine: Engine, tmp_path: Path) -> Importer:
    """An importer into an empty list."""
    return Importer(engine, tmp_path)


def tally(result: ImportResult) -> tuple[int, int, int]:
    return result.new, result.updated, result.unchanged


# -- new people -----------------------------------------------------------------------------------


def test_good_rows_become_confirmed_people_with_the_source_as_proof(run: Importer) -> None:
    result = run(
        "E-Mail,First Name,Last name,Lieblings-Stück,Tags\n"
        "Ada@Example.org,Ada,Byron,Clair de Lune,Families; Group Therapy\n"
        "bob@example.org,Bob,,,\n"
    )
    assert tally(result) == (2, 0, 0)
    assert result.refused == []
    ada = run.history()
    assert (ada.subscriber.email, ada.subscriber.name, ada.subscriber.status) == (
        "Ada@Example.org",
        "Ada Byron",
        "confirmed",
    )
    assert ada.subscriber.tags == ["families", "group-therapy"]
    assert ada.subscriber.attributes == {
        "first_name": "Ada",
        "last_name": "Byron",
        "lieblings_stuck": "Clair de Lune",
    }
    assert [(e.kind, e.how, e.source, e.at) for e in ada.consent] == [("imported", "import", PAPER, NOON)]
    assert run.history("bob@example.org").subscriber.attributes == {"first_name": "Bob"}
    with reading(run.engine) as connection:
        assert known_fields(connection) >= {"first_name", "last_name", "lieblings_stuck", "email", "tags"}
        batch = connection.execute(select(import_batches)).one()
        batches = connection.scalars(select(consent_events.c.batch_id)).all()
    assert (batch.id, batch.file, batch.source) == (result.batch_id, "people.csv", PAPER)
    assert batch.counts == {"new": 2, "updated": 0, "unchanged": 0, "refused": 0}
    assert batches == [result.batch_id] * 2
    assert check(run.engine) == []


def test_any_text_in_a_cell_comes_back_as_it_was(run: Importer) -> None:
    strange = 'quote " backslash \\ brace } line\nbreak tab\t ünï 🎵 \x01 \u2028 </script>'
    run('email,notes\nada@example.org,"' + strange.replace('"', '""') + '"\n')
    assert run.history().subscriber.attributes == {"notes": strange}
    result = run("email,notes\nada@example.org,new\n")
    assert (tally(result), run.history().subscriber.attributes) == ((0, 1, 0), {"notes": "new"})


def test_tags_may_be_given_to_all(engine: Engine, tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("email,tags\nada@example.org,staff\nbob@example.org\n")
    import_csv(engine, file, source=PAPER, tags=["Open Day", "staff"], clock=lambda: NOON)
    with reading(engine) as connection:
        assert [list(person.tags) for person in list_subscribers(connection)] == [
            ["open-day", "staff"],
            ["open-day", "staff"],
        ]
    with pytest.raises(UsageError, match="a tag is empty"):
        import_csv(engine, file, source=PAPER, tags=["()"], clock=lambda: NOON)


def test_an_address_that_amazon_cannot_mail_is_imported_as_such(run: Importer) -> None:
    assert tally(run("email\njörg@example.org\n")) == (1, 0, 0)
    assert run.history("jörg@example.org").subscriber.sendable is False


def test_a_column_named_like_a_built_in_field_gets_another_name(run: Importer) -> None:
    run("mail,Email,name,full name,items\nx,ada@example.org,Ada,Countess,3\n")
    ada = run.history().subscriber
    assert ada.name == "Ada"
    assert ada.attributes == {"mail": "x", "full_name": "Countess", "items_field": "3"}


def test_short_rows_empty_last_columns_and_strange_headers_are_taken(run: Importer) -> None:
    assert tally(run("email;name;★;;\nada@example.org\nbob@example.org;Bob;x;;\n")) == (2, 0, 0)
    assert run.history().subscriber.name == ""
    assert run.history("bob@example.org").subscriber.attributes == {"column_3": "x"}


# -- people who are there already -----------------------------------------------------------------


def test_importing_the_same_file_twice_changes_nothing(run: Importer) -> None:
    text = "email,name,city,tags\nada@example.org,Ada,Berlin,a;b\nbob@example.org,Bob,,\n"
    assert tally(run(text)) == (2, 0, 0)
    assert tally(run(text, now=LATER)) == (0, 0, 2)
    ada = run.history()
    assert ada.subscriber.updated_at == NOON
    assert len(ada.consent) == 1


@pytest.mark.parametrize(
    "row", ["ada@example.org,Ada Byron,,", "ada@example.org,,Paris,", "ADA@example.org,,,c"]
)
def test_a_new_name_field_or_tag_is_an_update(run: Importer, row: str) -> None:
    add_subscriber(
        run.engine,
        "ada@example.org",
        name="Ada",
        tags=["a"],
        fields={"city": "Berlin", "since": "2020"},
        clock=lambda: NOON,
    )
    assert tally(run(f"email,name,city,tags\n{row}\n", now=LATER)) == (0, 1, 0)
    ada = run.history()
    _, name, city, tag = row.split(",")
    assert ada.subscriber.email == "ada@example.org"
    assert ada.subscriber.name == (name or "Ada")
    assert ada.subscriber.attributes == {"city": city or "Berlin", "since": "2020"}
    assert ada.subscriber.tags == (["a", tag] if tag else ["a"])
    assert (ada.subscriber.created_at, ada.subscriber.updated_at) == (NOON, LATER)
    assert [event.kind for event in ada.consent] == ["added"]


def test_each_person_is_compared_with_their_own_tags_only(run: Importer) -> None:
    assert tally(run("email,tags\nada@example.org,a\nbob@example.org,b\n")) == (2, 0, 0)
    result = run("email,tags\nada@example.org,a\nbob@example.org,a\n", now=LATER)
    assert tally(result) == (0, 1, 1)
    assert run.history().subscriber.tags == ["a"]
    assert run.history("bob@example.org").subscriber.tags == ["a", "b"]


def test_a_pending_person_becomes_confirmed_and_it_is_recorded(run: Importer) -> None:
    add_subscriber(run.engine, "ada@example.org", clock=lambda: NOON)
    with run.engine.begin() as connection:
        connection.execute(update(subscribers).values(status="pending"))
    assert tally(run("email\nada@example.org\n", now=LATER)) == (0, 1, 0)
    ada = run.history()
    assert ada.subscriber.status == "confirmed"
    assert [event.kind for event in ada.consent] == ["added", "imported"]


# -- refused rows ---------------------------------------------------------------------------------


def test_who_has_unsubscribed_stays_so_whatever_the_file_says(run: Importer) -> None:
    add_subscriber(run.engine, "ada@example.org", name="Ada", clock=lambda: NOON)
    unsubscribe(run.engine, "ada@example.org", how="one-click", clock=lambda: NOON)
    result = run("email,name,tags\nADA@EXAMPLE.ORG,Countess,x\nbob@example.org,Bob,\n", now=LATER)
    assert tally(result) == (1, 0, 0)
    assert result.refused == [RowProblem(2, "this person has unsubscribed; only they can come back")]
    ada = run.history()
    assert (ada.subscriber.status, ada.subscriber.name, ada.subscriber.tags) == ("unsubscribed", "Ada", [])
    assert [event.kind for event in ada.consent] == ["added", "unsubscribed"]


@pytest.mark.parametrize(("status", "reason"), [("bounced", "does not exist"), ("complained", "spam")])
def test_who_bounced_or_complained_is_refused(run: Importer, status: str, reason: str) -> None:
    add_subscriber(run.engine, "ada@example.org", clock=lambda: NOON)
    with run.engine.begin() as connection:
        connection.execute(update(subscribers).values(status=status))
    result = run("email\nada@example.org\n")
    assert [problem.line for problem in result.refused] == [2]
    assert reason in result.refused[0].reason
    assert run.history().subscriber.status == status


def test_a_suppressed_address_is_refused(run: Importer) -> None:
    with run.engine.begin() as connection:
        connection.execute(insert(suppressions).values(email_key="ada@example.org", reason="bounce", at=NOON))
    result = run("email\nAda@example.org\nbob@example.org\n")
    assert (tally(result), [problem.line for problem in result.refused]) == ((1, 0, 0), [2])
    assert run.keys == ["bob@example.org"]


def test_each_bad_row_is_named_by_its_line_and_the_good_ones_get_in(run: Importer) -> None:
    result = run(
        "email,name\n"
        "ada@example.org,Ada\n"
        "nonsense,Bob\n"  # 3
        "\n"
        "ADA@example.org,Countess\n"  # 5
        "cyd@example.org,Cyd,extra\n"  # 6
        "dot@example.org,Dot,,\n"
        ",\n"
        ",Eve\n"  # 9
        "eve@example.org\n"
    )
    assert result.refused == [
        RowProblem(3, "there is no @ in it"),
        RowProblem(5, "the same address stands further up in the file"),
        RowProblem(6, "the row has 3 cells, the first line has 2"),
        RowProblem(9, "the address is empty"),
    ]
    assert run.keys == ["ada@example.org", "dot@example.org", "eve@example.org"]
    assert run.history().subscriber.name == "Ada"


def test_reasons_hold_no_address(run: Importer) -> None:
    result = run(
        "email\ngrace hopper@example.org\ngrace@exam_ple.org\ngrace@example.org,\ngrace@example.org\n"
    )
    assert len(result.refused) == 3
    assert not any("grace" in problem.reason or "ple" in problem.reason for problem in result.refused[:2])


# -- all or nothing -------------------------------------------------------------------------------


def test_a_dry_run_counts_the_same_and_changes_nothing(run: Importer) -> None:
    add_subscriber(run.engine, "ada@example.org", clock=lambda: NOON)
    text = "email,name,city,tags\nada@example.org,Ada,Berlin,x\nbob@example.org,,,\nnonsense,,,\n"
    trial = run(text, dry_run=True)
    assert (tally(trial), trial.batch_id) == ((1, 1, 0), None)
    assert run.keys == ["ada@example.org"]
    assert (run.history().subscriber.name, run.history().subscriber.tags) == ("", [])
    with reading(run.engine) as connection:
        assert connection.scalar(select(func.count()).select_from(import_batches)) == 0
        assert "city" not in known_fields(connection)
    real = run(text)
    assert (tally(real), real.refused) == (tally(trial), trial.refused)


def test_a_file_that_breaks_off_changes_nothing(run: Importer, tmp_path: Path) -> None:
    rows = "".join(f"reader{number}@example.org\n" for number in range(20_000))
    whole = gzip.compress(f"email\n{rows}".encode())
    broken = tmp_path / "people.csv.gz"
    broken.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UsageError, match="not a whole gzip file"):
        import_csv(run.engine, broken, source=PAPER, clock=lambda: NOON)
    assert run.keys == []
    assert tally(run("email\nada@example.org\n")) == (1, 0, 0)


def test_an_import_waits_for_no_reader_and_holds_nobody_up_while_it_reads(run: Importer) -> None:
    """Somebody unsubscribes while the file is being read, and it counts."""
    add_subscriber(run.engine, "ada@example.org", clock=lambda: NOON)

    def clock() -> datetime:  # asked for when all rows are staged
        unsubscribe(run.engine, "ada@example.org", how="one-click", clock=lambda: NOON)
        return LATER

    run.file.write_text("email,name\nada@example.org,Ada\n")
    result = import_csv(run.engine, run.file, source=PAPER, clock=clock)
    assert [problem.line for problem in result.refused] == [2]
    assert run.history().subscriber.status == "unsubscribed"


def test_a_file_is_read_and_staged_in_small_pieces(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("newsletter.people.importing._CHUNK", 200)
    people = 5000
    file = tmp_path / "large.csv.gz"
    with gzip.open(file, "wt") as out:
        out.write("email,first_name,city,tags\n")
        for number in range(people):
            out.write(f"reader{number}@example.org,Ada,Berlin,families;group{number % 3}\n")
    import_csv(engine, file, source=PAPER, clock=lambda: NOON, dry_run=True)  # fills the caches
    tracemalloc.start()
    result = import_csv(engine, file, source=PAPER, clock=lambda: NOON)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert tally(result) == (people, 0, 0)
    assert peak < people * 150  # bytes; whole rows in memory would be ten times as much
    with reading(engine) as connection:
        assert counts(connection)[SubscriberStatus.CONFIRMED] == people
        assert sum(1 for _ in list_subscribers(connection)) == people
