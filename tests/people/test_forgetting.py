"""Forgetting a person: nothing that names them stays, and nothing brings them back but they themselves."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, insert, select, text

from newsletter.errors import ConfigError, ConsentError, UsageError
from newsletter.people.adding import add_subscriber
from newsletter.people.forgetting import Forgotten, forget
from newsletter.people.importing import ImportResult, import_csv
from newsletter.people.leaving import unsubscribe
from newsletter.reporting.accounting import accounts
from newsletter.store.engine import check, migrate, open_engine, reading
from newsletter.store.subscribers import find_id
from newsletter.store.tables import deliveries, events, metadata, subscribers, suppressions
from newsletter.tokens import Tokens
from tests.delivery.driver import Driver, an_issue
from tests.feedback.reports import Listener, report

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
TOKENS = Tokens(["s" * 32])
ADA = "ada.lovelace@example.org"


def erase(engine: Engine, email: str = ADA, *, dry_run: bool = False, tokens: Tokens = TOKENS) -> Forgotten:
    return forget(engine, email, fingerprints=tokens.fingerprints, clock=lambda: NOON, dry_run=dry_run)


def bring_in(engine: Engine, folder: Path, tokens: Tokens | None = TOKENS) -> ImportResult:
    file = folder / "people.csv"
    file.write_text(f"email,name,city\n{ADA.upper()},Ada Lovelace,Ockham\nbob@example.org,Bob,\n", "utf-8")
    known_by = tokens.fingerprints if tokens else None
    return import_csv(engine, file, source="a list", fingerprints=known_by, clock=lambda: NOON)


def everything(engine: Engine) -> str:
    """All that is in the database, as one text."""
    rows = []
    with reading(engine) as connection:
        for name in metadata.tables:
            rows += [str(tuple(row)) for row in connection.execute(text(f'SELECT * FROM "{name}"'))]
    return "\n".join(rows)


@pytest.fixture
def ada(engine: Engine, tmp_path: Path) -> Engine:
    """Ada was imported, changed by another import, tagged, and has had an issue."""
    bring_in(engine, tmp_path)
    add_subscriber(engine, ADA, tags=["families"], clock=lambda: NOON)
    (tmp_path / "again.csv").write_text(f"email,name\n{ADA},Countess Lovelace\n", "utf-8")
    import_csv(engine, tmp_path / "again.csv", source="again", clock=lambda: NOON)
    campaign = Driver(engine)
    campaign.plan()
    campaign.deliver()
    return engine


def test_nothing_that_names_the_person_is_left_in_the_database(ada: Engine) -> None:
    assert "ovelace" in everything(ada)
    done = erase(ada)
    assert done.rows == {
        "subscriber_tags": 1,
        "consent_events": 1,
        "import_changes": 2,
        "subscribers": 1,
        "deliveries": 1,
    }
    left = everything(ada)
    assert "ovelace" not in left and "Ockham" not in left
    assert check(ada) == []


def test_nothing_that_names_the_person_is_left_in_an_sqlite_file(tmp_path: Path) -> None:
    file = tmp_path / "file.db"
    opened = open_engine(f"sqlite:///{file}")
    migrate(opened)
    bring_in(opened, tmp_path)
    campaign = Driver(opened)
    campaign.plan()
    campaign.deliver()
    assert b"ovelace" in b"".join(part.read_bytes().lower() for part in tmp_path.glob("file.db*"))
    erase(opened)
    for part in tmp_path.glob("file.db*"):
        assert b"ovelace" not in part.read_bytes().lower(), part.name
    opened.dispose()


def test_nothing_that_names_the_person_is_left_in_the_events(engine: Engine) -> None:
    listener = Listener(engine)
    listener.queue(ADA)
    listener.deliver()
    name = {"diagnosticCode": "smtp; 550 5.1.1 Ada Lovelace is unknown here"}
    listener.hear(
        listener.about(report, "bounce", to=ADA, **name),
        listener.about(report, "click", to=ADA, link="https://example.org/?who=lovelace"),
    )
    assert "ovelace" in everything(engine)
    assert erase(engine).rows["events"] == 2
    left = everything(engine)
    assert "ovelace" not in left and left.count(TOKENS.fingerprints(ADA)[0]) == 4
    with reading(engine) as connection:
        assert connection.scalars(select(events.c.raw)).all() == [None, None]


def test_the_ledger_keeps_its_row_under_a_hash_and_balances(ada: Engine) -> None:
    erase(ada)
    with reading(ada) as connection:
        keys = connection.scalars(select(deliveries.c.email_key).order_by(deliveries.c.id)).all()
        campaign_id = connection.scalars(select(deliveries.c.campaign_id)).first()
    assert keys == [TOKENS.fingerprints(ADA)[0], "bob@example.org"]
    assert campaign_id is not None
    standing = accounts(ada, campaign_id)
    assert (standing.sent, standing.balances) == (2, True)


def test_a_letter_that_is_queued_for_them_is_skipped(engine: Engine) -> None:
    campaign = Driver(engine)
    campaign.queue(ADA, "bob@example.org")
    erase(engine)
    campaign.deliver()
    assert campaign.mailed == ["bob@example.org"]
    assert campaign.accounts.skipped == {"forgotten": 1}


@pytest.mark.parametrize("known", [True, False])
def test_neither_import_nor_hand_brings_them_back(engine: Engine, tmp_path: Path, known: bool) -> None:
    if known:
        bring_in(engine, tmp_path)
    assert erase(engine).on_the_list is known
    result = bring_in(engine, tmp_path)
    assert [(p.line, p.kind) for p in result.refused] == [(2, "forgotten")]
    with pytest.raises(ConsentError, match="asked to be forgotten"):
        add_subscriber(engine, ADA.title(), fingerprints=TOKENS.fingerprints, clock=lambda: NOON)
    with reading(engine) as connection:
        assert connection.scalars(select(subscribers.c.email)).all() == ["bob@example.org"]


def test_an_import_does_not_confirm_who_was_forgotten_and_asked_to_come_back(
    engine: Engine, tmp_path: Path
) -> None:
    erase(engine)
    with engine.begin() as connection:
        connection.execute(
            insert(subscribers).values(
                email=ADA, email_key=ADA, status="pending", attributes={}, created_at=NOON, updated_at=NOON
            )
        )
    assert [problem.kind for problem in bring_in(engine, tmp_path).refused] == ["forgotten"]


def test_a_new_secret_still_knows_them_while_the_old_one_is_listed(engine: Engine, tmp_path: Path) -> None:
    erase(engine)
    rotated = Tokens(["n" * 32, "s" * 32])
    assert bring_in(engine, tmp_path, rotated).refused[0].kind == "forgotten"


def test_without_the_secret_nobody_is_let_in_by_mistake(engine: Engine, tmp_path: Path) -> None:
    erase(engine)
    with pytest.raises(ConfigError, match="asked to be forgotten") as caught:
        bring_in(engine, tmp_path, None)
    assert "secret" in caught.value.hint
    with pytest.raises(ConfigError, match="asked to be forgotten"):
        add_subscriber(engine, "bob@example.org", clock=lambda: NOON)


def test_a_suppression_by_address_becomes_one_by_hash(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(insert(suppressions).values(email_key=ADA, reason="bounce", at=NOON))
    erase(engine)
    with reading(engine) as connection:
        [row] = connection.execute(select(suppressions)).all()
    assert (row.email_key, row.reason, row.detail) == (TOKENS.fingerprints(ADA)[0], "forgotten", "")


def test_forgetting_twice_is_harmless(ada: Engine) -> None:
    erase(ada)
    left = everything(ada)
    assert erase(ada).rows == {}
    assert everything(ada) == left


def test_a_dry_run_counts_the_same_and_changes_nothing(ada: Engine) -> None:
    before = everything(ada)
    trial = erase(ada, dry_run=True)
    assert everything(ada) == before
    assert erase(ada).rows == trial.rows


def test_a_number_is_never_given_again(ada: Engine) -> None:
    newest = add_subscriber(ada, "eve@example.org", clock=lambda: NOON).id
    erase(ada, "eve@example.org")
    added = add_subscriber(ada, "dot@example.org", fingerprints=TOKENS.fingerprints, clock=lambda: NOON)
    assert added.id > newest


def test_an_old_link_of_somebody_who_was_forgotten_leads_nowhere(ada: Engine) -> None:
    with reading(ada) as connection:
        number = find_id(connection, ADA)
    assert number is not None
    erase(ada)
    left = everything(ada)
    assert unsubscribe(ada, number, how="one-click", clock=lambda: NOON) == "unknown"
    assert everything(ada) == left


def test_who_was_forgotten_is_not_in_a_new_campaign(ada: Engine) -> None:
    erase(ada)
    campaign = Driver(ada)
    campaign.plan(an_issue("2026-12-more"))
    campaign.deliver()
    assert campaign.mailed == ["bob@example.org"]


def test_a_text_that_is_no_address_is_a_usage_error(engine: Engine) -> None:
    with pytest.raises(UsageError, match="no @"):
        erase(engine, "ada")
