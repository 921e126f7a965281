"""A report as one HTML file: it fetches nothing, runs nothing, and looks right in light and in dark.

Decision: the file carries its own policy (CSP), which allows nothing but its one style sheet, by hash. So
whatever came from outside, a browser does nothing with it but show it.
"""

import base64
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from newsletter.reporting import sections
from newsletter.reporting.figures import IssueFigures, YearFigures
from newsletter.reporting.picturing import issue_plots, year_plots
from newsletter.reporting.sections import Line, Table
from newsletter.reporting.svg import ROLES
from newsletter.reporting.wording import day, moment, share

__all__ = ["Look", "issue_page", "year_page"]

_PAGES: Final = Path(__file__).parent / "pages"
_POLICY: Final = (
    "default-src 'none'; img-src data:; style-src 'sha256-{}'; base-uri 'none'; form-action 'none'"
)
#: The colour of each role in the style sheet.
_COLOURS: Final[Mapping[str, str]] = {
    "ink": "--ink",
    "muted": "--muted",
    "grid": "--grid",
    "delivered": "--brand",
    "sent": "--quiet",
    "hard": "--fault",
    "soft": "--faint",
    "left": "--accent",
    "people": "--brand",
    "machines": "--quiet",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """Whose report it is. colours: link_light, link_dark, accent_light, accent_dark, as hexadecimal codes."""

    name: str
    colours: Mapping[str, str]
    zone: ZoneInfo


@dataclass(frozen=True, kw_only=True, slots=True)
class _Key:
    """One of the large figures at the top."""

    what: str
    figure: str
    unit: str = ""
    detail: str = ""


def issue_page(figures: IssueFigures, look: Look) -> str:
    """Return the report of one issue as HTML."""
    return _page(
        "issue.html",
        look,
        figures.as_of,
        title=figures.title,
        issue=figures,
        lead=_lead(figures, look.zone),
        wrong=sections.verdict(figures),
        keys=list(_issue_keys(figures)),
        who=sections.who_got_it(figures),
        audience=_meter(sections.who_got_it(figures)),
        says=sections.provider_says(figures),
        reported=_meter(sections.provider_says(figures)[:-1]),
        pace=sections.pace_in_words(figures.pace, figures.heard) if figures.pace else [],
        plots=_Plots(issue_plots(figures, look.zone)),
        attention=sections.attention(figures),
        unreliable=sections.UNRELIABLE,
        links=_links(figures),
        sends=sections.sends(figures, look.zone),
    )


def year_page(figures: YearFigures, look: Look) -> str:
    """Return a year's issues side by side as HTML."""
    issues = figures.issues
    first, last = (day(issues[place].began, look.zone) for place in (0, -1))
    span = f"{len(issues)} issues, from {first} to {last}." if len(issues) > 1 else f"One issue, on {first}."
    return _page(
        "year.html",
        look,
        figures.as_of,
        title=str(figures.year),
        year=figures,
        lead=span,
        keys=list(_year_keys(figures)),
        plots=_Plots(year_plots(figures, look.zone)),
        issues=sections.side_by_side(figures, look.zone),
    )


class _Plots(dict[str, Any]):
    """Plots by name; None for those that a report does not have."""

    def __missing__(self, name: str) -> None:
        return None


def _page(template: str, look: Look, as_of: Any, **context: Any) -> str:
    pages = Environment(
        loader=FileSystemLoader(_PAGES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    assert set(_COLOURS) == set(ROLES)  # noqa: S101  (each has a colour)
    style = pages.get_template("report.css").render(roles=_COLOURS, **look.colours)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return pages.get_template(template).render(
        policy=_POLICY.format(digest),
        style=Markup(style),  # noqa: S704  (ours; the colours in it are hexadecimal codes)
        name=look.name,
        as_of=moment(as_of, look.zone),
        zone=look.zone.key,
        **context,
    )


# -- what stands at the top -------------------------------------------------------------------------


def _lead(figures: IssueFigures, zone: ZoneInfo) -> str:
    standing, heard = figures.standing, figures.heard
    began = moment(figures.began, zone)
    to = sections.audience_of(figures.campaigns[0])
    several = len(figures.campaigns)
    how = f"Sent to {to} on {began}" if several == 1 else f"Sent {several} times since {began}"
    if not heard.anything:
        return f"{how}. {standing.sent:,} of {standing.total:,} letters have left."
    return f"{how}. {heard.delivered:,} of {standing.sent:,} readers have it."


def _issue_keys(figures: IssueFigures) -> Iterator[_Key]:
    sent, heard = figures.standing.sent, figures.heard
    if heard.anything:
        yield _key("Delivered", heard.delivered, sent, f"{heard.delivered:,} of {sent:,} sent")
        kinds = f"{heard.hard:,} for good, {heard.soft:,} for now" if heard.bounced else "no letter came back"
        yield _key("Bounced", heard.bounced, sent, kinds)
        yield _key("Reported as spam", heard.complaints, sent, _people(heard.complaints))
    else:
        yield _key("Sent", sent, figures.standing.total, f"{sent:,} of {figures.standing.total:,} people")
    left = figures.unsubscribed.total
    yield _key("Unsubscribed", left, sent, _people(left))
    if figures.clicks is not None:
        people = figures.clicks.people.people
        yield _key("Clicked", people, sent, f"{_people(people)}, as it seems")
    since = "since the issue before" if figures.before else "so far"
    change = figures.grown.came - figures.grown.went + figures.moved.came - figures.moved.went
    yield _Key(what="On the list", figure=f"{figures.on_the_list:,}", detail=f"{change:+,} {since}")


def _year_keys(figures: YearFigures) -> Iterator[_Key]:
    issues = figures.issues
    sent = sum(issue.standing.sent for issue in issues)
    delivered = sum(issue.heard.delivered for issue in issues)
    bounced = sum(issue.heard.bounced for issue in issues)
    complaints = sum(issue.heard.complaints for issue in issues)
    change = sum(issue.moved.came - issue.moved.went for issue in issues)
    if any(issue.heard.anything for issue in issues):
        yield _key("Delivered", delivered, sent, f"{delivered:,} of {sent:,} letters")
        yield _key("Bounced", bounced, sent, f"{bounced:,} letters")
        yield _key("Reported as spam", complaints, sent, f"{complaints:,} times")
    else:
        yield _Key(what="Sent", figure=f"{sent:,}", detail="letters")
        left = sum(issue.unsubscribed.total for issue in issues)
        yield _key("Unsubscribed", left, sent, _people(left))
    yield _Key(
        what="On the list", figure=f"{issues[-1].on_the_list:,}", detail=f"{change:+,} since the first issue"
    )


def _key(what: str, part: int, whole: int, detail: str) -> _Key:
    figure, _, unit = share(part, whole).partition(" ")
    return _Key(what=what, figure=figure or "0", unit=unit, detail=detail)


def _people(number: int) -> str:
    return "one person" if number == 1 else f"{number:,} people" if number else "nobody"


# -- tables and bars --------------------------------------------------------------------------------


def _meter(lines: Iterable[Line]) -> list[tuple[str, float, float]]:
    """Return how a bar of 100 is divided: role, beginning and width of each part."""
    some = [line for line in lines if line.people]
    whole = sum(line.people for line in some)
    parts: list[tuple[str, float, float]] = []
    begun = 0.0
    for line in some:
        role = {"good": "delivered", "bad": "hard"}.get(line.tone, "sent")
        width = 100 * line.people / whole
        parts.append((role, round(begun, 2), round(width, 2)))
        begun += width
    return parts


def _links(figures: IssueFigures) -> Table:
    rows = [(each.link, f"{each.people:,}", f"{each.machines:,}") for each in figures.links]
    return Table(head=("Link", "People", "Programs"), rows=rows)
