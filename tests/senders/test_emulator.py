"""Real letters through real boto3 and HTTP into aws-ses-v2-local; raw and bulk must arrive alike."""

import pytest

from newsletter.model import CompiledIssue, Letter, OutcomeKind, Person
from newsletter.personal.fill import Filler, context_for
from newsletter.personal.press import Press
from newsletter.senders.ses import SesSender, open_ses
from newsletter.settings import Ses, Settings
from tests.emulators import ACCOUNT, StoredMail, clear_store, read_store, requests_seen
from tests.personal.samples import CAST, HOSTILE, LONG, NOON, PICTURE, TAGS, TOKENS, compiled, links, settings
from tests.senders.samples import client

pytestmark = pytest.mark.emulator


def mailed(endpoint: str, form: str, issue: CompiledIssue, people: list[Person]) -> list[StoredMail]:
    """Send an issue in one form; return what arrived, in order."""
    clear_store(endpoint)
    chosen = settings()
    sender = SesSender(
        client(endpoint, read_timeout=20),
        Ses(),
        chosen.newsletter.from_,
        "bulk" if form == "bulk" else "raw",
        clock=lambda: NOON,
    )
    press = Press(sender.form, issue, chosen, TOKENS, "k3xw9q", lambda: NOON)
    letters: list[Letter] = [press.letter(person, TAGS) for person in people]
    outcomes = sender.send(letters)
    assert [outcome.kind for outcome in outcomes] == [OutcomeKind.ACCEPTED] * len(people)
    mails = read_store(endpoint)
    assert [mail.message_id for mail in mails] == [outcome.message_id for outcome in outcomes]
    return mails


def unix(text: str) -> str:
    """The emulator's MIME parser gives "\\n", as does the filler; nothing else may differ."""
    return text.replace("\r\n", "\n")


@pytest.mark.parametrize("form", ["raw", "bulk"])
def test_subject_html_and_text_arrive_byte_for_byte(ses_endpoint: str, form: str) -> None:
    filler = Filler(compiled())
    for mail, person in zip(mailed(ses_endpoint, form, compiled(), CAST), CAST, strict=True):
        context = context_for(person, links())
        assert mail.to == person.email
        assert mail.sender.replace('"', "") == "Ignite Music Therapy <hello@example.org>"
        assert mail.reply_to == "answers@example.org"
        assert mail.subject == filler.subject(context)
        assert unix(mail.html) == filler.html(context)
        assert unix(mail.text) == filler.text(context)


def test_raw_and_bulk_arrive_alike(ses_endpoint: str) -> None:
    raw = mailed(ses_endpoint, "raw", compiled(), CAST)
    bulk = mailed(ses_endpoint, "bulk", compiled(), CAST)
    for one, other in zip(raw, bulk, strict=True):
        assert (one.subject, unix(one.html), unix(one.text)) == (other.subject, other.html, other.text)
        for name in ("list-unsubscribe", "list-unsubscribe-post", "list-id", "feedback-id"):
            assert one.headers[name] == other.headers[name]


@pytest.mark.parametrize("form", ["raw", "bulk"])
def test_everybody_has_their_own_unsubscribe_headers(ses_endpoint: str, form: str) -> None:
    mails = mailed(ses_endpoint, form, compiled(), CAST)
    for mail, person in zip(mails, CAST, strict=True):
        expected = {name.lower(): value for name, value in links().headers(person.id).items()}
        assert mail.headers.items() >= expected.items()
    assert len({mail.headers["list-unsubscribe"] for mail in mails}) == len(CAST)


@pytest.mark.parametrize("form", ["raw", "bulk"])
@pytest.mark.parametrize(
    "literal",
    [
        "{{",
        "}}",
        "{{s}}",
        "{{{h0}}}",
        "\\{{x}}",
        "\\\\",
        "{",
        "}",
        "{{#if}}",
        "{{!-- x --}}",
        "{{~h0~}}",
        "{{>x}}",
    ],
)
def test_braces_and_backslashes_arrive_as_they_are(ses_endpoint: str, form: str, literal: str) -> None:
    name = "\ue000{ subscriber.first_name }\ue000"
    issue = compiled(
        html=f"{literal}{name}{literal}\n x", text=f"{literal} {name}{literal}", subject=f"a {literal}"
    )
    [mail] = mailed(ses_endpoint, form, issue, [CAST[0]])
    assert unix(mail.html) == f"{literal}Ada{literal}\n x"
    assert unix(mail.text) == f"{literal} Ada{literal}"
    assert mail.subject == f"a {literal}"


def test_a_bulk_call_is_one_request_and_a_raw_letter_one_each(ses_endpoint: str) -> None:
    mailed(ses_endpoint, "bulk", compiled(), [HOSTILE, LONG] * 25)
    assert requests_seen(ses_endpoint) == ["POST /v2/email/outbound-bulk-emails"]
    mailed(ses_endpoint, "raw", compiled(), CAST)
    assert requests_seen(ses_endpoint) == ["POST /v2/email/outbound-emails"] * len(CAST)


@pytest.mark.parametrize("form", ["raw", "bulk"])
def test_pictures_are_taken(ses_endpoint: str, form: str) -> None:
    issue = compiled(html='<img src="cid:hero.1@example.org" alt="">', images=(PICTURE,))
    [mail] = mailed(ses_endpoint, form, issue, [CAST[0]])
    assert mail.html.startswith('<img src="')
    if form == "raw":  # the emulator's parser has put the picture where its Content-ID was named
        assert "data:image/png;base64,AAECAwQF" in mail.html


def test_the_account_is_asked_and_its_rate_makes_auto_bulk(ses_endpoint: str) -> None:
    chosen = Settings(newsletter=settings().newsletter, ses=Ses(share=0.5))
    sender = open_ses(client(ses_endpoint, read_timeout=20), chosen, compiled(), clock=lambda: NOON)
    assert sender.form == "bulk"
    assert sender.allowance().per_second == ACCOUNT["SendQuota"]["MaxSendRate"] * 0.5
