"""Believe what a worker sends where it fits all that is known here: whose it is, and of what."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from pydantic import ValidationError

from autograder.course.facts import Exercise
from autograder.errors import AutograderError
from autograder.grading.begun import Begun
from autograder.results.document import (
    POINT_DIGITS,
    ExerciseResult,
    Key,
    SubmissionResult,
    parse_result,
)
from autograder.results.verdicts import Verdict, worst

_T = TypeVar("_T")
_CENT = 10.0**-POINT_DIGITS


@dataclass(frozen=True)
class Expected:
    """What is known of a result before it comes."""

    assignment: str
    student: str
    isolation: str
    key: Key
    exercises: tuple[Exercise, ...]

    def result(self, text: str) -> SubmissionResult:
        """Return a worker's result of the submission that it was sent."""
        result = parse_result(text.encode())
        if result is None:
            raise AutograderError("a worker sent what is no result: is its engine ours?")
        if result.key != self.key:
            raise AutograderError(
                f"the result of {result.student!r} was made of other files or by another engine: "
                "start the workers again"
            )
        self._check(self._why_not(result))
        return result

    def begun(self, text: str) -> Begun:
        """Return what a worker says that stands of the submission."""
        try:
            begun = Begun.model_validate_json(text)
        except ValidationError:
            raise AutograderError("a worker sent what is no reply: is its engine ours?") from None
        names = [one.name for one in self.exercises]
        graded = [one.name for one in begun.exercises]
        broken = begun.broken
        if graded != names[: len(graded)]:
            self._check("other exercises")
        if broken is not None and broken.name not in names[len(graded) : len(graded) + 1]:
            self._check("another exercise that broke off")
        found = [*begun.exercises, *([broken] if broken is not None else [])]
        self._check(_first(self._odd, found))
        return begun

    def _check(self, odd: str) -> None:
        if odd:
            raise AutograderError(
                f"what a worker sent as the result of {self.student!r} has {odd}: "
                "see who can reach the cluster"
            )

    def _why_not(self, result: SubmissionResult) -> str:
        """Say what of a result is not as it must be, or nothing."""
        # A folder's name need not be UTF-8; a result is.
        student = os.fsencode(self.student).decode("utf-8", "replace")
        if (result.assignment, result.student) != (self.assignment, student):
            return "another student or assignment"
        if result.isolation.partition("+")[0] != self.isolation.partition("+")[0]:
            return "another isolation"
        if [one.name for one in result.exercises] != [one.name for one in self.exercises]:
            return "other exercises"
        if odd := _first(self._odd, result.exercises):
            return odd
        core = [one for one in result.exercises if not one.optional]
        extra = [one for one in result.exercises if one.optional]
        sums = (
            (result.score, sum(one.score for one in core)),
            (result.max_score, sum(one.points for one in core)),
            (result.extra_credit, sum(one.score for one in extra)),
        )
        if not all(abs(told - made) < _CENT for told, made in sums):
            return "a sum that is none of its parts"
        if result.verdict is not worst([one.verdict for one in core]):
            return "a verdict that is none of its parts"
        asks = result.has_grader_error or any(one.look for one in result.exercises)
        if asks and not result.needs_person:
            return "a fault that nobody is to look at"
        seconds = (result.seconds, result.cells_seconds, result.peak_memory_mb)
        return "" if all(math.isfinite(one) and one >= 0 for one in seconds) else "odd seconds"

    def _odd(self, one: ExerciseResult) -> str:
        """Say what of an exercise's result is not as it must be, or nothing."""
        ours = next(exercise for exercise in self.exercises if exercise.name == one.name)
        if (one.points, one.optional) != (ours.points, ours.optional):
            return f"other points for {one.name}"
        # NaN is neither above nor below anything.
        if not 0 <= one.score <= one.points or not 0 <= one.seconds < math.inf:
            return f"a score of {one.score} for {one.name}"
        passed = sum(test.verdict is Verdict.PASSED for test in one.tests)
        if one.tests and one.verdict is not worst([test.verdict for test in one.tests]):
            return f"a verdict for {one.name} that its tests do not have"
        share = passed / len(one.tests) if one.tests else 0.0
        if abs(one.score - one.points * share) >= _CENT:
            return f"a score for {one.name} that its tests do not earn"
        return ""


def _first(odd: Callable[[_T], str], things: Iterable[_T]) -> str:
    return next(filter(None, map(odd, things)), "")
