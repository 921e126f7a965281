"""Which plots a report has, and what each of them says."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from newsletter.reporting.figures import IssueFigures, YearFigures
from newsletter.reporting.plots import Bar, Caption, Column, Plot, arrivals, bars, columns, reached
from newsletter.reporting.sections import Table, domain_name
from newsletter.reporting.wording import on, share

__all__ = ["issue_plots", "year_plots"]

_FOR_GOOD, _FOR_NOW = ("hard", "for good"), ("soft", "for now")
_CAME, _WENT = ("people", "came"), ("left", "left")


def issue_plots(figures: IssueFigures, zone: ZoneInfo) -> dict[str, Plot]:
    """Return the plots of an issue by name; those that would be empty are left out."""
    plots: list[Plot] = []
    if figures.timeline is not None and figures.pace is not None and figures.heard.anything:
        plots.append(arrivals(figures.timeline, figures.pace, figures.heard))
    if figures.reasons:
        plots.append(_reasons(figures))
    if figures.domains:
        plots.append(_domains(figures))
    counted = [
        (kind, reach)
        for kind, reach in (("Opens", figures.opens), ("Clicks", figures.clicks))
        if reach is not None and (reach.people.people or reach.machines.people)
    ]
    plots += [reached(kind, reach, half=len(counted) == 2) for kind, reach in counted]
    if figures.unsubscribed.by_day:
        plots.append(_unsubscribed(figures, zone))
    if figures.grown.by_day or figures.moved.by_day:
        plots.append(_growth(figures, zone))
    return {plot.caption.name: plot for plot in plots}


def year_plots(figures: YearFigures, zone: ZoneInfo) -> dict[str, Plot]:
    """Return the plots of a year by name; those that would be empty are left out."""
    plots = [_year_sent(figures, zone)]
    shares: Sequence[tuple[str, str, str, Callable[[IssueFigures], int]]] = (
        ("bounced", "Mail that came back", "hard", lambda issue: issue.heard.bounced),
        ("spam", "Reported as spam", "hard", lambda issue: issue.heard.complaints),
        ("unsubscribed", "Unsubscribed", "left", lambda issue: issue.unsubscribed.total),
        ("clicked", "Clicked, as it seems people", "people", _clicked),
    )
    some = [each for each in shares if any(map(each[3], figures.issues))]
    plots += [_year_share(figures, zone, *each) for each in some]
    if any(issue.moved.came or issue.moved.went for issue in figures.issues):
        plots.append(_year_list(figures, zone, half=len(some) % 2 == 1))
    return {plot.caption.name: plot for plot in plots}


# -- an issue ---------------------------------------------------------------------------------------


def _reasons(figures: IssueFigures) -> Plot:
    rows = [(each.reason, each.hard, each.soft) for each in figures.reasons]
    caption = Caption(
        name="reasons",
        title="Why mail came back",
        says=f"{figures.heard.hard:,} letters came back for good, {figures.heard.soft:,} for now.",
        key=(_FOR_GOOD, _FOR_NOW),
        table=Table(
            head=("Reason", "For good", "For now"),
            rows=[(reason, f"{hard:,}", f"{soft:,}") for reason, hard, soft in rows],
        ),
    )
    shown = [
        Bar(label=reason, note=f"{hard + soft:,}", parts=[("hard", hard), ("soft", soft)])
        for reason, hard, soft in rows
    ]
    return bars(caption, shown)


def _domains(figures: IssueFigures) -> Plot:
    rows = [(domain_name(each.domain), each.mailed, each.hard, each.soft) for each in figures.domains]
    caption = Caption(
        name="domains",
        title="Where mail came back",
        says="Domains by how many letters came back, and the share of all that were sent there. "
        "Domains of one or two people are among the others.",
        key=(_FOR_GOOD, _FOR_NOW),
        table=Table(
            head=("Domain", "Mailed", "For good", "For now"),
            rows=[(name, f"{mailed:,}", f"{hard:,}", f"{soft:,}") for name, mailed, hard, soft in rows],
        ),
    )
    shown = [
        Bar(
            label=name,
            note=f"{hard + soft:,} of {mailed:,}, {share(hard + soft, mailed)}",
            parts=[("hard", hard), ("soft", soft)],
        )
        for name, mailed, hard, soft in rows
    ]
    return bars(caption, shown)


def _unsubscribed(figures: IssueFigures, zone: ZoneInfo) -> Plot:
    found = figures.unsubscribed
    began, today = (at.astimezone(zone).date() for at in (figures.began, figures.as_of))
    last = max(found.by_day[-1][0], min(today, began + timedelta(days=13)))
    first = min(began, found.by_day[0][0])
    begins, named = _rhythm(first, last)
    linked: Counter[date] = Counter()
    others: Counter[date] = Counter()
    for when, by_link, besides in found.by_day:
        linked[begins(when)] += by_link
        others[begins(when)] += besides
    places = _places(first, last, begins)
    caption = Caption(
        name="unsubscribed",
        title="Who left",
        says=f"{found.total:,} unsubscribed: {found.by_link:,} by a link of this issue, {found.others:,} "
        "otherwise while it was the newest.",
        key=(("left", "by a link of this issue"), ("machines", "otherwise")),
        table=Table(
            head=(named, "By a link", "Otherwise"),
            rows=[
                (_dated(when), f"{linked[when]:,}", f"{others[when]:,}")
                for when in places
                if linked[when] or others[when]
            ],
        ),
    )
    row = [Column(label=on(when), up=[("left", linked[when]), ("machines", others[when])]) for when in places]
    return columns(caption, row, half=True)


def _growth(figures: IssueFigures, zone: ZoneInfo) -> Plot:
    moved = [*figures.grown.by_day, *figures.moved.by_day]
    began = figures.began.astimezone(zone).date()
    first = min(began, moved[0][0])
    last = max(began, moved[-1][0])
    begins, named = _rhythm(first, last)
    came: Counter[date] = Counter()
    went: Counter[date] = Counter()
    for when, joined, left in moved:
        came[begins(when)] += joined
        went[begins(when)] += left
    places = _places(first, last, begins)
    gained, lost = figures.grown.came + figures.moved.came, figures.grown.went + figures.moved.went
    since = f"since {figures.before}" if figures.before else "so far"
    caption = Caption(
        name="growth",
        title="The list",
        says=f"{gained:,} came and {lost:,} left {since}. {figures.on_the_list:,} are on the list now.",
        key=(_CAME, _WENT),
        table=Table(
            head=(named, "Came", "Left"),
            rows=[
                (_dated(when), f"{came[when]:,}", f"{went[when]:,}")
                for when in places
                if came[when] or went[when]
            ],
        ),
    )
    row = [
        Column(label=on(when), up=[("people", came[when])], down=[("left", went[when])]) for when in places
    ]
    half = bool(figures.unsubscribed.by_day)
    return columns(caption, row, half=half, mark=(places.index(begins(began)), "this issue"))


# -- a year -----------------------------------------------------------------------------------------


def _year_sent(figures: YearFigures, zone: ZoneInfo) -> Plot:
    rows = [(issue, issue.standing.sent, issue.heard.delivered) for issue in figures.issues]
    total, delivered = sum(sent for _, sent, _ in rows), sum(got for _, _, got in rows)
    caption = Caption(
        name="sent",
        title="Letters sent and delivered",
        says=f"{total:,} letters, {delivered:,} of them delivered.",
        key=(("delivered", "delivered"), ("sent", "not delivered, or not heard of")),
        table=Table(
            head=("Issue", "Sent", "Delivered"),
            rows=[(issue.slug, f"{sent:,}", f"{got:,}") for issue, sent, got in rows],
        ),
    )
    row = [
        Column(label=_label(issue, zone), up=[("delivered", got), ("sent", sent - got)], note=f"{sent:,}")
        for issue, sent, got in rows
    ]
    return columns(caption, row)


def _clicked(issue: IssueFigures) -> int:
    return issue.clicks.people.people if issue.clicks else 0


def _year_share(
    figures: YearFigures,
    zone: ZoneInfo,
    name: str,
    title: str,
    role: str,
    count: Callable[[IssueFigures], int],
) -> Plot:
    rows = [(issue, count(issue), issue.standing.sent) for issue in figures.issues]
    caption = Caption(
        name=name,
        title=title,
        says=f"{sum(number for _, number, _ in rows):,} people this year. The columns show the share of what "
        "was sent.",
        key=(),
        table=Table(
            head=("Issue", "People", "Share"),
            rows=[(issue.slug, f"{number:,}", share(number, sent)) for issue, number, sent in rows],
        ),
    )
    row = [
        Column(label=_label(issue, zone), up=[(role, 100 * number / sent if sent else 0)])
        for issue, number, sent in rows
    ]
    return columns(caption, row, half=True, unit=" %")


def _year_list(figures: YearFigures, zone: ZoneInfo, *, half: bool) -> Plot:
    rows = [(issue, issue.moved.came, issue.moved.went) for issue in figures.issues]
    caption = Caption(
        name="growth",
        title="The list",
        says=f"{sum(came for _, came, _ in rows):,} came and {sum(went for _, _, went in rows):,} left, each "
        "counted from one issue to the next.",
        key=(_CAME, _WENT),
        table=Table(
            head=("From issue", "Came", "Left"),
            rows=[(issue.slug, f"{came:,}", f"{went:,}") for issue, came, went in rows],
        ),
    )
    row = [
        Column(label=_label(issue, zone), up=[("people", came)], down=[("left", went)])
        for issue, came, went in rows
    ]
    return columns(caption, row, half=half)


# -- days, weeks, months ----------------------------------------------------------------------------


def _label(issue: IssueFigures, zone: ZoneInfo) -> str:
    return on(issue.began.astimezone(zone).date())


def _dated(when: date) -> str:
    return f"{on(when)} {when.year}"


def _rhythm(first: date, last: date) -> tuple[Callable[[date], date], str]:
    """Return what gives the first day of the span that a day is counted in, and what a span is called."""
    days = (last - first).days
    if days <= 31:
        return (lambda when: when), "Day"
    if days <= 200:
        return (lambda when: when - timedelta(days=when.weekday())), "Week from"
    return (lambda when: when.replace(day=1)), "Month from"


def _places(first: date, last: date, begins: Callable[[date], date]) -> Sequence[date]:
    """Return the first day of each span between two days."""
    days = (first + timedelta(days=number) for number in range((last - first).days + 1))
    return list(dict.fromkeys(map(begins, days)))
