"""Import a course's own code, references and known answers, under names of ours; never in a box."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from autograder.answers import KnownAnswer, known_answers
from autograder.course.files import Assignment
from autograder.errors import CourseError


def load_solutions(assignment: Assignment) -> ModuleType:
    """Return the module of an assignment's reference answers, by the name that tests import."""
    return _load(f"solutions.{assignment.name}", assignment.solutions)


def load_known_answers(assignment: Assignment) -> list[KnownAnswer]:
    """Return an assignment's known answers, in the order of their file."""
    # The answers import it.
    load_solutions(assignment)
    name = f"known_answers_{assignment.name}"
    return known_answers(_load(name, assignment.known_answers))


def _load(name: str, path: Path) -> ModuleType:
    """Import a file; say plainly where it is broken or missing."""
    loaded = sys.modules.get(name)
    if loaded is not None and loaded.__file__ == str(path):
        return loaded
    if not path.is_file():
        raise CourseError(f"missing file: create {path}")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    _make_parent_packages(name)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise CourseError(f"{path} cannot be imported: {type(error).__name__}: {error}") from error
    return module


def _make_parent_packages(name: str) -> None:
    parent, _, _ = name.rpartition(".")
    if parent and parent not in sys.modules:
        package = ModuleType(parent)
        package.__path__ = []
        sys.modules[parent] = package
