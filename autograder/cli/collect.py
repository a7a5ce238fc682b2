"""`autograder collect`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from autograder.cli.display import console, progress, say
from autograder.cli.download_options import download_options, reading_from
from autograder.course.files import Course

if TYPE_CHECKING:
    from autograder.submissions.intake.outcomes import Outcome


@click.command()
@click.argument("assignment")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@download_options
@click.option("--dry-run", is_flag=True, help="Show what would be done; write nothing.")
@click.option(
    "--replace",
    is_flag=True,
    help="Take these notebooks also where no time tells that they are the later ones. "
    "What they replace is kept.",
)
@click.pass_obj
def collect(
    find: Callable[[], Course],
    /,
    assignment: str,
    paths: tuple[Path, ...],
    platform: str,
    pattern: str | None,
    timezone: str | None,
    dry_run: bool,
    replace: bool,
) -> None:
    """Take the notebooks of ASSIGNMENT from a learning platform's download.

    PATHS are zip archives as Canvas, Moodle or Gradescope make them, folders, or notebooks. Each
    student's latest notebook is placed in submitted/, with its time beside it where the download
    knows it. A notebook that is replaced is kept in collected/ASSIGNMENT/STUDENT/.

    \b
    Examples:
      autograder collect a01_pca submissions.zip
      autograder collect a01_pca submissions.zip --dry-run
      autograder collect a01_pca inbox/ \\
        --pattern '(?P<student>\\w+)_attempt_(?P<time>[0-9-]+)_.*'

    Exit code 1: something was left out that a person should look at.
    """
    from autograder.submissions.intake import collecting

    chosen = find().assignment(assignment)
    reading = reading_from(platform, pattern, timezone)
    settings = collecting.Settings(reading, replace)
    run = collecting.preview if dry_run else collecting.collect
    outcomes = run(chosen, paths, settings, progress)
    _show(outcomes, chosen.course, dry_run)
    if any(outcome.needs_person for outcome in outcomes):
        sys.exit(1)


def _show(outcomes: list[Outcome], course: Course, dry_run: bool) -> None:
    from autograder.cli.collect_table import collect_tables

    out = console()
    for table in collect_tables(outcomes, course.root):
        out.print(table)
    if dry_run:
        say("Dry run: nothing was written.")
