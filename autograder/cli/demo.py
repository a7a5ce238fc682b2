"""`autograder demo`."""

from __future__ import annotations

from collections.abc import Callable

import click

from autograder.cli.display import say
from autograder.course.files import Course


@click.command()
@click.argument("assignment")
@click.pass_obj
def demo(find: Callable[[], Course], assignment: str) -> None:
    """Make up a small class for ASSIGNMENT in submitted/.

    Perfect, blank, partly wrong, right by other ways, crashing, looping, hungry for memory,
    cheating, untidy, and a broken file: made from the reference and the known answers.
    """
    from autograder.course.demo_class import make_class

    course = find()
    paths = make_class(course.assignment(assignment))
    say(f"{len(paths)} made-up students in {course.submitted}")
