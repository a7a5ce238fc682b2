"""Read which scores a person has set by hand: they stand, whatever a regrade finds."""

from __future__ import annotations

from autograder.configuration import course_config
from autograder.course import Assignment


def manual_scores(assignment: Assignment) -> dict[str, frozenset[str]]:
    """Return, by student, the exercises whose score in the gradebook was set by a person."""
    from nbgrader.api import Gradebook, MissingEntry

    from autograder.gradebook.nbgrader_commands import course_directory, put_scripts_on_path

    put_scripts_on_path()
    directory = course_directory(assignment, course_config(assignment.course))
    found: dict[str, set[str]] = {}
    with Gradebook(directory.db_url, directory.course_id) as gradebook:
        try:
            submissions = gradebook.find_assignment(assignment.name).submissions
        except MissingEntry:
            return {}
        for submission in submissions:
            for notebook in submission.notebooks:
                for grade in notebook.grades:
                    if grade.manual_score is not None:
                        name = grade.name.removesuffix("-tests")
                        found.setdefault(submission.student_id, set()).add(name)
    return {student: frozenset(names) for student, names in found.items()}
