"""Grade one submission, from its bytes to its result; its scores come from hidden tests alone."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import TracebackType

import nbformat
from nbformat import NotebookNode

from autograder.course.files import Assignment
from autograder.course.master import Exercise, read_master
from autograder.grading.exercises import POINT_DIGITS, ExerciseGrading
from autograder.grading.fingerprints import Fingerprint, fingerprint
from autograder.judge.assignment_side import JudgeSide
from autograder.judge.hidden_tests import HiddenTests
from autograder.judge.misconceptions import Misconceptions
from autograder.results.document import (
    CellOutput,
    ExerciseResult,
    Key,
    SubmissionResult,
)
from autograder.results.verdicts import Verdict, worst
from autograder.sandbox.host.box import Box
from autograder.sandbox.host.failures import AnswerFailure
from autograder.sandbox.host.session import Submission
from autograder.sandbox.isolation import Isolation
from autograder.sandbox.limits import Limits
from autograder.submissions.cleaning import clean_outputs
from autograder.submissions.reading import UnreadableNotebook, parse, read_bytes
from autograder.submissions.rebuilding import Rebuilt, rebuild

_MAX_TRIES = 3


@dataclass
class Grader:
    """Grades one submission after another of one assignment, with one box."""

    assignment: Assignment
    isolation: Isolation = Isolation.BOX
    limits: Limits = field(default_factory=Limits)
    nested: bool = True
    only: frozenset[str] | None = None
    """Grade these exercises alone."""
    box: Box | None = None
    """A box that is launched already."""
    loaded: JudgeSide | None = None
    """The judge's side, where it is loaded already."""

    def __post_init__(self) -> None:
        # Before anything of a student is heard: an import that a time limit of theirs broke off
        # would stay half done.
        self.judge = self.loaded or JudgeSide(self.assignment).load()
        self.tests = HiddenTests(self.judge)
        self.misconceptions = Misconceptions(self.tests)
        data, slow_imports = self.assignment.course.data, self.assignment.slow_imports
        self._box = self.box or Box(self.isolation, data, self.nested, slow_imports)

    def __enter__(self) -> Grader:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._box.close()

    @cached_property
    def release(self) -> NotebookNode:
        """Our own notebook, as students got it."""
        return nbformat.read(self.assignment.release_notebook, as_version=4)

    @cached_property
    def fingerprint(self) -> Fingerprint:
        """What every result of this grader depends on."""
        return fingerprint(self.assignment, self.limits, self.isolation)

    def key(self, content: bytes) -> Key:
        """Return what a result for this submission depends on."""
        return self.fingerprint.key(content)

    def grade_file(
        self, path: Path, student: str, kept: SubmissionResult | None = None
    ) -> SubmissionResult:
        """Grade a submitted notebook; a file that is none gets 0 and a person's attention.

        Of an earlier result, `kept`, the exercises that nothing has changed for are taken over.
        """
        try:
            content = read_bytes(path, self.limits.notebook_mb)
        except UnreadableNotebook as error:
            return self.unreadable(student, b"", str(error))
        return self.grade_bytes(content, student, path.name, kept)

    def grade_bytes(
        self, content: bytes, student: str, name: str, kept: SubmissionResult | None = None
    ) -> SubmissionResult:
        """Grade a notebook's bytes."""
        try:
            rebuilt = rebuild(parse(content, name), self.release)
        except UnreadableNotebook as error:
            return self.unreadable(student, content, str(error))
        return self.grade_rebuilt(rebuilt, student, self.key(content), kept)

    def grade_rebuilt(
        self, rebuilt: Rebuilt, student: str, key: Key, kept: SubmissionResult | None = None
    ) -> SubmissionResult:
        """Run a rebuilt notebook in the box and its hidden tests here; make the score.

        Where the box itself ends under the submission, it is graded again from the start.
        """
        for _ in range(_MAX_TRIES):
            deaths = self._box.deaths
            result = self._grade_once(rebuilt, student, key, kept)
            if self._box.deaths == deaths:
                return result
        result.notes.append(f"its sandbox ended {_MAX_TRIES} times while it was graded")
        result.needs_person = True
        return result

    def _grade_once(
        self, rebuilt: Rebuilt, student: str, key: Key, kept: SubmissionResult | None
    ) -> SubmissionResult:
        started = time.monotonic()
        submission = self.submission_of(rebuilt)
        try:
            submission.run_cells()
            cells_seconds = time.monotonic() - started
            grading = self.exercise_grading(submission, rebuilt, self.judge.exercises)
            if kept is not None and kept.is_gradable and not kept.has_grader_error:
                grading.kept = {one.name: one for one in kept.exercises}
                grading.stale = kept.outdated_by(key)
            results = grading.grade()
        finally:
            submission.close()
        result = self._total(student, key, results)
        result.notes = list(rebuilt.notes)
        result.in_doubt = submission.in_doubt
        result.cells = _cell_outputs(submission)
        result.seconds = round(time.monotonic() - started, 3)
        result.cells_seconds = round(cells_seconds, 3)
        result.peak_memory_mb = float(submission.usage.get("peak_mb", 0.0))
        return result

    def submission_of(self, rebuilt: Rebuilt) -> Submission:
        """Return a rebuilt notebook as a submission whose cells have not run yet."""
        called = [exercise.name for exercise in self.judge.exercises]
        return Submission(
            self._box,
            rebuilt.cells_to_run(),
            self.limits,
            self._data,
            rebuilt.our_cells(),
            leaves_nothing=rebuilt.leaves_nothing(called),
        )

    def exercise_grading(
        self, submission: Submission, rebuilt: Rebuilt, exercises: list[Exercise]
    ) -> ExerciseGrading:
        """Return what grades these exercises of a submission whose cells have run."""
        return ExerciseGrading(self.tests, self.misconceptions, submission, rebuilt, exercises)

    @cached_property
    def _data(self) -> list[str]:
        return read_master(self.assignment).data

    def _total(self, student: str, key: Key, results: list[ExerciseResult]) -> SubmissionResult:
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
            needs_person=any(result.verdict is Verdict.GRADER_ERROR for result in results),
            isolation=str(self.isolation),
            key=key,
            exercises=results,
        )

    def fault(self, student: str, why: str) -> SubmissionResult:
        """Return the result of a submission that we could not grade: a person must look."""
        return self._nothing(student, b"", Verdict.GRADER_ERROR, why)

    def unreadable(self, student: str, content: bytes, why: str) -> SubmissionResult:
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
        result = self._total(student, self.key(content), results)
        result.notes, result.needs_person = [why], True
        return result


def _cell_outputs(submission: Submission) -> list[CellOutput]:
    return [
        CellOutput(
            index=index,
            outputs=clean_outputs(run.outputs),
            problem=_problem_text(run.problem),
        )
        for index, run in sorted(submission.runs.items())
        if run.outputs or run.problem is not None
    ]


def _problem_text(problem: AnswerFailure | None) -> str:
    return f"{problem.verdict}: {problem.message}" if problem is not None else ""
