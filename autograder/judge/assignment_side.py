"""Load an assignment's judge side: hidden tests, references, known answers. Never in a box."""

from __future__ import annotations

import ast
import importlib.util
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

from autograder.answers import KnownAnswer, known_answers
from autograder.course.files import Assignment
from autograder.course.master import TEST_CLASS_PREFIX, Exercise, read_master
from autograder.errors import CourseError
from autograder.judge.collection import TestCase, collect_cases
from autograder.sandbox.warming import warm_autograd, warm_imports


@dataclass
class JudgeSide:
    """What the judge knows of an assignment and the box does not."""

    assignment: Assignment

    def load(self) -> JudgeSide:
        """Load everything now, so that processes forked from this one share it."""
        warm_autograd()
        warm_imports(self.assignment.slow_imports)
        for exercise in self.exercises:
            self.cases_of(exercise.name)
        self.known_answers  # noqa: B018  It is kept once it is read.
        return self

    @cached_property
    def exercises(self) -> list[Exercise]:
        return read_master(self.assignment).exercises

    @cached_property
    def solutions(self) -> ModuleType:
        return _load(f"solutions.{self.assignment.name}", self.assignment.solutions)

    @cached_property
    def known_answers(self) -> list[KnownAnswer]:
        self.solutions  # noqa: B018  The answers import it.
        path = self.assignment.known_answers
        return known_answers(_load(f"known_answers_{self.assignment.name}", path))

    def reference(self, exercise: str) -> Callable[..., Any]:
        """Return the reference function of an exercise."""
        function: Callable[..., Any] | None = getattr(self.solutions, exercise, None)
        if function is None:
            raise CourseError(f"{self.assignment.solutions}: no function {exercise}")
        return function

    @cached_property
    def _cases(self) -> dict[str, list[TestCase]]:
        # The tests and the answers import the solutions by this name.
        secret = frozenset({self.solutions.__name__})
        return collect_cases(_existing(self.assignment), secret)

    def cases_of(self, exercise: str) -> list[TestCase]:
        """Return the cases of an exercise's hidden tests, as pytest has collected them."""
        if exercise not in self._cases:
            path = self.assignment.hidden_tests
            raise CourseError(
                f"{path}: no hidden tests of {exercise}; add {TEST_CLASS_PREFIX}{exercise}"
            )
        return self._cases[exercise]

    def wrong_answers(self, exercise: str) -> list[KnownAnswer]:
        """Return the known misconceptions of an exercise."""
        return [
            answer
            for answer in self.known_answers
            if answer.exercise == exercise and not answer.is_right
        ]


def hidden_test_classes(assignment: Assignment) -> dict[str, dict[str, str]]:
    """Return, by exercise, the names and sentences of its hidden tests, without running any."""
    tree = ast.parse(_existing(assignment).read_text(encoding="utf-8"))
    return {
        node.name.removeprefix(TEST_CLASS_PREFIX): {
            item.name: ast.get_docstring(item) or ""
            for item in node.body
            if isinstance(item, ast.FunctionDef) and item.name.startswith("test_")
        }
        for node in tree.body
        if isinstance(node, ast.ClassDef) and node.name.startswith(TEST_CLASS_PREFIX)
    }


def _existing(assignment: Assignment) -> Path:
    path = assignment.hidden_tests
    if not path.is_file():
        raise CourseError(f"{assignment.name} has no hidden tests; create {path}")
    return path


def _load(name: str, path: Path) -> ModuleType:
    """Import a file under a name of ours; say plainly where it is broken or missing."""
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
