"""Do the links and the pictures on the web answer? Asked on request only: it takes seconds, and tells them.

A few threads ask one address each, within a time for each and a time for all. What answers is never read.
"""

import queue
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urldefrag, urlsplit

from newsletter.checks.fetching import AllowAddress, Answer, Forbidden, NoAnswer, ask, is_public
from newsletter.checks.pictures import place_of
from newsletter.checks.places import Places
from newsletter.checks.rules import Rule
from newsletter.checks.weights import HEAVY
from newsletter.compose.images import is_remote
from newsletter.compose.report import CompileReport
from newsletter.model import Finding, Level

__all__ = ["check"]

DEAD: Final = Rule("link-dead", Level.WARNING)
UNREACHABLE: Final = Rule("link-unreachable", Level.WARNING)
PRIVATE: Final = Rule("link-private", Level.WARNING)
REFUSED: Final = Rule("link-refused", Level.NOTE)
NOT_ASKED: Final = Rule("link-not-asked", Level.NOTE)
OFFLINE: Final = Rule("offline", Level.WARNING)
PICTURE_HEAVY: Final = Rule("web-picture-heavy", Level.WARNING)

_GONE: Final = frozenset({404, 410})
_THREADS: Final = 4


@dataclass(frozen=True, slots=True)
class _Target:
    """Something to ask about. shown: how findings name it."""

    url: str
    where: str
    shown: str
    picture: bool


def check(
    report: CompileReport,
    *,
    seconds: float = 40.0,
    seconds_each: float = 10.0,
    allow_address: AllowAddress = is_public,
) -> list[Finding]:
    """Return what is wrong with the web addresses of an issue, in the order of the page.

    seconds: for all of them; seconds_each: for one. allow_address: which numbers may be connected to.
    """
    targets = _targets(report)
    answers = _ask_all([target.url for target in targets], seconds, seconds_each, allow_address)
    hosts = {urlsplit(target.url).netloc for target in targets}
    silent = [answer for answer in answers.values() if type(answer) is NoAnswer]
    if len(hosts) > 1 and len(silent) == len(targets):
        what = f"none of {len(hosts)} web sites can be reached; no link was checked."
        return [OFFLINE(report.where, what, "Is this computer online? A proxy is not used.")]
    found = [
        finding
        for target in targets
        if target.url in answers and (finding := _judge(target, answers[target.url])) is not None
    ]
    if late := len(targets) - len(answers):
        what = f"{late} address(es) were not asked: the time of {seconds:g} seconds was over."
        found.append(NOT_ASKED(report.where, what, "Run the check again when the web is faster."))
    return found


def _targets(report: CompileReport) -> list[_Target]:
    places = Places(report.file)
    found: dict[str, _Target] = {}
    for link in report.links:
        url = urldefrag(link.href.strip())[0]
        if not link.waits and urlsplit(url.lower()).scheme in {"http", "https"}:
            shown = f'the link "{link.text[:40]}"' if link.text else f"the link to {url[:60]}"
            where = places.snippet(url, ends=True)
            found.setdefault(url, _Target(url, where, shown, picture=False))
    for picture in report.pictures:
        if is_remote(picture.source):
            url = f"https:{picture.source}" if picture.source.startswith("//") else picture.source
            found[url] = _Target(url, place_of(picture), f"the picture {url[:60]}", picture=True)
    return list(found.values())


def _ask_all(
    urls: Sequence[str], seconds: float, seconds_each: float, allow_address: AllowAddress
) -> Mapping[str, Answer | NoAnswer]:
    """Return the answers that came in time."""
    end = time.monotonic() + seconds
    waiting: queue.SimpleQueue[str] = queue.SimpleQueue()
    done: queue.SimpleQueue[tuple[str, Answer | NoAnswer]] = queue.SimpleQueue()
    for url in urls:
        waiting.put(url)

    def work() -> None:
        while (left := end - time.monotonic()) > 0:
            try:
                url = waiting.get_nowait()
            except queue.Empty:
                return
            try:
                answer: Answer | NoAnswer = ask(
                    url, seconds=min(left, seconds_each), allow_address=allow_address
                )
            except NoAnswer as silence:
                answer = silence
            done.put((url, answer))

    # daemons: looking up a name cannot be cut off, and must not keep the program from ending
    for _ in range(min(_THREADS, len(urls))):
        threading.Thread(target=work, daemon=True).start()
    answers: dict[str, Answer | NoAnswer] = {}
    while len(answers) < len(urls) and (left := end - time.monotonic()) > 0:
        try:
            url, answer = done.get(timeout=left)
        except queue.Empty:
            break
        answers[url] = answer
    return answers


def _judge(target: _Target, answer: Answer | NoAnswer) -> Finding | None:
    """Return what is wrong with an answer, None for a good one."""
    if isinstance(answer, NoAnswer):
        rule = PRIVATE if isinstance(answer, Forbidden) else UNREACHABLE
        return rule(target.where, f"{target.shown} does not work: {answer}.", "Correct the address.")
    if answer.status in _GONE or answer.status >= 500:
        what = f"{target.shown} answers {answer.status}."
        mend = "Correct the address." if answer.status in _GONE else "Try it in a browser, and again later."
        return DEAD(target.where, what, mend)
    if answer.status >= 400:
        what = f"{target.shown} answers {answer.status}; it may refuse programs, or ask for a password."
        return REFUSED(target.where, what, "Open it in a browser that is not logged in.")
    if target.picture and (answer.size or 0) > HEAVY:
        what = f"{target.shown} has {(answer.size or 0) / 1000:.0f} kB; a phone may take seconds to load it."
        return PICTURE_HEAVY(target.where, what, "Put it next to the issue; it is then made smaller.")
    return None
