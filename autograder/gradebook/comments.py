"""What people wrote to students in formgrader: their comments, read at once for a class."""

from __future__ import annotations

from nbgrader import api

from autograder.course.files import Assignment
from autograder.gradebook.reading import existing_gradebook


def written_comments(assignment: Assignment) -> dict[str, dict[str, str]]:
    """Return, by student, the comments that a person wrote, each by its exercise or task.

    nbgrader's own ("No response.") are not in it.
    """
    with existing_gradebook(assignment) as gradebook:
        if gradebook is None:
            return {}
        try:
            known = gradebook.find_assignment(assignment.name)
        except api.MissingEntry:
            return {}
        submission, notebook = api.SubmittedAssignment, api.SubmittedNotebook
        rows = (
            gradebook.db.query(submission.student_id, api.BaseCell.name, api.Comment.manual_comment)
            .select_from(api.Comment)
            .join(api.BaseCell, api.Comment.cell_id == api.BaseCell.id)
            .join(notebook, api.Comment.notebook_id == notebook.id)
            .join(submission, notebook.assignment_id == submission.id)
            .filter(
                submission.assignment_id == known.id,
                api.Comment.manual_comment.is_not(None),
            )
            .all()
        )
    found: dict[str, dict[str, str]] = {}
    for student, name, comment in rows:
        if comment.strip():
            found.setdefault(student, {})[name] = comment
    return found
