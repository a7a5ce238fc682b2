"""Say whether calls of a notebook's functions can leave anything behind for later calls.

Where they cannot, one process may serve one exercise after another: a fork for each would change
nothing but the time. The list of what is allowed is short on purpose, and whatever is not on it
costs a fork for each exercise. It guards nothing: code that slips through meets only what it left
behind itself.

What lives longer than a call: functions, classes and modules, with what hangs on them, and the
data of cells. Functions may use the first three, which no call can change: nothing is set on them,
and no name but an import's stands for a module. Data they may use only where it cannot change.
Students' code is bounded before it is read, and nothing of it is kept.
"""

from __future__ import annotations

import ast
import symtable
from collections.abc import Iterable
from functools import lru_cache

from autograder.grading.function_reading import Reader
from autograder.grading.library_names import MODULES
from autograder.grading.notebook_names import Bound, LeavesSomething, Names, names_of
from autograder.submissions.rebuilding import Rebuilt

_MAX_CELL_LETTERS = 50_000
_MAX_LETTERS = 200_000
"""Of all cells: a syntax tree takes 500 times as much memory, and reading it a second."""

# Of all others these are refused in cells too, which may use what they like but for their reach.
_REFUSED_NAMES = {"__builtins__", "__import__", "breakpoint", "compile", "delattr", "eval", "exec"}
_REFUSED_NAMES |= {"exit", "get_ipython", "getattr", "globals", "input", "locals", "open", "quit"}
_REFUSED_NAMES |= {"setattr", "vars"}
# What sets a switch of a library, remembers, or hangs on a class of one.
_REFUSED_ATTRIBUTES = {
    "arg_constraints",
    "cache",
    "cached_property",
    "cudnn",
    "dump",
    "dump_patches",
}
_REFUSED_ATTRIBUTES |= {"environ", "filterwarnings", "gca", "gcf", "hub", "lru_cache", "mkldnn"}
_REFUSED_ATTRIBUTES |= {"rcParams", "resetwarnings", "seterr", "seterrcall", "simplefilter"}
_REFUSED_ATTRIBUTES |= {"singledispatch", "tofile", "update_wrapper", "use", "wraps"}
_REFUSED_BEGINNINGS = ("_", "set_", "register", "enable_", "use_", "push_", "pop_", "save")
_ALLOWED_ALL_THE_SAME = {"__init__", "enable_grad", "save_for_backward", "saved_tensors"}


def leaves_nothing(
    ours: Iterable[str], students: Iterable[str], called: Iterable[str] = ()
) -> bool:
    """Say whether no function of these cells can leave anything behind.

    `ours` are cells of the released notebook, which are known to leave nothing; `students` are the
    rest; `called` are the functions that will be called.
    """
    cells = list(students)
    if sum(map(len, cells)) > _MAX_LETTERS or any(len(one) > _MAX_CELL_LETTERS for one in cells):
        return False
    try:
        names = Names()
        for source in ours:
            names.take(_names_of_ours(source))
        trees = [ast.parse(source) for source in cells]
        for tree in trees:
            names.take(names_of(tree))
        if not all(map(names.may_be_used, called)):
            return False
        for source, tree in zip(cells, trees, strict=True):
            _check_names(symtable.symtable(source, "cell", "exec"), names)
            _check_everywhere(tree)
            Reader(names).read(tree)
    except (LeavesSomething, SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def may_share_process(rebuilt: Rebuilt, called: Iterable[str]) -> bool:
    """Say whether no call of these functions can leave anything behind for a later one."""
    ours = rebuilt.our_cells()
    sources: dict[bool, list[str]] = {True: [], False: []}
    for index, source in rebuilt.cells_to_run():
        sources[index in ours].append(source)
    return leaves_nothing(sources[True], sources[False], called)


@lru_cache(maxsize=256)
def _names_of_ours(source: str) -> tuple[Bound, ...]:
    """Return what one of our own cells binds; they come again with every submission."""
    return tuple(names_of(ast.parse(source)))


def _check_names(table: symtable.SymbolTable, names: Names) -> None:
    """Refuse functions that bind what is not theirs, or use what others may change."""
    for scope in table.get_children():
        for symbol in scope.get_symbols():
            if symbol.is_declared_global() or symbol.is_nonlocal():
                raise LeavesSomething(symbol.get_name())
            if symbol.is_global() and not names.may_be_used(symbol.get_name()):
                raise LeavesSomething(symbol.get_name())
        _check_names(scope, names)


def _check_everywhere(tree: ast.Module) -> None:
    """Refuse what neither a cell nor a function may say."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.AsyncFunctionDef, ast.Await, ast.Global, ast.Nonlocal)):
            raise LeavesSomething
        if isinstance(node, ast.Name) and node.id in _REFUSED_NAMES:
            raise LeavesSomething(node.id)
        if isinstance(node, ast.Attribute):
            _check_attribute(node.attr)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            _check_import(node)


def _check_attribute(name: str) -> None:
    refused = name in _REFUSED_ATTRIBUTES or name.startswith(_REFUSED_BEGINNINGS)
    if refused and name not in _ALLOWED_ALL_THE_SAME:
        raise LeavesSomething(name)


def _check_import(node: ast.Import | ast.ImportFrom) -> None:
    modules = [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        for alias in node.names:
            if alias.name == "*" or node.level:
                raise LeavesSomething(alias.name)
            _check_attribute(alias.name)
        modules = [node.module or ""]
    for module in modules:
        if module.partition(".")[0] not in MODULES:
            raise LeavesSomething(module)
