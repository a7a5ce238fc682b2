"""Load an assignment's judge side: hidden tests, references, known answers. Never in a box."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from types import ModuleType
from typing import Any

from autograder.answers import KnownAnswer
from autograder.course.facts import Exercise, read_facts, slow_imports
from autograder.course.files import Assignment
from autograder.course.loading import load_known_answers, load_solutions
from autograder.course.parts import TEST_CLASS_PREFIX, existing_hidden_tests
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
        warm_imports(slow_imports(self.assignment))
        for exercise in self.exercises:
            self.cases_of(exercise.name)
        self.known_answers  # noqa: B018  It is kept once it is read.
        return self

    @cached_property
    def exercises(self) -> list[Exercise]:
        return list(read_facts(self.assignment).exercises)

    @cached_property
    def solutions(self) -> ModuleType:
        return load_solutions(self.assignment)

    @cached_property
    def known_answers(self) -> list[KnownAnswer]:
        return load_known_answers(self.assignment)

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
        return collect_cases(existing_hidden_tests(self.assignment), secret)

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
        return [one for one in self.known_answers if one.exercise == exercise and not one.is_right]

    def right_answers(self, exercise: str) -> list[KnownAnswer]:
        """Return the known other right answers to an exercise."""
        return [one for one in self.known_answers if one.exercise == exercise and one.is_right]
