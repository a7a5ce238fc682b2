"""Grade the exercises of a submission in their order: scores, made from hidden tests alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from autograder.course.facts import Exercise
from autograder.judge.hidden_tests import HiddenTests, TestOutcome
from autograder.judge.misconceptions import Misconceptions
from autograder.results.document import POINT_DIGITS, ExerciseResult, OwnLine, TestResult
from autograder.results.verdicts import Verdict, worst
from autograder.safe_text import for_page
from autograder.sandbox.host.channel import Channel
from autograder.sandbox.host.session import Session
from autograder.submissions.cleaning import clean_outputs
from autograder.submissions.rebuilding import Rebuilt


@dataclass
class ExerciseGrading:
    """The exercises of one submission, one after the other."""

    tests: HiddenTests
    misconceptions: Misconceptions
    submission: Session
    rebuilt: Rebuilt
    exercises: list[Exercise]
    kept: dict[str, ExerciseResult] = field(default_factory=dict)
    """Results of an earlier run."""
    stale: frozenset[str] = frozenset()
    """The exercises whose kept results no longer hold."""
    outcomes: dict[str, list[TestOutcome]] = field(default_factory=dict)
    stand_ins_called: dict[str, set[str]] = field(default_factory=dict)
    _full_alone: set[str] = field(default_factory=set)
    """Right with the student's own earlier answers alone, which are not right by themselves."""

    def grade(self) -> list[ExerciseResult]:
        later_too = False
        for exercise in self.exercises:
            name = exercise.name
            if name in self.kept and name not in self.stale and not later_too:
                continue
            self.grade_exercise(name)
            # Later exercises may call this one, which is replaced now, or no longer is.
            was_full = name in self.kept and self.kept[name].verdict is Verdict.PASSED
            later_too |= was_full != self._is_full(name)
        return [self._result(exercise) for exercise in self.exercises]

    def grade_exercise(self, name: str) -> None:
        """Run an exercise's hidden tests with stand-ins; where they were no help, without.

        An earlier answer may have been called in a way that only the student's own allows. No
        later exercise has run by then: none could have asked this one's reference.
        """
        source = _Opening(self, name)
        self.outcomes[name] = self.tests.run(name, source)
        self.stand_ins_called[name] = source.called
        if not source.called or self._is_full(name):
            return
        alone = self.tests.run(name, _Opening(self, name, alone=True))
        if _passed(alone) > _passed(self.outcomes[name]):
            self.outcomes[name] = alone
            self.stand_ins_called[name] = set()
            self._full_alone.add(name)

    def open_as_graded(self, exercise: str) -> Channel:
        """Open a graded exercise once more, with the stand-ins that its score was made by."""
        return _Opening(self, exercise, alone=exercise in self._full_alone).open(exercise)

    def stand_ins(self, exercise: str) -> dict[str, Callable[..., Any]]:
        """Return the references that answer for earlier exercises without full marks."""
        stand_ins: dict[str, Callable[..., Any]] = {}
        for earlier in self.exercises:
            if earlier.name == exercise:
                break
            if not self._is_full(earlier.name) or earlier.name in self._full_alone:
                stand_ins[earlier.name] = self.tests.judge.reference(earlier.name)
        return stand_ins

    def _is_full(self, name: str) -> bool:
        if name in self.outcomes:
            return _passed(self.outcomes[name]) == len(self.outcomes[name])
        return self.kept[name].verdict is Verdict.PASSED

    def _result(self, exercise: Exercise) -> ExerciseResult:
        if exercise.name not in self.outcomes:
            return self.kept[exercise.name]
        outcomes = self.outcomes[exercise.name]
        reason = self.why_missing(exercise.name)
        if reason is not None:
            for outcome in outcomes:
                outcome.verdict, outcome.message = reason
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

    def why_missing(self, exercise: str) -> tuple[Verdict, str] | None:
        """Return how the function's own cell failed, where all tests say that it is missing."""
        run = self.submission.runs.get(self.rebuilt.index_of(exercise))
        outcomes = self.outcomes[exercise]
        if run is None or not all(outcome.verdict is Verdict.MISSING for outcome in outcomes):
            return None
        if run.problem is not None:
            return run.problem.verdict, run.problem.message
        error = _error_of(run.outputs)
        return None if error is None else (Verdict.FAILED, f"Its cell stops with {error}")


@dataclass
class _Opening:
    """Opens an exercise of the submission for one run of its hidden tests."""

    grading: ExerciseGrading
    exercise: str
    alone: bool = False
    """No stand-ins: the student's earlier answers, right or wrong."""
    called: set[str] = field(default_factory=set)
    """The stand-ins that were called."""

    def open(self, exercise: str) -> Channel:
        stand_ins = {} if self.alone else self.grading.stand_ins(exercise)
        return self.grading.submission.open_exercise(exercise, stand_ins)

    def close(self, exercise: str, channel: Channel) -> None:
        self.called |= channel.callbacks.stand_ins_called
        self.grading.submission.close_exercise(channel)


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
        message=for_page(outcome.message),
        hint="" if outcome.verdict is Verdict.PASSED else outcome.hint,
        own_lines=[
            OwnLine(line=own.line, function=for_page(own.function), text=for_page(own.text))
            for own in outcome.own_lines
        ],
        detail=for_page(outcome.detail),
    )
