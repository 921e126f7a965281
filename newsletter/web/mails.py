"""The confirmation mail: composed like an issue, by the owner's own templates, and sent one at a time.

The layout is ``templates/system/confirm.mjml.j2``; a workspace that has none uses the one that came with the
program. It is compiled once, when the pages start, so that a fault in it is seen by the owner and not by
whoever signs up. What the mail says never comes from the form: a stranger may have filled it in.
"""

import logging
import secrets
import threading
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from newsletter.archive.words import Words
from newsletter.compose.context import issue_names, newsletter_names
from newsletter.compose.finishing import finish_page
from newsletter.compose.images import Album
from newsletter.compose.inlining import inline_css
from newsletter.compose.issue_file import IssueFile
from newsletter.compose.mjml import run_mjml
from newsletter.compose.pictures import Pictures
from newsletter.compose.placement import place_tokens
from newsletter.compose.slots import Slots
from newsletter.compose.splitting import html_residual, text_residual
from newsletter.compose.templates import Templates
from newsletter.errors import NewsletterError
from newsletter.model import CompiledIssue, OutcomeKind, Person
from newsletter.people.joining import Invitation
from newsletter.personal.links import Links
from newsletter.personal.press import Press
from newsletter.ports import Sender
from newsletter.starting import starter_templates
from newsletter.wiring import Services

__all__ = ["ConfirmationMail", "compile_confirmation"]

_LAYOUT: Final = "system/confirm.mjml.j2"
_TEXT_LAYOUT: Final = "system/confirm.txt.j2"
_KEY: Final = "confirm"  #: stands where a campaign's key stands in the links and tags of other mail
_SAID: Final = ("lead", "button", "below", "plain")
_ATTEMPTS: Final = 4
_log = logging.getLogger(__name__)


def compile_confirmation(services: Services, words: Words) -> CompiledIssue:
    """Return the confirmation mail, compiled. Raises IssueError, with file and line, for a fault in it."""
    workspace = services.workspace
    folder = workspace.templates if (workspace.templates / _LAYOUT).is_file() else starter_templates()
    about = IssueFile(
        slug="2000-01-confirm",
        path=folder / _LAYOUT,
        file=f"{folder.name}/{_LAYOUT}",
        title=words("mail_title"),
        subject=words("mail_subject"),
        body="",
        body_line=1,
        language=workspace.settings.newsletter.language,
    )
    slots = Slots(secrets.token_hex(5))
    templates, pictures = Templates(folder, slots), Pictures(about, Album(workspace.root), slots)
    names: Mapping[str, Any] = {
        "newsletter": newsletter_names(workspace, pictures),
        "issue": {**issue_names(about, words.language), "preheader": words("mail_preheader")},
        "says": {key: words(f"mail_{key}") for key in _SAID},
    }
    mjml = place_tokens(templates.layout(_LAYOUT, names), slots)

    def locate(line: int, _: str) -> tuple[str, int | None]:
        places = templates.lines(_LAYOUT, names)
        return places[min(line, len(places)) - 1]

    made, issue = run_mjml(mjml, locate), names["issue"]
    page = finish_page(inline_css(made.html, made.css), issue["lang"], issue["dir"], issue["title"])
    return CompiledIssue(
        slug=_KEY,
        title=about.title,
        language=words.language,
        subject=text_residual(about.subject, slots),
        html=html_residual(page, slots),
        text=text_residual(templates.layout(_TEXT_LAYOUT, names).strip() + "\n", slots),
        images=list(pictures.album.images.values()),
    )


class ConfirmationMail:
    """Mails invitations, by the sender that the settings name. Safe to share by threads."""

    def __init__(self, services: Services, words: Words) -> None:
        """Raises IssueError or ConfigError if no such mail can be made."""
        settings = services.settings
        alone = replace(settings, ses=replace(settings.ses, api="raw"))  # one mail at a time is never bulk
        self._services = replace(services, workspace=replace(services.workspace, settings=alone))
        self._tokens = services.tokens
        self._issue = compile_confirmation(services, words)
        self._links = Links(settings, self._tokens, _KEY)
        self._press = Press("raw", self._issue, settings, self._tokens, _KEY, services.clock)
        self._sender: Sender | None = None
        self._lock = threading.Lock()

    def send(self, invitation: Invitation) -> bool:
        """Mail one invitation; return whether the provider took it.

        Tried again when it was definitely not taken; never when nobody knows. Raises nothing: the person who
        asked has had their answer, and the owner reads the log, which names nobody.
        """
        url = self._links.confirm_url(invitation.subscriber_id, invitation.code)
        person = Person(id=invitation.subscriber_id, email=invitation.email, attributes={"confirm_url": url})
        tags = {"campaign": _KEY, "delivery": f"{_KEY}-{secrets.token_hex(6)}", "attempt": "1"}
        try:
            sender = self._open()
            for attempt in range(_ATTEMPTS):
                [outcome] = sender.send([self._press.letter(person, tags)])
                if outcome.kind is not OutcomeKind.REFUSED_RETRY:
                    break
                if attempt + 1 < _ATTEMPTS:
                    self._services.sleep(2.0**attempt)
        except NewsletterError as error:
            _log.error("A confirmation mail was not sent: %s %s", error, error.hint)
            return False
        if outcome.kind is not OutcomeKind.ACCEPTED:
            _log.error("A confirmation mail was not sent: %s", outcome.reason)
        return outcome.kind is OutcomeKind.ACCEPTED

    def _open(self) -> Sender:
        with self._lock:
            if self._sender is None:
                self._sender = self._services.sender(self._issue)
            return self._sender
