"""Save what nbgrader's pass has found: scores, comments, extra credit, and what needs a person."""

from __future__ import annotations

from typing import Any

from nbformat import NotebookNode
from nbgrader.api import BaseCell, Comment, Grade, Gradebook
from nbgrader.preprocessors import SaveAutoGrades
from nbgrader.utils import compute_checksum, determine_grade, is_grade, is_solution, is_task

from autograder.results import SubmissionResult
from autograder.verdicts import Verdict

Resources = dict[str, Any]


class SaveScores(SaveAutoGrades):
    """What nbgrader's SaveAutoGrades does, by two queries and one commit in place of one a cell.

    With it goes what nbgrader does not know: extra credit, and verdicts that ask for a person.
    """

    def preprocess(self, nb: NotebookNode, resources: Resources) -> tuple[NotebookNode, Resources]:
        """Save the scores that the notebook's cells show."""
        names = resources["nbgrader"]
        with Gradebook(names["db_url"]) as gradebook:
            notebook = gradebook.find_submission_notebook(
                names["notebook"], names["assignment"], names["student"]
            )
            grades = _by_cell(gradebook, Grade, notebook.id)
            comments = _by_cell(gradebook, Comment, notebook.id)
            for cell in nb.cells:
                if is_grade(cell):
                    self._save_score(cell, grades[cell.metadata.nbgrader.grade_id])
                if is_solution(cell) or is_task(cell):
                    self._save_comment(cell, comments[cell.metadata.nbgrader.grade_id])
            self._save_the_rest(resources["autograder"], grades)
            gradebook.db.commit()
        return nb, resources

    def _save_score(self, cell: NotebookNode, grade: Any) -> None:
        # A manual score stays, and always wins: it is looked at again.
        grade.auto_score, _ = determine_grade(cell, self.log)
        grade.needs_manual_grade = grade.manual_score is not None or grade.auto_score is None

    def _save_comment(self, cell: NotebookNode, comment: Any) -> None:
        is_released = cell.metadata.nbgrader.get("checksum") == compute_checksum(cell)
        comment.auto_comment = "No response." if is_released and not is_task(cell) else None

    def _save_the_rest(self, result: SubmissionResult, grades: dict[str, Any]) -> None:
        for exercise in result.exercises:
            grade = grades[f"{exercise.name}-tests"]
            if exercise.optional:
                grade.extra_credit = exercise.score
            if result.needs_person and exercise.verdict is Verdict.GRADER_ERROR:
                grade.needs_manual_grade = True


def _by_cell(gradebook: Gradebook, kind: Any, notebook_id: str) -> dict[str, Any]:
    """Return a submitted notebook's grades or comments by the names of their cells."""
    found = gradebook.db.query(BaseCell.name, kind).join(kind, kind.cell_id == BaseCell.id)
    return dict(found.filter(kind.notebook_id == notebook_id).all())
