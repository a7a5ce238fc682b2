"""Read which scores a person has set by hand: they stand, whatever a regrade finds."""

from __future__ import annotations

from autograder.course.files import Assignment


def manual_scores(assignment: Assignment) -> dict[str, frozenset[str]]:
    """Return, by student, the exercises whose score in the gradebook was set by a person."""
    from nbgrader.api import MissingEntry

    from autograder.gradebook.reading import existing_gradebook

    found: dict[str, set[str]] = {}
    with existing_gradebook(assignment) as gradebook:
        try:
            submissions = (
                gradebook.find_assignment(assignment.name).submissions if gradebook else []
            )
        except MissingEntry:
            return {}
        for submission in submissions:
            for notebook in submission.notebooks:
                for grade in notebook.grades:
                    if grade.manual_score is not None:
                        name = grade.name.removesuffix("-tests")
                        found.setdefault(submission.student_id, set()).add(name)
    return {student: frozenset(names) for student, names in found.items()}
