"""The request to leave the sandbox: the owner's answers in, a text and a call out."""

import pytest

from tests.aws.amazon import Amazon
from tests.workspaces import Desk

ANSWERS = {
    "about": "a music therapy practice in Halifax; news of our work.",
    "joined": "a form on our site",
    "often": "once a month",
    "readers": "312",
    "grows_to": "500",
}
OPTIONS = [word for key, text in ANSWERS.items() for word in ("--answer", f"{key}={text}")]


def test_the_text_holds_the_answers_and_what_the_program_does(office: Desk, amazon: Amazon) -> None:
    result = office.ok("aws", "setup", "--request-production-access", *OPTIONS)
    for answer in ANSWERS.values():
        assert answer.rstrip(".") in result.stdout
    for word in ("https://ignite.example.org", "List-Unsubscribe", "Amazon SQS", "DMARC", "DKIM", "2.0%"):
        assert word in result.stdout
    assert "double opt-in" not in result.stdout, "there are no pages to sign up on"
    assert "Not handed in" in result.stderr
    assert amazon.dump()["ses"]["details"] == {}
    public = office.ok(
        "aws",
        "setup",
        "--request-production-access",
        *OPTIONS,
        NEWSLETTER_NEWSLETTER__PUBLIC_URL="https://news.example.org",
    )
    assert "double opt-in" in public.stdout and "RFC 8058" in public.stdout


def test_yes_hands_it_in_once_and_a_second_time_is_told_that_one_is_looked_at(
    office: Desk, amazon: Amazon
) -> None:
    shown = office.json("aws", "setup", "--request-production-access", "--yes", *OPTIONS)
    details = amazon.dump()["ses"]["details"]
    assert shown["handed_in"] and details["UseCaseDescription"] == shown["text"]
    assert details["MailType"] == "MARKETING" and details["WebsiteURL"] == "https://ignite.example.org"
    assert details["AdditionalContactEmailAddresses"] == ["hello@ignite.example.org"]
    again = office.run("aws", "setup", "--request-production-access", "--yes", *OPTIONS)
    assert again.exit_code == 6 and "earlier request" in again.stderr


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ([], "--answer about="),
        (["--answer", "abuot=x"], 'Did you mean "about"?'),
        (["--answer", "about"], "KEY=TEXT"),
        ([*OPTIONS, "--answer", f"about={'x' * 5000}"], "Shorten"),
    ],
)
def test_an_answer_that_is_missing_or_wrong_is_a_matter_of_usage(
    office: Desk, options: list[str], word: str
) -> None:
    result = office.run("aws", "setup", "--request-production-access", *options)
    assert result.exit_code == 2 and word in result.stderr
