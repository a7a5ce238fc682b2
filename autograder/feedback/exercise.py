"""Render an exercise's result as the feedback a student reads; everything is escaped."""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, Template
from markupsafe import Markup

from autograder.results.document import ExerciseResult, TestResult
from autograder.results.verdicts import VERDICT_WORDS, Verdict


@cache
def _template() -> Template:
    loader = PackageLoader("autograder.feedback")
    return Environment(loader=loader, autoescape=True).get_template("exercise.html.j2")


def render_exercise_html(exercise: ExerciseResult, *, styled: bool = True) -> str:
    """Return the feedback on an exercise as HTML, without anything active in it.

    nbgrader's pages know no style of ours, so it is written into the elements; a page of ours
    has one, and its policy forbids such attributes (`styled=False`).
    """

    def inline(style: str) -> Markup:
        return Markup(' style="{}"').format(style) if styled else Markup("")

    return _template().render(
        exercise=exercise,
        words=VERDICT_WORDS,
        inline=inline,
        unsolved=_unsolved(exercise),
        folded=_folded(exercise),
    )


def _unsolved(exercise: ExerciseResult) -> TestResult | None:
    """Return one hidden test where all say the same: that there is no answer."""
    missing = exercise.tests and all(one.verdict is Verdict.MISSING for one in exercise.tests)
    return exercise.tests[0] if missing else None


def _folded(exercise: ExerciseResult) -> str:
    """Return the line under which tests are folded away; empty where they are what to read."""
    count, failed = len(exercise.tests), _not_passed(exercise)
    if exercise.tests and failed == 0:
        return f"What was tried: {count} {'property' if count == 1 else 'properties'}"
    if exercise.misconception_says:
        return f"All that was tried: {failed} of {count} failed"
    return ""


def _not_passed(exercise: ExerciseResult) -> int:
    return sum(one.verdict is not Verdict.PASSED for one in exercise.tests)


def render_exercise_text(exercise: ExerciseResult) -> str:
    """Return the feedback on an exercise as plain text."""
    lines = [f"{exercise.name}: {exercise.score:g} of {exercise.points:g} points"]
    if exercise.misconception_says:
        lines.append(f"Behaves like an answer that {exercise.misconception_says}.")
        lines += [f"Next step: {text}" for text in (exercise.next_step,) if text]
    unsolved = _unsolved(exercise)
    if unsolved is not None:
        return f"{lines[0]}. {unsolved.message or VERDICT_WORDS[Verdict.MISSING]}"
    for test in exercise.tests:
        mark = "✓" if test.verdict is Verdict.PASSED else "✗"
        lines.append(f"{mark} {test.sentence}")
        lines += [f"    {text}" for text in (test.message,) if text]
        lines += [f"    line {own.line} of {own.function}: {own.text}" for own in test.own_lines]
        lines += [f"    Next step: {text}" for text in (test.hint,) if text]
    if exercise.stand_ins:
        lines.append(f"Graded with our own {', '.join(exercise.stand_ins)}.")
    return "\n".join(lines)
