"""Pictures of a report for the handbook: made-up figures of a list of 1,224 people, in Chromium."""

import io
import math
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from letters import DOCS, ROOT
from PIL import Image

from newsletter.checks.colours import palette
from newsletter.model import CampaignState
from newsletter.reporting.accounting import Accounts
from newsletter.reporting.figures import (
    CampaignFigures,
    Growth,
    Heard,
    IssueFigures,
    Unsubscribed,
)
from newsletter.reporting.paces import Track, pace, timeline
from newsletter.reporting.page import Look, issue_page
from newsletter.settings_file import load_settings
from newsletter.store.figures import DomainBounces, ReasonBounces
from newsletter.store.tallies import Tally

BEGAN = datetime(2026, 11, 3, 13, tzinfo=UTC)
SLUG = "2026-11-individual-vs-group"
HEARD = Heard(delivered=1187, hard=7, soft=5, unheard=5, complaints=1, ever_delayed=9)
STANDING = Tally(sent=1204, failed=1, skipped={"paused": 6, "unsubscribed": 13})


def draw_reports(browser: Any) -> None:
    """Draw a report on a desk in light, and its beginning on a phone in dark."""
    settings = load_settings(ROOT, {}).newsletter
    look = Look(
        name=settings.name,
        colours=palette(settings.brand_color, settings.accent_color),
        zone=ZoneInfo(settings.timezone),
    )
    page = issue_page(made_up(), look)
    images = DOCS / "images" / "reports"
    _shoot(browser, page, images / "light.png", width=1100, height=2155, shown=770, scheme="light")
    _shoot(browser, page, images / "phone-dark.png", width=375, height=1700, shown=375, scheme="dark")


def made_up() -> IssueFigures:
    """Return the figures that are shown."""
    sending = _track()
    accounts = Accounts(
        slug=SLUG,
        state=CampaignState.FINISHED,
        planned=True,
        candidates=STANDING.total,
        sent=STANDING.sent,
        failed=STANDING.failed,
        skipped=STANDING.skipped,
        uncertain=0,
        queued=0,
        sending=0,
        uncertain_ids=[],
    )
    campaign = CampaignFigures(
        segment="",
        state=CampaignState.FINISHED,
        began=BEGAN,
        accounts=accounts,
        heard=HEARD,
        pace=pace(sending),
        opens=None,
        clicks=None,
        unsubscribed=6,
    )
    return IssueFigures(
        slug=SLUG,
        title="Individual vs. group music therapy",
        began=BEGAN,
        as_of=BEGAN + timedelta(days=14, hours=4),
        standing=STANDING,
        balances=True,
        heard=HEARD,
        pace=pace(sending),
        timeline=timeline(sending),
        reasons=[
            ReasonBounces(reason="The mailbox does not exist", hard=6, soft=0),
            ReasonBounces(reason="The mailbox is full", hard=0, soft=4),
            ReasonBounces(reason="The domain does not exist or takes no mail", hard=1, soft=0),
            ReasonBounces(reason="The server could not be reached in time", hard=0, soft=1),
        ],
        domains=[
            DomainBounces(domain="mail.example.com", mailed=612, hard=3, soft=2),
            DomainBounces(domain="post.example.org", mailed=231, hard=2, soft=2),
            DomainBounces(domain="school.example.org", mailed=44, hard=1, soft=1),
            DomainBounces(domain="", mailed=3, hard=1, soft=0),
        ],
        opens=None,
        clicks=None,
        links=[],
        unsubscribed=Unsubscribed(
            by_link=6,
            others=1,
            how={"one-click": 4, "page": 2, "cli": 1},
            by_day=[(date(2026, 11, day), *left) for day, left in _LEFT.items()],
        ),
        before="2026-10-songs-that-stay",
        grown=_growth(BEGAN - timedelta(days=28), BEGAN, {"confirmed": 52, "added": 3}, {"unsubscribed": 4}),
        moved=_growth(
            BEGAN, BEGAN + timedelta(days=14), {"confirmed": 24}, {"unsubscribed": 7, "bounced": 7}
        ),
        on_the_list=1271,
        campaigns=[campaign],
    )


_LEFT = {3: (3, 0), 4: (1, 1), 6: (1, 0), 11: (1, 0)}
_CAME = (1, 4, 2, 0, 3, 1, 2, 5, 2, 1, 0, 2, 3, 1, 4, 2, 1, 0, 3, 2, 6, 2, 1, 1, 2, 1, 2, 1)
_CAME_SINCE = (5, 4, 3, 1, 2, 1, 0, 2, 1, 1, 1, 2, 0, 1)


def _growth(since: datetime, until: datetime, joined: dict[str, int], left: dict[str, int]) -> Growth:
    first, days = since.date(), (until - since).days
    came = _CAME if days == len(_CAME) else _CAME_SINCE
    gone = {day: sum(both) for day, both in _LEFT.items()} | {3: 10}
    went = [gone.get((first + timedelta(days=number)).day, 0) if days == 14 else 0 for number in range(days)]
    if days != 14:
        went[2], went[9] = 3, 1
    return Growth(
        since=since,
        until=until,
        joined=joined,
        left=left,
        by_day=[(first + timedelta(days=number), came[number], went[number]) for number in range(days)],
    )


def _track() -> Track:
    """Return a send of 14 mails a second, each delivered after 25 seconds on average."""
    seconds, late, end = 86, 25.0, 240
    first = BEGAN + timedelta(minutes=5)

    def reached(at: int) -> int:
        sent = min(at, seconds)
        waiting = late * (math.exp(-(at - sent) / late) - math.exp(-at / late))
        return round(HEARD.delivered * (sent - waiting) / seconds)

    return Track(
        width=1,
        first=first,
        last=first + timedelta(seconds=seconds),
        seconds=seconds,
        sent=dict.fromkeys(range(seconds), STANDING.sent // seconds),
        delivered={at: reached(at + 1) - reached(at) for at in range(end) if reached(at + 1) > reached(at)},
    )


def _shoot(browser: Any, page: str, file: Path, *, width: int, height: int, shown: int, scheme: str) -> None:
    tab = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
    tab.set_content(page)
    shot = Image.open(io.BytesIO(tab.screenshot())).convert("RGB")
    tab.close()
    small = shot.resize((shown, height * shown // width), Image.Resampling.LANCZOS)
    file.parent.mkdir(parents=True, exist_ok=True)
    small.quantize(128, dither=Image.Dither.NONE).save(file, optimize=True)
