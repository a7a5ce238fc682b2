"""Grade the exercises of a submission in their order: scores, made from hidden tests alone."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from autograder.answers import KnownAnswer
from autograder.course.facts import Exercise
from autograder.grading.cell_notes import error_of, with_cause
from autograder.grading.feedback_lines import test_result
from autograder.grading.second_tries import (
    Suspicion,
    fail_what_remembers,
    may_count,
    mentions,
    say_what_is_needed,
)
from autograder.judge.hidden_questions import HiddenQuestions
from autograder.judge.hidden_tests import HiddenTests, TestOutcome
from autograder.judge.misconceptions import Misconceptions
from autograder.results.document import POINT_DIGITS, ExerciseResult
from autograder.results.verdicts import Verdict, worst
from autograder.sandbox.host.callbacks import StandIns
from autograder.sandbox.host.channel import Channel
from autograder.sandbox.host.session import Session
from autograder.submissions.rebuilding import Rebuilt

_TOO_COSTLY = (Verdict.OUT_OF_MEMORY, Verdict.TIMED_OUT)


@dataclass
class ExerciseGrading:
    """The exercises of one submission, one after the other."""

    tests: HiddenTests
    misconceptions: Misconceptions
    questions: HiddenQuestions
    submission: Session
    rebuilt: Rebuilt
    exercises: list[Exercise]
    graded: dict[str, ExerciseResult] = field(default_factory=dict)
    """Results that stand, of this run and of those that broke off before it."""
    kept: dict[str, ExerciseResult] = field(default_factory=dict)
    """Results of an earlier run of what has hardly changed."""
    stale: frozenset[str] = frozenset()
    """The exercises whose kept results no longer hold."""
    outcomes: dict[str, list[TestOutcome]] = field(default_factory=dict)
    broken: ExerciseResult | None = None
    """The exercise in which something ended that may be the machine's doing."""
    _stand_ins_called: dict[str, set[str]] = field(default_factory=dict)
    _with_own: set[str] = field(default_factory=set)
    """Right with the student's own earlier answers alone, which are not right by themselves."""
    _with_others: dict[str, frozenset[str]] = field(default_factory=dict)
    """Right with ours in place of these earlier answers alone, which are right in another kind."""
    _suspicions: dict[str, set[Suspicion]] = field(default_factory=dict)
    _has_asked: bool = False
    """Whether the submission's code has had an answer of ours."""

    def grade(
        self, tell: Callable[[ExerciseResult], None] = lambda _: None
    ) -> list[ExerciseResult]:
        """Return the results of all exercises, or of those before the one in which it broke off.

        Nothing is graded after what may be the machine's doing. Each result that stands is told as
        soon as there is one.
        """
        later_too = False
        for exercise in self.exercises:
            name = exercise.name
            is_kept = name in self.kept and name not in self.stale and not later_too
            if name in self.graded or is_kept:
                continue
            self.grade_exercise(name)
            result = self._result(exercise)
            if self.submission.doubt.broke_off:
                self.broken = result
                break
            # Later exercises may call this one, which is replaced now, or no longer is.
            was_full = name in self.kept and self.kept[name].verdict is Verdict.PASSED
            later_too |= was_full != self._is_full(name)
            self.graded[name] = result
            tell(result)
        known = {**self.kept, **self.graded}
        before = self.exercises
        if self.broken is not None:
            before = before[: [one.name for one in before].index(self.broken.name)]
        return [known[exercise.name] for exercise in before]

    def grade_exercise(self, name: str) -> None:
        """Run an exercise's hidden tests with stand-ins; where they were no help, without.

        An earlier answer may have been called in a way that only the student's own allows. No
        later exercise has run by then: none could have asked this one's reference.
        """
        source = _Opening(self, name)
        outcomes = self.tests.run(name, source)
        called, suspicions = source.called, set(source.suspicions)
        self._has_asked |= bool(called)
        if called and not _all_passed(outcomes) and not self.submission.doubt.broke_off:
            alone = self.tests.run(name, _Opening(self, name, alone=True))
            if _passed(alone) > _passed(outcomes):
                if may_count(outcomes, alone):
                    outcomes, called = alone, set()
                    self._with_own.add(name)
                    suspicions.add(Suspicion.WITH_OWN)
                else:
                    suspicions.add(Suspicion.SECOND_TRY)
        others = self._of_other_kind(name, outcomes)
        if others and not _all_passed(outcomes) and not self.submission.doubt.broke_off:
            opening = _Opening(self, name, also=others)
            more = self.tests.run(name, opening)
            is_better = _passed(more) > _passed(outcomes) and bool(opening.called & others)
            if is_better and may_count(outcomes, more, with_more=True):
                outcomes, called = more, opening.called
                self._with_own.discard(name)
                self._with_others[name] = others
                suspicions = (suspicions - {Suspicion.WITH_OWN}) | {Suspicion.OTHER_KIND}
        _fail_handed_on(outcomes, called)
        say_what_is_needed(outcomes, source.needs_more)
        if not self.submission.leaves_nothing and not self.submission.doubt.broke_off:
            opening = self._opening_as_graded(name)
            doubt = self.submission.doubt
            suspicions |= fail_what_remembers(self.tests, name, outcomes, opening, doubt)
        self.outcomes[name] = outcomes
        self._stand_ins_called[name] = called
        self._suspicions[name] = suspicions

    def open_as_graded(self, exercise: str) -> Channel:
        """Open a graded exercise once more, with the stand-ins that its score was made by."""
        return self._opening_as_graded(exercise).open(exercise)

    def _opening_as_graded(self, exercise: str) -> _Opening:
        others = self._with_others.get(exercise, frozenset())
        return _Opening(self, exercise, alone=exercise in self._with_own, also=others)

    def _of_other_kind(self, exercise: str, outcomes: list[TestOutcome]) -> frozenset[str]:
        """Return the right earlier answers that may be why this one, which calls them, is not.

        Those of another kind than ours; all where time or memory ran out, for one may be costly.
        """
        is_costly = any(one.verdict in _TOO_COSTLY for one in outcomes)
        earlier = itertools.takewhile(lambda one: one.name != exercise, self.exercises)
        names = [one.name for one in earlier if self._is_full(one.name)]
        return frozenset(
            name
            for name in names
            if (is_costly or self._is_other_kind(name)) and mentions(self.rebuilt, name)
        )

    def _is_other_kind(self, name: str) -> bool:
        if name in self.outcomes:
            of_others = name in self._with_others
            return of_others or any(one.has_other_kind for one in self.outcomes[name])
        return (self.graded.get(name) or self.kept[name]).other_kind

    def stand_ins(
        self, exercise: str, hand_back: bool = False, also: Collection[str] = ()
    ) -> StandIns:
        """Return what answers for earlier exercises without full marks, and for others."""
        names = []
        for earlier in self.exercises:
            if earlier.name == exercise:
                break
            is_right = self._is_full(earlier.name) and not self._is_with_own(earlier.name)
            if not is_right or earlier.name in also:
                names.append(earlier.name)
        # What cannot remember may ask what it likes.
        guard = None if self.submission.leaves_nothing else self.questions.guard(exercise)
        return StandIns(self.submission.references, names, hand_back, guard)

    def _is_full(self, name: str) -> bool:
        if name in self.outcomes:
            return _all_passed(self.outcomes[name])
        known = self.graded.get(name) or self.kept[name]
        return known.verdict is Verdict.PASSED

    def _is_with_own(self, name: str) -> bool:
        if name in self.outcomes:
            return name in self._with_own
        return (self.graded.get(name) or self.kept[name]).with_own

    def _result(self, exercise: Exercise) -> ExerciseResult:
        name, outcomes = exercise.name, self.outcomes[exercise.name]
        is_guarded = self._is_guarded()
        reason = self.why_missing(name)
        if reason is not None:
            for outcome in outcomes:
                outcome.verdict, outcome.message = reason
                outcome.guarded = "Its own cell does not end as it should."
        for outcome in outcomes:
            outcome.message = with_cause(outcome.message, self.rebuilt, self.submission.runs)
        verdict = worst([outcome.verdict for outcome in outcomes])
        known = None
        if verdict is Verdict.FAILED:
            known = self.misconceptions.name(name, outcomes)
        share = _passed(outcomes) / len(outcomes)
        return ExerciseResult(
            name=name,
            points=exercise.points,
            score=round(exercise.points * share, POINT_DIGITS),
            optional=exercise.optional,
            verdict=verdict,
            misconception=known.name if known else None,
            misconception_says=known.says if known else None,
            next_step=_next_step(known, outcomes),
            seconds=round(sum(outcome.seconds for outcome in outcomes), 3),
            stand_ins=sorted(self._stand_ins_called[name]),
            with_own=name in self._with_own,
            other_kind=verdict is Verdict.PASSED and self._is_other_kind(name),
            look=" ".join(sorted(self._suspicions[name])),
            tests=[
                test_result(outcome, self.submission.source_of, is_guarded) for outcome in outcomes
            ],
        )

    def _is_guarded(self) -> bool:
        """Say whether what students read is to be in words of ours alone."""
        earlier = (*self.kept.values(), *self.graded.values())
        return self._has_asked or any(one.stand_ins or one.with_own for one in earlier)

    def why_missing(self, exercise: str) -> tuple[Verdict, str] | None:
        """Return how the function's own cell failed, where all tests say that it is missing."""
        run = self.submission.runs.get(self.rebuilt.index_of(exercise))
        outcomes = self.outcomes[exercise]
        if run is None or not all(outcome.verdict is Verdict.MISSING for outcome in outcomes):
            return None
        if run.problem is not None:
            return run.problem.verdict, run.problem.message
        error = error_of(run)
        return None if error is None else (Verdict.FAILED, f"Its cell stops with {error}")


@dataclass
class _Opening:
    """Opens an exercise of the submission for one run of its hidden tests."""

    grading: ExerciseGrading
    exercise: str
    alone: bool = False
    """Stand-ins hand every call back: the student's earlier answers count, right or wrong."""
    also: frozenset[str] = frozenset()
    """Right earlier answers that ours stand in for all the same."""
    called: set[str] = field(default_factory=set)
    """The stand-ins that were called."""
    suspicions: set[Suspicion] = field(default_factory=set)
    needs_more: set[str] = field(default_factory=set)
    """The stand-ins that needed more of a function than to call it."""

    def open(self, exercise: str) -> Channel:
        stand_ins = self.grading.stand_ins(exercise, self.alone, self.also)
        return self.grading.submission.open_exercise(exercise, stand_ins)

    def close(self, exercise: str, channel: Channel) -> None:
        self.called |= channel.callbacks.stand_ins_called
        self.needs_more |= channel.callbacks.needs_more
        if channel.callbacks.refused:
            self.suspicions.add(Suspicion.ASKED_HIDDEN)
        self.grading.submission.close_exercise(channel)


def _fail_handed_on(outcomes: list[TestOutcome], called: set[str]) -> None:
    """Fail an answer whose right results are all an earlier exercise's, which stood in for it."""
    passed = [one for one in outcomes if one.verdict is Verdict.PASSED]
    if not called or not passed or not all(one.only_handed_on for one in passed):
        return
    names = " and ".join(f"`{name}`" for name in sorted(called))
    for outcome in passed:
        outcome.fail(f"It only hands its arguments on to {names}, and that one is our own here.")


def _next_step(known: KnownAnswer | None, outcomes: list[TestOutcome]) -> str:
    """Return the hint of the hidden test by which a known answer is caught."""
    hints = (one.hint for one in outcomes if known is not None and one.name == known.caught_by)
    return next(hints, "")


def _passed(outcomes: list[TestOutcome]) -> int:
    return sum(outcome.verdict is Verdict.PASSED for outcome in outcomes)


def _all_passed(outcomes: list[TestOutcome]) -> bool:
    return _passed(outcomes) == len(outcomes)
