"""The log: a line for each thing, for people and for machines; it names nobody."""

import io
import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from newsletter.daemon.log import Log, capture_logging

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)


@pytest.fixture
def own_logging() -> Iterator[None]:
    """Put the root logger back as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level


def lines(*, as_json: bool = False) -> tuple[Log, io.StringIO]:
    stream = io.StringIO()
    return Log(stream, lambda: NOON, as_json=as_json), stream


def test_a_line_is_pairs_and_what_needs_quotes_has_them() -> None:
    log, stream = lines()
    log.line("finished", issue="2026-12-winter", sent=1204, text='He said "no = yes"', slot="", until=None)
    assert stream.getvalue() == (
        "at=2026-12-01T12:00:00Z level=info event=finished issue=2026-12-winter sent=1204 "
        'text="He said \\"no = yes\\""\n'
    )


def test_as_json_each_line_is_one_object() -> None:
    log, stream = lines(as_json=True)
    log.line("round", started=1, next_due=NOON)
    log.line("stopped", level="warning", text="two\nlines")
    first, second = (json.loads(line) for line in stream.getvalue().splitlines())
    assert first == {
        "at": "2026-12-01T12:00:00Z",
        "level": "info",
        "event": "round",
        "started": 1,
        "next_due": "2026-12-01T12:00:00Z",
    }
    assert second["text"] == "two lines"


def test_no_address_and_no_line_end_gets_into_it() -> None:
    log, stream = lines()
    log.line("failed", text="Refused: <ada@example.org>\nlevel=info event=forged", issue="a\rb")
    assert "ada@" not in stream.getvalue() and stream.getvalue().count("\n") == 1
    assert '(address)> level=info event=forged"' in stream.getvalue(), "what is forged stays in its quotes"


def test_what_libraries_log_comes_to_the_same_place(own_logging: None) -> None:
    log, stream = lines()
    capture_logging(log)
    logging.getLogger("newsletter.web.mails").error("A confirmation mail was not sent: %s", "no")
    logging.getLogger("elsewhere").info("chatter")
    logging.getLogger("apscheduler.scheduler").warning("maximum number of running instances reached")
    try:
        raise ValueError("ada@example.org")
    except ValueError:
        logging.getLogger("elsewhere").exception("Oh")
    written = stream.getvalue().splitlines()
    assert [line.split(" level=")[1].split()[0] for line in written] == ["error", "error"]
    assert "error=ValueError" in written[1] and "ada" not in written[1] and "Traceback" not in written[1]


def test_a_reader_who_has_gone_stops_nothing() -> None:
    log, stream = lines()
    stream.close()
    log.line("alive")
