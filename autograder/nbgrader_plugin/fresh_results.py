"""Find the result that belongs to a submission as it is now; grade it here where there is none."""

from __future__ import annotations

import atexit
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from autograder.course.configuration import course_limits
from autograder.course.files import Assignment
from autograder.grading.fingerprints import fingerprint
from autograder.results.document import Key, SubmissionResult, read_result, write_result
from autograder.sandbox.isolation import Isolation
from autograder.submissions.reading import content_to_hash

if TYPE_CHECKING:
    from autograder.grading.submission import Grader


def fresh_result(assignment: Assignment, student: str) -> SubmissionResult:
    """Return the result of a student's submission; grade it now where none holds."""
    path = assignment.submission(student)
    kept = read_result(assignment.result(student))
    if kept is not None and not kept.outdated_by(_key(assignment, path)):
        return kept
    from autograder.grading.submission import Earlier

    result = _grader(assignment).grade_file(path, student, Earlier(kept)).result
    write_result(assignment.result(student), result)
    return result


def _key(assignment: Assignment, path: Path) -> Key:
    limits = course_limits(assignment.course)
    content = content_to_hash(path, limits.notebook_mb)
    return fingerprint(assignment, limits, Isolation.BOX).key(content)


@cache
def _grader(assignment: Assignment) -> Grader:
    # Imports torch for 2 s, which a result that is handed over does not need.
    from autograder.grading.submission import Grader

    grader = Grader.of(assignment, Isolation.BOX, course_limits(assignment.course))
    atexit.register(grader.__exit__, None, None, None)
    return grader
