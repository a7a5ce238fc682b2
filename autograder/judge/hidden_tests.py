"""Run collected hidden tests, each against an `answer`; report what became of every one."""

from __future__ import annotations

import contextlib
import io
import re
import time
import traceback
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import pytest
import torch

from autograder.judge.answer import Answer
from autograder.judge.assignment_side import JudgeSide
from autograder.judge.behaviour import Differs, Recorded
from autograder.judge.collection import TestCase
from autograder.judge.expectations import Expectations
from autograder.judge.memo import Ending, Memo
from autograder.results.verdicts import Verdict, worst
from autograder.sandbox.host.channel import Channel, FirstExchange
from autograder.sandbox.host.conversation import Conversation
from autograder.sandbox.host.failures import AnswerCrashed, AnswerFailure, OwnLine
from autograder.sandbox.memory import MemoryRanOut, is_out_of_memory
from autograder.sandbox.seeds import seed_everything
from autograder.sandbox.wire.results_out import HostileReply

_MAX_DETAIL = 4000
# Pytest writes where an object lies, which is another place in each run.
_ADDRESS = re.compile(r" at 0x[0-9a-f]+")
_NO_NUMBERS = (
    np.linalg.LinAlgError,
    torch.linalg.LinAlgError,  # type: ignore[attr-defined]
    ArithmeticError,
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
    guarded: str = ""
    """The message in words that student code has not chosen."""
    own_lines: tuple[OwnLine, ...] = ()
    detail: str = ""
    seconds: float = 0.0
    recorded: list[Recorded] = field(default_factory=list)
    has_other_kind: bool = False
    """Whether results were accepted in another kind than the reference's."""
    first: list[FirstExchange] = field(default_factory=list)
    """How its cases began."""
    only_handed_on: bool = True
    """Whether all replies were what a stand-in made of the same arguments."""

    def fail(self, message: str) -> None:
        """Let it fail, whatever its cases brought."""
        self.verdict, self.message, self.guarded = Verdict.FAILED, message, message

    def saw(self, channel: Channel) -> None:
        """Take in how a case began, and whose work its replies were."""
        if channel.first is not None:
            self.first.append(channel.first)
        self.only_handed_on &= channel.only_handed_on is True

    def take(self, ending: Ending) -> None:
        """Count a case in; the first failure's message stays."""
        if self.verdict is Verdict.PASSED:
            self.message, self.guarded = ending.message, ending.guarded
            self.own_lines, self.detail = ending.own_lines, ending.detail
        self.verdict = worst([self.verdict, ending.verdict])
        self.recorded += ending.recorded
        self.has_other_kind |= ending.has_other_kind


class AnswerSource(Protocol):
    """Where the channel to an exercise's function comes from."""

    def open(self, exercise: str) -> Channel: ...

    def close(self, exercise: str, channel: Channel) -> None: ...


@dataclass
class HiddenTests:
    """The hidden tests of an assignment, and what one judge remembers of running them."""

    judge: JudgeSide
    expectations: Expectations = field(default_factory=Expectations)
    """What references returned, by exercise and arguments."""
    memo: Memo = field(default_factory=Memo)

    def run(self, exercise: str, source: AnswerSource) -> list[TestOutcome]:
        """Run the hidden tests of an exercise, in their order; return their outcomes."""
        outcomes: dict[str, TestOutcome] = {}
        channel = source.open(exercise)
        try:
            for case in self.judge.cases_of(exercise):
                outcome = TestOutcome(case.test, case.sentence, case.hint)
                outcome = outcomes.setdefault(case.test, outcome)
                started, is_asked = time.monotonic(), channel.ended_by is None
                outcome.take(self.ending(case, channel))
                if is_asked:
                    outcome.saw(channel)
                outcome.seconds += time.monotonic() - started
        finally:
            source.close(exercise, channel)
        _tell_branches_from_stubs(list(outcomes.values()))
        return list(outcomes.values())

    def ending(
        self, case: TestCase, channel: Channel, recorded: list[Recorded] | None = None
    ) -> Ending:
        """Run one case of a hidden test, or recall how it ends.

        What it shows goes into `recorded` as it comes; what that raises, this raises.
        """
        if channel.ended_by is not None:
            return _failed(channel.ended_by, ())
        shown = [] if recorded is None else recorded
        return self.memo.ending(case, channel, lambda said: self._run(case, said, shown))

    def _run(self, case: TestCase, conversation: Conversation, recorded: list[Recorded]) -> Ending:
        seed_everything(case.seed)
        reference = self.judge.reference(case.exercise)
        answer = Answer(
            case.exercise,
            conversation,
            reference,
            case.seed,
            case.secret_modules,
            self.expectations,
            recorded,
        )
        # A test that prints or warns speaks to its author, in calibration; not here.
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # Pytest's own outcomes (a fail, a skip) are no Exceptions; an interrupt and a
            # difference are not the test's.
            try:
                case.run(answer)
            except (KeyboardInterrupt, Differs):
                raise
            except BaseException as error:
                if is_out_of_memory(error):
                    # Not the student's doing, and not this test's: another judge runs it again.
                    raise MemoryRanOut(str(error)[:200]) from None
                return ending_of(error, answer)
        return ending_of(None, answer)


def _tell_branches_from_stubs(outcomes: list[TestOutcome]) -> None:
    """Count a NotImplementedError as any other error where not all that is asked raises it."""
    if not all(outcome.verdict is Verdict.MISSING for outcome in outcomes):
        for outcome in outcomes:
            if outcome.verdict is Verdict.MISSING:
                outcome.fail("It raised NotImplementedError.")


def ending_of(error: BaseException | None, answer: Answer | None) -> Ending:
    """Return how a case ended that raised this, or nothing, while it asked an answer."""
    recorded = () if answer is None else tuple(answer.recorded)
    if error is None:
        kind = answer is not None and answer.has_other_kind
        return Ending(recorded=recorded, has_other_kind=kind)
    return _failed(error if answer is None else _of_the_answer(error, answer), recorded)


def _of_the_answer(error: BaseException, answer: Answer) -> BaseException:
    """Return a failure of the test where it met a result that it cannot compute with.

    Of another kind, or singular.
    """
    unchecked = answer.has_unchecked and isinstance(error, (TypeError, ValueError, LookupError))
    if unchecked or (answer.recorded and isinstance(error, _NO_NUMBERS)):
        failure = AssertionError(f"{type(error).__name__}: {error}")
        return failure.with_traceback(error.__traceback__)
    return error


def _failed(error: BaseException, recorded: Sequence[Recorded]) -> Ending:
    """Return the ending of a case that this error ended."""
    if isinstance(error, HostileReply):
        error = AnswerCrashed.by_reply(error)
    if isinstance(error, AnswerFailure):
        return Ending(
            error.verdict,
            error.message,
            error.guarded,
            tuple(error.own_lines),
            recorded=tuple(recorded),
        )
    if isinstance(error, (AssertionError, pytest.fail.Exception)):
        verdict, message = Verdict.FAILED, "The result is not what it should be."
        detail = _explanation(error, frames=3)
    elif isinstance(error, RuntimeError) and "does not require grad" in str(error):
        verdict, message = Verdict.FAILED, "No gradient flows through the result."
        detail = ""
    else:
        verdict, message = Verdict.GRADER_ERROR, "A fault of the grader, not yours."
        detail = _explanation(error, frames=12)
    return Ending(verdict, message, message, detail=detail, recorded=tuple(recorded))


def _explanation(error: BaseException, frames: int) -> str:
    """Return the error and the first lines it came through: the first one is the test's."""
    came_through = traceback.extract_tb(error.__traceback__)
    # The first two are ours: the runner and the case.
    lines = [f"{line.name}, line {line.lineno}: {line.line}" for line in came_through[2:]]
    text = "\n".join([*lines[:frames], f"{type(error).__name__}: {error}"])
    return _ADDRESS.sub("", text)[:_MAX_DETAIL]
