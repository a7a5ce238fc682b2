"""What a submission shows that is graded again: code could have learnt our answers meanwhile."""

from __future__ import annotations

from autograder.results.document import ExerciseResult, Key, SubmissionResult
from autograder.results.verdicts import Verdict

# These say what the code returned; all others, what became of its process.
_SEEN_TO_THE_END = (Verdict.PASSED, Verdict.FAILED)


def came_out_otherwise(broken: ExerciseResult | None, result: ExerciseResult) -> str:
    """Say which hidden tests came out otherwise than in the run that broke off in this exercise."""
    if broken is None or broken.name != result.name:
        return ""
    before = {one.name: one.verdict for one in broken.tests if one.verdict in _SEEN_TO_THE_END}
    changed = [one.name for one in result.tests if before.get(one.name, one.verdict) != one.verdict]
    return f"A second run came out otherwise: {', '.join(changed)}." if changed else ""


def came_out_better(earlier: SubmissionResult | None, key: Key, result: ExerciseResult) -> str:
    """Say that the same file earns more than before, after its code had asked for our own answer.

    For code that could remember what it heard.
    """
    if earlier is None or earlier.key.submission != key.submission:
        return ""
    before = {one.name: one for one in earlier.exercises}
    asked = {name for one in earlier.exercises for name in one.stand_ins}
    if result.name not in asked or result.score <= before[result.name].score:
        return ""
    return "It earns more than in an earlier run, in which its code asked for our own answer to it."
