"""`autograder collect`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from autograder.cli.display import console, progress
from autograder.course import Course
from autograder.errors import AutograderError

if TYPE_CHECKING:
    from datetime import tzinfo

    from autograder.submissions.intake.outcomes import Outcome


@click.command()
@click.argument("assignment")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--from",
    "platform",
    type=click.Choice(["auto", "canvas", "moodle", "gradescope", "nbgrader", "loose"]),
    default="auto",
    show_default=True,
    help="Whose names these are; `auto` finds out from the names.",
)
@click.option(
    "--pattern",
    help="For other names: a regular expression with a group (?P<student>…), and if you like "
    "(?P<time>…) and (?P<assignment>…), matched from the beginning of each path.",
)
@click.option(
    "--timezone",
    help="Of times in names that name none, as Europe/Berlin (default: this machine's).",
)
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
    from autograder.submissions.intake.platforms import Platform
    from autograder.submissions.intake.reading_downloads import Reading

    if pattern is not None and platform != "auto":
        raise click.UsageError("--pattern and --from exclude each other")
    chosen = find().assignment(assignment)
    known = None if platform == "auto" else Platform(platform)
    reading = Reading(known, pattern, _zone(timezone))
    settings = collecting.Settings(reading, replace)
    run = collecting.preview if dry_run else collecting.collect
    outcomes = run(chosen, paths, settings, progress)
    _show(outcomes, chosen.course, dry_run)
    if any(outcome.needs_person for outcome in outcomes):
        sys.exit(1)


def _zone(name: str | None) -> tzinfo | None:
    from zoneinfo import ZoneInfo

    try:
        return None if name is None else ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        raise AutograderError(f"no time zone {name!r}: write it as Europe/Berlin") from None


def _show(outcomes: list[Outcome], course: Course, dry_run: bool) -> None:
    from autograder.cli.collect_table import collect_tables

    out = console()
    for table in collect_tables(outcomes, course.root):
        out.print(table)
    if dry_run:
        out.print("Dry run: nothing was written.")
