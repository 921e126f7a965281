"""A compiled issue as an Amazon SES bulk template, and one person's values for it.

    literals of the issue           ->  the template, sent once per call of up to 50 letters
    each value, each whole if or for -> ``{{h3}}``, filled and escaped by us, per person

Decisions
- Only ``{{name}}`` is used. SES's reference allows nothing else in inline templates ("only simple
  substitutions"), so conditions and loops are decided here.
- Not ``{{{name}}}``. SES does not escape values, and neither does aws-ses-v2-local 2.10.2, which compiles
  with Handlebars' noEscape (v2/renderTemplate.js), so the plain form is byte-exact on both. Values come
  to them escaped already.
- Braces and backslashes of the issue that Handlebars could take for markup - ``{{``, ``}}``, ``\\{{``, or any
  beside a placeholder - travel as values themselves (the template's default data). They then never meet
  a parser, whatever the rules of the one at Amazon are.
- The subject is one value as soon as anything in it depends on the person: it is folded as a whole.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from jinja2 import Template, nodes

from newsletter.model import BulkTemplate, CompiledIssue, Person, Residual
from newsletter.personal import headers
from newsletter.personal.fill import FillEnvironment, context_for
from newsletter.personal.links import Links
from newsletter.personal.values import one_line
from newsletter.settings import Settings

__all__ = ["BulkIssue"]

#: Ends a value while rendering; no value holds one (``values.clean``), no literal either.
_STOP: Final = "\x00"
#: A run of two or more markup characters, or one that would stand beside a placeholder.
_MARKUP = re.compile(r"[{}\\]{2,}|^[{}\\]|[{}\\]$")


class _PartEnvironment(FillEnvironment):
    """Renders only what depends on the person; top-level literals are set aside."""

    def split(self, residual: Residual) -> tuple[list[str | None], Template]:
        """Return the pieces - text, or None for a value - and a template that renders values with stops."""
        tree = self.tree(residual)
        pieces: list[str | None] = []
        body: list[nodes.Node] = []
        for node in tree.body:
            if isinstance(node, nodes.Assign):
                body.append(node)
                continue
            for child in node.nodes if isinstance(node, nodes.Output) else [node]:
                if isinstance(child, nodes.TemplateData):
                    pieces.append(child.data.replace(_STOP, ""))
                    continue
                pieces.append(None)
                body += [
                    nodes.Output([child], lineno=1) if isinstance(child, nodes.Expr) else child,
                    nodes.Output([nodes.TemplateData(_STOP)], lineno=1),
                ]
        tree.body = body
        return pieces, self.compiled(tree, residual.constants)


_HTML = _PartEnvironment(autoescape=True)
_PLAIN = _PartEnvironment(autoescape=False)


class BulkIssue:
    """One issue in bulk form. Compiles once; safe to share by threads."""

    def __init__(self, issue: CompiledIssue, settings: Settings, links: Links, *, campaign_key: str) -> None:
        """Raises IssueError if the issue does not compile."""
        self._links = links
        self._defaults: dict[str, str] = {}
        self._fillers: list[Callable[[Mapping[str, Any]], Mapping[str, str]]] = []
        #: Shared by all letters of the issue.
        self.template = BulkTemplate(
            subject=self._part("s", issue.subject),
            html=self._part("h", issue.html),
            text=self._part("t", issue.text),
            headers={
                name: value.replace("\r\n", "")
                for name, value in headers.list_headers(settings, campaign_key).items()
            },
            defaults=self._defaults,
            images=issue.embedded,
        )

    def values(self, person: Person) -> Mapping[str, str]:
        """Return what to put for the template's names, for one person."""
        context = context_for(person, self._links)
        found: dict[str, str] = {}
        for fill in self._fillers:
            found |= fill(context)
        return found

    def headers(self, person: Person) -> Mapping[str, str]:
        """Return one person's own headers: List-Unsubscribe and, with https, List-Unsubscribe-Post."""
        return self._links.headers(person.id)

    def _part(self, letter: str, residual: Residual) -> str:
        """Return a part's template; note how to fill its values."""
        pieces, template = (_HTML if letter == "h" else _PLAIN).split(residual)
        if letter == "s":
            if None in pieces:
                whole = FillEnvironment(autoescape=False).template(residual)
                self._fillers.append(lambda context: {"s": one_line(whole.render(context))})
                return "{{s}}"
            return self._literal(one_line("".join(piece or "" for piece in pieces)))
        names = [f"{letter}{number}" for number in range(pieces.count(None))]
        self._fillers.append(
            lambda context: dict(zip(names, template.render(context).split(_STOP), strict=False))
        )
        numbered = iter(names)
        return "".join(
            f"{{{{{next(numbered)}}}}}" if piece is None else self._literal(piece) for piece in pieces
        )

    def _literal(self, text: str) -> str:
        return _MARKUP.sub(lambda run: f"{{{{{self._default(run[0])}}}}}", text)

    def _default(self, text: str) -> str:
        """Return the name of a default value that is this text."""
        for name, value in self._defaults.items():
            if value == text:
                return name
        name = f"b{len(self._defaults)}"
        self._defaults[name] = text
        return name
