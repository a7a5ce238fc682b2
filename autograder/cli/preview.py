"""`autograder preview`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from autograder.cli.display import progress, say
from autograder.course.files import Assignment, Course

if TYPE_CHECKING:
    from nbformat import NotebookNode


@click.command()
@click.argument("assignment")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    help="The folder to write to (default: preview/ in the course, which only you may read).",
)
@click.option(
    "--without-answers", is_flag=True, help="Show stubs and no marking scheme: for anybody to read."
)
@click.option("--open", "opens", is_flag=True, help="Open the page in a browser.")
@click.pass_obj
def preview(
    find: Callable[[], Course],
    assignment: str,
    output: Path | None,
    without_answers: bool,
    opens: bool,
) -> None:
    """Run ASSIGNMENT with its reference answers, and show it with all that it draws.

    Writes ASSIGNMENT.html and ASSIGNMENT.ipynb. It is made from the master as it is now: built
    notebooks are not touched. Exit code 1 where a cell raises or a visible check does not pass.
    """
    from autograder.course.preview import faults, write_preview

    course = find()
    chosen = course.assignment(assignment)
    notebook = _run(chosen, without_answers=without_answers)
    for path in (written := write_preview(notebook, chosen, output or _private_folder(course))):
        say(f"wrote {path}")
    if opens:
        click.launch(str(written[0]))
    for fault in (found := faults(notebook)):
        say(fault)
    if found:
        sys.exit(1)


def _run(assignment: Assignment, *, without_answers: bool) -> NotebookNode:
    from autograder.course.preview import preview as run

    how_long = "seconds to minutes, by how much it trains"
    say(f"running {assignment.name} with its reference answers: {how_long}", err=True)
    return run(
        assignment,
        without_answers=without_answers,
        each=lambda cells: progress(cells, "running"),
    )


def _private_folder(course: Course) -> Path:
    """Return the folder that previews with answers lie in; nobody else may read it."""
    from autograder.course.preview import FOLDER

    folder = course.root / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder
