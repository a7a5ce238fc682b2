"""`autograder new`."""

from __future__ import annotations

from collections.abc import Callable

import click

from autograder.cli.display import say
from autograder.course.files import Course


@click.command()
@click.argument("assignment")
@click.argument("exercise")
@click.option("--optional", is_flag=True, help="An exercise for extra credit.")
@click.pass_obj
def new(find: Callable[[], Course], assignment: str, exercise: str, optional: bool) -> None:
    """Add EXERCISE to ASSIGNMENT: a skeleton in each of its four files.

    An assignment that does not exist yet is made. Nothing is overwritten. Every place to be filled
    in is marked TODO, and `autograder check` lists them until none is left.
    """
    from autograder.course.skeletons import add_exercise

    course = find()
    for path in add_exercise(course, assignment, exercise, optional):
        say(f"wrote: {path.relative_to(course.root)}")
    say(f"fill in what is marked TODO, then: autograder check {assignment}")
