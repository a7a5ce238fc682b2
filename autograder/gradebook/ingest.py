"""Bring results into nbgrader's gradebook by one ordinary Autograde pass; the one writer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import nbformat
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.converters import Autograde
from nbgrader.converters.base import NbGraderException

from autograder.configuration import course_config
from autograder.course import Assignment
from autograder.gradebook.fresh_results import hand_over
from autograder.gradebook.nbgrader_commands import (
    course_directory,
    generate_release,
    nbgrader_log,
    put_scripts_on_path,
)
from autograder.gradebook.student_ids import refuse_active_id
from autograder.results import SubmissionResult


def register(assignment: Assignment) -> bool:
    """Make sure the gradebook knows the assignment's cells; say whether it had to be told."""
    put_scripts_on_path()
    directory = course_directory(assignment, course_config(assignment.course))
    with Gradebook(directory.db_url, directory.course_id) as gradebook:
        if _is_registered(gradebook, assignment):
            return False
    generate_release(assignment, assignment.source_notebook.read_bytes(), directory.db_url)
    return True


def _is_registered(gradebook: Gradebook, assignment: Assignment) -> bool:
    """Say whether the gradebook's cells are those of the notebook as it is now."""
    try:
        known = gradebook.find_notebook(assignment.name, assignment.name)
    except MissingEntry:
        return False
    released = {
        cell.metadata.nbgrader.grade_id: cell.metadata.nbgrader.get("checksum")
        for cell in nbformat.read(assignment.release_notebook, as_version=4).cells
        if "nbgrader" in cell.metadata
    }
    # A task's checksum differs: the gradebook keeps the marking scheme, the release does not.
    schemes = {
        cell.metadata.nbgrader.grade_id: cell.source
        for cell in nbformat.read(assignment.source_notebook, as_version=4).cells
        if cell.metadata.get("nbgrader", {}).get("task")
    }
    cells = {cell.name: cell for cell in known.source_cells}
    return cells.keys() == released.keys() and all(
        cell.source == schemes[name] and cell.locked
        if name in schemes
        else cell.checksum == released[name]
        for name, cell in cells.items()
    )


def ingest(
    assignment: Assignment, results: list[SubmissionResult]
) -> Iterator[tuple[SubmissionResult, str | None]]:
    """Write each result to the gradebook and `autograded/`; yield it, and what went wrong."""
    put_scripts_on_path()
    config = course_config(assignment.course)
    directory = course_directory(assignment, config)
    for result in results:
        if (refused := refuse_active_id(result.student)) is not None:
            yield result, refused
        elif any(exercise.tests for exercise in result.exercises):
            yield result, _autograde(directory, config, assignment, result)
        else:
            _record_unreadable(directory, assignment, result)
            yield result, None


def _autograde(
    directory: Any, config: Any, assignment: Assignment, result: SubmissionResult
) -> str | None:
    hand_over(result)
    directory.student_id = result.student
    converter = Autograde(coursedir=directory, config=config)
    converter.force = True
    converter.log = nbgrader_log(assignment.course)
    try:
        converter.start()
    except (NbGraderException, SystemExit) as error:
        log = assignment.course.root / "results" / "nbgrader.log"
        return f"{result.student}: not entered in the gradebook ({error}); see {log}"
    return None


def _record_unreadable(directory: Any, assignment: Assignment, result: SubmissionResult) -> None:
    """A file that is no notebook: 0 points, and flagged; there is nothing to show."""
    with Gradebook(directory.db_url, directory.course_id) as gradebook:
        gradebook.update_or_create_student(result.student)
        gradebook.update_or_create_submission(assignment.name, result.student)
        notebook = gradebook.find_submission_notebook(
            assignment.name, assignment.name, result.student
        )
        for grade in notebook.grades:
            grade.auto_score = 0
            grade.needs_manual_grade = True
        gradebook.db.commit()
