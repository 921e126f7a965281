"""Jinja's sandbox with a budget: each loop, call, filter, operator and output is counted.

Counting is written into the code that Jinja generates; it costs a legitimate template some per cent.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from jinja2 import nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from newsletter.compose.budget import MOST_NESTED, Budget
from newsletter.personal.limits import (
    OPERATORS,
    TooMuch,
    allow,
    check_call,
    check_filter,
    check_operator,
    check_shown,
    first_argument,
)

__all__ = ["GuardedEnvironment"]

#: The statements whose bodies may run any number of times.
_REPEATED: Final = (nodes.Template, nodes.For, nodes.Macro, nodes.CallBlock, nodes.Block)


class _CountingCode(CodeGenerator):
    """Writes calls of the environment plainly, and has ``~`` and slices counted."""

    def visit_Call(self, node: nodes.Call, frame: Frame, forward_caller: bool = False) -> None:  # noqa: N802
        """Write a call; jinja2 finds this and the following by their names."""
        if not isinstance(node.node, nodes.EnvironmentAttribute):
            super().visit_Call(node, frame, forward_caller=forward_caller)
            return
        self.write(f"environment.{node.node.name}(")
        for argument in node.args:
            self.visit(argument, frame)
            self.write(", ")
        self.write(")")

    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:  # noqa: N802
        """Write ``a ~ b`` as a call that measures first."""
        joined = "markup_join" if frame.eval_ctx.autoescape else "str_join"
        if frame.eval_ctx.volatile:
            joined = "(markup_join if context.eval_ctx.autoescape else str_join)"
        self.write(f"environment.concatenated({joined}, (")
        for part in node.nodes:
            self.visit(part, frame)
            self.write(", ")
        self.write("))")

    def visit_Getitem(self, node: nodes.Getitem, frame: Frame) -> None:  # noqa: N802
        """Write ``a[b]``; a slice is a copy, so it counts."""
        if not isinstance(node.arg, nodes.Slice):
            super().visit_Getitem(node, frame)
            return
        self.write("environment.made(")
        super().visit_Getitem(node, frame)
        self.write(")")


class GuardedEnvironment(ImmutableSandboxedEnvironment):
    """A sandbox that raises TooMuch. One for each compile: it counts."""

    code_generator_class = _CountingCode
    intercepted_binops = OPERATORS

    def __init__(self, filters: Mapping[str, Callable[..., Any]], **options: Any) -> None:
        """filters: besides Jinja's own. options: as of a Jinja environment."""
        self.budget = Budget()
        self.made, self.tick = self.budget.made, self.budget.tick
        super().__init__(**options, finalize=self._shown)
        known = {**self.filters, **filters}
        self.filters = {name: self._measured(name, function) for name, function in known.items()}

    def count(self, tree: nodes.Template) -> None:
        """Put the counting of steps and literals into a template's tree."""
        _check_nesting(tree)
        for node in [tree, *tree.find_all(_REPEATED)]:
            body: list[nodes.Node] = node.body  # type: ignore[attr-defined]
            size = sum(len(data.data) for part in body for data in _literals(part))
            call = nodes.Call(nodes.EnvironmentAttribute("tick"), [nodes.Const(size)], [], None, None)
            body.insert(0, nodes.ExprStmt(call, lineno=node.lineno))
        tree.set_environment(self)

    def concatenated(self, join: Callable[[Sequence[Any]], str], parts: Sequence[Any]) -> str:
        """Return ``a ~ b ~ …``; called by templates."""
        allow(sum(len(part) for part in parts if isinstance(part, str)))
        for part in parts:
            check_shown(part)
        text: str = self.made(join(parts))
        return text

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Return ``left operator right``, measured first."""
        if not (type(left) is float or (type(left) is int and type(right) is float)):  # most are: colours
            check_operator(operator, left, right)
        return self.made(self.binop_table[operator](left, right))

    def call(self, context: Context, function: Any, /, *arguments: Any, **named: Any) -> Any:
        """Return what a function, macro or method returns, measured."""
        given = check_call(function, arguments, named)
        return self.made(super().call(context, function, *given, **named))

    def _shown(self, value: Any) -> Any:
        """Count what is written out; Jinja calls this for each expression."""
        if isinstance(value, str):
            self.tick(len(value))
            return value
        return check_shown(value)

    def _measured(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        before = first_argument(function)

        @functools.wraps(function)
        def measured(*arguments: Any, **named: Any) -> Any:
            first, value, rest = arguments[:before], arguments[before], arguments[before + 1 :]
            self.budget.look()  # each time: one filter may go through a hundred thousand items
            value = check_filter(name, value, rest, named)
            return self.made(function(*first, value, *rest, **named))

        return measured


def _check_nesting(tree: nodes.Template) -> None:
    """Raise TooMuch if loops stand in loops in loops…"""
    left: list[tuple[nodes.Node, int]] = [(tree, 0)]
    while left:
        node, depth = left.pop()
        if depth > MOST_NESTED:
            raise TooMuch(f"Loops are nested more than {MOST_NESTED} deep")
        inside = depth + isinstance(node, nodes.For)
        left += [(child, inside) for child in node.iter_child_nodes()]


def _literals(node: nodes.Node) -> list[nodes.TemplateData]:
    found = list(node.find_all(nodes.TemplateData))
    return [*found, node] if isinstance(node, nodes.TemplateData) else found
