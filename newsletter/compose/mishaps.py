"""What went wrong in a template, told to its owner: in their words, at their file and line."""

import re
import traceback
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from jinja2 import Environment, TemplateNotFound, TemplateSyntaxError, UndefinedError, nodes
from jinja2.parser import Parser

from newsletter.errors import IssueError, did_you_mean
from newsletter.personal.limits import TooMuch

__all__ = ["Sources", "explain"]

_Place = tuple[str | None, int | None]


@dataclass(frozen=True, slots=True)
class Sources:
    """Where templates come from.

    folder: of the template files. texts: the files that other texts, such as an issue's body, came from.
    reading: the template that is being parsed or compiled, as it is shown; None if it runs already.
    """

    folder: Path
    texts: AbstractSet[str]
    reading: str | None = None

    def shown(self, name: str) -> str:
        """Return how the owner knows a template: ``templates/monthly/layout.mjml.j2``."""
        return name if name in self.texts else f"{self.folder.name}/{name}"

    def place(self, error: BaseException) -> _Place:
        """Return the innermost template file and line in a traceback, which Jinja has rewritten for us."""
        found: _Place = (self.reading, None)
        for frame, line in traceback.walk_tb(error.__traceback__):
            name = frame.f_code.co_filename
            if self.reading:
                found = (self.reading, _line_read(frame) or found[1])
            elif name in self.texts:
                found = (name, line)
            elif Path(name).is_relative_to(self.folder):
                found = (self.shown(Path(name).relative_to(self.folder).as_posix()), line)
        return found


def explain(
    error: Exception, environment: Environment, sources: Sources, context: Mapping[str, Any]
) -> IssueError:
    """Return what went wrong. context: the names that the template was given."""
    file, line = sources.place(error)
    match error:
        case TemplateSyntaxError():
            message = (error.message or "not valid Jinja").rstrip(".")
            unknown = re.match(r"No (filter|test) named '([^']*)'", message)
            near = did_you_mean(unknown[2], getattr(environment, f"{unknown[1]}s")) if unknown else ""
            hint = "Tags are written {% if … %} … {% endif %}, values {{ … }}."
            return IssueError(
                f"{message}.{near}", hint=hint, file=sources.shown(error.name or ""), line=error.lineno
            )
        case TooMuch():
            what = f"The template makes too much here. {error}."
            hint = "Look for a number with too many zeros, or for a loop in a loop."
        case TemplateNotFound():
            near = did_you_mean(str(error.name), environment.list_templates())
            what = f"There is no template {error.name}.{near}"
            hint = f"Templates are files under {sources.folder.name}/; write their paths from there."
        case UndefinedError():
            message = re.sub(
                r"'[\w. ]+ object' has no attribute ('[^']*')", r"\1 is not defined", str(error.message)
            )
            what = f"{message}.{_near(str(error.message), context)}"
            hint = "Check the spelling. Fields of the reader are written subscriber.NAME."
        case UnicodeDecodeError():
            broken = (path for path in sources.folder.rglob("*") if path.is_file() and _is_not_utf8(path))
            culprit = next(broken, None)
            file = sources.shown(culprit.relative_to(sources.folder).as_posix()) if culprit else None
            what, hint, line = "The template is not UTF-8 text.", "Save it as UTF-8.", None
        case _:
            deep = isinstance(error, RecursionError)
            text = "something is nested too deeply" if deep else str(error).rstrip(".")
            what = f"The template fails: {text or type(error).__name__}."
            hint = "Correct the expression in this line."
    return IssueError(what, hint=hint, file=file, line=line)


def _line_read(frame: FrameType) -> int | None:
    """Return the line of a template that a function of Jinja's parser or compiler is at."""
    match frame.f_locals:
        case {"self": Parser() as parser}:
            return int(parser.stream.current.lineno)
        case {"node": nodes.Node(lineno=int(line))}:
            return line
        case _:
            return None


def _is_not_utf8(path: Path) -> bool:
    try:
        path.read_text("utf-8")
    except UnicodeDecodeError:
        return True
    return False


def _near(message: str, context: Mapping[str, Any]) -> str:
    """Return a suggestion for an undefined name or a missing attribute."""
    if name := re.match(r"'([^']*)' is undefined", message):
        subscriber = ["first_name", "last_name", "email", "name", "tags"]
        if name[1] in subscriber:
            return f" Did you mean subscriber.{name[1]}?"
        return did_you_mean(name[1], [*context, "subscriber", "unsubscribe_url"])
    if name := re.search(r"no attribute '([^']*)'", message):
        return did_you_mean(
            name[1], {key for value in context.values() if isinstance(value, dict) for key in value}
        )
    return ""
