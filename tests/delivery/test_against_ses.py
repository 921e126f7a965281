"""Whole runs against fakeses, with real boto3 and HTTP: its bucket, its refusals, its account."""

import os
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine

from newsletter.delivery.delivering import deliver
from newsletter.model import Letter, Person
from newsletter.senders.ses import SesSender
from newsletter.settings import Ses
from newsletter.store.engine import migrate, open_engine
from newsletter.store.guard import Place
from newsletter.store.limits import Limit, call_size
from tests.delivery.driver import Driver, people
from tests.fakeses.client import FakeSes
from tests.fakeses.faults import Fault
from tests.senders.samples import MIME, client, template

pytestmark = pytest.mark.slow


@pytest.fixture
def on_sqlite(tmp_path: Path) -> Iterator[Driver]:
    """A campaign in a file. What differs between the databases has been tested elsewhere."""
    engine: Engine = open_engine(f"sqlite:///{tmp_path / 'newsletter.db'}")
    migrate(engine)
    yield Driver(engine)
    engine.dispose()


class SesPress:
    """Makes letters in both forms."""

    def __init__(self) -> None:
        self.template = template()

    def letter(self, person: Person, tags: Mapping[str, str]) -> Letter:
        values = {"h0": "Ada", "s": "Hello", "t0": "Ada"}
        headers = {"List-Unsubscribe": f"<https://news.example.org/u/{person.id}>"}
        mime = MIME.replace(b"ada@example.org", person.email.encode())
        return Letter(
            to=person.email, tags=tags, mime=mime, template=self.template, values=values, headers=headers
        )


def run(driver: Driver, ses: FakeSes, form: str, *, threads: int | None = None) -> None:
    """Deliver with the machine's own clock."""

    def clock() -> datetime:
        return datetime.now(UTC)

    sender = SesSender(
        client(ses.url, read_timeout=10),
        Ses(share=1.0, quota_reserve=0.0),
        "Ignite <hello@example.org>",
        "bulk" if form == "bulk" else "raw",
        clock=clock,
    )
    steps = deliver(
        driver.engine,
        driver.campaign_id,
        sender=sender,
        press=SesPress(),
        clock=clock,
        stop=lambda: False,
        place=Place(host="", database="test"),
        limit=Limit(key="ses", clock=clock),
        threads=threads,
    )
    for _ in steps:
        pass


@pytest.mark.parametrize("threads", [1, 4])
@pytest.mark.parametrize("status", [400, 413])
def test_a_call_that_ses_refuses_whole_is_halved_until_the_one_bad_letter_stands_alone(
    on_sqlite: Driver, tmp_path: Path, threads: int, status: int
) -> None:
    addresses = people(300)
    on_sqlite.queue(*addresses)
    bad = Fault(
        "error", status=status, code="BadRequestException", message="Bad entry.", address=addresses[130]
    )
    with FakeSes.start(tmp_path, faults=[bad], in_thread=True, fsync=False) as ses:
        run(on_sqlite, ses, "bulk", threads=threads)
        assert sorted(ses.addresses()) == [each for each in addresses if each != addresses[130]]
    states = on_sqlite.states()
    assert states.pop(addresses[130]) == "failed"
    assert set(states.values()) == {"sent"}
    on_sqlite.accounts.assert_settled()


@pytest.mark.parametrize(
    ("rate", "form", "readers"), [(14, "raw", 50), (200, "raw", 500), (2000, "bulk", 5000)]
)
def test_the_rate_of_the_account_is_held_without_a_throttle_and_no_second_sees_a_tenth_more(
    on_sqlite: Driver, tmp_path: Path, rate: float, form: str, readers: int
) -> None:
    on_sqlite.queue(*people(readers))
    with FakeSes.start(tmp_path, rate=rate, fsync=False, render=False) as ses:
        began = time.monotonic()
        run(on_sqlite, ses, form)
        took = time.monotonic() - began
        counts, peak = ses.counts(), ses.peak_rate()
        times = [each.ts for each in ses.accepted()]
    assert counts["accepted"] == len(times) == readers
    assert set(counts["answers"]) == {"200"}, "none was refused"
    # of the granted rate, from the first mail to the last; a machine that is overloaded cannot hold it
    held = (readers - 1) / (times[-1] - times[0]) / rate
    overloaded = os.getloadavg()[0] > (os.cpu_count() or 1)
    assert held >= (0.4 if overloaded else 0.97), f"{held:.3f} of {rate}/s, {took:.1f} s, peak {peak}"
    # calls that a busy machine held up on their way arrive together with later ones
    assert peak <= 1.1 * rate + 3 * call_size(rate, 50)
