"""Which fields of the subscriber an expression uses, and whether each has a default there.

A field *has a default* where nothing odd is shown to whoever has no such field: it goes through
``default``, stands before ``or``, is only asked about (``if``, ``in``, ``is``), or is shown inside a
condition that asks about it.
"""

from collections.abc import Iterator

from jinja2 import nodes

from newsletter.compose.slots import FieldUse
from newsletter.errors import IssueError

__all__ = ["asked_fields", "field_uses"]


def asked_fields(test: nodes.Node) -> frozenset[str]:
    """Return the fields that must be there for the condition to hold: ``a and b > 1`` gives both."""
    if isinstance(test, nodes.And):
        return asked_fields(test.left) | asked_fields(test.right)
    if isinstance(test, nodes.Or):
        return asked_fields(test.left) & asked_fields(test.right)
    if isinstance(test, nodes.Not) or (isinstance(test, nodes.Test) and test.name != "defined"):
        return frozenset()
    return frozenset(name for name, _, _ in _fields(test, False, frozenset()))


def field_uses(
    expression: nodes.Node, file: str, *, asked: bool = False, present: frozenset[str] = frozenset()
) -> tuple[FieldUse, ...]:
    """Return the uses of subscriber fields in an expression.

    asked: the expression is a condition or what a loop runs over. present: fields that a condition around
    it asks about. Raises IssueError where ``subscriber`` stands without a field.
    """
    found: list[FieldUse] = []
    for name, has_default, line in _fields(expression, asked, present):
        if not name:
            raise IssueError(
                "subscriber stands alone, without a field.",
                hint="Name the field: {{ subscriber.first_name | default('friend') }}",
                file=file,
                line=line,
            )
        found.append(FieldUse(name=name, file=file, line=line, has_default=has_default))
    return tuple(found)


def _fields(node: nodes.Node, safe: bool, present: frozenset[str]) -> Iterator[tuple[str, bool, int]]:
    """Yield (field or "", has a default, line)."""
    if (name := _field(node)) is not None:
        yield name, safe or name in present, node.lineno
        return
    for child, child_safe, child_present in _parts(node, safe, present):
        yield from _fields(child, child_safe, child_present)


def _field(node: nodes.Node) -> str | None:
    """Return the field that a node reads, "" for all of subscriber, or None."""
    match node:
        case nodes.Getattr(node=nodes.Name(name="subscriber"), attr=str(name)):
            return name
        case nodes.Getitem(node=nodes.Name(name="subscriber"), arg=nodes.Const(value=str(name))):
            return name
        case nodes.Name(name="subscriber"):
            return ""
        case _:
            return None


def _parts(
    node: nodes.Node, safe: bool, present: frozenset[str]
) -> Iterator[tuple[nodes.Node, bool, frozenset[str]]]:
    """Yield the parts of an expression, and what is known where each of them is evaluated."""
    match node:
        case nodes.Filter(name="default" | "d", node=nodes.Node() as value):
            yield value, True, present
            for argument in [*node.args, *node.kwargs]:
                yield argument, safe, present
        case nodes.Or():
            yield node.left, True, present
            yield node.right, safe, present
        case nodes.CondExpr():
            yield node.test, True, present
            yield node.expr1, safe, present | asked_fields(node.test)
            if node.expr2 is not None:
                yield node.expr2, safe, present
        case nodes.And() | nodes.Not() | nodes.Compare() | nodes.Test():
            for child in node.iter_child_nodes():
                yield child, True, present
        case _:
            for child in node.iter_child_nodes():
                yield child, safe, present
