"""The local mailbox: files that any mail program opens, whole or not there."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from newsletter.model import Effect, Outcome, OutcomeKind
from newsletter.ports import Allowance, Sender
from newsletter.senders.mailbox import MailboxSender
from newsletter.senders.memory import MemorySender
from tests.senders.samples import MIME, letters, sender

NOON = 1_795_521_600_123_456_789


def test_each_letter_is_a_file_with_exactly_its_bytes(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "mailbox"
    outcomes = MailboxSender(folder).send(letters(3))
    files = sorted(folder.iterdir())
    assert [file.read_bytes() for file in files] == [MIME] * 3
    assert [outcome.message_id for outcome in outcomes] == [file.stem for file in files]
    assert all(outcome.kind is OutcomeKind.ACCEPTED for outcome in outcomes)


def test_names_sort_by_time_are_unique_and_name_nobody(tmp_path: Path) -> None:
    first = MailboxSender(tmp_path, nanoseconds=lambda: NOON)
    second = MailboxSender(tmp_path, nanoseconds=lambda: NOON)
    later = MailboxSender(tmp_path, nanoseconds=lambda: NOON + 1000)
    for mailbox in (first, second, first, later):
        mailbox.send(letters(2))
    names = sorted(file.name for file in tmp_path.iterdir())
    assert len(names) == 8
    assert names[0].startswith("20261124T120000.123456Z-")
    assert all(name.startswith("20261124T120000.123457Z-") for name in names[-2:])
    assert not any("reader" in name or "@" in name for name in names)


def test_nothing_limits_it(tmp_path: Path) -> None:
    mailbox = MailboxSender(tmp_path)
    assert mailbox.allowance() == Allowance(per_second=None, today=None)
    assert (mailbox.kind, mailbox.form, mailbox.max_batch) == ("mailbox", "raw", 50)


@pytest.fixture
def full_disk() -> Iterator[Path]:
    """A folder that is a device which is always full, where the system has one."""
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    yield Path("/dev/full")


def test_a_folder_that_cannot_be_made_halts_the_run_and_refuses_all(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    outcomes = MailboxSender(tmp_path / "file" / "mailbox").send(letters(3))
    assert [(o.kind, o.effect) for o in outcomes] == [(OutcomeKind.REFUSED_RETRY, Effect.HALT)] * 3
    assert "mailbox/ cannot be written: Not a directory" in outcomes[0].reason


def test_a_full_disk_halts_the_run_and_leaves_no_half_of_a_message(
    tmp_path: Path, full_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mailbox = MailboxSender(tmp_path, nanoseconds=lambda: NOON)
    real_open = Path.open
    monkeypatch.setattr(Path, "open", lambda self, mode: real_open(full_disk, "wb"))
    outcomes = mailbox.send(letters(2))
    assert [(o.kind, o.effect) for o in outcomes] == [(OutcomeKind.REFUSED_RETRY, Effect.HALT)] * 2
    assert "No space left" in outcomes[0].reason
    assert list(tmp_path.iterdir()) == []


def test_a_crash_between_write_and_rename_leaves_nothing_that_looks_like_mail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(handle: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", crash)
    with pytest.raises(KeyboardInterrupt):
        MailboxSender(tmp_path).send(letters(1))
    assert list(tmp_path.glob("*.eml")) == []


def test_an_address_that_no_mail_can_reach_fails_alone(tmp_path: Path) -> None:
    batch = letters(3)
    batch[1] = replace(batch[1], to="nobody")
    kinds = [outcome.kind for outcome in MailboxSender(tmp_path).send(batch)]
    assert kinds == [OutcomeKind.ACCEPTED, OutcomeKind.REFUSED_FINAL, OutcomeKind.ACCEPTED]
    assert len(list(tmp_path.iterdir())) == 2


def test_letters_in_bulk_form_halt_the_run(tmp_path: Path) -> None:
    [outcome] = MailboxSender(tmp_path).send(letters(1, "bulk"))
    assert outcome.effect is Effect.HALT


def test_the_memory_sender_answers_as_planned_then_accepts() -> None:
    refused = Outcome(kind=OutcomeKind.REFUSED_RETRY, effect=Effect.SLOW)
    memory = MemorySender({"reader1@example.org": [refused]})
    batch = letters(2)
    assert [outcome.kind for outcome in memory.send(batch)] == [
        OutcomeKind.REFUSED_RETRY,
        OutcomeKind.ACCEPTED,
    ]
    assert [outcome.message_id for outcome in memory.send(batch[:1])] == ["memory-2"]
    assert [letter.to for letter in memory.accepted] == ["reader2@example.org", "reader1@example.org"]
    assert [len(call) for call in memory.calls] == [2, 1]


def test_the_memory_sender_can_crash_before_anything_is_taken() -> None:
    def crash(_: object) -> None:
        raise ConnectionError

    memory = MemorySender(before_call=crash)
    with pytest.raises(ConnectionError):
        memory.send(letters(1))
    assert not memory.accepted and not memory.calls


def test_all_senders_keep_the_ports_promise(tmp_path: Path) -> None:
    senders: list[Sender] = [MailboxSender(tmp_path), MemorySender(), sender("http://127.0.0.1:9")]
    assert [made.kind for made in senders] == ["mailbox", "memory", "ses"]
