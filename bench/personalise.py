"""What one person's mail costs: filling what was compiled once, against rendering everything per person.

    ./dev bench personalise                 the November issue of this repository
    ./dev bench personalise --check         exit 1 below 50x for html or 15x for a message

"Naive" renders the issue's whole MJML by Jinja, runs MJML and premailer and builds an EmailMessage, for each
person. It is given every advantage: its template is parsed and its loops, includes and Markdown are
rendered once; premailer gets our CSS only and does not touch the network. Times are CPU time of this process,
the best of several rounds, for both ways in turn.
"""

import argparse
import secrets
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage, MIMEPart
from email.policy import SMTP
from pathlib import Path

from lxml.html import document_fromstring
from mjml import mjml2html

from newsletter.compose.compiling import HTML_LAYOUT, compile_issue
from newsletter.compose.context import body_names, headers, issue_names, newsletter_names
from newsletter.compose.images import Album
from newsletter.compose.inlining import inline_css
from newsletter.compose.issue_file import find_issue, read_issue
from newsletter.compose.mjml import run_mjml
from newsletter.compose.pictures import Pictures
from newsletter.compose.pieces import read_body
from newsletter.compose.slots import Slots
from newsletter.compose.splitting import html_residual
from newsletter.compose.templates import Templates
from newsletter.model import CompiledIssue, Person, Residual
from newsletter.personal.bulk import BulkIssue
from newsletter.personal.fill import FILL_HTML, Filler, context_for
from newsletter.personal.links import Links
from newsletter.personal.mime import Skeleton
from newsletter.settings import Workspace
from newsletter.settings_file import load_settings
from newsletter.tokens import Tokens

NOVEMBER = "2026-11-individual-vs-group"
HTML_TARGET, MESSAGE_TARGET = 50, 15

PEOPLE = [
    Person(id=n, email=f"reader{n}@example.org", name=name, tags=[tag])
    for n, (name, tag) in enumerate(
        [
            ("Ada Byron", "families"),
            ("", "group"),
            ("Zoé Ångström", "professionals"),
            ("Ben O'Hara", "group"),
        ],
        1,
    )
]


@dataclass(frozen=True)
class Row:
    """One measured way. micros: CPU time for one person."""

    name: str
    micros: float


def measure(name: str, work: Callable[[Person], object], *, rounds: int, people: int) -> Row:
    """Return the best round's CPU time for one person, in microseconds."""
    for person in PEOPLE:
        work(person)
    best = float("inf")
    for _ in range(rounds):
        started = time.process_time()
        for n in range(people):
            work(PEOPLE[n % len(PEOPLE)])
        best = min(best, (time.process_time() - started) / people)
    return Row(name, best * 1e6)


def whole_mjml(workspace: Workspace, path: Path) -> Residual:
    """Return the issue's whole MJML as a template: what ``compile_issue`` does before it runs MJML."""
    issue = read_issue(path, workspace.root)
    slots = Slots(secrets.token_hex(5))
    templates = Templates(workspace.templates, slots)
    pictures = Pictures(issue, Album(workspace.root), slots)
    language = issue.language or workspace.settings.newsletter.language
    names = {"newsletter": newsletter_names(workspace, pictures), "issue": issue_names(issue, language)}
    names["issue"] |= headers(issue, names, templates, pictures)
    source = templates.text(issue.body, issue.file, issue.body_line, names)
    names["issue"] |= body_names(read_body(source, issue, language, slots, pictures))
    return html_residual(templates.layout(f"{issue.template}/{HTML_LAYOUT}", names), slots)


class Naive:
    """Renders, inlines and builds everything again for each person."""

    def __init__(self, workspace: Workspace, path: Path, issue: CompiledIssue, links: Links) -> None:
        self._from, self._issue, self._links = workspace.settings.newsletter.from_, issue, links
        self._filler = Filler(issue)  # subject and text part: too cheap to matter
        self._mjml = FILL_HTML.template(whole_mjml(workspace, path))
        mjml = self._mjml.render(context_for(PEOPLE[0], links))
        self._css = run_mjml(mjml, lambda line, _: ("layout", line)).css

    def html(self, person: Person) -> str:
        """Return one person's HTML part."""
        return inline_css(mjml2html(self._mjml.render(context_for(person, self._links))), self._css)

    def message(self, person: Person) -> bytes:
        """Return one person's whole message."""
        context = context_for(person, self._links)
        made = EmailMessage(policy=SMTP)
        made["From"], made["To"] = self._from, person.email
        made["Subject"] = self._filler.subject(context)
        for name, value in self._links.headers(person.id).items():
            made[name] = value
        made.set_content(self._filler.text(context))
        made.add_alternative(self.html(person), subtype="html")
        part = made.get_body(("html",))
        assert isinstance(part, MIMEPart)
        for image in self._issue.images:
            kind, _, subtype = image.content_type.partition("/")
            part.add_related(image.data, kind, subtype, cid=f"<{image.cid}>", filename=image.name)
        return made.as_bytes()


def measure_all(workspace: Workspace, path: Path, *, rounds: int) -> dict[str, Row]:
    """Return each way's row, by a short name."""
    settings = workspace.settings
    issue: CompiledIssue = compile_issue(workspace, path)
    links = Links(settings, Tokens(["a secret of at least 32 characters"]), "k3xw9q")
    tags = {"campaign": "k3xw9q", "delivery": "42", "attempt": "1"}
    filler = Filler(issue)
    skeleton = Skeleton(issue, settings, links, campaign_key="k3xw9q", clock=lambda: datetime.now(UTC))
    bulk = BulkIssue(issue, settings, links, campaign_key="k3xw9q")

    def fill(person: Person) -> str:
        return filler.html(context_for(person, links))

    def message(person: Person) -> bytes:
        return skeleton.message(person, tags)

    def values(person: Person) -> object:
        return bulk.values(person), bulk.headers(person)

    naive = Naive(workspace, path, issue, links)
    for person in PEOPLE:
        if shown_text(fill(person)) != shown_text(naive.html(person)):
            raise SystemExit("The two ways do not make the same letter: the comparison would mean nothing.")
    return {
        "fill": measure("html, filled", fill, rounds=rounds, people=400),
        "naive html": measure("html, naive (Jinja, MJML, premailer)", naive.html, rounds=rounds, people=8),
        "message": measure("whole message, skeleton", message, rounds=rounds, people=400),
        "naive message": measure(
            "whole message, naive (EmailMessage)", naive.message, rounds=rounds, people=8
        ),
        "bulk": measure("SES bulk values and headers", values, rounds=rounds, people=400),
    }


def shown_text(page: str) -> str:
    """Return what a reader sees of a page, white space aside."""
    body = document_fromstring(page).find("body")
    assert body is not None
    return "".join("".join(map(str, body.itertext())).split())


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; return the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("issue", nargs="?", default=NOVEMBER, help="slug or path (default: %(default)s)")
    parser.add_argument("-C", dest="root", type=Path, default=Path(__file__).resolve().parent.parent)
    parser.add_argument(
        "--rounds", type=int, default=5, help="the best of them counts (default: %(default)s)"
    )
    parser.add_argument("--check", action="store_true", help="exit 1 below the targets")
    options = parser.parse_args(arguments)
    workspace = Workspace(root=options.root, settings=load_settings(options.root, {}))
    path = find_issue(workspace, options.issue)
    rows = measure_all(workspace, path, rounds=options.rounds)
    html = rows["naive html"].micros / rows["fill"].micros
    message = rows["naive message"].micros / rows["message"].micros
    print(f"{path.name}: CPU time for one person, best of {options.rounds} rounds")
    for row in rows.values():
        print(f"  {row.name:<40} {row.micros:>10,.0f} us  {1e6 / row.micros:>9,.0f} people/s")
    print(f"  naive costs {html:.0f} times as much for html (target {HTML_TARGET}),", end=" ")
    print(f"{message:.0f} times for a message (target {MESSAGE_TARGET})")
    return int(options.check and (html < HTML_TARGET or message < MESSAGE_TARGET))


if __name__ == "__main__":
    sys.exit(main())
