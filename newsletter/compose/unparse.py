"""A Jinja expression tree as Jinja source again.

Everything is put in brackets that is not plainly atomic, so no table of precedences is needed and none can
be wrong. Deferred expressions are stored as source because trees do not survive a change of version.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from jinja2 import nodes

__all__ = ["unparse"]

_BINARY: Final[Mapping[type[nodes.Node], str]] = {
    nodes.Add: "+",
    nodes.Sub: "-",
    nodes.Mul: "*",
    nodes.Div: "/",
    nodes.FloorDiv: "//",
    nodes.Mod: "%",
    nodes.Pow: "**",
    nodes.And: "and",
    nodes.Or: "or",
}
_UNARY: Final[Mapping[type[nodes.Node], str]] = {nodes.Not: "not ", nodes.Neg: "-", nodes.Pos: "+"}
_COMPARE: Final[Mapping[str, str]] = {
    "eq": "==",
    "ne": "!=",
    "gt": ">",
    "gteq": ">=",
    "lt": "<",
    "lteq": "<=",
    "in": "in",
    "notin": "not in",
}


def unparse(node: nodes.Node | None, names: Mapping[str, str], *, bare: bool = False) -> str:
    """Return the source of an expression; a name in ``names`` is replaced by the source given there.

    bare: without the brackets around the outermost expression.

    >>> from jinja2 import Environment, nodes
    >>> tree = Environment().parse("{{ a.b | default('x') if c in [1, 'y'] }}")
    >>> unparse(tree.find(nodes.CondExpr), {"c": "d"}, bare=True)
    "(a.b|default('x')) if (d in [1, 'y'])"
    """
    if node is None:
        return ""
    written = _Writer(names).write(node)
    outermost = bare and written.startswith("(") and isinstance(node, _IN_BRACKETS)
    return written[1:-1] if outermost else written


class _Writer:
    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names

    def write(self, node: nodes.Node) -> str:
        if isinstance(node, nodes.BinExpr):
            return f"({self.write(node.left)} {_BINARY[type(node)]} {self.write(node.right)})"
        if isinstance(node, nodes.UnaryExpr):
            return f"({_UNARY[type(node)]}{self.write(node.node)})"
        writer: Callable[[Any], str] | None = getattr(self, f"_{type(node).__name__.lower()}", None)
        if writer is None:
            raise ValueError(f"{type(node).__name__} cannot be written as an expression")
        return writer(node)

    def _name(self, node: nodes.Name) -> str:
        return self._names.get(node.name, node.name)

    def _const(self, node: nodes.Const) -> str:
        return _literal(node.value)

    def _tuple(self, node: nodes.Tuple) -> str:
        items = ", ".join(map(self.write, node.items))
        return f"({items},)" if len(node.items) == 1 else f"({items})"

    def _list(self, node: nodes.List) -> str:
        return f"[{', '.join(map(self.write, node.items))}]"

    def _dict(self, node: nodes.Dict) -> str:
        # the space keeps "{" apart from the private-use delimiter, should a dict open an expression
        return (
            f"{{ {', '.join(f'{self.write(pair.key)}: {self.write(pair.value)}' for pair in node.items)} }}"
        )

    def _condexpr(self, node: nodes.CondExpr) -> str:
        otherwise = f" else {self.write(node.expr2)}" if node.expr2 is not None else ""
        return f"({self.write(node.expr1)} if {self.write(node.test)}{otherwise})"

    def _getattr(self, node: nodes.Getattr) -> str:
        return f"{self._operand(node.node)}.{node.attr}"

    def _getitem(self, node: nodes.Getitem) -> str:
        return f"{self._operand(node.node)}[{self.write(node.arg)}]"

    def _slice(self, node: nodes.Slice) -> str:
        ends = [self.write(end) if end is not None else "" for end in (node.start, node.stop, node.step)]
        return ":".join(ends if ends[2] else ends[:2])

    def _concat(self, node: nodes.Concat) -> str:
        return f"({' ~ '.join(map(self.write, node.nodes))})"

    def _compare(self, node: nodes.Compare) -> str:
        rest = "".join(f" {_COMPARE[op.op]} {self.write(op.expr)}" for op in node.ops)
        return f"({self.write(node.expr)}{rest})"

    def _call(self, node: nodes.Call) -> str:
        return f"{self._operand(node.node)}({self._arguments(node)})"

    def _filter(self, node: nodes.Filter) -> str:
        arguments = self._arguments(node)
        inner: Any = node.node  # None only in a filter block
        chained = isinstance(inner, nodes.Filter)
        value = self.write(inner)[1:-1] if chained else self._operand(inner)
        return f"({value}|{node.name}" + (f"({arguments})" if arguments else "") + ")"

    def _test(self, node: nodes.Test) -> str:
        arguments = self._arguments(node)
        return f"({self.write(node.node)} is {node.name}" + (f"({arguments})" if arguments else "") + ")"

    def _operand(self, node: nodes.Node) -> str:
        """Return what stands before a dot, a bracket or a filter; ``1.real`` would be a broken number."""
        written = self.write(node)
        number = isinstance(node, nodes.Const) and not isinstance(node.value, str)
        return f"({written})" if number else written

    def _arguments(self, node: nodes.Call | nodes.Filter | nodes.Test) -> str:
        parts = [self.write(argument) for argument in node.args]
        parts += [
            f"{pair.key}={self.write(pair.value)}" for pair in node.kwargs if isinstance(pair, nodes.Keyword)
        ]
        parts += [f"*{self.write(node.dyn_args)}"] if node.dyn_args is not None else []
        parts += [f"**{self.write(node.dyn_kwargs)}"] if node.dyn_kwargs is not None else []
        return ", ".join(parts)


_IN_BRACKETS: Final = (
    nodes.Tuple, nodes.CondExpr, nodes.Concat, nodes.Compare, nodes.Filter, nodes.Test, nodes.BinExpr,
    nodes.UnaryExpr,
)  # fmt: skip


def _literal(value: object) -> str:
    """Return a constant as Jinja reads it: its strings know Python's escapes."""
    if isinstance(value, float):
        # Jinja has no literal for infinity, and 1e999 is one
        return "1e999" if value == float("inf") else repr(value)
    if isinstance(value, tuple):
        items = ", ".join(map(_literal, value))
        return f"({items},)" if len(value) == 1 else f"({items})"
    return repr(value)
