"""Fills what is left of a compiled issue for one person.

    Residual --parse, guard, compile (once)--> template --render (per person)--> subject, html, text

Decisions
- Delimiters are private-use characters (U+E000 to U+E002), refused in input: literal text such as
  ``{{7*7}}`` is never parsed as Jinja.
- Every expression is compiled into a guarded lambda. What a person's data cannot answer (text where a
  number is wanted, a list where text is wanted) gives nothing there instead of an error: they still get
  their mail. The guard costs about 0.1 us an expression.
- Sandboxed and immutable: ``subscriber.x.__class__`` is empty, and data cannot be changed.
- What would become far too large (``'*' * subscriber.rating``, of 10**9) is nothing, too (``limits``).
- A key of a mapping wins over a method of the same name: a custom field may be called ``items``.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, Protocol

from jinja2 import ChainableUndefined, Template, TemplateError, nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from newsletter.errors import IssueError
from newsletter.model import CompiledIssue, Person, Residual
from newsletter.personal.limits import MEASURED, OPERATORS, check_call, check_operator, measured
from newsletter.personal.values import as_text, clean, default, one_line, safe_url, urlencode

__all__ = [
    "DELIMITERS",
    "FILL_HTML",
    "FILL_PLAIN",
    "FillEnvironment",
    "Filler",
    "context_for",
    "safe_url",
    "urlencode",
]

#: The residual's delimiters, as arguments of a Jinja environment.
DELIMITERS: Final[Mapping[str, Any]] = {
    "variable_start_string": "\ue000{",
    "variable_end_string": "}\ue000",
    "block_start_string": "\ue001{",
    "block_end_string": "}\ue001",
    "comment_start_string": "\ue002{",
    "comment_end_string": "}\ue002",
}

_Shape = tuple[Any, ...] | None


class LinkMaker(Protocol):
    """What filling needs to know about links: ``newsletter.personal.links.Links``."""

    def unsubscribe_url(self, subscriber_id: int) -> str:
        """Return the address that ends this subscriber's subscription."""
        ...

    def preferences_url(self, subscriber_id: int) -> str:
        """Return the address of this subscriber's preferences, "" if there is no such page."""
        ...

    def web_view_url(self, subscriber_id: int) -> str:
        """Return the address of the issue on the web, "" if there is no such page."""
        ...


class _GuardedCode(CodeGenerator):
    """Writes ``environment.NAME(lambda: EXPRESSION, *rest)`` for the calls that ``_guard`` put in."""

    def visit_Call(self, node: nodes.Call, frame: Frame, forward_caller: bool = False) -> None:  # noqa: N802
        """Write a call; jinja2 finds this by its name."""
        if not isinstance(node.node, nodes.EnvironmentAttribute):
            super().visit_Call(node, frame, forward_caller=forward_caller)
            return
        self.write(f"environment.{node.node.name}(lambda: ")
        expression, *rest = node.args
        self.visit(expression, frame)
        for constant in rest:
            self.write(f", {constant.as_const()!r}")
        self.write(")")


class FillEnvironment(ImmutableSandboxedEnvironment):
    """A Jinja environment for residuals. Subclasses change how literals and values are written."""

    code_generator_class = _GuardedCode
    intercepted_binops = OPERATORS

    def __init__(self, *, autoescape: bool) -> None:
        super().__init__(
            autoescape=autoescape,
            undefined=ChainableUndefined,
            keep_trailing_newline=True,
            newline_sequence="\n",
            cache_size=0,
            **DELIMITERS,
        )
        self.filters |= {"default": default, "d": default, "safe_url": safe_url, "urlencode": urlencode}
        self.filters |= {name: measured(name, self.filters[name]) for name in MEASURED}

    def template(self, residual: Residual) -> Template:
        """Return the residual, compiled. Raises IssueError if it is not one that compose wrote."""
        return self.compiled(self.tree(residual), residual.constants)

    def tree(self, residual: Residual) -> nodes.Template:
        """Return the residual as a syntax tree. Raises IssueError as ``template`` does."""
        with _reading():
            return self.parse(residual.source.replace("\x00", ""))  # RFC 5322, section 4: never in mail

    def compiled(self, tree: nodes.Template, constants: Mapping[str, Any]) -> Template:
        """Return the tree, guarded and compiled. Raises IssueError as ``template`` does."""
        for node in tree.find_all((nodes.Output, nodes.If, nodes.For, nodes.Assign, nodes.Filter)):
            self._guard(node)
        with _reading():
            template = self.from_string(tree, globals=dict(constants))
        # jinja2 keeps a ChainMap, and copies it for each rendering: a plain dict is ten times faster to copy
        template.globals = dict(template.globals)
        return template

    def literal(self, text: str) -> str:
        """Return the issue's own text as it is written out."""
        return text

    def show(self, compute: Callable[[], Any]) -> str:
        """Return an expression's value as text; Markup is not escaped again."""
        try:
            value = compute()
            if type(value) is str and value.isprintable():  # nearly always
                return value
            text = as_text(value)
            cleaned = clean(text)
            return Markup(cleaned) if isinstance(text, Markup) else cleaned  # noqa: S704 (was Markup already)
        except Exception:  # a person's data must never cost them their mail
            return ""

    def value(self, compute: Callable[[], Any]) -> Any:
        """Return an expression's value, or undefined where the person's data does not fit it."""
        try:
            return compute()
        except Exception:  # as in show
            return self.undefined()

    def items(self, compute: Callable[[], Any], shape: _Shape) -> Any:
        """Return what a loop runs over: only items that fit its targets, nothing if it is no collection."""
        try:
            found = compute()
            iter(found)
            return found if shape is None else [item for item in found if _fits(item, shape)]
        except Exception:  # as in show
            return ()

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Return ``obj.attribute``: a mapping's key first, then what the sandbox allows."""
        if type(obj) is dict:
            try:
                return obj[attribute]
            except KeyError:
                pass
        return super().getattr(obj, attribute)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Return ``left operator right``. Raises TooMuch, which the guards around it turn into nothing."""
        check_operator(operator, left, right)
        return super().call_binop(context, operator, left, right)

    def call(self, context: Context, function: Any, /, *arguments: Any, **named: Any) -> Any:
        """Return what a function or method returns. Raises TooMuch as ``call_binop`` does."""
        return super().call(context, function, *check_call(function, arguments, named), **named)

    def _guard(self, node: nodes.Node) -> None:
        if isinstance(node, nodes.Output):
            node.nodes = [self._output(child) for child in node.nodes]
        elif isinstance(node, nodes.If):
            node.test = _guarded("value", node.test)
        elif isinstance(node, nodes.For):
            node.iter = _guarded("items", node.iter, nodes.Const(_shape(node.target)))
            node.test = _guarded("value", node.test) if node.test else None
        elif isinstance(node, nodes.Assign) or (
            isinstance(node, nodes.Filter) and node.name in {"default", "d"} and node.node
        ):
            node.node = _guarded("value", node.node)

    def _output(self, child: nodes.Expr) -> nodes.Expr:
        if isinstance(child, nodes.TemplateData):
            return nodes.TemplateData(self.literal(child.data), lineno=child.lineno)
        return _guarded("show", child)


@contextmanager
def _reading() -> Iterator[None]:
    try:
        yield
    except TemplateError as error:
        raise IssueError(
            f"The compiled issue cannot be read: {error}.",
            hint="Compile and approve the issue again; it was stored by another version.",
        ) from error


def _guarded(how: str, expression: Any, *rest: nodes.Expr) -> nodes.Expr:
    line = expression.lineno
    arguments = [expression, *rest]
    return nodes.Call(nodes.EnvironmentAttribute(how, lineno=line), arguments, [], None, None, lineno=line)


def _shape(target: nodes.Node) -> _Shape:
    return tuple(_shape(item) for item in target.items) if isinstance(target, nodes.Tuple) else None


def _fits(item: Any, shape: _Shape) -> bool:
    return shape is None or (
        isinstance(item, list | tuple) and len(item) == len(shape) and all(map(_fits, item, shape))
    )


FILL_HTML: Final = FillEnvironment(autoescape=True)  #: for the html part: values are escaped
FILL_PLAIN: Final = FillEnvironment(autoescape=False)  #: for the text part and the subject


class Filler:
    """An issue, ready to be filled for any number of people. Compiles once; safe to share by threads."""

    def __init__(self, issue: CompiledIssue) -> None:
        """Raises IssueError if a part does not compile."""
        self._subject = FILL_PLAIN.template(issue.subject)
        self._html = FILL_HTML.template(issue.html)
        self._text = FILL_PLAIN.template(issue.text)

    def html(self, context: Mapping[str, Any]) -> str:
        """Return the html part for one person; context comes from ``context_for``."""
        return self._html.render(context)

    def text(self, context: Mapping[str, Any]) -> str:
        """Return the plain-text part for one person, with "\\n" line ends."""
        return self._text.render(context)

    def subject(self, context: Mapping[str, Any]) -> str:
        """Return the subject for one person: one line without control characters."""
        return one_line(self._subject.render(context))


def context_for(person: Person, links: LinkMaker) -> dict[str, Any]:
    """Return the names that a residual may use about one person.

    preferences_url is empty without web pages, web_view_url also for an issue that is not public.
    """
    return {
        "subscriber": person.fields(),
        "unsubscribe_url": links.unsubscribe_url(person.id),
        "preferences_url": links.preferences_url(person.id),
        "web_view_url": links.web_view_url(person.id),
    }
