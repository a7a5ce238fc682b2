"""The command line: each command parses, calls one function, and prints."""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
import threading
from pathlib import Path
from typing import NoReturn

import click

import autograder.lean_start  # noqa: F401  Before anything that is slow to import.
from autograder.cli.display import say
from autograder.course.files import find_course
from autograder.errors import AutograderError
from autograder.safe_text import for_terminal


class _Group(click.Group):
    """Prints an AutograderError on one line and exits 2."""

    def invoke(self, context: click.Context) -> object:
        try:
            return super().invoke(context)
        except AutograderError as error:
            say(f"autograder: {error}", err=True)
            sys.exit(2)
        except click.ClickException as error:
            # What was typed may be a file's name, by the shell's own pattern.
            object.__setattr__(error, "message", for_terminal(error.message))
            raise


EXIT_CODES = """
\b
Exit codes:
  0  all is well
  1  the command ran and found something: a stale notebook, an answer that
     calibrates wrongly, a submission that needs a person
  2  the command could not run: bad arguments, a broken course, no isolation
"""


@click.group(
    cls=_Group, epilog=EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.option(
    "--course",
    "course_folder",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    default=Path("."),
    help="A folder of the course (default: this one); the course is found by nbgrader_config.py.",
)
@click.version_option(package_name="genai-foundations", prog_name="autograder")
@click.pass_context
def main(context: click.Context, course_folder: Path) -> None:
    """Build, check, calibrate and grade an nbgrader course.

    Student code runs in a sandbox; scores are made outside it, by hidden tests.
    """
    context.obj = lambda: find_course(course_folder)


def _register() -> None:
    from autograder.cli.build import build, check
    from autograder.cli.calibrate import calibrate
    from autograder.cli.collect import collect
    from autograder.cli.demo import demo
    from autograder.cli.doctor import doctor
    from autograder.cli.export import export
    from autograder.cli.feedback import feedback
    from autograder.cli.forget import forget
    from autograder.cli.grade import grade
    from autograder.cli.handout import handout
    from autograder.cli.init import init
    from autograder.cli.marking import marking
    from autograder.cli.new import new
    from autograder.cli.preview import preview
    from autograder.cli.report import report
    from autograder.cli.similar import similar

    course = (init, build, check, new, preview, handout, calibrate, doctor, demo)
    submissions = (collect, grade, marking, feedback, report, export, similar, forget)
    for command in (*course, *submissions):
        main.add_command(command)


_register()


def run() -> NoReturn:
    """Run the command line and leave at once: taking torch's modules apart would last a second."""
    status: str | int | None = 0
    try:
        main(prog_name="autograder")
    except SystemExit as leaving:
        status = leaving.code
    # What Python itself does at its end, but for the modules.
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):
            stream.flush()
    os._exit(status if isinstance(status, int) else 0 if status is None else 1)
