"""`autograder feedback`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from autograder.cli.display import progress, say
from autograder.course.files import Assignment, Course
from autograder.errors import AutograderError

if TYPE_CHECKING:
    from autograder.feedback.delivery import Feedback


@click.command()
@click.argument("assignment")
@click.argument("students", nargs=-1)
@click.option(
    "--release", is_flag=True, help="Release it to nbgrader's exchange, for Fetch Feedback."
)
@click.pass_obj
def feedback(
    find: Callable[[], Course], assignment: str, students: tuple[str, ...], release: bool
) -> None:
    """Write each student's feedback page of ASSIGNMENT, of a class or of STUDENTS.

    To feedback/STUDENT/ASSIGNMENT/, as `nbgrader generate_feedback` does, but all in one process.
    Run it again after marking: what has changed is written again. Exit code 1: a student has no
    page, or, with --release, there is one that cannot be released.
    """
    found = find().assignment(assignment)
    written = _write(found, frozenset(students))
    stale = [one for one in written if one.is_stale]
    for one in stale:
        say(f"{one.student}: no feedback: {one.outcome}", err=True)
    new = sum(one.is_new for one in written)
    say(f"feedback: {new} written, {len(written) - new - len(stale)} unchanged")
    sys.exit(1 if stale or (release and not _release(found, written)) else 0)


def _write(assignment: Assignment, students: frozenset[str]) -> list[Feedback]:
    from autograder.feedback.delivery import write_feedback
    from autograder.reports.writing import count_results

    count = len(students) or count_results(assignment)
    written = list(progress(write_feedback(assignment, students), "writing", count))
    if unknown := students - {one.student for one in written}:
        raise AutograderError(
            f"no result of {assignment.name} for {', '.join(sorted(unknown))}: "
            f"run `autograder grade {assignment.name}`"
        )
    return written


def _release(assignment: Assignment, written: list[Feedback]) -> bool:
    """Release what can be; say of the rest that it did not come by the exchange."""
    from autograder.feedback.delivery import release_feedback

    say(f"released: {release_feedback(assignment, written)}")
    others = [one.student for one in written if not one.can_be_released]
    if others:
        shown = ", ".join(others[:10]) + (", …" if len(others) > 10 else "")
        say(
            f"not released, as they were not submitted by the exchange: {shown}; their pages are "
            "in feedback/",
            err=True,
        )
    return not others
