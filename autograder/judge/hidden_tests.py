"""Run collected hidden tests, each against an `answer`; report what became of every one."""

from __future__ import annotations

import contextlib
import io
import time
import traceback
import warnings
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import pytest
import torch

from autograder.judge.answer import Answer, Recorded
from autograder.judge.assignment_tests import JudgeSide
from autograder.judge.channel import Channel
from autograder.judge.collection import TestCase
from autograder.judge.failures import AnswerCrashed, AnswerFailure, OwnLine
from autograder.seeds import seed_everything
from autograder.verdicts import Verdict, worst
from autograder.wire.inbound import HostileReply

_MAX_DETAIL = 4000
_NO_NUMBERS = (
    np.linalg.LinAlgError,
    torch.linalg.LinAlgError,  # type: ignore[attr-defined]
    ZeroDivisionError,
)


@dataclass
class TestOutcome:
    """How one hidden test ended; its parametrized cases count together."""

    __test__ = False

    name: str
    sentence: str
    hint: str = ""
    verdict: Verdict = Verdict.PASSED
    message: str = ""
    """For the student: never an expected value, never test code."""
    own_lines: tuple[OwnLine, ...] = ()
    detail: str = ""
    """For the TA: where in the hidden tests it failed, and how."""
    seconds: float = 0.0
    recorded: list[Recorded] = field(default_factory=list)


class AnswerSource(Protocol):
    """Where the channel to an exercise's function comes from."""

    def open(self, exercise: str) -> Channel: ...

    def close(self, exercise: str, channel: Channel) -> None: ...


def run_hidden_tests(
    judge: JudgeSide, exercise: str, source: AnswerSource, expectations: dict[str, Any]
) -> list[TestOutcome]:
    """Run the hidden tests of an exercise, in their order; return their outcomes."""
    outcomes: list[TestOutcome] = []
    # A test that prints or warns speaks to its author, in calibration; not here.
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        channel = source.open(exercise)
        try:
            for case in judge.cases_of(exercise):
                _run_case(judge, case, channel, expectations, _outcome_of(outcomes, case))
        finally:
            source.close(exercise, channel)
    return outcomes


def make_answer(
    judge: JudgeSide, case: TestCase, channel: Channel, expectations: dict[str, Any]
) -> Answer:
    """Return the `answer` of one case of a hidden test; seed the test's own generators."""
    seed_everything(case.seed)
    reference = judge.reference(case.exercise)
    return Answer(case.exercise, channel, reference, case.seed, case.secret_modules, expectations)


def _run_case(
    judge: JudgeSide,
    case: TestCase,
    channel: Channel,
    expectations: dict[str, Any],
    outcome: TestOutcome,
) -> None:
    started = time.monotonic()
    if channel.ended_by is not None:
        _take_failure(outcome, channel.ended_by)
        return
    answer = make_answer(judge, case, channel, expectations)
    # Pytest's own outcomes (a fail, a skip) are no Exceptions; an interrupt is not the test's.
    try:
        case.run(answer)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        unchecked = answer.has_unchecked and isinstance(error, (TypeError, ValueError, LookupError))
        if unchecked or (answer.recorded and isinstance(error, _NO_NUMBERS)):
            # The test met a result that it cannot compute with: of another kind, or singular.
            error = AssertionError(f"{type(error).__name__}: {error}").with_traceback(
                error.__traceback__
            )
        _take_failure(outcome, error)
    channel.forget()
    outcome.recorded += answer.recorded
    outcome.seconds += time.monotonic() - started


def _outcome_of(outcomes: list[TestOutcome], case: TestCase) -> TestOutcome:
    """Return the outcome of a case's test, made where it is the first of its cases."""
    for outcome in outcomes:
        if outcome.name == case.test:
            return outcome
    outcomes.append(TestOutcome(case.test, case.sentence, case.hint))
    return outcomes[-1]


def _take_failure(outcome: TestOutcome, error: BaseException) -> None:
    """Note how a test (or one of its cases) failed; the first failure's message stays."""
    if isinstance(error, HostileReply):
        error = AnswerCrashed(f"A call sent back {error}.")
    detail = ""
    own_lines: tuple[OwnLine, ...] = ()
    if isinstance(error, AnswerFailure):
        verdict, message, own_lines = error.verdict, error.message, error.own_lines
    elif isinstance(error, (AssertionError, pytest.fail.Exception)):
        verdict, message = Verdict.FAILED, "The result is not what it should be."
        detail = _explanation(error, frames=3)
    elif isinstance(error, RuntimeError) and "does not require grad" in str(error):
        verdict, message = Verdict.FAILED, "No gradient flows through the result."
    else:
        verdict, message = Verdict.GRADER_ERROR, "A fault of the grader, not yours."
        detail = _explanation(error, frames=12)
    if outcome.verdict is Verdict.PASSED:
        outcome.message, outcome.own_lines, outcome.detail = message, own_lines, detail
    outcome.verdict = worst([outcome.verdict, verdict])


def _explanation(error: BaseException, frames: int) -> str:
    """Return the error and the first lines it came through: the first one is the test's."""
    came_through = traceback.extract_tb(error.__traceback__)
    # The first two are ours: the runner and the case.
    lines = [f"{line.name}, line {line.lineno}: {line.line}" for line in came_through[2:]]
    return "\n".join([*lines[:frames], f"{type(error).__name__}: {error}"])[:_MAX_DETAIL]
