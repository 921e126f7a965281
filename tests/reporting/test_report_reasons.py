"""Why mail came back, in our words; the same on both databases."""

from sqlalchemy import Engine

from newsletter.store.engine import reading
from newsletter.store.figures import bounces_by_reason
from tests.reporting.world import NOVEMBER, World

TOLD = {
    "Permanent General 5.1.1: smtp; 550 5.1.1 user unknown": "The mailbox does not exist",
    "Permanent NoEmail": "The mailbox does not exist",
    "Permanent OnAccountSuppressionList": "On the suppression list of Amazon SES",
    "Permanent Suppressed 5.1.1: Amazon SES did not send it": "On the suppression list of Amazon SES",
    "Transient General 5.4.4: smtp; 550 5.4.4 Invalid domain": "The domain does not exist or takes no mail",
    "Transient General 5.4.310: smtp; 550 DNS": "The server could not be reached in time",
    "Transient MailboxFull: smtp; 452 over quota": "The mailbox is full",
    "Transient General 5.7.1: smtp; 550 see 4.2.2 and 5.1.1": "Refused by a policy, or taken for spam",
    "Transient General 45.1.1: smtp; 550 the host 35.1.1.9 says no": "smtp; 550 the host 35.1.1.9 says no",
    "Undetermined Undetermined": "No reason was given",
    "": "No reason was given",
    "Permanent General: smtp; 550 <ada@example.org> unknown": "Another reason",
    "Permanent General: " + "x" * 300: "x" * 60,
}


def test_a_reason_is_known_by_what_amazon_says_and_not_by_what_servers_quote(engine: Engine) -> None:
    world = World()
    campaign = world.campaign("2026-11-now", NOVEMBER)
    for place, detail in enumerate(TOLD):
        delivery = world.delivery(campaign, world.person(f"r{place}@example.org", at=NOVEMBER), at=NOVEMBER)
        world.event("bounce", delivery, NOVEMBER, bounce="hard", detail=detail)
    world.write(engine)
    with reading(engine) as connection:
        found = {each.reason: each.hard for each in bounces_by_reason(connection, [campaign])}
    wanted: dict[str, int] = {}
    for reason in TOLD.values():
        wanted[reason] = wanted.get(reason, 0) + 1
    assert found == wanted


def test_the_last_hard_bounce_tells_why_or_else_the_last_one(engine: Engine) -> None:
    world = World()
    campaign = world.campaign("2026-11-now", NOVEMBER)
    for place, bounces in enumerate(("soft hard soft reply", "soft soft reply", "reply")):
        delivery = world.delivery(campaign, world.person(f"r{place}@example.org", at=NOVEMBER), at=NOVEMBER)
        for number, bounce in enumerate(bounces.split()):
            world.event("bounce", delivery, NOVEMBER, bounce=bounce, detail=f"X Y: {place} {bounce} {number}")
    world.write(engine)
    with reading(engine) as connection:
        found = {each.reason: (each.hard, each.soft) for each in bounces_by_reason(connection, [campaign])}
    assert found == {"0 hard 1": (1, 0), "1 soft 1": (0, 1)}
