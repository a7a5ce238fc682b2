"""nbgrader preprocessors of ours: rebuild, fill in results, flag; no kernel, no student code."""

from __future__ import annotations

import warnings
from functools import lru_cache
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbformat.warnings import DuplicateCellId, MissingIDFieldWarning
from nbgrader.preprocessors import NbGraderPreprocessor

from autograder.course.configuration import course_limits, feedback_is_our_page
from autograder.course.facts import tests_cell
from autograder.course.files import Assignment, find_course
from autograder.errors import AutograderError
from autograder.feedback.exercise import render_exercise_html, render_exercise_text
from autograder.gradebook.autograded import GRADED
from autograder.gradebook.exporting import leave_submission_unread
from autograder.gradebook.handing_over import SWAPPED, handed_over
from autograder.gradebook.student_ids import refuse_active_id
from autograder.nbgrader_plugin.fresh_results import fresh_result
from autograder.nbgrader_plugin.shown_code import bound_shown_code
from autograder.results.document import ExerciseResult, SubmissionResult
from autograder.results.versions import text_hash
from autograder.safe_text import for_terminal
from autograder.submissions.reading import UnreadableNotebook, parse, read_bytes
from autograder.submissions.rebuilding import rebuild

Resources = dict[str, Any]

# nbgrader reads the file as it was sent: nbformat would say of each of its cells what is amiss.
for _amiss in (DuplicateCellId, MissingIDFieldWarning):
    warnings.filterwarnings("ignore", category=_amiss)


@lru_cache(maxsize=8)
def _read_once(path: Path, changed_ns: int) -> NotebookNode:
    return nbformat.read(path, as_version=4)


def _our_notebook(path: Path) -> NotebookNode:
    """Return a notebook of ours, to be looked at alone; read once as long as it does not change."""
    return _read_once(path, path.stat().st_mtime_ns)


def _assignment_of(resources: Resources) -> Assignment:
    """Return the assignment whose notebook nbgrader is at, from where the file lies."""
    course = find_course(Path(resources["metadata"]["path"] or "."))
    return course.assignment(resources["nbgrader"]["assignment"])


class RebuildNotebook(NbGraderPreprocessor):
    """Replace the submitted notebook by ours with the student's answers in it."""

    rebuilds = True
    """The notebook that comes in is not looked at."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        leave_submission_unread(self.parent)

    def preprocess(self, nb: NotebookNode, resources: Resources) -> tuple[NotebookNode, Resources]:
        """Read the file anew: nothing that nbformat made of it is believed.

        Where the pass was handed the notebook that was graded, that is it already.
        """
        assignment = _assignment_of(resources)
        if (refused := refuse_active_id(resources["nbgrader"]["student"])) is not None:
            raise AutograderError(refused)
        handed = handed_over(resources)
        if handed.result is not None and handed.notebook is not None:
            self._tell(handed.result.student, handed.result.notes)
            _show_mark_schemes(nb, assignment)
            bound_shown_code(nb)
            nb.metadata[GRADED] = handed.result.key.submission
            return nb, resources
        path = assignment.submission(resources["nbgrader"]["student"])
        release = _our_notebook(assignment.release_notebook)
        limits = course_limits(assignment.course)
        try:
            content = read_bytes(path, limits.notebook_mb)
            rebuilt = rebuild(parse(content, path.name), release)
        except UnreadableNotebook as error:
            raise AutograderError(str(error)) from None
        _check_same(handed.result, text_hash(content))
        self._tell(str(path), rebuilt.notes)
        _show_mark_schemes(rebuilt.notebook, assignment)
        bound_shown_code(rebuilt.notebook)
        rebuilt.notebook.metadata[GRADED] = text_hash(content)
        return rebuilt.notebook, resources

    def _tell(self, whose: str, notes: list[str]) -> None:
        for note in notes:
            self.log.warning("%s: %s", for_terminal(whose), for_terminal(note))


def _check_same(result: SubmissionResult | None, submission: str) -> None:
    """Refuse a result of another file than the one that was rebuilt."""
    if result is not None and result.key.submission != submission:
        raise AutograderError(SWAPPED)


def _show_mark_schemes(notebook: NotebookNode, assignment: Assignment) -> None:
    """Give a task its marking scheme back, as nbgrader does for the person who marks it.

    Not where nbgrader's own page would hand it out to the student; `autograder doctor` says so.
    """
    if not feedback_is_our_page(assignment.course):
        return
    source = _our_notebook(assignment.source_notebook)
    tasks = {
        cell.metadata.nbgrader.grade_id: cell.source
        for cell in source.cells
        if cell.metadata.get("nbgrader", {}).get("task")
    }
    for cell in notebook.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        cell.source = tasks.get(name, cell.source)


class FillInResults(NbGraderPreprocessor):
    """Put outputs and scores into the notebook, from a fresh result or one made on the spot."""

    def preprocess(self, nb: NotebookNode, resources: Resources) -> tuple[NotebookNode, Resources]:
        """Return the notebook with every cell's outputs; a grade cell's last one is its score."""
        assignment = _assignment_of(resources)
        handed = handed_over(resources)
        if handed.result is None:
            handed.result = fresh_result(assignment, resources["nbgrader"]["student"])
        result = handed.result
        # nbgrader's first pass rebuilt the notebook; another file may have come since then.
        _check_same(result, nb.metadata.get(GRADED, ""))
        outputs = {cell.index: cell.outputs for cell in result.cells}
        exercises = {tests_cell(exercise.name): exercise for exercise in result.exercises}
        for index, cell in enumerate(nb.cells):
            if cell.cell_type != "code":
                continue
            exercise = exercises.get(cell.metadata.get("nbgrader", {}).get("grade_id", ""))
            if exercise is not None:
                cell.outputs = _score_outputs(exercise)
            else:
                cell.outputs = [nbformat.from_dict(output) for output in outputs.get(index, [])]
            cell.execution_count = None
        return nb, resources


def _score_outputs(exercise: ExerciseResult) -> list[NotebookNode]:
    """Return the feedback, then the score as nbgrader reads it: the text of an execute_result."""
    points = 0.0 if exercise.optional else exercise.points
    score = min(max(float(exercise.score), 0.0), float(points))
    feedback = {
        "text/html": render_exercise_html(exercise),
        "text/plain": render_exercise_text(exercise),
    }
    return [
        _output("display_data", feedback),
        _output("execute_result", {"text/plain": repr(score)}),
    ]


def _output(kind: str, data: dict[str, str]) -> NotebookNode:
    output: dict[str, Any] = {"output_type": kind, "data": data, "metadata": {}}
    if kind == "execute_result":
        output["execution_count"] = None
    return nbformat.from_dict(output)
