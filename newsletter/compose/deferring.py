"""A deferred expression as a call that writes a token when the issue is rendered.

Used by ``binding``, which decides what is deferred; here is how.
"""

import copy
import itertools
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NoReturn, TypeVar, cast

from jinja2 import nodes

from newsletter.compose.slots import Definition, Kind
from newsletter.compose.uses import field_uses
from newsletter.errors import IssueError, did_you_mean

__all__ = ["RECIPIENT", "Deferring", "names_in", "substitute"]

#: The names that are known only when a message is written to one person.
RECIPIENT: Final = frozenset({"subscriber", "unsubscribe_url", "preferences_url", "web_view_url"})
#: Filters that would put a reader's data into the message as markup.
_UNSAFE: Final = frozenset({"safe", "urlize", "xmlattr"})

#: Definitions are numbered through the whole process: templates that were compiled before keep theirs.
_NUMBERS: Final = itertools.count()

N = TypeVar("N", bound=nodes.Node)


def names_in(node: nodes.Node) -> frozenset[str]:
    """Return the names that a tree reads."""
    found = {name.name for name in node.find_all(nodes.Name) if name.ctx != "store"}
    if isinstance(node, nodes.Name):
        found.add(node.name)
    return frozenset(found)


def substitute(node: N, aliases: Mapping[str, nodes.Node]) -> N:
    """Return the tree with names replaced by what they stand for; the same tree if there is nothing to do."""
    if not aliases or not names_in(node) & aliases.keys():
        return node

    def replaced(name: nodes.Node) -> nodes.Node | None:
        if isinstance(name, nodes.Name) and name.ctx == "load" and name.name in aliases:
            return cast(nodes.Node, _map(aliases[name.name], lambda _: None))
        return None

    return cast(N, _map(node, replaced))


def _map(node: Any, change: Callable[[nodes.Node], nodes.Node | None]) -> Any:
    """Return a copy of the tree in which ``change`` has replaced nodes; None from it means: look inside."""
    if isinstance(node, list):
        return [_map(item, change) for item in node]
    if not isinstance(node, nodes.Node):
        return node
    changed = change(node)
    if changed is not None:
        return changed
    clone = copy.copy(node)
    for name in clone.fields:
        setattr(clone, name, _map(getattr(clone, name), change))
    return clone


class Deferring:
    """Turns expressions of one file into slots."""

    def __init__(
        self, definitions: dict[int, Definition], file: str, filters: Iterable[str], tests: Iterable[str]
    ) -> None:
        self._definitions, self._file = definitions, file
        self._filters, self._tests = frozenset(filters), frozenset(tests)

    def slot(
        self, kind: Kind, value: nodes.Node, tainted: frozenset[str], *, present: frozenset[str] = frozenset()
    ) -> nodes.Expr:
        """Return an expression that writes the token of a value or a condition."""
        captured: list[nodes.Node] = []
        expression = self._capture(value, tainted, captured)
        return self._call(
            Definition(
                kind=kind,
                file=self._file,
                line=value.lineno,
                expression=expression,
                captures=_names(captured),
                uses=field_uses(value, self._file, asked=kind is not Kind.VALUE, present=present),
                names=names_in(value) & RECIPIENT,
            ),
            captured,
        )

    def output(
        self, kind: Kind, value: nodes.Node | None, tainted: frozenset[str], *, line: int = 0
    ) -> nodes.Output:
        """Return a statement that writes the token of a condition, an ``else`` or an end."""
        if value is None:
            call = self._call(Definition(kind=kind, file=self._file, line=line), [])
        else:
            call = self.slot(kind, value, tainted)
        return nodes.Output([call], lineno=line or getattr(value, "lineno", 1))

    def loop(self, node: nodes.For, outside: frozenset[str], inside: frozenset[str]) -> nodes.Output:
        """Return a statement that writes the token of a loop. inside: the names that wait, its own too."""
        captured: list[nodes.Node] = []
        expression = self._capture(node.iter, outside, captured)
        test = self._capture(node.test, inside, captured) if node.test is not None else None
        uses = field_uses(node.iter, self._file, asked=True)
        used = names_in(node.iter)
        if node.test is not None:
            uses += field_uses(node.test, self._file, asked=True)
            used |= names_in(node.test)
        definition = Definition(
            kind=Kind.FOR,
            file=self._file,
            line=node.lineno,
            expression=expression,
            target=node.target,
            test=test,
            captures=_names(captured),
            uses=uses,
            names=used & RECIPIENT,
        )
        return nodes.Output([self._call(definition, captured)], lineno=node.lineno)

    def _call(self, definition: Definition, captured: list[Any]) -> nodes.Expr:
        line = definition.line
        number = next(_NUMBERS)
        self._definitions[number] = definition
        for tree in (definition.expression, definition.target, definition.test):
            if tree is not None:
                tree.set_environment(None)  # type: ignore[arg-type]  # they outlive it: ``templates`` keeps them
        arguments = [
            nodes.Const(number, lineno=line),
            nodes.List(captured, lineno=line),
        ]
        ask = nodes.EnvironmentAttribute("slot", lineno=line)
        return nodes.MarkSafe(nodes.Call(ask, arguments, [], None, None, lineno=line), lineno=line)

    def _capture(self, node: Any, tainted: frozenset[str], captured: list[nodes.Node]) -> Any:
        """Return the tree with its largest parts that are the issue's own replaced by names; collect them."""
        if isinstance(node, list):
            return [self._capture(item, tainted, captured) for item in node]
        if not isinstance(node, nodes.Node):
            return node
        names = names_in(node)
        if isinstance(node, nodes.Expr) and names and not names & tainted:
            captured.append(node)
            return nodes.Name(_name(len(captured) - 1), "load", lineno=node.lineno)
        clone = copy.copy(node)
        fields = list(clone.fields)
        if isinstance(clone, nodes.Call):
            self._check_call(clone, tainted)
            if isinstance(clone.node, nodes.Getattr):  # a method: its object may be captured, not the method
                method = copy.copy(clone.node)
                method.node = self._capture(method.node, tainted, captured)
                clone.node = method
                fields.remove("node")
        elif isinstance(clone, nodes.Filter | nodes.Test):
            self._check_filter(clone, bool(names & tainted))
            value: Any = clone.node
            missing = isinstance(clone, nodes.Filter) and clone.name in {"default", "d"}
            if missing and names_in(value) and not names_in(value) & tainted:
                # the issue's value may be undefined: that is what the default is for
                captured.append(nodes.Filter(value, "default", [], [], None, None, lineno=clone.lineno))
                clone.node = nodes.Name(_name(len(captured) - 1), "load", lineno=clone.lineno)
                fields.remove("node")
        for name in fields:
            setattr(clone, name, self._capture(getattr(clone, name), tainted, captured))
        return clone

    def _check_call(self, node: nodes.Call, tainted: frozenset[str]) -> None:
        if isinstance(node.node, nodes.Getattr):
            return
        what = node.node.name if isinstance(node.node, nodes.Name) else "it"
        self._refuse(
            node,
            f"The reader's data is given to {what}(…), a function or macro.",
            "Use filters instead, such as {{ subscriber.first_name | title }}, outside of macros.",
        )

    def _check_filter(self, node: nodes.Filter | nodes.Test, touched: bool) -> None:
        word, known = ("filter", self._filters) if isinstance(node, nodes.Filter) else ("test", self._tests)
        if node.name not in known:
            near = did_you_mean(node.name, known)
            self._refuse(node, f'There is no {word} "{node.name}".{near}', "See the list in Jinja's manual.")
        if touched and word == "filter" and node.name in _UNSAFE:
            hint = (
                f"Leave out | {node.name}: whatever a reader typed would become part of the message's HTML."
            )
            self._refuse(node, f"The reader's data goes through {node.name}.", hint)

    def _refuse(self, node: nodes.Node, what: str, hint: str) -> NoReturn:
        raise IssueError(what, hint=hint, file=self._file, line=node.lineno)


def _name(number: int) -> str:
    return f"captured_{number}"


def _names(captured: list[nodes.Node]) -> tuple[str, ...]:
    return tuple(_name(number) for number in range(len(captured)))
