"""What hidden tests ask of an exercise, so that its stand-in does not answer just that.

A reference answers student code that works on a later exercise. Code that can remember could ask it
the questions of the exercise's own hidden tests, for another day. What an honest answer asks comes
of the arguments that it was given.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autograder.judge.hidden_tests import HiddenTests
from autograder.sandbox.host.handed_on import numbers_in
from autograder.sandbox.host.local_channel import RecordingChannel
from autograder.sandbox.limits import Limits
from autograder.sandbox.wire.arguments_in import unpack

Array = np.ndarray[Any, Any]

# Nearer than this, an answer tells what the hidden test's own question would.
_RTOL = 1e-2
# A question of fewer such numbers is one that anybody asks: of zeros, of ones, of whole numbers.
_FEW_NUMBERS = 3
_MAX_HEARD = 2000


@dataclass
class HiddenQuestions:
    """The arguments that the hidden tests of an assignment pass, found by running them on ours."""

    tests: HiddenTests
    _known: dict[str, list[list[Array]]] = field(default_factory=dict)
    _honest: dict[tuple[str, str], list[list[Array]]] = field(default_factory=dict)

    def guard(self, running: str) -> Callable[[str, Any, bytes], bool]:
        """Return what says whether arguments are not to be answered for while this is graded."""
        return lambda exercise, arguments, question: self.refuses(
            running, exercise, arguments, question
        )

    def refuses(self, running: str, exercise: str, arguments: Any, question: bytes) -> bool:
        """Say whether nearly these arguments are a hidden test's of this exercise.

        Not where they are arguments of the question that student code works on, nor where a right
        answer to the running exercise that we know passes the same.
        """
        asked = numbers_in(arguments)
        if not _is_telling(asked):
            return False
        given = numbers_in(unpack(question, lambda _: None).value) if question else []
        if all(any(_near(one, other) for other in given) for one in asked if one.size > 1):
            return False
        if not any(_all_near(asked, known) for known in self._of(exercise)):
            return False
        return not any(_all_near(asked, known) for known in self._passed_on(running, exercise))

    def _of(self, exercise: str) -> list[list[Array]]:
        if exercise not in self._known:
            reference = self.tests.judge.reference(exercise)
            questions = self._asked_of(exercise, reference)
            found = (numbers_in(unpack(block, lambda _: None).value) for block in questions)
            self._known[exercise] = [arrays for arrays in found if _is_telling(arrays)]
        return self._known[exercise]

    def _asked_of(self, exercise: str, function: Callable[..., Any]) -> list[bytes]:
        """Return what the hidden tests of an exercise ask of a function of ours."""
        channel = RecordingChannel.to(function, Limits())
        try:
            for case in self.tests.judge.cases_of(exercise):
                self.tests.ending(case, channel)
        finally:
            channel.sock.close()
        return channel.questions

    def _passed_on(self, running: str, exercise: str) -> list[list[Array]]:
        """Return what right answers of ours to one exercise ask of an earlier one."""
        if (running, exercise) not in self._honest:
            heard: list[list[Array]] = []
            judge = self.tests.judge
            right = [one.function for one in judge.right_answers(running)]
            for function in (judge.reference(running), *right):
                with _overheard(function, exercise, heard):
                    self._asked_of(running, function)
            self._honest[running, exercise] = heard
        return self._honest[running, exercise]


@contextlib.contextmanager
def _overheard(function: Callable[..., Any], name: str, heard: list[list[Array]]) -> Iterator[None]:
    """Let what a function of ours passes to another one of its module be kept."""
    names = getattr(function, "__globals__", {})
    called = names.get(name)
    if not callable(called):
        yield
        return

    def listening(*args: Any, **kwargs: Any) -> Any:
        if len(heard) < _MAX_HEARD:
            heard.append(numbers_in((args, kwargs)))
        return called(*args, **kwargs)

    names[name] = listening
    try:
        yield
    finally:
        names[name] = called


def _is_telling(arrays: Iterable[Array]) -> bool:
    """Say whether arguments hold enough numbers that nobody would write down by chance."""
    parts = [one.ravel()[:1000] for one in arrays if one.dtype.kind == "f"]
    numbers = np.unique(np.concatenate([*parts, np.empty(0)]))
    return int(np.sum(numbers != np.round(numbers))) >= _FEW_NUMBERS


def _all_near(some: Sequence[Array], others: Sequence[Array]) -> bool:
    return len(some) == len(others) and all(map(_near, some, others))


def _near(one: Array, other: Array) -> bool:
    if one.shape != other.shape:
        return False
    scale = float(np.max(np.abs(other), initial=0.0))
    return bool(np.allclose(one, other, rtol=_RTOL, atol=_RTOL * scale, equal_nan=True))
