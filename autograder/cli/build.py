"""`autograder build` and `autograder check`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor

import click

from autograder.cli.display import progress, say
from autograder.course.files import Assignment, Course
from autograder.errors import EditedByHand

# Of one core, on a quiet machine: most of it runs the release notebook in nbgrader's validator.
_SECONDS_EACH = 8


@click.command()
@click.argument("assignments", nargs=-1)
@click.option("--check", is_flag=True, help="Write nothing; say which built files are stale.")
@click.option("--force", is_flag=True, help="Overwrite also what was changed by hand.")
@click.pass_obj
def build(
    find: Callable[[], Course], assignments: tuple[str, ...], check: bool, force: bool
) -> None:
    """Build source/ and release/ notebooks from the masters.

    The same masters give the same bytes. Without ASSIGNMENTS, all of them. An assignment of which a
    built file was changed by hand is left as it is; exit code 1.
    """
    from autograder.course import notebooks

    course = find()
    changed, edited = 0, []
    for assignment in progress(course.chosen(assignments), "building"):
        try:
            paths = (
                notebooks.stale(assignment) if check else notebooks.build(assignment, force=force)
            )
        except EditedByHand as error:
            for line in str(error).splitlines():
                say(line)
            edited.append(assignment.name)
            continue
        for path in paths:
            say(f"{'stale' if check else 'wrote'}: {path.relative_to(course.root)}")
        changed += len(paths)
    if edited:
        _say_how_to_keep(edited)
    elif check and changed:
        say("run `autograder build`", err=True)
    elif not changed:
        say("all notebooks are up to date")
    if edited or (check and changed):
        sys.exit(1)


def _say_how_to_keep(edited: list[str]) -> None:
    """Say what to do where a built file was changed by hand."""
    name = edited[0]
    for line in (
        f"what is built from source/{name}.md is overwritten by each build: make the change there",
        f"to keep a copy: cp source/{name}/{name}.ipynb {name}_edited.ipynb",
        f"to overwrite it: autograder build --force {' '.join(edited)}",
    ):
        say(line, err=True)


@click.command()
@click.argument("assignments", nargs=-1)
@click.option(
    "--no-validate", is_flag=True, help="Skip running release notebooks in nbgrader's validator."
)
@click.pass_obj
def check(find: Callable[[], Course], assignments: tuple[str, ...], no_validate: bool) -> None:
    """Check that the course holds together.

    Every exercise has its four faces, legal and unique names, and points; nothing is orphaned; no
    solution or hidden test stands in release/; nbgrader's own validator sees every release notebook
    as unsolved.
    """
    from autograder.course.checking import check_course, check_validator

    course = find()
    chosen = course.chosen(assignments)
    say(_how_long(chosen, validates=not no_validate), err=True)
    problems = check_course(course, progress(chosen, "checking"))
    if not no_validate and not problems:
        with ProcessPoolExecutor() as pool:
            for found in progress(pool.map(check_validator, chosen), "validating", len(chosen)):
                problems += found
    for problem in problems:
        say(problem)
    if problems:
        sys.exit(1)
    say(f"{_counted(chosen)} {'holds' if len(chosen) == 1 else 'hold'} together")


def _counted(assignments: list[Assignment]) -> str:
    return "1 assignment" if len(assignments) == 1 else f"{len(assignments)} assignments"


def _how_long(chosen: list[Assignment], *, validates: bool) -> str:
    """Say how long a check takes; what needs no validator is done by one core."""
    cores = min(os.cpu_count() or 1, len(chosen) or 1)
    seconds = len(chosen) * (_SECONDS_EACH / cores if validates else 1)
    return f"checking {_counted(chosen)}: about {seconds:.0f} s, more where the machine is busy"
