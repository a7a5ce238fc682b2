"""Make the feedback pages of a class: what grading found, what a person gave, what was written."""

from __future__ import annotations

from functools import cached_property

from markupsafe import Markup

from autograder.course.facts import Facts, read_facts
from autograder.course.files import Assignment
from autograder.feedback.student_page import ByHand, render_student_page
from autograder.feedback.written_text import written_text
from autograder.gradebook.autograded import Autograded
from autograder.gradebook.comments import written_comments
from autograder.gradebook.scores import (
    FinalScore,
    GradebookScores,
    automatic_score,
    gradebook_scores,
)
from autograder.results.document import SubmissionResult


class ClassFeedback:
    """Renders the pages of one assignment's students; reads the gradebook once, at first use."""

    def __init__(self, assignment: Assignment) -> None:
        self.assignment = assignment
        self._notebooks = Autograded(assignment)

    @cached_property
    def scores(self) -> GradebookScores:
        """Everybody's scores, as the gradebook has them."""
        return gradebook_scores(self.assignment)

    def final(self, result: SubmissionResult) -> FinalScore:
        """Return a student's score: the gradebook's, else that of the hidden tests alone."""
        return self.scores.final(result.student) or automatic_score(result)

    def is_stale(self, result: SubmissionResult) -> bool:
        """Say whether the notebook in `autograded/` is of another file than the result."""
        return self._notebooks.submission(result.student) not in (None, result.key.submission)

    def page(self, result: SubmissionResult) -> str:
        """Return a student's page as HTML that needs no other file."""
        student = result.student
        comments = self._comments.get(student, {})
        written = self._written(student)
        graded = self.scores.submissions.get(student)
        scores = graded.cells if graded else {}
        by_hand = graded.set_by_hand if graded else frozenset()
        tasks = [
            ByHand(
                task.name,
                task.points,
                scores.get(task.name),
                _text(comments.get(task.name)),
                written.get(task.name),
            )
            for task in self._facts.tasks
        ]
        exercises = [
            ByHand(
                one.name,
                one.points,
                scores.get(one.name) if one.name in by_hand else None,
                _text(comments.get(one.name)),
            )
            for one in result.exercises
        ]
        return render_student_page(result, self.final(result), tasks, exercises)

    @cached_property
    def _facts(self) -> Facts:
        return read_facts(self.assignment)

    @cached_property
    def _comments(self) -> dict[str, dict[str, str]]:
        return written_comments(self.assignment)

    def _written(self, student: str) -> dict[str, Markup]:
        """Return what the student wrote to each task, as HTML."""
        return {
            task: Markup("\n").join(
                written_text(cell.source, cell.get("attachments")) for cell in cells
            )
            for task, cells in (self._notebooks.derivations(student) or {}).items()
        }


def _text(comment: str | None) -> Markup | None:
    return None if comment is None else written_text(comment)
