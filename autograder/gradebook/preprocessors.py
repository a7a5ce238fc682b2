"""nbgrader preprocessors of ours: rebuild, fill in results, flag; no kernel, no student code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbgrader.api import Gradebook
from nbgrader.preprocessors import NbGraderPreprocessor

from autograder.configuration import course_limits
from autograder.course import Assignment, find_course
from autograder.errors import AutograderError
from autograder.gradebook.fresh_results import fresh_result
from autograder.gradebook.rendering import render_exercise_html, render_exercise_text
from autograder.gradebook.student_ids import refuse_active_id
from autograder.results import ExerciseResult, SubmissionResult
from autograder.submissions.reading import UnreadableNotebook, parse, read_bytes
from autograder.submissions.rebuilding import rebuild
from autograder.verdicts import Verdict

Resources = dict[str, Any]


def _assignment_of(resources: Resources) -> Assignment:
    """Return the assignment whose notebook nbgrader is at, from where the file lies."""
    course = find_course(Path(resources["metadata"]["path"] or "."))
    return course.assignment(resources["nbgrader"]["assignment"])


class RebuildNotebook(NbGraderPreprocessor):
    """Replace the submitted notebook by ours with the student's answers in it."""

    def preprocess(self, nb: NotebookNode, resources: Resources) -> tuple[NotebookNode, Resources]:
        """Read the file anew: nothing that nbformat made of it is believed."""
        assignment = _assignment_of(resources)
        if (refused := refuse_active_id(resources["nbgrader"]["student"])) is not None:
            raise AutograderError(refused)
        path = assignment.submission(resources["nbgrader"]["student"])
        release = nbformat.read(assignment.release_notebook, as_version=4)
        limits = course_limits(assignment.course)
        try:
            rebuilt = rebuild(parse(read_bytes(path, limits.notebook_mb), path.name), release)
        except UnreadableNotebook as error:
            raise AutograderError(str(error)) from None
        for note in rebuilt.notes:
            self.log.warning("%s: %s", path, note)
        _show_mark_schemes(rebuilt.notebook, assignment)
        return rebuilt.notebook, resources


def _show_mark_schemes(notebook: NotebookNode, assignment: Assignment) -> None:
    """Give a task its marking scheme back, as nbgrader does for the person who marks it."""
    source = nbformat.read(assignment.source_notebook, as_version=4)
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
        result = fresh_result(assignment, resources["nbgrader"]["student"])
        resources["autograder"] = result
        outputs = {cell.index: cell.outputs for cell in result.cells}
        exercises = {f"{exercise.name}-tests": exercise for exercise in result.exercises}
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
        nbformat.v4.new_output("display_data", data=feedback),
        nbformat.v4.new_output("execute_result", data={"text/plain": repr(score)}),
    ]


class FlagForAPerson(NbGraderPreprocessor):
    """After nbgrader has saved the scores: extra credit, and what a person must look at."""

    def preprocess(self, nb: NotebookNode, resources: Resources) -> tuple[NotebookNode, Resources]:
        """Mark grades whose verdict is our fault; enter what optional exercises earned."""
        result: SubmissionResult = resources["autograder"]
        names = resources["nbgrader"]
        with Gradebook(names["db_url"]) as gradebook:
            notebook = gradebook.find_submission_notebook(
                names["notebook"], names["assignment"], names["student"]
            )
            grades = {grade.name: grade for grade in notebook.grades}
            for exercise in result.exercises:
                grade = grades[f"{exercise.name}-tests"]
                if exercise.optional:
                    grade.extra_credit = exercise.score
                if result.needs_person and exercise.verdict is Verdict.GRADER_ERROR:
                    grade.needs_manual_grade = True
            gradebook.db.commit()
        return nb, resources
