"""Render an exercise's result as the feedback a student reads; everything is escaped."""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, Template

from autograder.results import ExerciseResult
from autograder.verdicts import Verdict


@cache
def _template() -> Template:
    loader = PackageLoader("autograder.gradebook")
    return Environment(loader=loader, autoescape=True).get_template("exercise.html.j2")


def render_exercise_html(exercise: ExerciseResult) -> str:
    """Return the feedback on an exercise as HTML, without anything active in it."""
    return _template().render(exercise=exercise)


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
