"""Name the misconception a failing answer shows: the known wrong answer that behaves as it does."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autograder.answers import KnownAnswer
from autograder.judge.hidden_tests import HiddenTests, TestOutcome
from autograder.judge.local_channel import local_channel
from autograder.judge.recall import Recorded
from autograder.limits import Limits
from autograder.testing import ATOL, RTOL
from autograder.verdicts import Verdict

Behaviour = list[Recorded]
"""What one hidden test saw of a function: every call's result, in order."""


@dataclass
class Misconceptions:
    """How the known wrong answers of an assignment behave under its hidden tests."""

    tests: HiddenTests
    _known: dict[tuple[str, str, str], Behaviour] = field(default_factory=dict)

    def name(self, exercise: str, outcomes: list[TestOutcome]) -> KnownAnswer | None:
        """Return the one known wrong answer that behaves as these outcomes show, if one does.

        Test by test, the failed ones first: most candidates are out after the first.
        """
        if not any(outcome.recorded for outcome in outcomes):
            return None
        alike = self.tests.judge.wrong_answers(exercise)
        for outcome in sorted(outcomes, key=lambda one: one.verdict is Verdict.PASSED):
            alike = [
                answer
                for answer in alike
                if same_behaviour(outcome.recorded, self._behaviour(answer, outcome.name))
            ]
        return alike[0] if len(alike) == 1 else None

    def _behaviour(self, answer: KnownAnswer, test: str) -> Behaviour:
        key = (answer.exercise, answer.name, test)
        if key not in self._known:
            self._known[key] = self._observe(answer, test)
        return self._known[key]

    def _observe(self, answer: KnownAnswer, test: str) -> Behaviour:
        """Run one hidden test on a function of ours, by the protocol of the wall."""
        channel = local_channel(answer.function, Limits())
        seen: Behaviour = []
        for case in self.tests.judge.cases_of(answer.exercise):
            if case.test == test:
                seen += self.tests.ending(case, channel).recorded
        channel.sock.close()
        return seen


def same_behaviour(one: Behaviour, other: Behaviour) -> bool:
    """Say whether two functions showed the same in every call of a test."""
    return len(one) == len(other) and all(_same(a, b) for a, b in zip(one, other, strict=True))


def _same(one: Recorded, other: Recorded) -> bool:
    return one is other or (one.kind == other.kind and _close(one.content, other.content))


def _close(one: Any, other: Any) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_close(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(_close(a, b) for a, b in zip(one, other, strict=True))
    if one is None or other is None:
        return one is other
    if isinstance(one, str) or isinstance(other, str):
        return isinstance(one, str) and isinstance(other, str) and one == other
    a, b = np.asarray(one), np.asarray(other)
    if a.shape != b.shape or a.dtype.kind not in "biuf" or b.dtype.kind not in "biuf":
        return False
    return bool(np.allclose(a, b, rtol=RTOL, atol=ATOL, equal_nan=True))
