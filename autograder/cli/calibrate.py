"""`autograder calibrate`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import click
from rich.table import Table

from autograder.cli.display import add_row, console, progress, say
from autograder.cli.options import isolation_option, jobs_option
from autograder.course.files import Assignment, Course

if TYPE_CHECKING:
    from autograder.grading.calibration_cases import CaseResult


@click.command()
@click.argument("assignments", nargs=-1)
@click.option("-e", "--exercise", multiple=True, help="Only this exercise (repeatable).")
@click.option("--force", is_flag=True, help="Calibrate also what has not changed.")
@jobs_option
@isolation_option
@click.pass_obj
def calibrate(
    find: Callable[[], Course],
    assignments: tuple[str, ...],
    exercise: tuple[str, ...],
    force: bool,
    jobs: int,
    isolation: str,
) -> None:
    """Grade answers whose verdict is known, through the real box and judge.

    The reference and every other right answer must get full marks, the reference also where it
    calls another right answer to an earlier exercise; the released stub, a
    meaningless answer (zeros of the right shape) and one that only calls an earlier exercise, for
    which ours stands in, nothing; every known wrong answer must lose points by the hidden test it
    names, and be named as the misconception it is.

    An exercise whose answers have all calibrated is left out until its hidden tests, its answers,
    what all exercises share, the engine or its libraries change; one that is named is not.
    """
    from autograder.grading import calibration
    from autograder.grading.exposed_course import refuse_exposed_course
    from autograder.sandbox.isolation import Isolation
    from autograder.sandbox.limits import Limits

    course = find()
    chosen = course.chosen(assignments)
    if Isolation(isolation) is Isolation.BOX:
        refuse_exposed_course(course)
    run = calibration.calibrate(
        chosen, jobs, Isolation(isolation), Limits(), frozenset(exercise), force
    )
    outcomes = list(progress(run.results, "calibrating", run.count))
    out = console()
    for assignment in chosen:
        mine = [outcome for outcome in outcomes if outcome.case.assignment == assignment.name]
        if mine:
            out.print(_table(assignment, mine))
    problems = [(outcome, problem) for outcome in outcomes for problem in outcome.problems]
    for outcome, problem in problems:
        case = outcome.case
        say(f"{case.assignment} {case.exercise or ''} {case.face} {case.name}: {problem}")
    unchanged = f", {run.remembered} unchanged since they were" if run.remembered else ""
    say(f"{len(outcomes)} answers calibrated{unchanged}, {len(problems)} problems")
    if problems:
        sys.exit(1)


def _table(assignment: Assignment, outcomes: list[CaseResult]) -> Table:
    """Return the confusion table: what each answer is against what was made of it."""
    from autograder.course.master import read_master
    from autograder.grading.calibration_cases import Face
    from autograder.safe_text import for_markup

    table = Table(title=for_markup(assignment.name), title_justify="left")
    table.add_column("exercise")
    for heading in ("zeros", "right: full marks", "wrong: caught", "wrong: named"):
        table.add_column(heading, justify="right")
    whole = [outcome for outcome in outcomes if outcome.case.exercise is None]
    for exercise in read_master(assignment).exercises:
        mine = [outcome for outcome in outcomes if outcome.case.exercise == exercise.name]
        if not mine:
            continue
        right = [outcome for outcome in mine if outcome.case.face is Face.RIGHT]
        wrong = [outcome for outcome in mine if outcome.case.face is Face.WRONG]
        zeros = [outcome for outcome in mine if outcome.case.face is Face.ZEROS]
        caught = [outcome for outcome in wrong if outcome.case.caught_by in outcome.failed]
        named = [outcome for outcome in wrong if outcome.misconception == outcome.case.name]
        add_row(
            table,
            exercise.name,
            " ".join(f"{outcome.score:g}/{outcome.points:g}" for outcome in zeros),
            f"{sum(not outcome.problems for outcome in right)}/{len(right)}",
            f"{len(caught)}/{len(wrong)}",
            f"{len(named)}/{len(wrong)}",
        )
    for outcome in whole:
        table.caption = (table.caption or "") + (  # type: ignore[operator]
            f" {outcome.case.name}: {outcome.score:g} of {outcome.points:g} points. "
        )
    return table
