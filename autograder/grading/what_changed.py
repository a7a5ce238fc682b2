"""Compare a trial run with the results there are: whose score would change, and why."""

from __future__ import annotations

from dataclasses import dataclass

from autograder.course.files import Assignment
from autograder.gradebook.scores import gradebook_scores
from autograder.grading.tasks import Graded
from autograder.results.document import ExerciseResult, Key, SubmissionResult, read_result
from autograder.results.verdicts import Verdict


@dataclass(frozen=True)
class Change:
    """A score that would change: of one exercise, or of a whole submission (`exercise` empty)."""

    student: str
    exercise: str
    before: float | None
    after: float
    why: str
    has_manual_score: bool = False


def what_changed(assignment: Assignment, graded: list[Graded]) -> list[Change]:
    """Return the scores that differ between the results kept and those of a trial run."""
    known = gradebook_scores(assignment)
    changes: list[Change] = []
    for one in graded:
        after = read_result(one.result) if one.is_new else None
        if after is None or not one.found.in_course:
            continue
        before = read_result(assignment.result(one.found.student))
        changes += _changes(before, after, known.set_by_hand(after.student))
    return changes


def _changes(
    before: SubmissionResult | None, after: SubmissionResult, manual: frozenset[str]
) -> list[Change]:
    if before is None:
        return [Change(after.student, "", None, after.score, "graded for the first time")]
    earlier = {one.name: one for one in before.exercises}
    cause = _cause(before.key, after.key)
    changes = []
    for one in after.exercises:
        known = earlier.get(one.name)
        if known is not None and known.score == one.score:
            continue
        causes = (cause or _own_cause(before.key, after.key, one), _tests(known, one))
        why = "; ".join(filter(None, causes))
        score = known.score if known is not None else None
        is_manual = one.name in manual
        changes.append(Change(after.student, one.name, score, one.score, why, is_manual))
    return changes


def _cause(before: Key, after: Key) -> str:
    """Say what changed for the submission as a whole."""
    causes = {
        "submission": "handed in anew",
        "assignment": "the assignment changed",
        "engine": "the engine changed",
        "settings": "other limits",
    }
    return ", ".join(
        words for name, words in causes.items() if getattr(before, name) != getattr(after, name)
    )


def _own_cause(before: Key, after: Key, exercise: ExerciseResult) -> str:
    if before.exercises.get(exercise.name) != after.exercises.get(exercise.name):
        return "its hidden tests changed"
    return "an exercise before it came out otherwise"


def _tests(before: ExerciseResult | None, after: ExerciseResult) -> str:
    """Name the hidden tests that came out otherwise."""
    known = {test.name: test.verdict for test in before.tests} if before is not None else {}
    now = {test.name: test.verdict for test in after.tests}
    changed = [name for name, verdict in now.items() if known.get(name) != verdict]
    lost = [name for name in changed if now[name] is not Verdict.PASSED]
    won = [name for name in changed if now[name] is Verdict.PASSED]
    gone = [name for name in known if name not in now]
    parts = [("now fails", lost), ("now passes", won), ("no longer there:", gone)]
    return ", ".join(f"{words} {' '.join(names)}" for words, names in parts if names)
