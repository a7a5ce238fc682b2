"""`autograder handout`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

from autograder.cli.display import progress, say
from autograder.course.files import Course


@click.command()
@click.argument("assignments", nargs=-1)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="The zip to write (default: exports/COURSE.zip).",
)
@click.pass_obj
def handout(find: Callable[[], Course], assignments: tuple[str, ...], output: Path | None) -> None:
    """Pack what students get into a zip: for those who have no exchange.

    Of each assignment the released notebook with its data; beside them what to install, and a page
    that says how to install, open and hand in. Nothing else of the course. Without ASSIGNMENTS, all
    of them. The same release gives the same bytes.

    \b
    Examples:
      autograder handout                       # exports/COURSE.zip
      autograder handout a01_pca -o pca.zip

    Exit code 2: a release is not what its master would build, or shows some of an answer.
    """
    from autograder.atomic_files import check_writable, write_or_say_why
    from autograder.course.handout import handout_name, pack_handout

    course = find()
    chosen = course.chosen(tuple(dict.fromkeys(assignments)))
    name = handout_name(course, chosen, whole=not assignments)
    path = output or course.root / "exports" / f"{name}.zip"
    check_writable(path, "zip")
    content = pack_handout(course, progress(chosen, "packing"), name)
    # It is made to be given away: readable as any other file is.
    write_or_say_why(path, content, private=False)
    counted = "1 assignment" if len(chosen) == 1 else f"{len(chosen)} assignments"
    say(f"wrote: {path} ({counted}, {max(1, len(content) // 1024)} KiB)")
