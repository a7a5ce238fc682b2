"""Say whether calls of a notebook's functions can leave anything behind for later calls.

Where they cannot, one process may serve one exercise after another: a fork for each would change
nothing but the time. The list of what is allowed is short on purpose, and whatever is not on it
costs a fork for each exercise. It guards nothing: code that slips through meets only what it left
behind itself.
"""

from __future__ import annotations

import ast
import symtable
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from autograder.submissions.rebuilding import Rebuilt

_MODULES = {"__future__", "abc", "collections", "copy", "dataclasses", "functools", "itertools"}
_MODULES |= {"math", "matplotlib", "numpy", "operator", "scipy", "torch", "typing"}
_DECORATORS = {"torch.no_grad", "torch.enable_grad", "torch.inference_mode", "np.vectorize"}
_DECORATORS |= {"staticmethod", "classmethod", "property", "dataclass", "functools.wraps", "wraps"}
# What reaches anything by its name, or anything outside the process.
_REFUSED_NAMES = {"__builtins__", "__import__", "breakpoint", "compile", "delattr", "eval", "exec"}
_REFUSED_NAMES |= {"exit", "get_ipython", "getattr", "globals", "input", "locals", "open", "quit"}
_REFUSED_NAMES |= {"setattr", "vars"}
# What sets a switch of a library, or remembers.
_REFUSED_ATTRIBUTES = {"cache", "cached_property", "cudnn", "environ", "filterwarnings", "gca"}
_REFUSED_ATTRIBUTES |= {"gcf", "hub", "lru_cache", "mkldnn", "rcParams", "resetwarnings", "save"}
_REFUSED_ATTRIBUTES |= {"seterr", "seterrcall", "simplefilter", "singledispatch", "use"}
_REFUSED_BEGINNINGS = ("_", "set_", "register", "enable_", "use_", "push_", "pop_")
_ALLOWED_ALL_THE_SAME = {"__init__", "enable_grad"}
_SCOPES = (ast.FunctionDef, ast.Lambda, ast.ClassDef)
# What a number, a text or a tuple of such is written with.
_PLAIN = (
    *(ast.Constant, ast.Tuple, ast.Load),
    *(ast.UnaryOp, ast.unaryop, ast.BinOp, ast.operator),
)


class _LeavesSomething(Exception):
    """Found something that may be remembered from one call to the next."""


@dataclass
class _Globals:
    """The notebook's own names, and those among them whose values no call can change."""

    all: set[str] = field(default_factory=set)
    fixed: set[str] = field(default_factory=set)

    def read(self, tree: ast.Module) -> None:
        """Take in a cell's names; a name that is bound twice to different kinds is not fixed."""
        for statement in tree.body:
            fixed = _is_fixed(statement)
            for name in _bound_by(statement):
                if name in self.all and not (fixed and name in self.fixed):
                    self.fixed.discard(name)
                elif fixed:
                    self.fixed.add(name)
                self.all.add(name)

    def may_be_used(self, name: str) -> bool:
        """Say whether a function may use this name, which is not its own."""
        return name in self.fixed or name not in self.all


def leaves_nothing(
    ours: Iterable[str], students: Iterable[str], called: Iterable[str] = ()
) -> bool:
    """Say whether no function of these cells can leave anything behind.

    `ours` are cells of the released notebook, which are known to leave nothing; `students` are the
    rest; `called` are the functions that will be called.
    """
    try:
        names = _Globals()
        for source in ours:
            names.read(_parsed(source))
        cells = [(source, _parsed(source)) for source in students]
        for _, tree in cells:
            names.read(tree)
        if not all(map(names.may_be_used, called)):
            return False
        for source, tree in cells:
            _check_names(symtable.symtable(source, "cell", "exec"), names)
            _check_statements(tree)
    except (_LeavesSomething, SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def may_share_process(rebuilt: Rebuilt, called: Iterable[str]) -> bool:
    """Say whether no call of these functions can leave anything behind for a later one."""
    ours = rebuilt.our_cells()
    sources: dict[bool, list[str]] = {True: [], False: []}
    for index, source in rebuilt.cells_to_run():
        sources[index in ours].append(source)
    return leaves_nothing(sources[True], sources[False], called)


@lru_cache(maxsize=128)
def _parsed(source: str) -> ast.Module:
    """Return a cell's syntax, to be looked at alone; ours come again with every submission."""
    return ast.parse(source)


def _is_fixed(statement: ast.stmt) -> bool:
    """Say whether a statement binds modules, functions, classes or numbers: nothing to change."""
    if isinstance(statement, (ast.Assign, ast.AnnAssign)):
        value = statement.value
        is_plain = value is not None and all(isinstance(n, _PLAIN) for n in ast.walk(value))
        return is_plain or isinstance(value, ast.Lambda)
    return isinstance(statement, (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef))


def _bound_by(statement: ast.stmt) -> Iterator[str]:
    """Yield the names that a statement of a cell binds for the whole notebook."""
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        yield statement.name
    elif isinstance(statement, (ast.Import, ast.ImportFrom)):
        for alias in statement.names:
            yield alias.asname or alias.name.partition(".")[0]
    else:
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                yield node.id
            elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                yield node.name


def _check_names(table: symtable.SymbolTable, names: _Globals) -> None:
    """Refuse functions that bind what is not theirs, or use what others may change."""
    for scope in table.get_children():
        for symbol in scope.get_symbols():
            if symbol.is_declared_global() or symbol.is_nonlocal():
                raise _LeavesSomething(symbol.get_name())
            if symbol.is_global() and not names.may_be_used(symbol.get_name()):
                raise _LeavesSomething(symbol.get_name())
        _check_names(scope, names)


def _check_statements(tree: ast.Module) -> None:
    for node in ast.walk(tree):
        if isinstance(node, (ast.AsyncFunctionDef, ast.Await, ast.Global, ast.Nonlocal)):
            raise _LeavesSomething
        if isinstance(node, ast.Name) and node.id in _REFUSED_NAMES:
            raise _LeavesSomething(node.id)
        if isinstance(node, ast.Attribute):
            _check_attribute(node.attr)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            _check_import(node)
        elif isinstance(node, _SCOPES):
            _check_definition(node)
    _check_stores(tree, own=frozenset(), is_cell=True)


def _check_attribute(name: str) -> None:
    refused = name in _REFUSED_ATTRIBUTES or name.startswith(_REFUSED_BEGINNINGS)
    if refused and name not in _ALLOWED_ALL_THE_SAME:
        raise _LeavesSomething(name)


def _check_import(node: ast.Import | ast.ImportFrom) -> None:
    modules = [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        for alias in node.names:
            if alias.name == "*" or node.level:
                raise _LeavesSomething(alias.name)
            _check_attribute(alias.name)
        modules = [node.module or ""]
    for module in modules:
        if module.partition(".")[0] not in _MODULES:
            raise _LeavesSomething(module)


def _check_definition(node: ast.FunctionDef | ast.Lambda | ast.ClassDef) -> None:
    """Refuse what is made once and lives as long as the function: defaults, class variables."""
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        for decorator in node.decorator_list:
            called = decorator.func if isinstance(decorator, ast.Call) else decorator
            if ast.unparse(called) not in _DECORATORS:
                raise _LeavesSomething(ast.unparse(called))
    if isinstance(node, ast.ClassDef):
        for statement in node.body:
            if isinstance(statement, (ast.Assign, ast.AugAssign)) and not _is_fixed(statement):
                raise _LeavesSomething(node.name)
        return
    for default in [*node.args.defaults, *node.args.kw_defaults]:
        if isinstance(default, (ast.List, ast.Dict, ast.Set, ast.Call)):
            raise _LeavesSomething(ast.unparse(default))


def _check_stores(node: ast.AST, own: frozenset[str], *, is_cell: bool) -> None:
    """Refuse changes of anything but what a function made, or was given, itself."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, _SCOPES):
            _check_stores(child, own | _own_names(child), is_cell=False)
            continue
        is_store = isinstance(getattr(child, "ctx", None), (ast.Store, ast.Del))
        if is_store and isinstance(child, (ast.Attribute, ast.Subscript)):
            # Data that a cell changes is changed before any call.
            is_data = is_cell and isinstance(child, ast.Subscript)
            if not is_data and _root(child) not in own:
                raise _LeavesSomething(ast.unparse(child))
        _check_stores(child, own, is_cell=is_cell)


def _own_names(scope: ast.FunctionDef | ast.Lambda | ast.ClassDef) -> frozenset[str]:
    if isinstance(scope, ast.ClassDef):
        return frozenset()
    arguments = [node.arg for node in ast.walk(scope.args) if isinstance(node, ast.arg)]
    stored = [
        node.id
        for node in ast.walk(scope)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    ]
    return frozenset([*arguments, *stored])


def _root(node: ast.expr) -> str:
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""
