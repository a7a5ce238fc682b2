"""Grade one submission: the only place where a score is made, and only from hidden tests."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any

import nbformat
from nbformat import NotebookNode

from autograder.chapters.master import Exercise, read_master
from autograder.course import Assignment
from autograder.fingerprints import Fingerprint, fingerprint
from autograder.isolation import Isolation
from autograder.judge.assignment_tests import JudgeSide
from autograder.judge.box import Box
from autograder.judge.channel import Channel
from autograder.judge.failures import AnswerFailure
from autograder.judge.hidden_tests import TestOutcome, run_hidden_tests
from autograder.judge.misconceptions import Misconceptions
from autograder.judge.submission import Submission
from autograder.limits import Limits
from autograder.results import (
    CellOutput,
    ExerciseResult,
    Key,
    OwnLine,
    SubmissionResult,
    TestResult,
)
from autograder.submissions.cleaning import clean_outputs, clean_text
from autograder.submissions.reading import UnreadableNotebook, parse, read_bytes
from autograder.submissions.rebuilding import Rebuilt, rebuild
from autograder.verdicts import Verdict, worst

POINT_DIGITS = 2
_MAX_TRIES = 3


@dataclass
class Grader:
    """Grades one submission after another of one assignment, with one box."""

    assignment: Assignment
    isolation: Isolation = Isolation.BOX
    limits: Limits = field(default_factory=Limits)
    nested: bool = True
    only: frozenset[str] | None = None
    """Grade these exercises alone: for calibration."""
    box: Box | None = None
    """A box that is launched already."""
    loaded: JudgeSide | None = None
    """The judge's side, where it is loaded already."""

    def __post_init__(self) -> None:
        self.judge = self.loaded or JudgeSide(self.assignment)
        self.misconceptions = Misconceptions(self.judge)
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
        exercises = [
            exercise
            for exercise in self.judge.exercises
            if self.only is None or exercise.name in self.only
        ]
        submission = Submission(
            self._box, rebuilt.cells_to_run(), self.limits, self._data, rebuilt.our_cells()
        )
        try:
            submission.run_cells()
            cells_seconds = time.monotonic() - started
            grading = _ExerciseGrading(self, submission, rebuilt, exercises)
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


@dataclass
class _ExerciseGrading:
    """The exercises of one submission; also the source of their channels for the hidden tests."""

    grader: Grader
    submission: Submission
    rebuilt: Rebuilt
    exercises: list[Exercise]
    kept: dict[str, ExerciseResult] = field(default_factory=dict)
    """Results of an earlier run."""
    stale: frozenset[str] = frozenset()
    """The exercises whose kept results no longer hold."""
    outcomes: dict[str, list[TestOutcome]] = field(default_factory=dict)
    stand_ins_called: dict[str, set[str]] = field(default_factory=dict)
    alone: bool = False
    """No stand-ins: the student's earlier answers, right or wrong."""

    def grade(self) -> list[ExerciseResult]:
        later_too = False
        for exercise in self.exercises:
            name = exercise.name
            if name in self.kept and name not in self.stale and not later_too:
                continue
            self.outcomes[name] = self._run(name)
            # Later exercises may call this one, which is replaced now, or no longer is.
            was_full = name in self.kept and self.kept[name].verdict is Verdict.PASSED
            later_too |= was_full != self._is_full(name)
        self._try_without_stand_ins()
        return [self._result(exercise) for exercise in self.exercises]

    def _try_without_stand_ins(self) -> None:
        """An earlier answer may have been called in a way that only the student's own allows."""
        self.alone = True
        afresh = False
        for name, outcomes in self.outcomes.items():
            used = self.stand_ins_called.get(name)
            if not used or self._is_full(name):
                continue
            if not afresh:
                # A later exercise may have asked this one's reference, and left the answers.
                self.submission.close()
                afresh = True
            again = self._run(name)
            if _passed(again) > _passed(outcomes):
                self.outcomes[name] = again
            else:
                self.stand_ins_called[name] = used

    def _run(self, name: str) -> list[TestOutcome]:
        expectations = self.grader.misconceptions.expectations
        return run_hidden_tests(self.grader.judge, name, self, expectations)

    def _is_full(self, name: str) -> bool:
        if name in self.outcomes:
            return _passed(self.outcomes[name]) == len(self.outcomes[name])
        return self.kept[name].verdict is Verdict.PASSED

    def open(self, exercise: str) -> Channel:
        """Open an exercise; earlier ones without full marks are answered by their references."""
        stand_ins: dict[str, Callable[..., Any]] = {}
        for earlier in self.exercises:
            if earlier.name == exercise or self.alone:
                break
            if not self._is_full(earlier.name):
                stand_ins[earlier.name] = self.grader.judge.reference(earlier.name)
        return self.submission.open_exercise(exercise, stand_ins)

    def close(self, exercise: str, channel: Channel) -> None:
        """Hang up, and remember which stand-ins were called."""
        self.stand_ins_called[exercise] = set(channel.callbacks.stand_ins_called)
        self.submission.close_exercise(channel)

    def _result(self, exercise: Exercise) -> ExerciseResult:
        if exercise.name not in self.outcomes:
            return self.kept[exercise.name]
        outcomes = self.outcomes[exercise.name]
        self._explain_missing(exercise.name, outcomes)
        verdict = worst([outcome.verdict for outcome in outcomes])
        known = None
        if verdict is Verdict.FAILED:
            known = self.grader.misconceptions.name(exercise.name, outcomes)
        share = _passed(outcomes) / len(outcomes)
        return ExerciseResult(
            name=exercise.name,
            points=exercise.points,
            score=round(exercise.points * share, POINT_DIGITS),
            optional=exercise.optional,
            verdict=verdict,
            misconception=known.name if known else None,
            misconception_says=known.says if known else None,
            seconds=round(sum(outcome.seconds for outcome in outcomes), 3),
            stand_ins=sorted(self.stand_ins_called.get(exercise.name, ())),
            tests=[_test_result(outcome) for outcome in outcomes],
        )

    def _explain_missing(self, exercise: str, outcomes: list[TestOutcome]) -> None:
        """Where the function's own cell failed, that is the reason, not that it is missing."""
        run = self.submission.runs.get(self.rebuilt.index_of(exercise))
        if run is None or not all(outcome.verdict is Verdict.MISSING for outcome in outcomes):
            return
        for outcome in outcomes:
            if run.problem is not None:
                outcome.verdict, outcome.message = run.problem.verdict, run.problem.message
            elif (error := _error_of(run.outputs)) is not None:
                outcome.verdict, outcome.message = Verdict.FAILED, f"Its cell stops with {error}"


def _error_of(outputs: list[Any]) -> str | None:
    for output in clean_outputs(outputs):
        if output["output_type"] == "error":
            return f"{output['ename']}: {output['evalue'][:300]}"
    return None


def _passed(outcomes: list[TestOutcome]) -> int:
    return sum(outcome.verdict is Verdict.PASSED for outcome in outcomes)


def _test_result(outcome: TestOutcome) -> TestResult:
    return TestResult(
        name=outcome.name,
        sentence=outcome.sentence,
        verdict=outcome.verdict,
        message=clean_text(outcome.message),
        hint="" if outcome.verdict is Verdict.PASSED else outcome.hint,
        own_lines=[
            OwnLine(line=own.line, function=clean_text(own.function), text=clean_text(own.text))
            for own in outcome.own_lines
        ],
        detail=clean_text(outcome.detail),
    )


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
