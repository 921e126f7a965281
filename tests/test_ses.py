"""``newsletter send`` as a process of its own, through real boto3 and HTTP, into aws-ses-v2-local."""

import re
import signal
import time

import pytest

from tests.emulators import clear_store, read_store, requests_seen
from tests.workspaces import AWS, Desk

NOVEMBER = "2026-11-individual-vs-group"
READERS = ["ada@example.org", "ben@example.org", "zoe@example.org"]

pytestmark = [pytest.mark.emulator, pytest.mark.slow]


def ses(endpoint: str, api: str) -> dict[str, str]:
    return {
        **AWS,
        "AWS_ENDPOINT_URL_SESV2": endpoint,
        "NEWSLETTER_SENDER__KIND": "ses",
        "NEWSLETTER_SES__API": api,
        "NEWSLETTER_NEWSLETTER__PUBLIC_URL": "https://news.example.org",
    }


@pytest.mark.parametrize("api", ["raw", "bulk"])
def test_each_confirmed_subscriber_is_in_the_store_once_with_their_own_words_and_links(
    desk: Desk, ses_endpoint: str, api: str
) -> None:
    clear_store(ses_endpoint)
    process = desk.process("send", NOVEMBER, "--yes", **ses(ses_endpoint, api))
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert "3  sent" in output
    asked = [request for request in requests_seen(ses_endpoint) if request.endswith("/v2/email/account")]
    assert len(asked) == 1, "SES answers GetAccount about once a second, not once a step"
    mails = read_store(ses_endpoint)
    assert sorted(mail.to for mail in mails) == READERS
    links = set()
    for mail in mails:
        greeting = {"ada@example.org": "Ada", "ben@example.org": "friend", "zoe@example.org": "Zoé"}[mail.to]
        assert greeting in mail.html and greeting in mail.text
        assert mail.subject.lower() == f"{greeting.lower()}, one to one or together?"
        unsubscribe = mail.headers["list-unsubscribe"]
        link = re.match(r"<(https://news\.example\.org/[^>]+)>, <mailto:[^>]+>$", unsubscribe)
        assert link, unsubscribe
        assert link[1] in mail.html and link[1] in mail.text
        links.add(link[1])
        assert mail.headers["list-unsubscribe-post"] == "List-Unsubscribe=One-Click"
        assert mail.headers["list-id"] and mail.headers["feedback-id"]
    assert len(links) == 3


@pytest.mark.parametrize("api", ["raw", "bulk"])
def test_running_it_again_mails_nobody_and_exits_0(desk: Desk, ses_endpoint: str, api: str) -> None:
    clear_store(ses_endpoint)
    for _ in range(2):
        process = desk.process("send", NOVEMBER, "--yes", **ses(ses_endpoint, api))
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
    assert sorted(mail.to for mail in read_store(ses_endpoint)) == READERS


@pytest.mark.parametrize("api", ["raw", "bulk"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_send_that_is_killed_is_resumed_with_nobody_twice_nobody_lost_and_the_uncertain_named(
    desk: Desk, ses_endpoint: str, api: str, number: signal.Signals
) -> None:
    clear_store(ses_endpoint)
    people = [f"person{n:03}@example.org" for n in range(120)]
    file = desk.write("people.csv", "email\n" + "\n".join(people) + "\n")
    desk.ok("subscribers", "import", str(file), "--consent", "a test")
    env = ses(ses_endpoint, api)
    process = desk.process("send", NOVEMBER, "--yes", **env)
    deadline = time.monotonic() + 60
    while len(read_store(ses_endpoint)) < 10 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode in {-signal.SIGKILL, 7, 0}
    resumed = desk.process("resume", NOVEMBER, **env)
    _, errors = resumed.communicate(timeout=90)
    [proof] = desk.json("proof", NOVEMBER)["campaigns"]
    assert resumed.returncode == (8 if proof["uncertain"] else 0), errors
    received = [mail.to for mail in read_store(ses_endpoint)]
    assert len(received) == len(set(received)), "somebody was mailed twice"
    everyone = len(people) + len(READERS)
    assert everyone - proof["uncertain"] <= len(received) <= everyone
    assert proof["balances"] and proof["sent"] + proof["uncertain"] == everyone
    assert len(proof["uncertain_deliveries"]) == proof["uncertain"]
    if number == signal.SIGTERM:
        assert proof["uncertain"] == 0
