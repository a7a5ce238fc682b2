"""`autograder demo`."""

from __future__ import annotations

from collections.abc import Callable

import click

from autograder.cli.display import say
from autograder.course.files import Course


@click.command()
@click.argument("assignment", required=False)
@click.option("--remove", is_flag=True, help="Remove the demo, with all that became of it.")
@click.pass_obj
def demo(find: Callable[[], Course], assignment: str | None, remove: bool) -> None:
    """Make up a small class for ASSIGNMENT, in a course of its own: the folder demo/.

    Perfect, blank, partly wrong, right by other ways, crashing, looping, hungry for memory,
    cheating, untidy, and a broken file: made from the reference and the known answers. The course
    that it lies in is only read: its submissions and its gradebook are not touched.
    """
    if remove == bool(assignment):
        raise click.UsageError("name an assignment, or give --remove")
    if assignment:
        _make(find(), assignment)
    else:
        _remove(find())


def _make(course: Course, assignment: str) -> None:
    from autograder.course.demo_class import make_class
    from autograder.course.demo_course import make_demo_course

    copy = make_demo_course(course.assignment(assignment))
    paths = make_class(copy)
    say(f"{len(paths)} made-up students in {copy.course.submitted}")
    say(f"grade them: autograder --course {copy.course.root.name} grade {copy.name}")


def _remove(course: Course) -> None:
    from autograder.course.demo_course import remove_demo

    removed = remove_demo(course)
    say(f"removed: {removed}" if removed else f"there is no demo in {course.root}")
