"""Issues to be checked: a good one, and what is wrong with a changed one."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from newsletter.checks import preflight
from newsletter.compose.compiling import compile_with_report
from newsletter.model import Finding
from newsletter.settings import Workspace
from newsletter.settings_file import load_settings
from tests.workspaces import REPOSITORY

SLUG = "2026-12-under-test"
FILE = f"issues/{SLUG}.md"
FIELDS = frozenset({"email", "name", "first_name", "last_name", "tags", "city"})
GOOD = """\
---
title: Rhythm and rest
preheader: Why a pause is part of the music.
---
Hello {{ subscriber.first_name | default('friend') }},

## A section
Some words with [a link](https://example.org/).

![Two chairs and a guitar](images/two-chairs.png)
"""
#: Shows all that an issue has, quickly; tests/checks/test_command.py looks at the real templates.
LAYOUT = """\
<mjml><mj-head>
  <mj-raw><meta name="color-scheme" content="light dark" /></mj-raw>
  <mj-preview>{{ issue.preheader }}</mj-preview>
</mj-head><mj-body background-color="#fffcf7"><mj-section><mj-column>
{% if issue.hero %}<mj-image src="{{ issue.hero.src }}" alt="{{ issue.hero.alt }}" width="600px" />{% endif %}
<mj-text><h1>{{ issue.title }}</h1></mj-text>
{% macro show(pieces) %}{% for piece in pieces %}
  {% if piece.kind == "raw" %}{{ piece.token }}
  {% elif piece.kind == "image" %}
    <mj-image src="{{ piece.src }}" alt="{{ piece.alt }}" width="{{ [piece.width or 550, 550] | min }}px"
      {% if piece.href %}href="{{ piece.href }}"{% endif %} />
  {% else %}
    {% if piece.title is defined %}<mj-text><h3>{{ piece.title }}</h3></mj-text>{% endif %}
    <mj-text>{{ piece.html }}</mj-text>
  {% endif %}
{% endfor %}{% endmacro %}
{{ show(issue.lead) }}
{% for section in issue.sections %}
  <mj-text><h2 id="{{ section.id }}">{{ section.title }}</h2></mj-text>{{ show(section.pieces) }}
{% endfor %}
<mj-text><a style="color:#333333" href="{{ unsubscribe_url }}">Unsubscribe</a></mj-text>
</mj-column></mj-section></mj-body></mjml>
"""


def change(before: str, after: str, text: str = GOOD) -> str:
    """Return the good issue with one thing changed."""
    changed = text.replace(before, after)
    assert changed != text
    return changed


@dataclass(frozen=True)
class Table:
    """A workspace in which issues are looked over without the command line."""

    root: Path

    @property
    def workspace(self) -> Workspace:
        return Workspace(root=self.root, settings=load_settings(self.root, {}))

    def write(self, path: str, text: str) -> Path:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
        return file

    def draft(self, text: str) -> preflight.Draft:
        """Return an issue of December 2026, composed."""
        issue, report = compile_with_report(self.workspace, self.write(FILE, text))
        return preflight.Draft(workspace=self.workspace, issue=issue, report=report, known_fields=FIELDS)

    def findings(self, text: str) -> list[Finding]:
        return preflight.findings(self.draft(text))

    def found(self, text: str) -> list[tuple[str, str]]:
        """Return check and line (or file) of each finding, shortened: ("contrast", "7")."""
        return [(finding.check, finding.where.removeprefix(f"{FILE}:")) for finding in self.findings(text)]

    def one(self, text: str, check: str) -> Finding:
        """Return the only finding of a check."""
        found = [finding for finding in self.findings(text) if finding.check == check]
        assert len(found) == 1, self.findings(text)
        return found[0]


def make_table(folder: Path) -> Table:
    """Return a table with the repository's settings and pictures, a lean template, and no issue."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(REPOSITORY / "newsletter.toml", folder)
    shutil.copytree(REPOSITORY / "issues" / "images", folder / "issues" / "images")
    table = Table(folder)
    table.write("templates/monthly/layout.mjml.j2", LAYOUT)
    table.write(
        "templates/monthly/layout.txt.j2", "{{ issue.title }}\n\n{{ issue.text }}\n\n{{ unsubscribe_url }}"
    )
    return table
