"""Replies under the issues: written by anybody, shown when the owner has approved them.

A reader who comes from their own mail has its key with them: it stood behind the "#" of the link, which no
server sees, and the page's script puts it into the form. So they need not type their name. Nothing about who
was recognised is ever part of a page: their name is asked for with the key, in an answer that nobody keeps.
"""

import logging
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from newsletter.archive.entries import Entry
from newsletter.archive.forms import HONEYPOT, MOST_LETTERS, MOST_LINKS, MOST_NAME
from newsletter.archive.remarks import links_in, plain
from newsletter.archive.site import Typed
from newsletter.model import Person
from newsletter.people.addresses import InvalidAddress, parse_address
from newsletter.people.naming import one_line
from newsletter.store import replies
from newsletter.store.engine import reading
from newsletter.store.signups import Often, forget_limits
from newsletter.store.subscribers import load_people
from newsletter.web.asking import Form, address_of, network_of, read_body, read_form
from newsletter.web.reading import READING, Reading
from newsletter.web.site import Site
from newsletter.web.telling import tell_owner

__all__ = ["PER_NETWORK", "PER_SENDER", "Replying"]

PER_SENDER: Final = Often(times=3, seconds=1200)
PER_NETWORK: Final = Often(times=10, seconds=360)
_TOLD: Final = Often(times=20, seconds=900)  #: mails to the owner; what is above waits in `replies list`
_MOST_BYTES: Final = (
    64 * 1024
)  #: of the form: 4,000 letters, of which each may take nine bytes when it travels
_MOST_KEY: Final = 200
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Fault:
    where: str
    words: str


class Replying:
    """The form, and what becomes of what is written into it."""

    def __init__(self, site: Site, pages: Reading) -> None:
        self._site, self._pages = site, pages

    def show(self, request: Request) -> Response:
        """GET /reply/SLUG: the form on a page of its own, for pages that stand elsewhere."""
        return self._form(request, self._entry(request), Typed())

    async def submit(self, request: Request) -> Response:
        """POST /reply/SLUG: the reply waits for the owner, who is told.

        Raises HTTPException 404 without such an issue, 413 if it is far too long.
        """
        form = await read_form(request, most=_MOST_BYTES)
        return await run_in_threadpool(self._submit, request, form)

    async def name(self, request: Request) -> Response:
        """POST /reply/name, the body a key: the name that its reader is known by, "" if there is none.

        Raises HTTPException 404 for a key that is none.
        """
        key = (await read_body(request, most=_MOST_KEY)).decode("ascii", "replace")
        person = await run_in_threadpool(self._reader, key)
        if person is None:
            raise HTTPException(404)
        return PlainTextResponse(_shown_name(person.name))

    def sent(self, request: Request) -> Response:
        """GET /reply/sent: what happens next."""
        words = self._site.words
        return self._site.page(
            request, "said.html", title=words("reply_sent_title"), lead=words("reply_sent_lead"), back=""
        )

    # -- one reply ------------------------------------------------------------------------------

    def _submit(self, request: Request, form: Form) -> Response:
        entry = self._entry(request)
        typed = Typed(
            text=plain(form.get("text", [""])[0]),
            name=_shown_name(form.get("name", [""])[0]),
            email=one_line(form.get("email", [""])[0])[:320],
            reader=form.get("reader", [""])[0][:_MOST_KEY],
        )
        reader = self._reader(typed.reader)
        sent = RedirectResponse(f"{self._site.base(request)}/reply/sent", 303)
        if any(form.get(HONEYPOT, [])):
            return sent
        draft = self._draft(request, entry, typed, reader)
        if isinstance(draft, _Fault):
            return self._form(request, entry, typed, draft)
        services = self._site.services
        now = services.clock()
        with reading(services.engine) as connection:
            if replies.is_banned(connection, [draft.sender, draft.network], now):
                return sent
        asked = {f"replies {draft.sender}": PER_SENDER, f"replies {draft.network}": PER_NETWORK}
        if self._site.refused({what: often for what, often in asked.items() if what != "replies "}):
            return self._too_often(request)
        with services.engine.begin() as connection:
            forget_limits(connection, now)
            reply = replies.write(connection, draft, now)
        if reply is not None and not self._site.refused({"replies told": _TOLD}):
            sent.background = BackgroundTask(self._tell, reply, entry)
        return sent

    def _draft(
        self, request: Request, entry: Entry, typed: Typed, reader: Person | None
    ) -> replies.Draft | _Fault:
        """Return the reply, or what is wrong with it."""
        words = self._site.words
        name = typed.name or (_shown_name(reader.name) if reader else "")
        key = ""
        if not typed.text:
            return _Fault("text", words("reply_no_text"))
        if len(typed.text) > MOST_LETTERS:
            return _Fault("text", words("reply_too_long", most=MOST_LETTERS))
        if links_in(typed.text) > MOST_LINKS:
            return _Fault("text", words("reply_too_many_links", most=MOST_LINKS))
        if not name or links_in(name):
            return _Fault("name", words("reply_no_name"))
        if typed.email and reader is None:
            try:
                key = parse_address(typed.email).key
            except InvalidAddress as error:
                return _Fault("email", words("bad_address", reason=str(error)))
        sender = f"reader {reader.id}" if reader else f"address {key}" if key else ""
        network = network_of(address_of(request))
        return replies.Draft(
            slug=entry.slug,
            name=name,
            body=typed.text,
            email=typed.email if reader is None else "",
            email_key=key,
            subscriber_id=reader.id if reader else None,
            sender=self._site.hashed(sender) if sender else "",
            network=self._site.hashed(f"network {network}") if network else "",
        )

    def _too_often(self, request: Request) -> Response:
        words = self._site.words
        title, lead = words("reply_often_title"), words("reply_often_lead")
        response = self._site.page(request, "problem.html", status=429, title=title, lead=lead)
        response.headers["Retry-After"] = "3600"
        return response

    def _tell(self, reply: replies.Reply, entry: Entry) -> None:
        try:
            tell_owner(self._site, reply, entry.title)
        except Exception as error:  # the answer is given: the owner reads the log, which names nobody
            _log.error("The owner was not told of a reply: %s", type(error).__name__)

    # -- who and where --------------------------------------------------------------------------

    def _entry(self, request: Request) -> Entry:
        if not self._site.services.settings.archive.comments:
            raise HTTPException(404)
        entry = self._pages.archive().entry(unquote(request.path_params["slug"]))
        if entry is None:
            raise HTTPException(404)
        return entry

    def _reader(self, key: str) -> Person | None:
        """Return the subscriber whose mail a key stood in; None for anybody else."""
        claim = self._site.services.tokens.read(key)
        if claim is None or claim.purpose != "w":
            return None
        with reading(self._site.services.engine) as connection:
            return load_people(connection, [claim.subscriber]).get(claim.subscriber)

    def _form(self, request: Request, entry: Entry, typed: Typed, fault: _Fault | None = None) -> Response:
        words = self._site.words
        title = words("reply_title")
        response = self._site.page(
            request,
            "reply.html",
            status=422 if fault else 200,
            title=words("error_prefix") + title if fault else title,
            server=self._site.base(request),
            entry=entry,
            slug=entry.slug,
            typed=typed,
            fault=fault.words if fault else "",
            fault_in=fault.where if fault else "",
            honeypot=HONEYPOT,
            most_letters=MOST_LETTERS,
            most_name=MOST_NAME,
        )
        response.headers["Content-Security-Policy"] = READING["Content-Security-Policy"]
        return response


def _shown_name(text: str) -> str:
    return one_line(plain(text))[:MOST_NAME]
