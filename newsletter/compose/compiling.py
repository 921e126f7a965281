"""An issue file becomes a CompiledIssue: READ FIRST, the rest of the package is detail.

    front matter, body --Jinja--> Markdown with tokens --> pieces --layout--> MJML --> HTML --> residual
                                                             |---- text layout ------> text --> residual
                                                             `---- web copy ---------> HTML --> residual

Everything here happens once an issue. What waits for a reader is a token (``slots``) from the first step
to the last, where it becomes an expression for ``newsletter.personal.fill``.
"""

import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from newsletter.compose.context import body_names, headers, issue_names, newsletter_names
from newsletter.compose.finishing import finish_page
from newsletter.compose.images import Album
from newsletter.compose.inlining import inline_css
from newsletter.compose.issue_file import IssueFile, read_issue
from newsletter.compose.mjml import run_mjml
from newsletter.compose.nesting import check_parents
from newsletter.compose.pictures import Pictures
from newsletter.compose.pieces import Body, read_body
from newsletter.compose.placement import place_tokens
from newsletter.compose.report import CompileReport, make_report, used_fields
from newsletter.compose.slots import Kind, Slots
from newsletter.compose.splitting import html_residual, text_residual
from newsletter.compose.templates import Templates
from newsletter.compose.vanishing import check_nothing_vanished
from newsletter.compose.web_copy import web_copy
from newsletter.errors import IssueError, did_you_mean
from newsletter.model import CompiledIssue
from newsletter.settings import Workspace

__all__ = ["CompileReport", "compile_issue", "compile_with_report"]

HTML_LAYOUT: Final = "layout.mjml.j2"
TEXT_LAYOUT: Final = "layout.txt.j2"


def compile_issue(workspace: Workspace, path: Path) -> CompiledIssue:
    """Return the issue in a file, compiled. The same input always gives the same result.

    Raises IssueError, with file and line, for whatever is wrong with the issue or its template.
    """
    return compile_with_report(workspace, path)[0]


def compile_with_report(workspace: Workspace, path: Path) -> tuple[CompiledIssue, CompileReport]:
    """Return the compiled issue, and what the checks want to know about it. Raises IssueError."""
    issue = read_issue(path, workspace.root)
    language = issue.language or workspace.settings.newsletter.language
    slots = Slots(secrets.token_hex(5))
    templates = Templates(workspace.templates, slots)
    pictures = Pictures(issue, Album(workspace.root, published=workspace.pictures_url), slots)

    names: dict[str, Any] = {
        "newsletter": newsletter_names(workspace, pictures),
        "issue": issue_names(issue, language),
    }
    names["issue"] |= headers(issue, names, templates, pictures)
    source = templates.text(issue.body, issue.file, issue.body_line, names)
    body = read_body(source, issue, language, slots, pictures)
    names["issue"] |= body_names(body)

    subject = text_residual(names["issue"]["subject"], slots)
    page = _page(issue, _layout(workspace, issue, HTML_LAYOUT), templates, names, body, slots)
    html = html_residual(page, slots)
    plain = templates.layout(_layout(workspace, issue, TEXT_LAYOUT), names)
    text = text_residual(plain.strip() + "\n", slots)

    fields, defaulted = used_fields(slots, names["issue"]["subject"], page, plain)
    compiled = CompiledIssue(
        slug=issue.slug,
        title=issue.title,
        language=language,
        subject=subject,
        html=html,
        text=text,
        fields=fields,
        defaulted=defaulted,
        uses_unsubscribe=_with_unsubscribe(slots, html=page, text=plain),
        images=list(pictures.album.images.values()),
        web=web_copy(names["issue"], slots) if issue.public else None,
    )
    report = make_report(issue, slots, pictures, names["issue"]["subject"], page, plain)
    return compiled, report


def _page(
    source: IssueFile, layout: str, templates: Templates, names: Mapping[str, Any], body: Body, slots: Slots
) -> str:
    """Return the finished HTML page, with tokens."""
    mjml = place_tokens(templates.layout(layout, names), slots)

    def locate(line: int, written: str) -> tuple[str, int | None]:
        try:
            places = templates.lines(layout, names)
        except IssueError:  # a template that computes with its own markup fails when the markup has marks
            return templates.shown_name(layout), None
        file, number = places[min(line, len(places)) - 1]
        passed_on = written and written not in templates.source_line(file, number)
        own = source.line_with(written) if passed_on else None
        return (source.file, own) if own else (file, number)

    made = run_mjml(mjml, locate)
    issue = names["issue"]
    page = finish_page(inline_css(made.html, made.css), issue["lang"], issue["dir"], issue["title"])
    check_nothing_vanished(mjml, page, body, slots)
    check_parents(page, slots)
    return page


def _layout(workspace: Workspace, issue: IssueFile, name: str) -> str:
    """Return the loader's name of a layout. Raises IssueError if the issue's template has none."""
    known = sorted(path.parent.name for path in workspace.templates.glob(f"*/{name}"))
    if issue.template not in known:
        there = (workspace.templates / issue.template).is_dir() and "/" not in issue.template
        what = f"has no {name}" if there else "does not exist"
        raise IssueError(
            f'The template "{issue.template}" {what}.{did_you_mean(issue.template, known)}',
            hint=f"Templates: {', '.join(known) or 'none'}; each is a folder under templates/ with {name}.",
            file=issue.file,
            line=issue.key_lines.get("template"),
        )
    return f"{issue.template}/{name}"


def _with_unsubscribe(slots: Slots, **parts: str) -> Sequence[str]:
    return [
        name
        for name, text in parts.items()
        if any(
            slot.kind is Kind.VALUE and "unsubscribe_url" in slot.definition.names
            for slot in slots.find(text)
        )
    ]
