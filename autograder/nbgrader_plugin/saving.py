"""Save what nbgrader's pass has found: scores, comments, extra credit, and what needs a person."""

from __future__ import annotations

from typing import Any

from nbformat import NotebookNode
from nbgrader.api import BaseCell, Comment, Grade, Gradebook
from nbgrader.preprocessors import SaveAutoGrades
from nbgrader.utils import compute_checksum, determine_grade, is_grade, is_solution, is_task

from autograder.course.facts import tests_cell
from autograder.gradebook.handing_over import handed_over
from autograder.results.document import SubmissionResult
from autograder.results.verdicts import Verdict

Resources = dict[str, Any]
_EXTRA_CREDIT = "Extra credit by its hidden tests: "
# Scores have two digits.
_SMALLEST_DIFFERENCE = 0.001


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
            told = {name: comment.auto_comment for name, comment in comments.items()}
            for cell in nb.cells:
                if is_grade(cell):
                    self._save_score(cell, grades[cell.metadata.nbgrader.grade_id])
                if is_solution(cell) or is_task(cell):
                    self._save_comment(cell, comments[cell.metadata.nbgrader.grade_id])
            result = handed_over(resources).result
            assert result is not None, "FillInResults comes first"
            self._save_extra_credit(result, grades, comments, told)
            self._flag_faults(result, grades)
            gradebook.db.commit()
        return nb, resources

    def _save_score(self, cell: NotebookNode, grade: Any) -> None:
        # A manual score stays, and always wins: it is looked at again.
        grade.auto_score, _ = determine_grade(cell, self.log)
        grade.needs_manual_grade = grade.manual_score is not None or grade.auto_score is None

    def _save_comment(self, cell: NotebookNode, comment: Any) -> None:
        is_released = cell.metadata.nbgrader.get("checksum") == compute_checksum(cell)
        comment.auto_comment = "No response." if is_released and not is_task(cell) else None

    def _save_extra_credit(
        self,
        result: SubmissionResult,
        grades: dict[str, Any],
        comments: dict[str, Any],
        told: dict[str, str | None],
    ) -> None:
        """Enter what optional exercises earn, and say it in a comment; a person's number stays."""
        for exercise in result.exercises:
            if not exercise.optional:
                continue
            grade, comment = grades[tests_cell(exercise.name)], comments[exercise.name]
            if _is_by_hand(grade.extra_credit, told[exercise.name]):
                # As with a manual score: it is looked at again.
                grade.needs_manual_grade = True
            else:
                grade.extra_credit = exercise.score
            comment.auto_comment = comment.auto_comment or f"{_EXTRA_CREDIT}{exercise.score:g}"

    def _flag_faults(self, result: SubmissionResult, grades: dict[str, Any]) -> None:
        """Flag what a person must look at: the exercises it is about, or all where it is none's."""
        odd = [
            one
            for one in result.exercises
            # A judge that never came to an end has the verdict of a timeout.
            if one.look
            or (result.needs_person and one.verdict in (Verdict.GRADER_ERROR, Verdict.TIMED_OUT))
        ]
        for exercise in odd or (result.exercises if result.needs_person else []):
            grades[tests_cell(exercise.name)].needs_manual_grade = True


def _is_by_hand(extra_credit: float | None, told: str | None) -> bool:
    """Say whether a person changed an extra credit since we entered it and said so in a comment."""
    if extra_credit is None or told is None:
        return False
    ours = float(told.removeprefix(_EXTRA_CREDIT)) if told.startswith(_EXTRA_CREDIT) else 0.0
    return abs(extra_credit - ours) > _SMALLEST_DIFFERENCE


def _by_cell(gradebook: Gradebook, kind: Any, notebook_id: str) -> dict[str, Any]:
    """Return a submitted notebook's grades or comments by the names of their cells."""
    found = gradebook.db.query(BaseCell.name, kind).join(kind, kind.cell_id == BaseCell.id)
    return dict(found.filter(kind.notebook_id == notebook_id).all())
