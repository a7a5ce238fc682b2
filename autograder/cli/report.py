"""`autograder report`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from autograder.cli.display import progress, say
from autograder.course.files import Assignment, Course

if TYPE_CHECKING:
    from autograder.reports.class_results import ClassResults


@click.command()
@click.argument("assignment", required=False)
@click.option("--course", "whole_course", is_flag=True, help="Follow students across assignments.")
@click.pass_obj
def report(find: Callable[[], Course], assignment: str | None, whole_course: bool) -> None:
    """Write reports of graded submissions to reports/, as pages for a browser.

    `report ASSIGNMENT` writes reports/ASSIGNMENT.html for the instructor (scores, item analysis,
    misconceptions, what needs a person, a table to sort and filter) and
    reports/ASSIGNMENT/STUDENT.html for each student. `report --course` writes reports/course.html.

    Pages need no network. Scores are nbgrader's where its gradebook knows the student, with marks
    by hand and late penalties; otherwise those in results/.
    """
    if assignment is None and not whole_course:
        raise click.UsageError("name an assignment, or say --course")
    course = find()
    if assignment is not None:
        _report_assignment(course.assignment(assignment))
    if whole_course:
        _report_course(course)


def _report_assignment(assignment: Assignment) -> None:
    from autograder.reports.writing import assignment_page, write_assignment

    assignment_page(assignment)
    results = _read(assignment, with_pages=True)
    path = write_assignment(assignment, results)
    say(f"wrote {path}")
    count = len(results.rows)
    say(f"wrote {count} feedback page{'s' * (count != 1)} in {path.with_suffix('')}/")


def _report_course(course: Course) -> None:
    from autograder.reports.writing import graded_assignments, write_course

    classes = [_read(one, with_pages=False) for one in graded_assignments(course)]
    say(f"wrote {write_course(course, classes)}")


def _read(assignment: Assignment, *, with_pages: bool) -> ClassResults:
    from autograder.reports.class_results import ClassResults
    from autograder.reports.writing import count_results, read_class

    results = ClassResults(assignment.name)
    files = count_results(assignment)
    for _ in progress(read_class(assignment, results, with_pages=with_pages), "reading", files):
        pass
    if len(results.rows) < files:
        unread = files - len(results.rows)
        say(
            f"warning: {unread} of {files} files in {assignment.results} cannot be read: "
            f"run `autograder grade {assignment.name}`",
            err=True,
        )
    return results
