"""A workspace with a tiny template, and a bench to compile issues on and read them as anybody."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from PIL import Image as Pillow

from newsletter.compose.compiling import compile_with_report
from newsletter.compose.report import CompileReport
from newsletter.errors import IssueError
from newsletter.model import CompiledIssue, Person
from newsletter.personal.fill import Filler, context_for
from newsletter.settings import Newsletter, Settings, Workspace

LAYOUT = """\
{%- macro show(pieces) %}
{% for piece in pieces %}
{% if piece.kind == "raw" %}{{ piece.token }}{% else %}
<mj-section><mj-column>
{% if piece.kind == "image" %}<mj-image src="{{ piece.src }}" alt="{{ piece.alt }}" />
{% elif piece.kind == "button" %}<mj-button href="{{ piece.href }}">{{ piece.label }}</mj-button>
{% elif piece.kind == "divider" %}<mj-divider />
{% elif piece.kind == "columns" %}
{% for column in piece.columns %}<mj-text>{{ column.html }}</mj-text>{% endfor %}
{% else %}<mj-text css-class="prose">{{ piece.html }}</mj-text>{% endif %}
</mj-column></mj-section>{% endif %}
{% endfor %}
{% endmacro -%}
<mjml>
  <mj-head>
    <mj-title>{{ issue.title }}</mj-title>
    <mj-preview>{{ issue.preheader }}</mj-preview>
    <mj-style inline="inline">.prose p { margin: 0 0 9px; }</mj-style>
    <mj-style>.prose a:hover { color: #f00 !important; }</mj-style>
  </mj-head>
  <mj-body>
{{ show(issue.lead) }}
{% for section in issue.sections %}
    <mj-section><mj-column>
      <mj-text><h2 id="{{ section.id }}">{{ section.title }}</h2></mj-text>
    </mj-column></mj-section>
{{ show(section.pieces) }}
{% endfor %}
    <mj-section><mj-column>
      <mj-text><a href="{{ unsubscribe_url }}">Leave</a></mj-text>
    </mj-column></mj-section>
  </mj-body>
</mjml>
"""
TEXT = """\
{{ issue.lead_text }}
{% for section in issue.sections %}
## {{ section.title }}

{{ section.text }}
{% endfor %}
{{ unsubscribe_url }}
"""

ADA = Person(id=1, email="ada@example.org", name="Ada Byron", tags=["group", "families"])
BOB = Person(id=2, email="bob@example.org", name="", tags=[])


class Links:
    """Unsubscribe links that say whose they are."""

    def unsubscribe_url(self, subscriber_id: int) -> str:
        """Return an address with the id in it."""
        return f"https://news.example.org/u/{subscriber_id}"

    def preferences_url(self, subscriber_id: int) -> str:
        """Return nothing: there is no such page."""
        return ""

    def web_view_url(self, subscriber_id: int) -> str:
        """Return nothing: there is no such page."""
        return ""


@dataclass(frozen=True)
class Letter:
    """A compiled issue, read as one person or another."""

    issue: CompiledIssue
    report: CompileReport

    def html(self, person: Person = ADA) -> str:
        """Return the HTML part."""
        return Filler(self.issue).html(context_for(person, Links()))

    def text(self, person: Person = ADA) -> str:
        """Return the text part."""
        return Filler(self.issue).text(context_for(person, Links()))

    def subject(self, person: Person = ADA) -> str:
        """Return the subject."""
        return Filler(self.issue).subject(context_for(person, Links()))

    def body(self, person: Person = ADA) -> str:
        """Return the HTML from the start of the letter, without its head and without line breaks."""
        return " ".join(self.html(person).split('role="article"', 1)[1].split())


@dataclass(frozen=True)
class Bench:
    """A workspace to write issues and templates in."""

    workspace: Workspace

    @property
    def root(self) -> Path:
        """The workspace's folder."""
        return self.workspace.root

    def write(self, path: str, text: str | bytes) -> Path:
        """Write a file of the workspace."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return file

    def issue(self, body: str, slug: str = "2026-11-test", **front: Any) -> Path:
        """Write an issue; its body begins in line 3 plus one for each line of front matter."""
        matter = yaml.safe_dump(
            {"title": "A test", **front}, sort_keys=False, allow_unicode=True, width=10_000
        )
        return self.write(f"issues/{slug}.md", f"---\n{matter}---\n{body}")

    def compile(self, body: str, **front: Any) -> Letter:
        """Compile an issue with this body."""
        return Letter(*compile_with_report(self.workspace, self.issue(body, **front)))

    def refuse(self, body: str, **front: Any) -> IssueError:
        """Return the error that an issue with this body is refused with."""
        with pytest.raises(IssueError) as caught:
            self.compile(body, **front)
        assert caught.value.hint
        return caught.value

    def layout(self, body: str, head: str = "") -> Path:
        """Replace the template: these lines of MJML in mj-body, from line 3 on."""
        head = f"<mj-head>{head}</mj-head>" if head else ""
        return self.write(
            "templates/monthly/layout.mjml.j2", f"<mjml>{head}\n<mj-body>\n{body}\n</mj-body></mjml>\n"
        )

    def picture(self, path: str, size: tuple[int, int] = (800, 400), mode: str = "RGB", **save: Any) -> Path:
        """Write a picture with very many colours."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        noise = Pillow.effect_noise(size, 90)
        Pillow.merge(
            "RGB", [noise, noise.rotate(180), noise.transpose(Pillow.Transpose.FLIP_LEFT_RIGHT)]
        ).convert(mode).save(file, **save)
        return file


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A workspace with the template above."""
    settings = Settings(
        newsletter=Newsletter(
            name="Ignite <&> Friends", from_="Ignite <hello@example.org>", reply_to="re@example.org"
        )
    )
    made = Bench(Workspace(root=tmp_path, settings=settings))
    made.write("templates/monthly/layout.mjml.j2", LAYOUT)
    made.write("templates/monthly/layout.txt.j2", TEXT)
    return made


def lines_with(file: Path, snippet: str) -> Sequence[int]:
    """Return the numbers of the lines that hold a snippet."""
    return [number for number, line in enumerate(file.read_text().splitlines(), 1) if snippet in line]
