"""What templates may say about the newsletter and the issue (README, "Templates")."""

import calendar
import functools
from collections.abc import Callable, Mapping
from typing import Any, Final

from newsletter.compose.issue_file import IssueFile
from newsletter.compose.pictures import Pictures
from newsletter.compose.pieces import Body
from newsletter.compose.templates import Templates
from newsletter.settings import SETTINGS_FILE, Workspace

__all__ = ["body_names", "headers", "issue_names", "newsletter_names"]

_RIGHT_TO_LEFT: Final = frozenset({"ar", "arc", "dv", "fa", "he", "ku", "ps", "sd", "ug", "ur", "yi"})
_MONTHS: Final[Mapping[str, str]] = {
    "ar": "يناير فبراير مارس أبريل مايو يونيو يوليو أغسطس سبتمبر أكتوبر نوفمبر ديسمبر",
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "he": "ינואר פברואר מרץ אפריל מאי יוני יולי אוגוסט ספטמבר אוקטובר נובמבר דצמבר",
    "it": "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    "nl": "januari februari maart april mei juni juli augustus september oktober november december",
    "pt": "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
}
#: The most a logo is shown at, CSS pixels.
_LOGO_WIDTH: Final = 300


def newsletter_names(workspace: Workspace, pictures: Pictures) -> dict[str, Any]:
    """Return ``newsletter``: the settings of that section; ``logo`` is a picture's address or ""."""
    settings = workspace.settings.newsletter
    names = {
        name.rstrip("_"): getattr(settings, name) for name in settings.__dataclass_fields__ if name != "from_"
    }
    logo = ""
    if settings.logo:
        made = pictures.album.add(
            settings.logo, workspace.root, file=SETTINGS_FILE, line=None, width=_LOGO_WIDTH
        )
        logo = made.src
    return {**names, "from_address": settings.from_, "logo": logo}


def issue_names(issue: IssueFile, language: str) -> dict[str, Any]:
    """Return ``issue`` before its texts are rendered: the front matter, and what follows from it."""
    base = language.partition("-")[0].lower()
    names = _MONTHS.get(base, "").split() or list(calendar.month_name)[1:]
    return {
        **issue.extra,
        "slug": issue.slug,
        "title": issue.title,
        "author": issue.author,
        "tags": list(issue.tags),
        "segment": issue.segment,
        "date": issue.date,
        "month": f"{names[issue.date.month - 1]} {issue.date.year}",
        "lang": language,
        "dir": issue.dir or ("rtl" if base in _RIGHT_TO_LEFT else "ltr"),
    }


def headers(
    issue: IssueFile, names: Mapping[str, Any], templates: Templates, pictures: Pictures
) -> dict[str, Any]:
    """Return the front matter's texts, rendered: ``subject``, ``preheader``, ``hero`` and free texts.

    Raises IssueError at the key's line.
    """

    def render(text: str, key: str) -> str:
        line = issue.key_lines.get(key, issue.key_lines.get("title", 2))
        return templates.text(text, issue.file, line, names)

    hero = None
    if issue.hero:
        line = issue.key_lines.get("hero.image")
        made = pictures.add(issue.hero.image, issue.hero.alt, line=line)
        hero = {
            **made,
            "alt": render(made["alt"], "hero.alt"),
            "caption": render(issue.hero.caption, "hero.caption"),
            "href": render(issue.hero.href, "hero.href"),
        }
    free = {key: _each_text(value, functools.partial(render, key=key)) for key, value in issue.extra.items()}
    return {
        **free,
        "subject": " ".join(render(issue.subject, "subject").split()),
        "preheader": render(issue.preheader, "preheader").strip(),
        "hero": hero,
    }


def body_names(body: Body) -> dict[str, Any]:
    """Return what the body adds to ``issue``."""
    return {
        "lead": body.lead,
        "lead_text": body.lead_text,
        "sections": body.sections,
        "text": body.text,
    }


def _each_text(value: Any, render: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return render(value)
    if isinstance(value, list):
        return [_each_text(item, render) for item in value]
    if isinstance(value, dict):
        return {key: _each_text(item, render) for key, item in value.items()}
    return value
