"""Write reports to `reports/`: results are read one at a time, and only what is small is kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from autograder.course.files import Assignment, Course
from autograder.errors import AutograderError
from autograder.feedback.class_feedback import ClassFeedback
from autograder.pages.rendering import file_stem, write_page
from autograder.reports.assignment_page import render_assignment_page
from autograder.reports.class_results import ClassResults
from autograder.reports.course_page import render_course_page
from autograder.results.document import read_results

COURSE_PAGE = "course"


def count_results(assignment: Assignment) -> int:
    """Return how many files there are to read; say what to do where there are none."""
    count = sum(1 for _ in assignment.results.glob("*.json"))
    if not count:
        raise AutograderError(
            f"no results of {assignment.name} in {assignment.results}: "
            f"run `autograder grade {assignment.name}`"
        )
    return count


def assignment_page(assignment: Assignment) -> Path:
    """Return where the instructor's page of an assignment is written."""
    if assignment.name == COURSE_PAGE:
        raise AutograderError(f"{COURSE_PAGE!r} is the report of the course: rename the assignment")
    return _reports(assignment.course) / f"{file_stem(assignment.name)}.html"


def student_page(assignment: Assignment, student: str) -> Path:
    """Return where one student's feedback page is written."""
    folder = _reports(assignment.course) / file_stem(assignment.name)
    return folder / f"{file_stem(student)}.html"


def course_page(course: Course) -> Path:
    """Return where the instructor's page of the course is written."""
    return _reports(course) / f"{COURSE_PAGE}.html"


def _reports(course: Course) -> Path:
    return course.root / "reports"


def read_class(assignment: Assignment, results: ClassResults, *, with_pages: bool) -> Iterator[str]:
    """Fill `results` from the class's files, one at a time; yield each student's name.

    With `with_pages`, each student's feedback page is written as well, while its result is there.
    """
    feedback = ClassFeedback(assignment)
    for result in read_results(assignment.results):
        results.add(result, feedback.final(result))
        if with_pages:
            write_page(student_page(assignment, result.student), feedback.page(result))
        yield result.student


def write_assignment(assignment: Assignment, results: ClassResults) -> Path:
    """Write the instructor's page of an assignment, and return where."""
    if not results.rows:
        raise AutograderError(
            f"{assignment.results} holds no result that this version reads: "
            f"run `autograder grade {assignment.name}`"
        )
    path = assignment_page(assignment)
    write_page(path, render_assignment_page(results))
    return path


def graded_assignments(course: Course) -> list[Assignment]:
    """Return the assignments that have results; say what to do where none has."""
    graded = [one for one in course.assignments() if any(one.results.glob("*.json"))]
    if not graded:
        raise AutograderError(f"no results in {course.root / 'results'}: grade an assignment first")
    return graded


def write_course(course: Course, classes: list[ClassResults]) -> Path:
    """Write the instructor's page of the course, with links to the pages that are there."""
    read = [results for results in classes if results.rows]
    if not read:
        raise AutograderError(f"{course.root / 'results'} holds no result that this version reads")
    pages = {
        (results.assignment, student)
        for results in read
        for student in ("", *(row.student for row in results.rows))
        if _page(course, results.assignment, student).is_file()
    }
    path = course_page(course)
    write_page(path, render_course_page(read, pages))
    return path


def _page(course: Course, name: str, student: str) -> Path:
    assignment = Assignment(course, name)
    return student_page(assignment, student) if student else assignment_page(assignment)
