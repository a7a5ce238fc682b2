"""The tree of exceptions that `autograder/errors.py` draws is the one there is."""

import ast
import inspect
from pathlib import Path

from autograder import errors
from autograder.errors import AutograderError

ENGINE = Path(errors.__file__).parent
BRANCHES = "│├└─ "


def drawn_tree():
    """By exception, the one below which the module's docstring draws it."""
    parents, path = {}, []
    for line in errors.__doc__.splitlines():
        name = line.lstrip(BRANCHES).split(" ")[0]
        if not inspect.isclass(getattr(errors, name, None)):
            continue
        depth = (len(line) - len(line.lstrip(BRANCHES))) // 4
        path = [*path[:depth], name]
        parents[name] = path[depth - 1] if depth else "Exception"
    return parents


def exceptions_of_the_module():
    return {
        name: one
        for name, one in inspect.getmembers(errors, inspect.isclass)
        if issubclass(one, BaseException)
    }


def test_the_drawn_tree_is_the_tree_of_classes():
    found = {name: one.__base__.__name__ for name, one in exceptions_of_the_module().items()}
    assert drawn_tree() == found


def test_every_exception_is_exported():
    assert set(errors.__all__) == {*exceptions_of_the_module(), "Failure"}


def test_all_that_a_person_can_mend_is_in_the_tree():
    known = {one.__name__ for one in (AutograderError, *exceptions_of_the_module().values())}
    elsewhere = [
        f"{path.name}: {node.name}"
        for path in ENGINE.rglob("*.py")
        if path.name != "errors.py"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
        and any(isinstance(base, ast.Name) and base.id in known for base in node.bases)
    ]
    assert elsewhere == []
