"""candidates = sent + failed + skipped + uncertain + queued + sending, and exit 9 when it is not so."""

import json

import pytest
from sqlalchemy import Engine, text

from newsletter.errors import AccountsError, InDoubt
from newsletter.model import Outcome, OutcomeKind
from newsletter.reporting.accounting import accounts, assert_balanced
from newsletter.senders.memory import MemorySender
from tests.delivery.driver import NOON, Driver, people


@pytest.fixture
def campaign(engine: Engine) -> Driver:
    """Eight people: one fails, one is uncertain, one leaves, one is pending, four are sent."""
    driver = Driver(engine)
    addresses = people(7)
    driver.sender = MemorySender(
        {
            addresses[0]: [Outcome(kind=OutcomeKind.REFUSED_FINAL, reason="no such mailbox")],
            addresses[1]: [Outcome(kind=OutcomeKind.UNKNOWN)],
        }
    )
    driver.add("zoe@example.org", status="pending")
    driver.queue(*addresses)
    driver.set_status(addresses[2], "unsubscribed")
    return driver


def break_the_ledger(campaign: Driver) -> None:
    with campaign.engine.begin() as connection:
        connection.execute(text("DELETE FROM deliveries WHERE state = 'sent'"))


def test_everyone_is_in_one_place(campaign: Driver) -> None:
    before = campaign.accounts
    assert (before.queued, before.skipped, before.accounted) == (7, {"pending": 1}, 8)
    campaign.deliver()
    after = campaign.accounts
    assert after.candidates == after.accounted == 8
    assert (after.sent, after.failed, after.uncertain, after.queued, after.sending) == (4, 1, 1, 0, 0)
    assert after.skipped == {"pending": 1, "unsubscribed": 1}


def test_accounts_that_balance_but_are_in_doubt_say_so(campaign: Driver) -> None:
    campaign.deliver()
    assert_balanced(campaign.accounts)
    with pytest.raises(InDoubt, match="1 deliveries") as caught:
        campaign.accounts.assert_settled()
    assert caught.value.exit_code == 8


def test_a_row_that_vanished_is_noticed(campaign: Driver) -> None:
    campaign.deliver()
    break_the_ledger(campaign)
    assert not campaign.accounts.balances
    with pytest.raises(AccountsError, match="8 candidates, but 4 deliveries") as caught:
        campaign.accounts.assert_settled()
    assert caught.value.exit_code == 9


def test_a_row_too_many_is_noticed(campaign: Driver) -> None:
    with campaign.engine.begin() as connection:
        connection.execute(
            text(
                """INSERT INTO deliveries (campaign_id, subscriber_id, email_key, state, updated_at)
                VALUES (:campaign, 999, 'eve@example.org', 'sent', :now)"""
            ),
            {"campaign": campaign.campaign_id, "now": NOON.isoformat(" ")},
        )
    assert not campaign.accounts.balances


def test_nothing_is_asked_while_planning_goes_on(campaign: Driver) -> None:
    break_the_ledger(campaign)
    with campaign.engine.begin() as connection:
        connection.execute(text("UPDATE campaigns SET state = 'planning', candidates = 99"))
    assert_balanced(campaign.accounts)


def test_the_accounts_of_no_campaign_are_an_error(engine: Engine) -> None:
    with pytest.raises(LookupError):
        accounts(engine, 7)


def test_the_figures_for_machines_hold_no_address(campaign: Driver) -> None:
    campaign.deliver()
    plain = json.dumps(campaign.accounts.as_dict())
    assert "@" not in plain
    assert json.loads(plain)["uncertain_deliveries"] == list(campaign.accounts.uncertain_ids)
