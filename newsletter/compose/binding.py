"""The binding-time split: what depends on the reader waits, everything else is rendered once.

    {% if 'x' in subscriber.tags %}A{% else %}B{% endif %}
    becomes     token(if …) A token(else) B token(endif)

Works on Jinja's tree, before Jinja compiles it. Both branches of a deferred condition are rendered; a
deferred loop's body is rendered once. Issue values inside a deferred expression are *captured*: evaluated
when the issue is compiled. ``{% set x = subscriber… %}`` is written into the places that use x. What cannot
be done right (macros, block sets, assignments in a deferred branch) is refused with file and line.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, NoReturn

from jinja2 import nodes

from newsletter.compose.deferring import RECIPIENT, Deferring, names_in, substitute
from newsletter.compose.slots import Definition, Kind
from newsletter.compose.uses import asked_fields
from newsletter.errors import IssueError

__all__ = ["Binder"]


_MOST_LOOPS: Final = 2  #: over the reader's data, one in another


@dataclass(frozen=True)
class _Scope:
    """What is known at one point of a template. Blocks and loops copy it; ``aliases`` belongs to the copy."""

    tainted: frozenset[str] = RECIPIENT
    aliases: dict[str, nodes.Node] = field(default_factory=dict)
    branch: str = ""  #: since the scope began, inside a condition of the "issue" or of the "reader"
    deferred: bool = False  #: inside anything that waits for the reader
    loops: int = 0  #: how many loops over the reader's data are around
    present: frozenset[str] = frozenset()  #: fields that the conditions around ask about
    lost: set[str] = field(default_factory=set)  #: aliases that use a name which now means something else

    def inner(self, **changes: Any) -> "_Scope":
        return replace(self, aliases=dict(self.aliases), lost=set(self.lost), **changes)

    def hides(self, names: Iterable[str]) -> "_Scope":
        """Return a new scope in which these names are the issue's, whatever they were outside."""
        taken = frozenset(names)
        aliases = {name: value for name, value in self.aliases.items() if name not in taken}
        lost = {name for name, value in aliases.items() if names_in(value) & taken}
        return replace(
            self,
            tainted=self.tainted - taken,
            aliases={name: value for name, value in aliases.items() if name not in lost},
            lost=(self.lost - taken) | lost,
            branch="",
        )


class Binder:
    """Rewrites the tree of one template file. definitions: what it defers, by number, once it is bound."""

    def __init__(self, file: str, filters: Iterable[str], tests: Iterable[str]) -> None:
        self.definitions: dict[int, Definition] = {}
        self._file, self._hidden = file, 0
        self._defer = Deferring(self.definitions, file, filters, tests)
        self._statements: Final[Mapping[type[nodes.Node], Callable[[Any, _Scope], Sequence[nodes.Node]]]] = {
            nodes.Output: self._output,
            nodes.If: self._if,
            nodes.For: self._for,
            nodes.Assign: self._assign,
            nodes.With: self._with,
            nodes.Block: self._block,
            nodes.Macro: self._sealed,
            nodes.CallBlock: self._sealed,
            nodes.FilterBlock: self._sealed,
            nodes.AssignBlock: self._sealed,
        }

    def bind(self, tree: nodes.Template) -> None:
        """Rewrite the tree in place. Raises IssueError, at the line in the file, for what cannot be split."""
        tree.body = self._body(tree.body, _Scope())
        if tree.environment is not None:
            tree.set_environment(tree.environment)

    def _body(self, statements: Sequence[nodes.Node], scope: _Scope) -> list[nodes.Node]:
        written: list[nodes.Node] = []
        for statement in statements:
            handler = self._statements.get(type(statement))
            if handler is not None:
                written += handler(statement, scope)
                continue
            for child in statement.iter_child_nodes(exclude=("body",)):
                if names_in(child) & (scope.tainted | scope.aliases.keys() | scope.lost):
                    self._refuse(statement, "The reader's data cannot choose what is included or imported")
            if isinstance(statement, nodes.Extends) and scope.deferred:
                self._refuse(statement, "extends stands inside a condition on the reader")
            if isinstance(body := getattr(statement, "body", None), list):
                statement.body = self._body(body, scope)  # type: ignore[attr-defined]
            written.append(statement)
        return written

    def _resolved(self, expression: Any, scope: _Scope) -> Any:
        """Return the expression with the names that ``set`` and ``with`` gave written out."""
        if lost := names_in(expression) & scope.lost:
            self._refuse(
                expression, f"{min(lost)} was set from a loop's variable which this loop gives a new value"
            )
        return substitute(expression, scope.aliases)

    def _waits(self, expression: nodes.Node | None, scope: _Scope) -> bool:
        return expression is not None and bool(names_in(expression) & scope.tainted)

    def _output(self, node: nodes.Output, scope: _Scope) -> list[nodes.Node]:
        shown: list[nodes.Expr] = []
        for child in node.nodes:
            whole = self._resolved(child, scope)
            if self._waits(whole, scope):
                whole = self._defer.slot(Kind.VALUE, whole, scope.tainted, present=scope.present)
            shown.append(whole)
        node.nodes = shown
        return [node]

    def _if(self, node: nodes.If, scope: _Scope) -> list[nodes.Node]:
        test = self._resolved(node.test, scope)
        rest = _rest(node)
        if not self._waits(test, scope):
            node.test, node.elif_ = test, []
            inner = scope.branch or "issue"
            node.body = self._body(node.body, scope.inner(branch=inner))
            node.else_ = self._body(rest, scope.inner(branch=inner))
            return [node]
        inside = scope.inner(branch="reader", deferred=True, present=scope.present | asked_fields(test))
        written = [self._defer.output(Kind.IF, test, scope.tainted), *self._body(node.body, inside)]
        otherwise = scope.inner(branch="reader", deferred=True)
        while len(rest) == 1 and isinstance(follow := rest[0], nodes.If) and node.elif_:
            test = self._resolved(follow.test, scope)
            if not self._waits(test, scope):
                break
            present = scope.present | asked_fields(test)
            written.append(self._defer.output(Kind.ELIF, test, scope.tainted))
            written += self._body(follow.body, replace(otherwise.inner(), present=present))
            node, rest = follow, _rest(follow)
        if rest:
            written.append(self._defer.output(Kind.ELSE, None, scope.tainted, line=rest[0].lineno))
            written += self._body(rest, otherwise.inner())
        return [*written, self._defer.output(Kind.ENDIF, None, scope.tainted, line=node.lineno)]

    def _for(self, node: nodes.For, scope: _Scope) -> list[nodes.Node]:
        targets = _targets(node.target)
        for name in targets & RECIPIENT | {name for name in targets if name.startswith("const_")}:
            self._refuse(node, f"A loop's variable is called {name}, a name with a meaning of its own")
        node.iter = self._resolved(node.iter, scope)
        inside = scope.hides([*targets, "loop"])
        node.test = self._resolved(node.test, inside) if node.test is not None else None
        if not self._waits(node.iter, scope):
            if self._waits(node.test, inside):
                return self._for_some(node, scope)
            node.body = self._body(node.body, inside)
            node.else_ = self._body(node.else_, scope.inner(branch=scope.branch or "issue"))
            return [node]
        if node.recursive:
            self._refuse(node, "A recursive loop runs over the reader's data")
        if scope.loops == _MOST_LOOPS:  # somebody's thousand tags would make a message of 1000**3 words
            self._refuse(node, "A third loop over the reader's data stands inside two others")
        tainted = scope.tainted | targets | {"loop"}
        opened = self._defer.loop(node, scope.tainted, tainted)
        body = self._body(node.body, replace(inside, tainted=tainted, deferred=True, loops=scope.loops + 1))
        written = [opened, *body]
        if node.else_:
            written.append(self._defer.output(Kind.ELSE, None, scope.tainted, line=node.else_[0].lineno))
            written += self._body(node.else_, scope.inner(branch="reader", deferred=True))
        return [*written, self._defer.output(Kind.ENDFOR, None, scope.tainted, line=node.lineno)]

    def _for_some(self, node: nodes.For, scope: _Scope) -> list[nodes.Node]:
        """Turn ``for x in issue_things if reader_condition`` into a loop of conditions."""
        if node.else_ or any("loop" in names_in(child) for child in node.body):
            self._refuse(node, "A loop that the reader's data filters uses loop or else")
        test: Any = node.test
        node.body = [nodes.If(test, node.body, [], [], lineno=node.lineno)]
        node.test = None
        return self._for(node, scope)

    def _assign(self, node: nodes.Assign, scope: _Scope) -> list[nodes.Node]:
        node.node = self._resolved(node.node, scope)
        waits = self._waits(node.node, scope)
        if isinstance(node.target, nodes.NSRef):
            if waits or scope.deferred:
                self._refuse(node, "A namespace is changed by, or under a condition on, the reader's data")
            return [node]
        targets = _targets(node.target)
        if names := targets & (RECIPIENT | {"loop"}):
            self._refuse(node, f"set gives {min(names)} another meaning")
        if scope.branch == "reader":
            self._refuse(
                node, "set stands inside a condition on the reader, where both branches are rendered"
            )
        known = scope.aliases.keys() | (scope.tainted - RECIPIENT) | scope.lost
        if scope.branch and (waits or targets & known):
            self._refuse(node, "set gives a name the reader's data in one branch of a condition only")
        for name in targets:
            scope.aliases.pop(name, None)
            scope.lost.discard(name)
        if not waits:
            return [node]
        if not isinstance(node.target, nodes.Name):
            self._refuse(node, "set gives several names the reader's data at once")
        # what the issue contributes is fixed now, not where the name is used
        fixed: list[nodes.Node] = []
        value = node.node
        for name in sorted(names_in(value) - scope.tainted):
            self._hidden += 1
            kept = f"newsletter_kept_{self._hidden}"
            fixed.append(
                nodes.Assign(nodes.Name(kept, "store"), nodes.Name(name, "load"), lineno=node.lineno)
            )
            value = substitute(value, {name: nodes.Name(kept, "load", lineno=node.lineno)})
        scope.aliases[node.target.name] = value
        return fixed

    def _with(self, node: nodes.With, scope: _Scope) -> list[nodes.Node]:
        values = [self._resolved(value, scope) for value in node.values]
        inside = scope.hides(name for target in node.targets for name in _targets(target))
        body: list[nodes.Node] = []
        kept: list[tuple[nodes.Expr, Any]] = []
        for target, value in zip(node.targets, values, strict=True):
            if self._waits(value, scope):
                # the values belong to the outer scope: names of this block must not hide what they use
                if names_in(value) & {name for other in node.targets for name in _targets(other)}:
                    self._refuse(node, "with gives a name of its own to what its values use")
                body += self._assign(nodes.Assign(target, value, lineno=node.lineno), inside)
            else:
                kept.append((target, value))
        node.targets, node.values = [target for target, _ in kept], [value for _, value in kept]
        node.body = [*body, *self._body(node.body, inside)]
        return [node]

    def _block(self, node: nodes.Block, scope: _Scope) -> list[nodes.Node]:
        tainted = scope.tainted if node.scoped else RECIPIENT
        node.body = self._body(node.body, scope.inner(tainted=tainted, branch=""))
        return [node]

    def _sealed(self, node: Any, scope: _Scope) -> list[nodes.Node]:
        """Pass on what turns its content into text first, if nothing in it waits for the reader."""
        words = {
            nodes.Macro: "A macro", nodes.CallBlock: "A call block", nodes.FilterBlock: "A filter block",
            nodes.AssignBlock: "A block set",
        }  # fmt: skip
        own = {argument.name for argument in getattr(node, "args", ())}
        if names_in(node) & (scope.tainted | scope.aliases.keys() | scope.lost) - own:
            self._refuse(node, f"{words[type(node)]} uses the reader's data")
        if isinstance(node, nodes.AssignBlock):
            if scope.branch == "reader":
                self._refuse(
                    node, "set stands inside a condition on the reader, where both branches are rendered"
                )
            for name in _targets(node.target):
                scope.aliases.pop(name, None)
        return [node]

    def _refuse(self, node: nodes.Node, what: str) -> NoReturn:
        hint = "Write the expression with subscriber where its value is shown, outside of macros and sets."
        raise IssueError(f"{what}.", hint=hint, file=self._file, line=node.lineno)


def _rest(node: nodes.If) -> list[nodes.Node]:
    """Return what an ``if`` does otherwise: its ``elif`` as an ``if`` of its own, or its ``else``."""
    if not node.elif_:
        return node.else_
    first, *others = node.elif_
    return [nodes.If(first.test, first.body, others, node.else_, lineno=first.lineno)]


def _targets(target: nodes.Node) -> frozenset[str]:
    if isinstance(target, nodes.Name):
        return frozenset({target.name})
    return frozenset(name.name for name in target.find_all(nodes.Name))
