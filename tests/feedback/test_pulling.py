"""Pulling through a real queue over HTTP: once each, nothing lost, fast, and nothing gets in the way."""

import itertools
import json
import logging
import random
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from newsletter import listening
from newsletter.errors import ConfigError, SendError
from newsletter.feedback.queue import EventQueue
from newsletter.listening import Pulled, is_listening, pull
from newsletter.settings import Workspace
from newsletter.settings_file import load_settings
from newsletter.wiring import Services
from tests.delivery.driver import NOON, people
from tests.feedback.fast_queue import fast_queue
from tests.feedback.reports import Listener, report, soft
from tests.queues import Queue, envelope, open_queue
from tests.workspaces import Desk, make_desk


def listen_to(
    folder: Path, engine: Engine, queue: Queue, monkeypatch: pytest.MonkeyPatch, **env: str
) -> Services:
    """Return the services of a workspace that listens to a queue."""
    for name, value in queue.env.items():
        monkeypatch.setenv(name, value)
    desk = make_desk(folder, **queue.env, **env)
    workspace = Workspace(root=desk.root, settings=load_settings(desk.root, desk.env))
    services = Services(workspace, env=desk.env, clock=lambda: NOON, sleep=lambda _: None)
    vars(services)["raw_engine"] = engine  # where a cached_property keeps it
    return services


@pytest.fixture
def services(tmp_path: Path, engine: Engine, queue: Queue, monkeypatch: pytest.MonkeyPatch) -> Services:
    """A workspace that listens to the queue."""
    return listen_to(tmp_path / "desk", engine, queue, monkeypatch)


def hear(services: Services, **more: Any) -> Pulled:
    return pull(services, stop=lambda: False, **more)


def campaign_to(engine: Engine, count: int) -> Listener:
    """A campaign that went to so many people."""
    listener = Listener(engine)
    listener.queue(*people(count))
    listener.deliver()
    return listener


def test_it_listens_if_there_is_anything_to_listen_to(services: Services, tmp_path: Path) -> None:
    assert is_listening(services.settings)
    desk = make_desk(tmp_path / "silent")
    assert not is_listening(load_settings(desk.root, desk.env))
    env = {"NEWSLETTER_INBOX__KIND": "s3", "NEWSLETTER_INBOX__BUCKET": "inbound"}
    assert is_listening(load_settings(desk.root, {**desk.env, **env}))


def test_each_event_is_kept_once_with_or_without_an_envelope_and_is_gone_from_the_queue(
    services: Services, queue: Queue
) -> None:
    campaign = campaign_to(services.engine, 3)
    bodies = [campaign.about(report, "delivery", to=each) for each in people(3)]
    queue.put([envelope(bodies[0]), bodies[1], envelope(bodies[2]), bodies[0], envelope(bodies[1])])
    assert hear(services) == Pulled(events=3, duplicates=2)
    assert queue.left() == 0
    assert hear(services) == Pulled()


def test_it_tells_everything_that_came_of_it(services: Services, queue: Queue) -> None:
    campaign = campaign_to(services.engine, 4)
    ada, bob, cyd, dot = people(4)
    with services.engine.begin() as connection:
        connection.execute(text("UPDATE deliveries SET state = 'uncertain' WHERE id = 1"))
    queue.put(
        [
            campaign.about(report, "send", to=ada),
            campaign.about(report, "bounce", to=bob),
            campaign.about(report, "complaint", to=cyd),
            campaign.about(report, "delivery", to=dot),
            campaign.about(report, "delivery", to=dot),
            "nonsense",
        ]
    )
    assert hear(services) == Pulled(events=4, duplicates=1, ignored=1, settled=1, suppressed=1, complained=1)


@dataclass
class Story:
    """What became of the mail of a campaign, and all the reports of it, each once and in order."""

    campaign: Listener
    reports: list[str] = field(default_factory=list)
    delivered: set[str] = field(default_factory=set)
    hard: set[str] = field(default_factory=set)
    complained: set[str] = field(default_factory=set)

    def tell(self, kind: str, to: str, **more: Any) -> None:
        """Add a report."""
        write: Callable[..., str] = partial(report, kind) if kind else soft
        at = NOON + timedelta(hours=1)
        tags = {"campaign": self.campaign.key, "delivery": self.numbers[to]}
        self.reports.append(write(to=to, at=at, **tags, **more))

    @cached_property
    def numbers(self) -> dict[str, int]:
        """The deliveries, by address."""
        return self.campaign.numbers()

    def disorder(self, count: int, chance: random.Random) -> list[str]:
        """Return so many messages: each report once or twice, in any order, with an envelope or without."""
        bodies = self.reports + chance.sample(self.reports, count - len(self.reports))
        chance.shuffle(bodies)
        return [envelope(body) if chance.random() < 0.5 else body for body in bodies]

    def is_told(self) -> None:
        """Assert that the database knows it all, and nothing else."""
        rows = self.campaign.rows_of("events")
        assert len(rows) == len(self.reports)
        of = {
            kind: {row["email_key"] for row in rows if row["kind"] == kind}
            for kind in ("send", "delivery", "complaint")
        }
        assert of == {"send": set(self.numbers), "delivery": self.delivered, "complaint": self.complained}
        assert {row["email_key"] for row in rows if row["bounce"] == "hard"} == self.hard
        assert all(row["delivery_id"] == self.numbers[row["email_key"]] for row in rows)
        reasons = {**dict.fromkeys(self.hard, "bounce"), **dict.fromkeys(self.complained, "complaint")}
        assert self.campaign.suppressed() == reasons


def a_story(engine: Engine, count: int, chance: random.Random) -> Story:
    """Return the story of a campaign to so many people, of whom a tenth bounce and a fiftieth complain."""
    story = Story(campaign_to(engine, count))
    for address in people(count):
        story.tell("send", address)
        fate = chance.random()
        if fate < 0.05:
            story.tell("bounce", address)
            story.hard.add(address)
        elif fate < 0.1:
            story.tell("", address)
        else:
            story.tell("delivery", address)
            story.delivered.add(address)
        if 0.1 < fate < 0.12:
            story.tell("complaint", address)
            story.complained.add(address)
    return story


@pytest.mark.slow
def test_many_events_late_twice_and_out_of_order(services: Services, queue: Queue) -> None:
    """The emulator takes longer the more messages wait, so they come in portions, between our calls.

    It also forgets some of several deletions at once, which SQS does not: that all are deleted is asserted of
    the fast queue below.
    """
    total = 1_500 if services.engine.dialect.name == "sqlite" else 600
    story = a_story(services.engine, total * 2 // 5, random.Random(7))
    messages = story.disorder(total, random.Random(8))
    portions = (messages[at : at + 60] for at in range(0, total, 60))

    def bring_more() -> bool:
        queue.put(next(portions, ()))
        return False

    pulled = pull(services, stop=bring_more)
    assert pulled.events == len(story.reports)
    assert pulled.duplicates >= total - len(story.reports)  # the emulator may give one to two callers
    assert (pulled.suppressed, pulled.complained) == (len(story.hard), len(story.complained))
    story.is_told()


@pytest.mark.slow
def test_it_keeps_up_with_five_hundred_events_a_second(
    tmp_path: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In processor time, so that the machine's other work does not count; the emulator's is in it, too.

    A call takes 20 ms here: ten at once are what makes up for that.
    """
    story = a_story(engine, 1_600, random.Random(9))
    with fast_queue(story.disorder(4_000, random.Random(10)), latency=0.02) as (server, queue):
        services = listen_to(tmp_path / "desk", engine, queue, monkeypatch)
        began = time.process_time()
        pulled = hear(services)
        took = time.process_time() - began
        assert pulled.events == len(story.reports) and not server.held
        assert server.most_at_once >= 5
    story.is_told()
    assert 4_000 / took > 500, f"{4_000 / took:.0f} a second"


# -- what is no event -------------------------------------------------------------------------------


def test_what_is_no_event_is_logged_without_its_content_and_does_not_block(
    services: Services, queue: Queue, caplog: pytest.LogCaptureFixture
) -> None:
    campaign = campaign_to(services.engine, 1)
    secret = "ada.lovelace@example.org"
    queue.put([f"nonsense {secret}"] * 3 + [envelope(f'{{"to": "{secret}"}}')] + ["[]"] * 20)
    queue.put([campaign.about(report, "delivery", to=people(1)[0])])
    with caplog.at_level(logging.INFO):
        pulled = hear(services)
    assert (pulled.events, pulled.ignored) == (1, 24)
    assert len([record for record in caplog.records if record.name.startswith("newsletter")]) == 24
    assert secret not in caplog.text and "nonsense" not in caplog.text
    assert "not JSON" in caplog.text and "SHA-256" in caplog.text
    assert queue.left() == 0


def test_amazons_own_notices_need_no_attention(
    services: Services, queue: Queue, caplog: pytest.LogCaptureFixture
) -> None:
    queue.put([envelope("Successfully validated SNS topic for Amazon SES event publishing.")])
    with caplog.at_level(logging.WARNING):
        assert hear(services).ignored == 1
    assert "newsletter" not in {record.name.partition(".")[0] for record in caplog.records}
    assert queue.left() == 0


def test_with_a_dead_letter_queue_what_is_no_event_ends_there(
    tmp_path: Path, engine: Engine, sqs_endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    grave = open_queue(sqs_endpoint)
    arn = grave.sqs.get_queue_attributes(QueueUrl=grave.url, AttributeNames=["QueueArn"])
    policy = json.dumps({"deadLetterTargetArn": arn["Attributes"]["QueueArn"], "maxReceiveCount": "2"})
    queue = open_queue(sqs_endpoint, RedrivePolicy=policy, VisibilityTimeout="1")
    services = listen_to(tmp_path / "desk", engine, queue, monkeypatch)
    queue.put(["nonsense", report("delivery", message_id="m")])
    pulled = hear(services)
    assert (pulled.events, pulled.ignored) == (1, 1)
    until = time.monotonic() + 20
    while grave.left() == 0 and time.monotonic() < until:
        time.sleep(1.1)
        pulled += hear(services)
    assert (grave.left(), queue.left()) == (1, 0)
    assert pulled.ignored == 1  # told once, however often it came
    for each in (grave, queue):
        each.sqs.close()


# -- order of things --------------------------------------------------------------------------------


def test_nothing_is_deleted_before_it_is_committed(
    services: Services, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = campaign_to(services.engine, 1)
    queue.put([campaign.about(report, "delivery", to=people(1)[0])])
    with services.engine.begin() as connection:
        connection.execute(text("ALTER TABLE events RENAME TO gone"))
    with pytest.raises(Exception, match="events"):
        hear(services)
    assert queue.left() == 1
    with services.engine.begin() as connection:
        connection.execute(text("ALTER TABLE gone RENAME TO events"))
    queue.sqs.purge_queue(QueueUrl=queue.url)
    queue.put([campaign.about(report, "delivery", to=people(1)[0])])
    assert hear(services).events == 1


def test_whoever_dies_between_commit_and_delete_has_done_no_harm(
    services: Services, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = campaign_to(services.engine, 2)
    short = open_queue(queue.endpoint, VisibilityTimeout="1")
    monkeypatch.setenv("NEWSLETTER_SES__EVENTS_QUEUE_URL", short.url)
    ours = EventQueue(services._aws_client("sqs"), short.url)
    short.put([campaign.about(report, "bounce", to=each) for each in people(2)])
    with ours:
        batch = ours.receive(1)
        campaign.hear(*(campaign.about(report, "bounce", to=each) for each in people(2)))
        time.sleep(1.1)
        again = ours.receive(1)
        assert [event.dedupe for event in again.events] == [event.dedupe for event in batch.events]
        assert campaign.hear(*(campaign.about(report, "bounce", to=each) for each in people(2))).events == 0
        ours.delete(again)
    assert short.left() == 0
    short.sqs.close()


def test_a_wish_to_stop_is_heard_between_rounds(services: Services, queue: Queue) -> None:
    campaign = campaign_to(services.engine, 300)
    queue.put([campaign.about(report, "delivery", to=each) for each in people(300)])
    asked: Iterator[int] = itertools.count()
    pulled = pull(services, stop=lambda: next(asked) >= 1)
    assert 0 < pulled.events <= 100
    assert queue.left() >= 300 - pulled.events  # more: moto loses a deletion that meets another
    assert hear(services).events == 300 - pulled.events


def test_it_waits_for_a_first_event_as_long_as_it_is_told(services: Services, queue: Queue) -> None:
    campaign = campaign_to(services.engine, 1)
    late = threading.Timer(1.5, queue.put, [[campaign.about(report, "delivery", to=people(1)[0])]])
    late.start()
    assert hear(services, wait=15).events == 1
    late.join()


def test_it_goes_on_until_it_is_told_to_stop(
    services: Services, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "_POLL", 1)
    campaign = campaign_to(services.engine, 2)
    done = threading.Event()
    later = threading.Timer(2.5, queue.put, [[campaign.about(report, "delivery", to=people(2)[1])]])
    end = threading.Timer(5, done.set)
    queue.put([campaign.about(report, "delivery", to=people(1)[0])])
    for timer in (later, end):
        timer.start()
    assert pull(services, stop=done.is_set, once=False).events == 2
    for timer in (later, end):
        timer.join()


# -- what can be wrong ------------------------------------------------------------------------------


def test_a_queue_that_is_not_there_is_an_error_with_a_hint(
    tmp_path: Path, engine: Engine, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = Queue(queue.sqs, queue.url + "-gone", queue.endpoint)
    services = listen_to(tmp_path / "desk", engine, gone, monkeypatch)
    with pytest.raises(SendError, match="queue of events cannot be read") as caught:
        hear(services)
    assert "events_queue_url" in caught.value.hint


def test_an_endpoint_that_is_silent_and_missing_credentials_are_too(
    tmp_path: Path, engine: Engine, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = listen_to(tmp_path / "desk", engine, queue, monkeypatch)
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(SendError, match="Could not connect"):
        hear(services)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(ConfigError, match="no AWS credentials"):
        hear(services)


def test_an_inbox_that_cannot_be_read_does_not_make_it_deaf_to_events(
    tmp_path: Path, engine: Engine, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    env = {
        "NEWSLETTER_INBOX__KIND": "imap",
        "NEWSLETTER_INBOX__HOST": "127.0.0.1",
        "NEWSLETTER_INBOX__PORT": "9",
        "NEWSLETTER_INBOX__USER": "news",
        "NEWSLETTER_IMAP_PASSWORD": "x",
    }
    services = listen_to(tmp_path / "desk", engine, queue, monkeypatch, **env)
    queue.put([report("bounce", "eve@example.org")])
    with pytest.raises(SendError):
        hear(services)
    assert queue.left() == 0
    assert Listener(engine).suppressed() == {"eve@example.org": "bounce"}


# -- the command ------------------------------------------------------------------------------------


def test_the_command_says_on_one_line_what_came_of_it(
    desk: Desk, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in queue.env.items():
        monkeypatch.setenv(name, value)
    queue.put([report("bounce", "ada@example.org"), report("complaint", "ben@example.org"), "nonsense"])
    result = desk.ok("events", "pull", **queue.env)
    assert result.stdout == (
        "2 new events, 1 message that is no event, 1 address suppressed after bounces, 1 complaint.\n"
    )
    assert desk.ok("events", "pull", **queue.env).stdout == "Nothing new.\n"
    queue.put([report("bounce", "ada@example.org")])
    found = desk.json("events", "pull", **queue.env)
    assert (found["duplicates"], found["events"], found["notes"]) == (1, 0, [])
    people = {each["email"]: each["status"] for each in desk.json("subscribers", "list")["subscribers"]}
    assert (people["ada@example.org"], people["ben@example.org"]) == ("bounced", "complained")


def test_with_nothing_to_listen_to_it_says_so(desk: Desk) -> None:
    result = desk.run("events", "pull")
    assert result.exit_code == 2
    assert "neither a queue nor a mailbox" in result.output and "events_queue_url" in result.output


@pytest.mark.slow
def test_it_follows_until_it_is_told_to_stop(desk: Desk, queue: Queue) -> None:
    queue.put([report("bounce", "ada@example.org")])
    process = desk.process("events", "pull", "--follow", **queue.env)
    until = time.monotonic() + 30
    while queue.left() and time.monotonic() < until:
        time.sleep(0.1)
    time.sleep(1.5)
    process.terminate()
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert output.splitlines()[0] == "1 new event, 1 address suppressed after bounces."
    assert "Stopping after this round" in errors
