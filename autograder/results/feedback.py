"""Render an exercise's result as the feedback a student reads; everything is escaped."""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, Template
from markupsafe import Markup

from autograder.results.document import ExerciseResult
from autograder.results.verdicts import Verdict

VERDICT_WORDS = {
    Verdict.PASSED: "passed",
    Verdict.FAILED: "failed",
    Verdict.MISSING: "not solved",
    Verdict.CRASHED: "crashed",
    Verdict.OUT_OF_MEMORY: "out of memory",
    Verdict.TIMED_OUT: "timed out",
    Verdict.GRADER_ERROR: "grader error",
}


@cache
def _template() -> Template:
    loader = PackageLoader("autograder.results")
    return Environment(loader=loader, autoescape=True).get_template("exercise.html.j2")


def render_exercise_html(exercise: ExerciseResult, *, styled: bool = True) -> str:
    """Return the feedback on an exercise as HTML, without anything active in it.

    nbgrader's pages know no style of ours, so it is written into the elements; a page of ours
    has one, and its policy forbids such attributes (`styled=False`).
    """

    def inline(style: str) -> Markup:
        return Markup(' style="{}"').format(style) if styled else Markup("")

    return _template().render(exercise=exercise, words=VERDICT_WORDS, inline=inline)


def render_exercise_text(exercise: ExerciseResult) -> str:
    """Return the feedback on an exercise as plain text."""
    lines = [f"{exercise.name}: {exercise.score:g} of {exercise.points:g} points"]
    if exercise.misconception_says:
        lines.append(f"Behaves like an answer that {exercise.misconception_says}.")
    for test in exercise.tests:
        mark = "✓" if test.verdict is Verdict.PASSED else "✗"
        lines.append(f"{mark} {test.sentence}")
        lines += [f"    {text}" for text in (test.message,) if text]
        lines += [f"    line {own.line} of {own.function}: {own.text}" for own in test.own_lines]
        lines += [f"    Next step: {text}" for text in (test.hint,) if text]
    if exercise.stand_ins:
        lines.append(f"Graded with our own {', '.join(exercise.stand_ins)}.")
    return "\n".join(lines)
