"""Jinja at compile time: sandboxed, strict about undefined names, and split from the reader's data.

One environment a compile: it holds the slots, and counts what the templates do (``budget``). The code that
Jinja makes of a file is kept for the next compile, by the file's whole text. Templates are found under the
workspace's ``templates/``; those whose names end in ``.mjml.j2`` or ``.html.j2`` escape what they show, the
others (text, Markdown, words) do not.
"""

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import CodeType
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined, nodes
from jinja2.environment import TemplateModule
from jinja2.loaders import split_template_path
from jinja2.utils import Namespace

from newsletter.compose.binding import Binder
from newsletter.compose.budget import MOST_SOURCE
from newsletter.compose.guarded import GuardedEnvironment
from newsletter.compose.kept import Kept
from newsletter.compose.mishaps import Sources, explain
from newsletter.compose.slots import Definition, Slots
from newsletter.errors import IssueError, NewsletterError
from newsletter.personal.limits import MOST_TEXT
from newsletter.personal.values import default, safe_url, urlencode

__all__ = ["PRIVATE", "Templates", "refuse_private"]

#: The delimiters of residuals; no input may contain them.
PRIVATE: Final = re.compile("[\ue000-\ue002]")
_MARK: Final = re.compile("\ue001([^\ue001\ue002]*):(\\d+)\ue002")
_LEADING_MARKS: Final = re.compile(rf"(?:\s*(?:{_MARK.pattern}))+")


@dataclass(frozen=True, slots=True)
class _Ready:
    """A template file, bound and compiled. weight: the length of its source."""

    code: CodeType
    definitions: Mapping[int, Definition]
    weight: int


class _Files(FileSystemLoader):
    """Template files of a sensible size."""

    def get_source(self, environment: Environment, template: str) -> tuple[str, str, Callable[[], bool]]:
        """Return a file's text, its path, and whether it is still the same; Jinja calls this."""
        (folder,) = map(Path, self.searchpath)
        path = folder.joinpath(*split_template_path(template))
        if path.is_file() and path.stat().st_size > 4 * MOST_SOURCE:  # bytes of a character
            raise _too_long(f"{folder.name}/{template}")
        return super().get_source(environment, template)


#: Types without methods that could be misused: what ``namespace`` makes, and imported templates.
_PLAIN: Final = (Namespace, TemplateModule)
#: By the source, its name and file, the templates' folder, and whether it has marks.
_READY: Final = Kept[tuple[str, str | None, str | None, str, bool], _Ready](
    8_000_000, weight=lambda ready: ready.weight + 1000
)


def refuse_private(text: str, file: str, first_line: int = 1) -> None:
    """Raise IssueError, with its line, if a text holds one of the characters that residuals are made of."""
    if found := PRIVATE.search(text):
        raise IssueError(
            f"The text contains the invisible character U+{ord(found[0]):04X}.",
            hint="Delete it; it usually comes from an icon font. Use an emoji or a picture.",
            file=file,
            line=first_line + text.count("\n", 0, found.start()),
        )


class Templates(GuardedEnvironment):
    """Renders the layouts and the owner's texts of one issue. Not for several threads."""

    def __init__(self, folder: Path, slots: Slots, *, marks: bool = False) -> None:
        """marks: write ``file:line`` marks into the result (``lines``), to find errors again."""
        super().__init__(
            {"default": default, "d": default, "safe_url": safe_url, "urlencode": urlencode},
            loader=_Files(folder),
            undefined=StrictUndefined,
            autoescape=lambda name: bool(name) and str(name).endswith((".mjml.j2", ".html.j2")),
            keep_trailing_newline=True,
            cache_size=-1,
            auto_reload=False,
        )
        self._slots, self._folder, self._marks = slots, folder, marks
        self._texts: set[str] = set()
        self._definitions: Mapping[int, Definition] = {}  # of the file that is being compiled
        self._reading: str | None = None  # that file, while it is
        # the same issue must always compile to the same mail
        del self.filters["random"], self.globals["lipsum"]

    def text(self, source: str, file: str, line: int, context: Mapping[str, Any]) -> str:
        """Return one of the owner's texts, rendered; file and line say where it starts.

        Raises IssueError at the line of the file for all that is wrong with it.
        """
        if "{" not in source:
            return source
        padding = "\n" * (line - 1)  # so that Jinja counts as the owner does
        self._texts.add(file)
        with self._located(context):
            code = self.compile(padding + source, file, file)
            template = self.template_class.from_code(self, code, self.make_globals(None))
            rendered = template.render(context)[len(padding) :]
        return _whole(rendered, MOST_SOURCE, file, line)

    def layout(self, name: str, context: Mapping[str, Any]) -> str:
        """Return a template, such as ``monthly/layout.mjml.j2``, rendered. Raises IssueError."""
        with self._located(context):
            rendered = self.get_template(name).render(context)
        return _whole(rendered, MOST_TEXT, self.shown_name(name))

    def lines(self, name: str, context: Mapping[str, Any]) -> Sequence[tuple[str, int]]:
        """Return, for each line of a rendered layout, the file and line that it comes from."""
        marked = Templates(self._folder, self._slots, marks=True).layout(name, context)
        places: list[tuple[str, int]] = []
        here = (self.shown_name(name), 1)
        for line in marked.split("\n"):
            found = [(match[1], int(match[2])) for match in _MARK.finditer(line)]
            leading = _LEADING_MARKS.match(line)
            before_text = len(_MARK.findall(leading[0])) if leading else 0
            places.append(found[before_text - 1] if before_text else here)
            here = found[-1] if found else here
        return places

    def source_line(self, file: str, number: int) -> str:
        """Return a line of a template file, as ``lines`` names both."""
        source, _, _ = _Files(self._folder).get_source(self, file.removeprefix(f"{self._folder.name}/"))
        return source.split("\n")[number - 1]

    def shown_name(self, name: str) -> str:
        """Return how the owner knows a template: ``templates/monthly/layout.mjml.j2``."""
        return self._sources().shown(name)

    def slot(self, number: int, values: Sequence[Any]) -> str:
        """Return a token; called by templates in the place of what waits for the reader."""
        return self._slots.token(number, values)

    def compile(  # type: ignore[override]
        self,
        source: str,
        name: str | None = None,
        filename: str | None = None,
        raw: bool = False,
        defer_init: bool = False,
    ) -> CodeType:
        """Return a template's code, made now or by an earlier compile; Jinja calls this."""
        ready = _READY.get(
            (source, name, filename, str(self._folder), self._marks),
            lambda: self._compiled(source, name, filename),
        )
        self._slots.learn(ready.definitions)
        return ready.code

    def _compiled(self, source: str, name: str | None, filename: str | None) -> _Ready:
        code = super().compile(source, name, filename)
        self._reading = None
        return _Ready(code, self._definitions, len(source))

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Return ``obj.attribute``: a mapping's key first, so that a key may be called ``items``."""
        if type(obj) is dict and attribute in obj:
            return obj[attribute]
        if type(obj) in _PLAIN and not attribute.startswith("_") and hasattr(obj, attribute):
            return getattr(obj, attribute)  # what the sandbox would return, after a longer look
        return super().getattr(obj, attribute)

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        file = self.shown_name(name or "")
        refuse_private(source, file)
        if len(source) > MOST_SOURCE:
            raise _too_long(file)
        self._reading = file
        tree = super()._parse(source, name, filename)
        binder = Binder(file, self.filters, self.tests)
        binder.bind(tree)
        self._definitions = binder.definitions
        self.count(tree)
        if self._marks:
            for data in tree.find_all(nodes.TemplateData):
                if "<" not in data.data:  # it may be a value that a macro computes
                    continue
                parts = data.data.split("\n")
                marked = [f"\ue001{file}:{data.lineno + n}\ue002{part}" for n, part in enumerate(parts)]
                data.data = "\n".join(marked)
        return tree

    @contextlib.contextmanager
    def _located(self, context: Mapping[str, Any]) -> Iterator[None]:
        """Turn whatever goes wrong in a template into an IssueError with the owner's file and line."""
        try:
            with self.budget.running():
                yield
        except NewsletterError:
            raise
        except Exception as error:  # a template can raise anything; the owner wants to know where
            raise explain(error, self, self._sources(), context) from error

    def _sources(self) -> Sources:
        return Sources(self._folder, self._texts, self._reading)


def _whole(rendered: str, most: int, file: str, line: int | None = None) -> str:
    """Return a rendered text. Raises IssueError if it is longer than any message could be."""
    if len(rendered) > most:
        raise IssueError(
            f"What comes out of this has more than {most:,} characters.",
            hint="Gmail cuts a message off at 102 KB. Look for a loop that runs too often.",
            file=file,
            line=line,
        )
    return rendered


def _too_long(file: str) -> IssueError:
    return IssueError(
        f"The file has more than {MOST_SOURCE:,} characters.",
        hint="Split it; pictures and data do not belong into it.",
        file=file,
    )
