"""Turn a result into Gradescope's `results.json`; what is for teaching staff alone never gets in.

The form: https://gradescope-autograders.readthedocs.io/en/latest/specs/#output-format
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict

from autograder.results.document import ExerciseResult, SubmissionResult, TestResult
from autograder.results.verdicts import Verdict
from autograder.safe_text import for_page

_MAX_OUTPUT = 10_000


class Visibility(StrEnum):
    """When a student sees a test."""

    HIDDEN = "hidden"
    AFTER_DUE_DATE = "after_due_date"
    AFTER_PUBLISHED = "after_published"
    VISIBLE = "visible"


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid")


class GradescopeTest(_Model):
    """One test as a student sees it on Gradescope."""

    name: str
    name_format: Literal["text"] = "text"
    number: str
    score: float
    max_score: float
    status: Literal["passed", "failed"]
    output: str
    output_format: Literal["text"] = "text"
    tags: list[str]
    visibility: Visibility


class GradescopeResults(_Model):
    """The whole document. What `run_autograder` prints is for instructors alone."""

    score: float
    execution_time: float
    output: str
    output_format: Literal["text"] = "text"
    test_output_format: Literal["text"] = "text"
    test_name_format: Literal["text"] = "text"
    visibility: Visibility
    stdout_visibility: Literal["hidden"] = "hidden"
    extra_data: dict[str, object]
    tests: list[GradescopeTest]


def gradescope_results(result: SubmissionResult, visibility: Visibility) -> GradescopeResults:
    """Return the document for a graded submission."""
    tests = [
        _test(exercise, test, f"{first}.{second}", visibility)
        for first, exercise in enumerate(result.exercises, 1)
        for second, test in enumerate(exercise.tests, 1)
    ]
    return GradescopeResults(
        score=round(result.score + result.extra_credit, 2),
        execution_time=max(0.0, result.seconds),
        output=_summary(result, visibility),
        # A file that could not be read must be told before the due date.
        visibility=visibility if tests else Visibility.VISIBLE,
        extra_data={
            "assignment": result.assignment,
            "max_score": result.max_score,
            "extra_credit": result.extra_credit,
            "verdict": str(result.verdict),
            "needs_person": result.needs_person,
            "isolation": result.isolation,
        },
        tests=tests,
    )


def not_graded(why: str, needs_person: bool) -> GradescopeResults:
    """Return the document for a submission that got no verdict: no points, and it says why."""
    return GradescopeResults(
        score=0.0,
        execution_time=0.0,
        output=why,
        # Whatever was chosen for tests: this a student must see before the due date.
        visibility=Visibility.VISIBLE,
        extra_data={"needs_person": needs_person},
        tests=[],
    )


def _summary(result: SubmissionResult, visibility: Visibility) -> str:
    """Return what is above the tests. It is always shown: scores are in it if tests are, too."""
    lines = []
    if not any(exercise.tests for exercise in result.exercises):
        lines.append("The file could not be read as the notebook of this assignment: no points.")
    elif visibility is Visibility.VISIBLE:
        lines += [f"{one.name}: {one.score:g} of {one.points:g}" for one in result.exercises]
    else:
        lines.append("The notebook was read and graded.")
    lines += [f"Note: {note}" for note in result.notes]
    if result.has_grader_error:
        lines.append("A part of the grader failed. That is not your fault; a person will look.")
    return _text("\n".join(lines))


def _test(
    exercise: ExerciseResult, test: TestResult, number: str, visibility: Visibility
) -> GradescopeTest:
    share = exercise.points / len(exercise.tests)
    passed = test.verdict is Verdict.PASSED
    return GradescopeTest(
        name=_text(f"{exercise.name}: {test.sentence}"),
        number=number,
        score=round(share, 4) if passed else 0.0,
        # Extra credit comes on top: it is no part of what can be reached.
        max_score=0.0 if exercise.optional else round(share, 4),
        status="passed" if passed else "failed",
        output=_output(exercise, test),
        tags=[exercise.name, "optional" if exercise.optional else "core", str(test.verdict)],
        visibility=visibility,
    )


def _output(exercise: ExerciseResult, test: TestResult) -> str:
    """Return what a student reads: never `detail`, which has expected values."""
    if test.verdict is Verdict.PASSED:
        return "Passed."
    lines = [str(test.verdict), test.message]
    lines += [f"line {own.line} of {own.function}: {own.text}" for own in test.own_lines]
    if test.hint:
        lines.append(f"Next step: {test.hint}")
    if exercise.misconception_says:
        lines.append(f"{exercise.name} behaves like an answer that {exercise.misconception_says}.")
    if exercise.stand_ins:
        lines.append(f"Graded with our own {', '.join(exercise.stand_ins)}.")
    return _text("\n".join(line for line in lines if line))


def _text(text: str) -> str:
    """Return a text without what a terminal obeys, no longer than a page shows."""
    cleaned = for_page(text)
    return cleaned if len(cleaned) <= _MAX_OUTPUT else cleaned[:_MAX_OUTPUT] + " …"
