"""Hands letters to Amazon SES: API version 2, one HTTP request per call, never a silent second one.

Decisions
- botocore sends a request up to five times when an answer does not come; each could be a mail. So
  ``total_max_attempts`` is 1, set here where neither a variable nor a profile overrules it.
- The body of a bulk call is made here and put in its place by botocore's ``before-call`` event: botocore
  itself walks through each entry's parameters one by one, which costs more than all the rest of a call.
- Whether a request left is observed (botocore's ``before-send`` event), not guessed from the exception.
- A connection idle for more than 15 s is dropped before the next call: routers forget it, and a reset on it
  would leave letters in doubt that never left.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from newsletter.errors import SendError
from newsletter.model import BulkTemplate, CompiledIssue, Effect, Letter, Outcome
from newsletter.ports import Allowance, Clock, Form
from newsletter.senders.outcomes import of_entries, of_exception, of_response, refused, without_addresses
from newsletter.senders.ses_calls import (
    MAX_BULK,
    MAX_CALL_BYTES,
    as_json,
    bulk_body,
    bulk_content,
    bulk_entry,
    entry_fault,
    is_like,
    letter_fault,
    raw_call,
    set_up_fault,
)
from newsletter.senders.wire import mailbox
from newsletter.settings import Ses, Settings

__all__ = ["SesSender", "choose_form", "client_config", "open_ses"]

_RAW_UP_TO = 200  # mails/s that raw calls reach with few threads; above it bulk, 12 times cheaper a mail
_ROOM_FOR_TEXT = 399_000  # bytes of a bulk call kept for the template and 50 letters' values
_IN_PLACE_OF_A_BODY: Final[Mapping[str, Any]] = {"DefaultContent": {}, "BulkEmailEntries": []}
_IDLE = timedelta(seconds=15)  # after which a kept connection is not trusted
_REFRESH = timedelta(seconds=60)  # between two GetAccount; more often than once a second is refused


def client_config(connections: int = 18) -> Config:
    """Return how the ``sesv2`` client must be made. connections: threads that send, and two more."""
    return Config(
        retries={"total_max_attempts": 1, "mode": "standard"},
        parameter_validation=False,  # ours: ses_calls
        max_pool_connections=connections,
        connect_timeout=5,
        read_timeout=60,  # long: giving up early makes doubt, not speed
        tcp_keepalive=True,
    )


def choose_form(api: str, max_send_rate: float, image_bytes: int) -> Form:
    """Return the form for ``[ses] api``: auto is raw up to 200 mails/s of MaxSendRate, bulk above.

    image_bytes: of all pictures that travel with the issue. A bulk call holds 1 MB, pictures as base64 among
    it. Raises SendError if bulk was asked for and they do not fit; auto then takes raw.
    """
    fits = image_bytes * 4 // 3 <= MAX_CALL_BYTES - _ROOM_FOR_TEXT
    if api == "bulk" and not fits:
        raise SendError(
            f"The pictures do not fit into a bulk call: {image_bytes:,} bytes.",
            hint=f"Make them smaller than {(MAX_CALL_BYTES - _ROOM_FOR_TEXT) * 3 // 4:,} bytes together, "
            'or set api = "auto" under [ses].',
        )
    if api == "auto":
        return "bulk" if max_send_rate > _RAW_UP_TO and fits else "raw"
    return "bulk" if api == "bulk" else "raw"


def open_ses(client: Any, settings: Settings, issue: CompiledIssue, *, clock: Clock) -> "SesSender":
    """Return the sender for an issue, in the form that the account's rate and the issue's pictures call for.

    Raises SendError if the account cannot be asked, may not send, or the pictures do not fit.
    """
    sender = SesSender(client, settings.ses, settings.newsletter.from_, "raw", clock=clock)
    per_second = sender.allowance().per_second
    pictures = sum(len(image.data) for image in issue.embedded)
    rate = per_second / settings.ses.share if per_second is not None else 0.0
    sender.form = choose_form(settings.ses.api, rate, pictures)
    return sender


class SesSender:
    """Sends through one account and Region (``ports.Sender``). Safe to share by threads."""

    kind: Final = "ses"

    def __init__(
        self,
        client: Any,
        settings: Ses,
        from_address: str,
        form: Form,
        *,
        clock: Clock,
    ) -> None:
        """client: boto3's ``sesv2``, made with ``client_config``. from_address: "Name <address>"."""
        self._client, self._settings, self._from = client, settings, mailbox(from_address)
        self.form: Form = form  #: which half of a Letter it takes
        self._clock = clock
        self._last_call = clock()
        self._in_thread = threading.local()
        self._quota: Allowance | None = None
        self.account: Mapping[str, Any] = {}  #: what GetAccount said last
        self._lock = threading.Lock()
        self._content: tuple[BulkTemplate, bytes] | None = None
        client.meta.events.register("before-send.sesv2", self._note_departure)
        client.meta.events.register("before-call.sesv2.SendBulkEmail", self._put_body)

    @property
    def max_batch(self) -> int:
        """The most letters one call may carry."""
        return MAX_BULK if self.form == "bulk" else 1

    def allowance(self) -> Allowance:
        """Return what the account may send, as SES said a minute ago at most: GetAccount is asked no oftener.

        Raises SendError if it cannot be asked, or says that the account may not send.
        """
        with self._lock:
            now = self._clock()
            if self._quota is None or self._quota.as_of is None or now - self._quota.as_of >= _REFRESH:
                self._quota = replace(self._ask(), as_of=now)
            return self._quota

    def send(self, letters: Sequence[Letter]) -> Sequence[Outcome]:
        """Make one attempt to hand over the letters; return one outcome each, in order."""
        return self._send_bulk(letters) if self.form == "bulk" else self._send_raw(letters)

    def _send_raw(self, letters: Sequence[Letter]) -> list[Outcome]:
        outcomes: list[Outcome] = []
        for letter in letters:
            if outcomes and outcomes[-1].effect is not Effect.NONE:
                outcomes.append(outcomes[-1])  # the same would happen again
            elif fault := set_up_fault(letter):
                outcomes.append(refused(fault))
            elif fault := letter_fault(letter):
                outcomes.append(refused(fault, Effect.NONE, final=True))
            else:
                call = raw_call(letter, self._settings.configuration_set)
                answer = self._attempt(self._client.send_email, call, 1)
                outcomes.append(answer if isinstance(answer, Outcome) else of_response(answer))
        return outcomes

    def _send_bulk(self, letters: Sequence[Letter]) -> list[Outcome]:
        if not letters:
            return []
        template = letters[0].template
        for letter in letters:
            if template is None or letter.template is not template:
                return [refused("A bulk call carries letters of one issue, in bulk form.")] * len(letters)
            if not (letter is not letters[0] and is_like(letter, letters[0])) and (
                fault := set_up_fault(letter)
            ):
                return [refused(fault)] * len(letters)
        if len(letters) > MAX_BULK:
            return [refused(f"A bulk call carries {MAX_BULK} letters at most.", Effect.SPLIT)] * len(letters)
        assert template is not None  # noqa: S101 (said to mypy; the loop above has made sure)
        outcomes: dict[int, Outcome] = {}
        entries: dict[int, dict[str, Any]] = {}
        for place, letter in enumerate(letters):
            entry = bulk_entry(letter)
            if fault := letter_fault(letter) or entry_fault(entry):
                outcomes[place] = refused(fault, Effect.NONE, final=True)
            else:
                entries[place] = entry
        if entries:
            outcomes |= zip(entries, self._call_bulk(template, list(entries.values())), strict=True)
        return [outcomes[place] for place in range(len(letters))]

    def _call_bulk(self, template: BulkTemplate, entries: list[dict[str, Any]]) -> list[Outcome]:
        body = bulk_body(self._shared(template), entries)
        if len(body) > MAX_CALL_BYTES:
            effect = Effect.SPLIT if len(entries) > 1 else Effect.HALT
            reason = (
                f"A bulk call carries 1 MB, not {len(body):,} bytes. "
                'Smaller pictures, or api = "raw", would fit.'
            )
            return [refused(reason, effect)] * len(entries)
        self._in_thread.body = body
        answer = self._attempt(self._client.send_bulk_email, _IN_PLACE_OF_A_BODY, len(entries))
        if isinstance(answer, Outcome):
            return [answer] * len(entries)
        return of_entries(answer, len(entries))

    def _shared(self, template: BulkTemplate) -> bytes:
        """Return what all letters of a template share, as JSON made once per template."""
        known = self._content
        if known is None or known[0] is not template:
            content = bulk_content(
                template, sender=self._from, configuration_set=self._settings.configuration_set
            )
            known = self._content = (template, as_json(content))
        return known[1]

    def _put_body(self, params: dict[str, Any], **_: object) -> None:
        params["body"] = self._in_thread.body

    def _attempt(self, operation: Callable[..., Any], call: Mapping[str, Any], letters: int) -> Any:
        """Return the answer to one call, or the Outcome of each of its letters if none is to be had."""
        self._drop_idle_connections()
        self._in_thread.left = False
        try:
            return operation(**call)
        except Exception as error:  # whatever it is, each letter gets an outcome
            return of_exception(error, letters=letters, left=self._in_thread.left)
        finally:
            self._last_call = self._clock()

    def _note_departure(self, **_: object) -> None:
        self._in_thread.left = True

    def _drop_idle_connections(self) -> None:
        if self._clock() - self._last_call > _IDLE:
            self._client.close()  # of boto3: closes kept connections; the next call opens one

    def _ask(self) -> Allowance:
        """Return what GetAccount says, less what the settings leave to others."""
        try:
            self.account = account = self._client.get_account()
            quota = account["SendQuota"]
            rate, per_day, sent = (
                float(quota[key]) for key in ("MaxSendRate", "Max24HourSend", "SentLast24Hours")
            )
        except (BotoCoreError, ClientError) as error:
            raise SendError(
                f"Amazon SES does not say what this account may send: {without_addresses(str(error))}",
                hint="Check credentials, Region ([ses] region) and the permission ses:GetAccount.",
            ) from error
        except (KeyError, TypeError, ValueError) as error:
            raise SendError(
                "Amazon SES answered GetAccount without a sending quota.",
                hint="Check what AWS_ENDPOINT_URL points at; an emulator needs an account to answer with.",
            ) from error
        status = account.get("EnforcementStatus")
        if not account.get("SendingEnabled", True) or status == "SHUTDOWN" or rate <= 0:
            raise SendError(
                f"Amazon SES has stopped this account from sending (status {status}).",
                hint="See the SES console, Account dashboard: it says why and what to do.",
            )
        reserve = per_day * self._settings.quota_reserve
        return Allowance(
            per_second=rate * self._settings.share,
            today=None if per_day < 0 else max(0.0, per_day - sent - reserve),
        )
