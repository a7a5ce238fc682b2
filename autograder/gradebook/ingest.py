"""Bring results into nbgrader's gradebook by one ordinary Autograde pass; the one writer."""

from __future__ import annotations

from typing import Any

import nbformat
from nbformat import NotebookNode
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.converters.base import NbGraderException
from sqlalchemy.exc import OperationalError

from autograder.course.configuration import course_config, course_limits
from autograder.course.files import Assignment
from autograder.course.nbgrader_release import course_directory, generate_release
from autograder.errors import AutograderError, GradebookError, ReleaseFailed
from autograder.gradebook.database import (
    database_failure,
    describe,
    open_gradebook,
    shown,
)
from autograder.gradebook.exporting import AutogradeWithResult
from autograder.gradebook.handing_over import SWAPPED, HandedOver
from autograder.gradebook.nbgrader_commands import nbgrader_log, put_scripts_on_path
from autograder.gradebook.student_ids import refuse_active_id
from autograder.results.document import SubmissionResult
from autograder.results.versions import text_hash
from autograder.submissions.reading import content_to_hash


def register(assignment: Assignment) -> bool:
    """Make sure the gradebook knows the assignment's cells; say whether it had to be told."""
    put_scripts_on_path()
    directory = course_directory(assignment, course_config(assignment.course))
    with open_gradebook(directory.db_url, directory.course_id) as gradebook:
        if _is_registered(gradebook, assignment):
            return False
    try:
        generate_release(assignment, assignment.source_notebook.read_bytes(), directory.db_url)
    except ReleaseFailed as error:
        raise _why_not_registered(assignment, directory.db_url, error) from error
    return True


def _why_not_registered(
    assignment: Assignment, address: str, error: ReleaseFailed
) -> AutograderError:
    failure = database_failure(error)
    if failure is not None:
        return GradebookError(describe(address, failure))
    return AutograderError(
        f"{assignment.name}: its cells are not those in {shown(address)}, and nbgrader adds "
        "and removes none while submissions are there; give the changed assignment a new name, or "
        "move that gradebook away"
    )


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


class Ingest:
    """Brings results of one assignment into the gradebook."""

    def __init__(self, assignment: Assignment) -> None:
        put_scripts_on_path()
        self._assignment = assignment
        self._config = course_config(assignment.course)
        self._directory = course_directory(assignment, self._config)

    def enter(self, result: SubmissionResult, notebook: NotebookNode | None = None) -> str | None:
        """Write a result to the gradebook and `autograded/`; return what went wrong, if any.

        `notebook` is the rebuilt submission; without it, it is read and rebuilt again.
        """
        if (refused := refuse_active_id(result.student)) is not None:
            return refused
        if not result.is_gradable:
            return _record_unreadable(self._directory, self._assignment, result)
        if notebook is None and self._was_swapped(result):
            return f"{result.student}: not entered in the gradebook: {SWAPPED}"
        self._directory.student_id = result.student
        try:
            try:
                self._run_pass(HandedOver(result, notebook))
            except GradebookError:
                # The connection may have been cut, by a restart of the server say: once more.
                self._run_pass(HandedOver(result))
        except (NbGraderException, SystemExit):
            # nbgrader's own words point to a traceback above, which is in the log.
            log = self._assignment.course.root / "results" / "nbgrader.log"
            return f"{result.student}: not entered in the gradebook: {log} says why"
        return None

    def _was_swapped(self, result: SubmissionResult) -> bool:
        """Say whether another file lies where the one was that the result is of."""
        path = self._assignment.submission(result.student)
        content = content_to_hash(path, course_limits(self._assignment.course).notebook_mb)
        return text_hash(content) != result.key.submission

    def _run_pass(self, handed: HandedOver) -> None:
        """Run nbgrader's pass; what its database refused is a GradebookError."""
        converter: Any = AutogradeWithResult(handed, coursedir=self._directory, config=self._config)
        converter.force = True
        converter.log = nbgrader_log(self._assignment.course)
        try:
            converter.start()
        except (NbGraderException, SystemExit) as error:
            failure = database_failure(error)
            if failure is None:
                raise
            raise GradebookError(describe(self._directory.db_url, failure)) from error


def _record_unreadable(
    directory: Any, assignment: Assignment, result: SubmissionResult
) -> str | None:
    """A file that is no notebook: 0 points, and flagged; there is nothing to show."""
    try:
        _enter_zero(directory, assignment, result)
    except GradebookError as error:
        if isinstance(error.__cause__, OperationalError):
            raise
        return f"{result.student}: not entered in the gradebook ({error})"
    return None


def _enter_zero(directory: Any, assignment: Assignment, result: SubmissionResult) -> None:
    with open_gradebook(directory.db_url, directory.course_id) as gradebook:
        gradebook.update_or_create_student(result.student)
        gradebook.update_or_create_submission(assignment.name, result.student)
        notebook = gradebook.find_submission_notebook(
            assignment.name, assignment.name, result.student
        )
        for grade in notebook.grades:
            grade.auto_score = 0
            grade.needs_manual_grade = True
        gradebook.db.commit()
