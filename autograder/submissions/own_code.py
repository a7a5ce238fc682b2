"""Tell a student's code from ours where both stand in one cell, and find what is still a stub."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

_MAX_CELL_LETTERS = 50_000
_MAX_LETTERS = 500_000
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)


def may_be_taken_apart(sources: Iterable[str]) -> bool:
    """Say whether a notebook's cells are few letters enough to look into their code."""
    return sum(map(len, sources)) <= _MAX_LETTERS


@dataclass(frozen=True)
class OurCode:
    """The cells of ours that grading does not run: visible checks, pictures and demos."""

    checks: tuple[str, ...] = ()
    demos: tuple[str, ...] = ()

    def holds(self, source: str) -> bool:
        """Say whether a cell is a copy of one of them."""
        return any(source.strip() == cell.strip() for cell in (*self.checks, *self.demos))

    def taken_out_of(self, source: str) -> str:
        """Return a cell's code with those of them blanked that were merged into it.

        Line numbers stay; code that is none, or too long, comes back as it is.
        """
        statements = _statements(source)
        if statements is None:
            return source
        dumps = [_dump(one) for one in statements]
        ours: set[int] = set()
        for cell in (*self.checks, *self.demos):
            ours.update(_run_of(_dumps(cell), dumps))
        return _blanked(source, statements, ours)

    def added_to(self, ours: str, theirs: str) -> str:
        """Return what a changed cell of ours holds beyond our text; "" where that is nothing.

        What binds our names alone was changed, not added: it may be of an earlier release. So was a
        demo that defines nothing: it takes long, and answers nothing.
        """
        statements = _statements(theirs)
        if statements is None:
            return theirs
        dumps, names = _dumps(ours), _names_bound(ours)
        known = {
            i
            for i, one in enumerate(statements)
            if self._only_shows(one) or _dump(one) in dumps or _binds_only(one, names)
        }
        return _blanked(theirs, statements, known) if len(known) < len(statements) else ""

    def _only_shows(self, statement: ast.stmt) -> bool:
        """Say whether it is a demo's `with`, and defines nothing."""
        shows = _heads(self.demos) - _heads(self.checks)
        return _head(statement) in shows and not any(
            isinstance(node, _DEFINITIONS) for node in ast.walk(statement)
        )


def stubs_in(source: str, exercises: Collection[str]) -> tuple[str, ...]:
    """Return the exercises whose function, as this cell leaves it, has not been begun."""
    if "NotImplementedError" not in source:
        return ()
    last: dict[str, bool] = {}
    for statement in _statements(source) or ():
        for name, is_stub in _bound(statement):
            last[name] = is_stub
    return tuple(name for name in exercises if last.get(name))


def _bound(statement: ast.stmt) -> Iterator[tuple[str, bool]]:
    """Yield the names that a statement binds, and whether to a function without a body."""
    if isinstance(statement, (ast.FunctionDef, ast.ClassDef, ast.AsyncFunctionDef)):
        yield statement.name, all(map(_is_no_body, statement.body))
        return
    for node in ast.walk(statement):
        yield from ((name, False) for name in _names_of(node))


def holds_stubs_alone(source: str) -> bool:
    """Say whether all that a cell does is to define functions that have not been begun."""
    statements = _statements(source) if "NotImplementedError" in source else None
    return bool(statements) and all(
        isinstance(one, ast.FunctionDef) and all(is_stub for _, is_stub in _bound(one))
        for one in statements or ()
    )


def binds(source: str, name: str) -> bool:
    """Say whether a cell binds this name, anywhere in it."""
    if name not in source:
        return False
    nodes = (node for one in _statements(source) or () for node in ast.walk(one))
    return any(name == bound for node in nodes for bound in _names_of(node))


def _names_of(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        yield node.id
    elif isinstance(node, ast.alias):
        yield node.asname or node.name.partition(".")[0]
    elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        yield node.name


def _binds_only(statement: ast.stmt, names: Collection[str]) -> bool:
    """Say whether a statement binds something, and nothing but these names."""
    bound = {name for name, _ in _bound(statement)}
    return bool(bound) and bound <= set(names)


@lru_cache(maxsize=256)
def _names_bound(cell: str) -> frozenset[str]:
    """Return the names that one of our cells binds."""
    return frozenset(name for one in _statements(cell) or () for name, _ in _bound(one))


def _is_no_body(statement: ast.stmt) -> bool:
    """Say whether a statement is a docstring, a `...`, or the stub's NotImplementedError."""
    if isinstance(statement, ast.Raise):
        raised = statement.exc.func if isinstance(statement.exc, ast.Call) else statement.exc
        return isinstance(raised, ast.Name) and raised.id == "NotImplementedError"
    is_constant = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    return is_constant or isinstance(statement, ast.Pass)


def _statements(source: str) -> list[ast.stmt] | None:
    """Return a cell's statements, IPython's own ones as `pass`; None where it is no code."""
    if len(source) > _MAX_CELL_LETTERS:
        return None
    lines = ["pass" if line.startswith(("%", "!")) else line for line in source.split("\n")]
    if lines and source.lstrip().startswith("%%"):
        return None
    try:
        return ast.parse("\n".join(lines)).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _dump(statement: ast.stmt) -> str:
    """Return a statement, written out; nothing where it is nested too deep, as none of ours is."""
    try:
        return ast.dump(statement)
    except RecursionError:
        return ""


@lru_cache(maxsize=256)
def _dumps(cell: str) -> tuple[str, ...]:
    """Return the statements of one of our cells, written out; they come with every submission."""
    return tuple(_dump(one) for one in _statements(cell) or ())


@lru_cache(maxsize=64)
def _heads(cells: tuple[str, ...]) -> frozenset[str]:
    """Return what stands in the heads of `with` statements of our cells: `check`, say."""
    heads = {_head(one) for cell in cells for one in _statements(cell) or ()}
    return frozenset(heads - {""})


def _run_of(wanted: tuple[str, ...], dumps: list[str]) -> range:
    """Return where statements stand in a row among others; an empty range where they do not."""
    for start in range(len(dumps) - len(wanted) + 1):
        if wanted and tuple(dumps[start : start + len(wanted)]) == wanted:
            return range(start, start + len(wanted))
    return range(0)


def _head(statement: ast.stmt) -> str:
    """Return the function that a `with` calls; "" of any other statement."""
    call = statement.items[0].context_expr if isinstance(statement, ast.With) else None
    named = isinstance(call, ast.Call) and isinstance(call.func, ast.Name)
    return call.func.id if named else ""  # type: ignore[union-attr]


def _blanked(source: str, statements: list[ast.stmt], without: set[int]) -> str:
    """Return code without some statements, in as many lines as before.

    What shares a line with another stays: to run it once more is no harm.
    """
    lines = source.split("\n")
    kept = {n for i, one in enumerate(statements) if i not in without for n in _lines_of(one)}
    for index in without:
        if kept.isdisjoint(_lines_of(statements[index])):
            for number in _lines_of(statements[index]):
                lines[number - 1] = ""
    return "\n".join(lines)


def _lines_of(statement: ast.stmt) -> range:
    decorators = getattr(statement, "decorator_list", ())
    first = min([statement.lineno, *(one.lineno for one in decorators)])
    return range(first, (statement.end_lineno or first) + 1)
