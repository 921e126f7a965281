"""POST /events/ses: Amazon SNS brings what became of mail; for whoever has no queue, or wants it at once.

    400 no message of SNS    403 not signed by SNS, or for a topic that ``[ses] event_topics`` does not name
    413 too long             503 we cannot tell or cannot write now: SNS brings it again

Nothing is written before the signature was verified. A subscription is confirmed only for such a topic.
"""

import json
import logging
from collections.abc import Callable
from typing import Any, Final

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from newsletter.feedback.events import Unreadable, message_of, read_message
from newsletter.feedback.keeping import keep_events
from newsletter.feedback.signatures import Forged, SnsVerifier, is_of_sns
from newsletter.web.asking import read_body
from newsletter.wiring import Services

__all__ = ["MOST_BYTES", "EventHook"]

MOST_BYTES: Final = 256 * 1024  #: of a request's body: SNS carries 256 KB, an event of SES has a tenth of it

_log = logging.getLogger(__name__)


class EventHook:
    """The webhook."""

    def __init__(self, services: Services, fetch: Callable[[str], bytes]) -> None:
        self._services, self._fetch = services, fetch
        self._verifier = SnsVerifier(services.settings.ses.event_topics, fetch)

    async def receive(self, request: Request) -> Response:
        """POST /events/ses. Raises HTTPException 404 when no topic is believed."""
        if not self._services.settings.ses.event_topics:
            raise HTTPException(404)
        body = await read_body(request, most=MOST_BYTES)
        return await run_in_threadpool(self._receive, body)

    def _receive(self, body: bytes) -> Response:
        try:
            envelope = json.loads(body.decode("utf-8"))
        except (ValueError, RecursionError):
            return PlainTextResponse("no message of SNS", 400)
        if not isinstance(envelope, dict):
            return PlainTextResponse("no message of SNS", 400)
        try:
            self._verifier.verify(envelope, self._services.clock())
        except Forged as reason:
            _log.warning("A post to /events/ses was refused: %s", reason)
            return PlainTextResponse(f"refused: {reason}", 403)
        if envelope["Type"] == "Notification":
            return self._keep(envelope)
        return self._confirm(envelope)

    def _keep(self, envelope: dict[str, Any]) -> Response:
        try:
            found = read_message(message_of(envelope))
        except Unreadable as reason:
            # signed, so it is what it is: bringing it again would not help
            _log.log(logging.INFO if reason.notice else logging.WARNING, "A post is no event: %s", reason)
            return PlainTextResponse("ignored")
        services = self._services
        keep_events(services.engine, found, fingerprints=services.tokens.fingerprints, now=services.clock())
        return PlainTextResponse("kept")

    def _confirm(self, envelope: dict[str, Any]) -> Response:
        """Confirm a subscription that somebody made to a topic of ours; note one that was ended."""
        if envelope["Type"] != "SubscriptionConfirmation":
            _log.warning(
                "The subscription of /events/ses to a topic was ended: no events come by it any more."
            )
            return PlainTextResponse("noted")
        url = envelope["SubscribeURL"]
        if not is_of_sns(url):
            _log.warning("A subscription was not confirmed: its address is not of SNS.")
            return PlainTextResponse("refused: an address elsewhere", 403)
        try:
            self._fetch(url)
        except LookupError:
            _log.warning("A subscription was not confirmed: SNS does not know it any more.")
            return PlainTextResponse("refused: SNS does not confirm it", 403)
        _log.warning("The subscription of /events/ses to a topic was confirmed.")
        return PlainTextResponse("confirmed")
