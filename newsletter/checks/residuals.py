"""Reading a residual without a person: with every branch in it, at its longest, and what is always there."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from jinja2 import nodes

from newsletter.model import Residual
from newsletter.personal.fill import FILL_PLAIN

__all__ = ["GAP", "Show", "always_shows", "every_branch", "longest"]

#: Stands for a value that is filled in later. A private character: it cannot come from an issue.
GAP: Final = "\ue000"
ROUNDS: Final = 12  #: how often a loop over a person's own data may run, such as over their tags

#: one expression or block between private-use delimiters (newsletter.personal.fill)
_DYNAMIC: Final = re.compile("(\ue000|\ue001)\\{(.*?)\\}\\1", re.DOTALL)

#: Gives the text that stands for an expression.
Show = Callable[[nodes.Expr, Mapping[str, Any]], str]


def every_branch(residual: Residual, value: str | Callable[[str], str] = GAP) -> str:
    """Return the issue's own text, all branches one after another.

    value: stands for each value, or gives the text that stands for an expression.

    >>> every_branch(Residual(source="Dear \\ue000{ subscriber.name }\\ue000!"), "…")
    'Dear …!'
    """

    def written(found: re.Match[str]) -> str:
        if found[1] == "\ue001":
            return ""
        return value if isinstance(value, str) else value(found[2])

    return _DYNAMIC.sub(written, residual.source)


def longest(residual: Residual, show: Show) -> str:
    """Return the largest text, in bytes of UTF-8, that filling may give: each condition's largest branch.

    show: gives the text for an expression and the residual's constants.
    Raises IssueError for a residual that compose did not write.
    """
    return _longest(FILL_PLAIN.tree(residual).body, show, residual.constants)


def _longest(statements: Sequence[nodes.Node], show: Show, constants: Mapping[str, Any]) -> str:
    written: list[str] = []
    for statement in statements:
        match statement:
            case nodes.Output():
                written += [
                    child.data if isinstance(child, nodes.TemplateData) else show(child, constants)
                    for child in statement.nodes
                ]
            case nodes.If():
                branches = [statement.body, *(branch.body for branch in statement.elif_), statement.else_]
                written.append(max((_longest(each, show, constants) for each in branches), key=_size))
            case nodes.For():
                body = _longest(statement.body, show, constants) * _rounds(statement.iter, constants)
                written.append(max(body, _longest(statement.else_, show, constants), key=_size))
    return "".join(written)


def _size(text: str) -> int:
    return len(text.encode())


def _rounds(iterated: nodes.Node, constants: Mapping[str, Any]) -> int:
    """Return how often a loop runs at most: the issue's own lists are known, a person's are not."""
    if isinstance(iterated, nodes.Name) and isinstance(known := constants.get(iterated.name), list | dict):
        return len(known)
    if isinstance(iterated, nodes.List | nodes.Tuple):
        return len(iterated.items)
    return ROUNDS


def always_shows(residual: Residual, name: str) -> bool:
    """Say whether the value of a name is in every message, whatever the person's data are."""
    return _always(FILL_PLAIN.tree(residual).body, name)


def _always(statements: Sequence[nodes.Node], name: str) -> bool:
    return any(_shown(statement, name) for statement in statements)


def _shown(node: nodes.Node, name: str) -> bool:
    """Say whether a statement or an expression shows the name's value in any case."""
    match node:
        case nodes.If():
            ways = [node.body, *(branch.body for branch in node.elif_), node.else_]
            shown = all(_always(each, name) for each in ways)
        case nodes.For():
            shown = _always(node.body, name) and _always(node.else_, name)
        case nodes.CondExpr():
            shown = node.expr2 is not None and _shown(node.expr1, name) and _shown(node.expr2, name)
        case nodes.And() | nodes.Or():
            shown = _shown(node.left, name) and _shown(node.right, name)
        case nodes.Name():
            shown = node.name == name
        case nodes.Compare() | nodes.Test() | nodes.Not():
            shown = False
        case nodes.Filter():
            shown = node.node is not None and _shown(node.node, name)
        case _:
            shown = any(_shown(child, name) for child in node.iter_child_nodes())
    return shown
