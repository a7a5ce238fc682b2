"""Name the misconception a failing answer shows: the known wrong answer that behaves as it does."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autograder.answers import KnownAnswer
from autograder.judge.answer import Recorded
from autograder.judge.assignment_tests import JudgeSide
from autograder.judge.channel import Channel, local_channel
from autograder.judge.hidden_tests import TestOutcome, run_hidden_tests
from autograder.limits import Limits
from autograder.testing import ATOL, RTOL

Behaviour = dict[str, list[Recorded]]
"""By hidden test, every call's result in order, as the test saw it."""


@dataclass
class _OneFunction:
    """An answer source that serves one of our own functions in this process."""

    answer: KnownAnswer

    def open(self, exercise: str, so_far: dict[str, list[TestOutcome]]) -> Channel:
        del exercise, so_far
        return local_channel(self.answer.function, Limits())

    def close(self, exercise: str, channel: Channel) -> None:
        channel.sock.close()


@dataclass
class Misconceptions:
    """How the known wrong answers of an assignment behave under its hidden tests."""

    judge: JudgeSide
    expectations: dict[str, Any] = field(default_factory=dict)
    _known: dict[str, dict[str, Behaviour]] = field(default_factory=dict)

    def name(self, exercise: str, outcomes: list[TestOutcome]) -> KnownAnswer | None:
        """Return the one known wrong answer that behaves as these outcomes show, if one does."""
        behaviour = behaviour_of(outcomes)
        if not any(behaviour.values()):
            return None
        alike = [
            answer
            for answer in self.judge.wrong_answers(exercise)
            if same_behaviour(behaviour, self._behaviours(exercise)[answer.name])
        ]
        return alike[0] if len(alike) == 1 else None

    def _behaviours(self, exercise: str) -> dict[str, Behaviour]:
        if exercise not in self._known:
            self._known[exercise] = {
                answer.name: self._behaviour(exercise, answer)
                for answer in self.judge.wrong_answers(exercise)
            }
        return self._known[exercise]

    def _behaviour(self, exercise: str, answer: KnownAnswer) -> Behaviour:
        outcomes = run_hidden_tests(self.judge, [exercise], _OneFunction(answer), self.expectations)
        return behaviour_of(outcomes[exercise])


def behaviour_of(outcomes: list[TestOutcome]) -> Behaviour:
    """Return what the tests saw of a function."""
    return {outcome.name: outcome.recorded for outcome in outcomes}


def same_behaviour(one: Behaviour, other: Behaviour) -> bool:
    """Say whether two functions showed the same in every call of every test."""
    return one.keys() == other.keys() and all(
        len(one[test]) == len(other[test])
        and all(_same(a, b) for a, b in zip(one[test], other[test], strict=True))
        for test in one
    )


def _same(one: Recorded, other: Recorded) -> bool:
    return one.kind == other.kind and _close(one.content, other.content)


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
