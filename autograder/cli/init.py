"""`autograder init`."""

from __future__ import annotations

from pathlib import Path

import click

from autograder.cli.display import say


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
def init(folder: Path) -> None:
    """Start a course of your own in FOLDER, which is new or empty.

    It gets a configuration, the notebooks' helpers, and one worked exercise with all its faces:
    master, reference, hidden tests, known answers right and wrong.
    """
    from autograder.course.starting import start_course

    first = start_course(folder)
    say(f"a course with one assignment, {first.name}: {first.course.root}")
    say("go there; then each of these works:")
    say("  autograder build")
    say("  autograder check")
    say("  autograder calibrate")
    say(f"  autograder demo {first.name} && autograder --course demo grade {first.name}")
    say(f"  autograder new {first.name} EXERCISE")
