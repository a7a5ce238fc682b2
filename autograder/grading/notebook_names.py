"""The names that a notebook's cells bind, and which of them no call of a function can change."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field


class LeavesSomething(Exception):
    """Found something that may be remembered from one call to the next."""


# What reaches nothing by its name, nothing outside the process, and no class of ours.
BUILTINS = {"abs", "all", "any", "bool", "bytes", "callable", "chr", "complex", "dict", "divmod"}
BUILTINS |= {"enumerate", "filter", "float", "format", "frozenset", "hasattr", "hash", "int"}
BUILTINS |= {"isinstance", "issubclass", "iter", "len", "list", "map", "max", "min", "next"}
BUILTINS |= {"ord", "pow", "print", "range", "repr", "reversed", "round", "set", "slice"}
BUILTINS |= {"sorted", "str", "sum", "super", "tuple", "zip", "Ellipsis", "NotImplemented"}
BUILTINS |= {name for name in dir(builtins) if name.endswith(("Error", "Exception", "Warning"))}
BUILTINS |= {"StopIteration", "__name__", "__debug__"}
# What a number, a text or a tuple of such is written with.
PLAIN = (
    *(ast.Constant, ast.Tuple, ast.Load),
    *(ast.UnaryOp, ast.unaryop, ast.BinOp, ast.operator),
)


@dataclass(frozen=True)
class Bound:
    """A name that a cell binds, and to what."""

    name: str
    kind: str
    """"import", "function", "class" or "plain", which no call can change; or "data"."""
    target: str = ""
    """What an import's name stands for."""


@dataclass
class Names:
    """The notebook's own names, by what they are bound to, in all its cells."""

    kinds: dict[str, set[str]] = field(default_factory=dict)
    targets: dict[str, str] = field(default_factory=dict)

    def take(self, bound: Iterable[Bound]) -> None:
        """Take in names; one that stands for two things of a library is of neither."""
        for one in bound:
            self.kinds.setdefault(one.name, set()).add(one.kind)
            if one.kind == "import" and self.targets.setdefault(one.name, one.target) != one.target:
                self.kinds[one.name].add("data")

    def may_be_used(self, name: str) -> bool:
        """Say whether a function may use this name, which is not its own."""
        kinds = self.kinds.get(name)
        return name in BUILTINS if kinds is None else len(kinds) == 1 and "data" not in kinds

    def is_of(self, name: str, kind: str) -> bool:
        return kind in self.kinds.get(name, ())


def names_of(tree: ast.Module) -> Iterator[Bound]:
    """Yield the names that a cell binds for the whole notebook; imports in functions too."""
    for statement in tree.body:
        if isinstance(statement, ast.FunctionDef):
            yield Bound(statement.name, "function")
        elif isinstance(statement, ast.ClassDef):
            yield Bound(statement.name, "class")
        elif not isinstance(statement, (ast.Import, ast.ImportFrom)):
            kind = kind_of(statement)
            for node in ast.walk(statement):
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                    yield Bound(node.id, kind)
                elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                    yield Bound(node.name, "data")
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            for alias in node.names:
                name = alias.asname or alias.name.partition(".")[0]
                target = alias.name if alias.asname else name
                if isinstance(node, ast.ImportFrom):
                    target = f"{node.module}.{alias.name}"
                yield Bound(name, "import", target)


def kind_of(statement: ast.stmt) -> str:
    """Say what a statement binds names to."""
    if isinstance(statement, (ast.Assign, ast.AnnAssign)) and statement.value is not None:
        if all(isinstance(node, PLAIN) for node in ast.walk(statement.value)):
            return "plain"
        if isinstance(statement.value, ast.Lambda):
            return "function"
    return "data"
