"""The result of a submission whose judges died or hung: what they found stands, a person looks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autograder.grading.begun import Begun
from autograder.results.document import SubmissionResult
from autograder.results.verdicts import Verdict

if TYPE_CHECKING:
    from autograder.grading.loaded import LoadedAssignment


def unfinished(
    loaded: LoadedAssignment, student: str, content: bytes, begun: Begun, why: str, was_late: bool
) -> SubmissionResult:
    """Return what was found of a file's bytes, and no points for the rest.

    Where the clock ended the last judge, the rest is timed out: a student can bring that about, and
    has no claim to a fault of ours by it. As any timeout it is not tried again by itself.
    """
    fault = loaded.fault(student, why, content)
    found = {one.name: one for one in begun.exercises}
    if begun.broken is not None:
        found.setdefault(begun.broken.name, begun.broken)
    exercises = [found.get(one.name, one) for one in fault.exercises]
    for one in exercises:
        if was_late and one.verdict is Verdict.GRADER_ERROR and one.name not in found:
            one.verdict = Verdict.TIMED_OUT
    result = loaded.total(student, loaded.key(content), exercises)
    result.notes, result.needs_person, result.cells = fault.notes, True, begun.cells
    return result
