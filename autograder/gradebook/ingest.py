"""Bring results into nbgrader's gradebook by one ordinary Autograde pass; the one writer."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from nbgrader.api import Gradebook, MissingEntry
from nbgrader.converters import Autograde, GenerateAssignment
from nbgrader.converters.base import NbGraderException

from autograder.course import Assignment
from autograder.errors import AutograderError
from autograder.gradebook.fresh_results import hand_over
from autograder.gradebook.nbgrader_commands import (
    course_config,
    course_directory,
    put_scripts_on_path,
    quiet_log,
)
from autograder.results import SubmissionResult


def register(assignment: Assignment) -> None:
    """Make sure the gradebook knows the assignment and its cells, as `generate_assignment` does."""
    put_scripts_on_path()
    config = course_config(assignment.course)
    directory = course_directory(assignment, config)
    with Gradebook(directory.db_url, directory.course_id) as gradebook:
        if _is_registered(gradebook, assignment):
            return
    converter = GenerateAssignment(coursedir=directory, config=config)
    converter.force = True
    converter.log = quiet_log()
    with _nbgrader_errors(assignment):
        converter.start()
    from autograder.chapters.notebooks import build

    # nbgrader's own copy has new cell ids; ours is the one that is kept.
    build(assignment)


def _is_registered(gradebook: Gradebook, assignment: Assignment) -> bool:
    """Say whether the gradebook's cells are those of the notebook as it is now."""
    import nbformat

    try:
        known = gradebook.find_notebook(assignment.name, assignment.name)
    except MissingEntry:
        return False
    source = nbformat.read(assignment.release_notebook, as_version=4)
    ours = {
        cell.metadata.nbgrader.grade_id: cell.metadata.nbgrader.get("checksum")
        for cell in source.cells
        if "nbgrader" in cell.metadata
    }
    theirs = {cell.name: cell.checksum for cell in known.source_cells}
    locked = {cell.name for cell in known.source_cells if cell.locked}
    return ours.keys() == theirs.keys() and all(ours[name] == theirs[name] for name in locked)


def ingest(assignment: Assignment, results: list[SubmissionResult]) -> Iterator[SubmissionResult]:
    """Write each result to the gradebook and `autograded/`; yield it when it stands there."""
    put_scripts_on_path()
    config = course_config(assignment.course)
    directory = course_directory(assignment, config)
    for result in results:
        if result.cells or any(exercise.tests for exercise in result.exercises):
            hand_over(result)
            directory.student_id = result.student
            converter = Autograde(coursedir=directory, config=config)
            converter.force = True
            converter.log = quiet_log()
            with _nbgrader_errors(assignment):
                converter.start()
        else:
            _record_unreadable(directory, assignment, result)
        yield result


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


@contextlib.contextmanager
def _nbgrader_errors(assignment: Assignment) -> Iterator[None]:
    try:
        yield
    except NbGraderException as error:
        raise AutograderError(f"nbgrader, {assignment.name}: {error}") from error
    except SystemExit as error:
        raise AutograderError(f"nbgrader stopped at {assignment.name}") from error
