"""An assignment as it is graded: what is loaded once, and shared by all judges; it has no box."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from functools import cached_property

import nbformat
from nbformat import NotebookNode

from autograder.course.facts import read_facts
from autograder.course.files import Assignment
from autograder.grading.fingerprints import Fingerprint, fingerprint
from autograder.judge.assignment_side import JudgeSide
from autograder.judge.hidden_questions import HiddenQuestions
from autograder.judge.hidden_tests import HiddenTests
from autograder.judge.misconceptions import Misconceptions
from autograder.results.document import POINT_DIGITS, ExerciseResult, Key, SubmissionResult
from autograder.results.verdicts import Verdict, worst
from autograder.safe_text import for_page
from autograder.sandbox.host.references import References
from autograder.sandbox.isolation import Isolation
from autograder.sandbox.limits import Limits


@dataclass
class LoadedAssignment:
    """Hidden tests, references and settings of one assignment; what a judge remembers of them."""

    assignment: Assignment
    isolation: Isolation = Isolation.BOX
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        # Before anything of a student is heard: an import that a time limit of theirs broke off
        # would stay half done.
        self.judge = JudgeSide(self.assignment).load()
        self.tests = HiddenTests(self.judge)
        self.misconceptions = Misconceptions(self.tests)
        self.questions = HiddenQuestions(self.tests)

    def references(self) -> References:
        """Return our own functions, for the code of one submission to ask."""
        judge = self.judge
        return References({one.name: judge.reference(one.name) for one in judge.exercises})

    @cached_property
    def release(self) -> NotebookNode:
        """Our own notebook, as students got it."""
        return nbformat.read(self.assignment.release_notebook, as_version=4)

    @cached_property
    def data(self) -> list[str]:
        """The files that lie beside the notebook."""
        return list(read_facts(self.assignment).data)

    @cached_property
    def fingerprint(self) -> Fingerprint:
        """What every result depends on."""
        return fingerprint(self.assignment, self.limits, self.isolation)

    def key(self, content: bytes) -> Key:
        """Return what a result for this submission depends on."""
        return self.fingerprint.key(content)

    def total(self, student: str, key: Key, results: list[ExerciseResult]) -> SubmissionResult:
        """Return a submission's result: the sum of its exercises'."""
        core = [result for result in results if not result.optional]
        extra = [result for result in results if result.optional]
        return SubmissionResult(
            assignment=self.assignment.name,
            # A folder's name need not be UTF-8; a result is.
            student=os.fsencode(student).decode("utf-8", "replace"),
            score=round(sum(result.score for result in core), POINT_DIGITS),
            max_score=sum(result.points for result in core),
            extra_credit=round(sum(result.score for result in extra), POINT_DIGITS),
            verdict=worst([result.verdict for result in core]),
            needs_person=any(
                result.look or result.verdict is Verdict.GRADER_ERROR for result in results
            ),
            notes=[f"{result.name}: {result.look}" for result in results if result.look],
            isolation=str(self.isolation),
            key=key,
            exercises=results,
        )

    def fault(self, student: str, why: str, content: bytes = b"") -> SubmissionResult:
        """Return the result of a submission that we could not grade: a person must look."""
        return self._nothing(student, content, Verdict.GRADER_ERROR, why)

    def unreadable(self, student: str, content: bytes, why: str) -> SubmissionResult:
        """Return the result of a file that is no notebook: no points, and a person must look."""
        return self._nothing(student, content, Verdict.MISSING, why)

    def _nothing(
        self, student: str, content: bytes, verdict: Verdict, why: str
    ) -> SubmissionResult:
        results = [
            ExerciseResult(
                name=exercise.name,
                points=exercise.points,
                score=0.0,
                optional=exercise.optional,
                verdict=verdict,
            )
            for exercise in self.judge.exercises
        ]
        result = self.total(student, self.key(content), results)
        result.notes, result.needs_person = [for_page(why)], True
        return result
