"""Opens and clicks that a program made: honest guesses, made where they can be wrong in one direction only.

Decisions. A mail program's privacy proxy and a scanner fetch pictures whether or not anybody reads; so what
comes by one is told apart, and a report shows people and programs separately. Some people are counted as
programs (Gmail fetches through its proxy when somebody opens, too); no program that names itself is counted
as a person. A scanner that calls itself a usual browser and takes its time cannot be told from a person.

    Apple Mail Privacy Protection   user agent "Mozilla/5.0" and nothing else
    Gmail, Yahoo                    "GoogleImageProxy", "YahooMailProxy" in the user agent
    scanners, libraries, crawlers   a word of theirs in the user agent, or none at all
    any                             within ten seconds of sending, before people see it
    any                             three links and more within five seconds (store/events.py)

Sources: what the proxies send; Apple, "Use Mail Privacy Protection"; SendGrid, "Understanding Apple Mail
Privacy Protection and Open Events".
"""

import re
from datetime import datetime, timedelta
from typing import Final

__all__ = ["machine_sign"]

_PROXY: Final = re.compile(r"GoogleImageProxy|YahooMailProxy|ggpht\.com", re.IGNORECASE)
_PROGRAM: Final = re.compile(
    r"bot\b|crawl|spider|headless|phantomjs|scanner|barracuda|mimecast|proofpoint|symantec|safelinks"
    r"|curl/|wget/|python-|aiohttp|go-http-client|\bjava/|libwww|okhttp|node-fetch|axios/|postman",
    re.IGNORECASE,
)
_AT_ONCE: Final = timedelta(seconds=10)


def machine_sign(user_agent: str, at: datetime | None, sent_at: datetime | None) -> str:
    """Return what shows that a program opened or clicked, "" if a person may have.

    >>> machine_sign("Mozilla/5.0", None, None)
    'privacy proxy'
    >>> machine_sign("Mozilla/5.0 (iPhone; CPU iPhone OS 10_3_3 like Mac OS X) Mobile/14G60", None, None)
    ''
    """
    agent = user_agent.strip()
    if agent == "Mozilla/5.0":
        return "privacy proxy"
    if _PROXY.search(agent):
        return "image proxy"
    if not agent or _PROGRAM.search(agent):
        return "a program's user agent"
    if at is not None and sent_at is not None and at - sent_at < _AT_ONCE:
        return "within seconds of sending"
    return ""
