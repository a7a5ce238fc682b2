"""Grade the exercises of a submission in their order: scores, made from hidden tests alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from autograder.chapters.master import Exercise
from autograder.judge.assignment_tests import JudgeSide
from autograder.judge.channel import Channel
from autograder.judge.hidden_tests import TestOutcome, run_hidden_tests
from autograder.judge.misconceptions import Misconceptions
from autograder.judge.submission import Submission
from autograder.results import ExerciseResult, OwnLine, TestResult
from autograder.submissions.cleaning import clean_outputs, clean_text
from autograder.submissions.rebuilding import Rebuilt
from autograder.verdicts import Verdict, worst

POINT_DIGITS = 2


@dataclass
class ExerciseGrading:
    """The exercises of one submission; also the source of their channels for the hidden tests."""

    judge: JudgeSide
    misconceptions: Misconceptions
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
        expectations = self.misconceptions.expectations
        return run_hidden_tests(self.judge, name, self, expectations)

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
                stand_ins[earlier.name] = self.judge.reference(earlier.name)
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
            known = self.misconceptions.name(exercise.name, outcomes)
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
