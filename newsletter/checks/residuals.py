"""Reading a residual without a person: with every branch in it, at its longest, and what is always there."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from jinja2 import nodes

from newsletter.model import Residual
from newsletter.personal.fill import FILL_PLAIN

__all__ = ["GAP", "Measure", "always_shows", "every_branch", "largest"]

#: Stands for a value that is filled in later. A private character: it cannot come from an issue.
GAP: Final = "\ue000"
ROUNDS: Final = 12  #: how often a loop over a person's own data may run, such as over their tags

#: one expression or block between private-use delimiters (newsletter.personal.fill)
_DYNAMIC: Final = re.compile("(\ue000|\ue001)\\{(.*?)\\}\\1", re.DOTALL)

#: Measures an expression.
Measure = Callable[[nodes.Expr, Mapping[str, Any]], int]


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


def largest(residual: Residual, literal: Callable[[str], int], value: Measure) -> int:
    """Return how much filling may give at most: of each condition the largest branch.

    literal: measures the issue's own text; value: an expression, given the residual's constants.
    Raises IssueError for a residual that compose did not write.
    """

    def most(*branches: Sequence[nodes.Node]) -> int:
        return max(map(whole, branches))

    def whole(statements: Sequence[nodes.Node]) -> int:
        total = 0
        for statement in statements:
            match statement:
                case nodes.Output():
                    for child in statement.nodes:
                        if isinstance(child, nodes.TemplateData):
                            total += literal(child.data)
                        else:
                            total += value(child, residual.constants)
                case nodes.If():
                    total += most(statement.body, *(each.body for each in statement.elif_), statement.else_)
                case nodes.For():
                    rounds = _rounds(statement.iter, residual.constants)
                    total += max(whole(statement.body) * rounds, whole(statement.else_))
        return total

    return whole(FILL_PLAIN.tree(residual).body)


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
