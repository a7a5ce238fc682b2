"""`autograder doctor`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from autograder.cli.display import Styled, add_row, console
from autograder.course.files import Course
from autograder.errors import CourseError

if TYPE_CHECKING:
    from autograder.findings import Finding


@click.command()
@click.pass_obj
def doctor(find: Callable[[], Course]) -> None:
    """Say what this machine can isolate and what it lacks, with the line that mends it.

    In a course's folder, or with `autograder --course FOLDER doctor`, also whether student code or
    other users of this machine could see any of the course, and whether nbgrader's exchange is
    ready: its permissions, the course's name, times.
    """
    from rich.table import Table

    table = Table()
    for heading in ("", "what", "found", "to mend it"):
        table.add_column(heading, overflow="fold")
    findings = _findings(find)
    for finding in findings:
        mark = (
            "[green]ok[/]" if finding.good else ("[red]no[/]" if finding.needed else "[yellow]-[/]")
        )
        add_row(table, Styled(mark), finding.what, finding.found, finding.mend)
    console().print(table)
    if any(finding.needed and not finding.good for finding in findings):
        sys.exit(1)


def _findings(find: Callable[[], Course]) -> list[Finding]:
    from autograder.course.access import examine_access
    from autograder.course.exchange import examine_exchange
    from autograder.findings import Finding
    from autograder.grading.exposed_course import course_private
    from autograder.sandbox.host.machine_check import examine

    try:
        course = find()
    except CourseError:
        mend = "go to the course's folder, or name it: autograder --course FOLDER doctor"
        missing = Finding("the course is out of its sight", False, "no course here", mend, False)
        return [*examine(), missing]
    machine = examine(course.data, course_private(course))
    return [
        *machine,
        *examine_access(course),
        *examine_exchange(course),
        _marking_schemes(course),
    ]


def _marking_schemes(course: Course) -> Finding:
    from autograder.course.configuration import feedback_is_our_page
    from autograder.findings import Finding

    what = "feedback keeps marking schemes from students"
    if feedback_is_our_page(course):
        return Finding(what, True, "it is our student page")
    line = 'c.GenerateFeedback.exporter_class = "autograder.nbgrader_plugin.StudentPage"'
    found = "nbgrader's own page would show them: formgrader does not, either"
    return Finding(what, False, found, f"in {course.config.name}: {line}")
