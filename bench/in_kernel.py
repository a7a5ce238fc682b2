"""Run an exercise's hidden tests on the student's function itself, in the process that holds it.

The kernels of stock nbgrader and of otter-grader import this module, so it imports little.
"""

from __future__ import annotations

import contextlib
import functools
import io
import random
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from IPython import get_ipython

from autograder.judge.collection import TestCase, collect_cases
from autograder.testing import Callback

# What cannot work inside a kernel.
_OFF = [f"-pno:{plugin}" for plugin in ("logging", "capture", "debugging")]


class Case(Protocol):
    """One case of a hidden test: the engine's own, or one that was collected here."""

    @property
    def test(self) -> str: ...

    @property
    def seed(self) -> int: ...

    def run(self, answer: Any) -> None: ...


@functools.cache
def _collect(assignment: str) -> dict[str, list[TestCase]]:
    """Return an assignment's hidden tests by exercise: collected once a kernel, as in a judge."""
    tests = Path(__file__).with_name("hidden") / f"test_{assignment}.py"
    return collect_cases(tests, frozenset(), _OFF)


def run_cases(cases: Iterable[Case], function: Callable[..., Any] | None) -> dict[str, bool]:
    """Return which tests a function passes; a test's parametrized cases count together."""
    passed: dict[str, bool] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for case in cases:
            passed[case.test] = _passes(case, function) and passed.get(case.test, True)
    return passed


def _passes(case: Case, function: Callable[..., Any] | None) -> bool:
    if function is None:
        return False
    try:
        case.run(_answer(function, case.seed))
    except KeyboardInterrupt:
        raise
    except BaseException:
        # Pytest's own outcomes are no Exceptions.
        return False
    return True


def _answer(function: Callable[..., Any], seed: int) -> Callable[..., Any]:
    """Return the student's function; global generators are seeded per call, as in the engine."""
    _seed(seed)

    def call(*args: Any, **kwargs: Any) -> Any:
        nonlocal seed
        seed += 1
        _seed(seed)
        named = {name: _unwrapped(value) for name, value in kwargs.items()}
        return function(*(_unwrapped(value) for value in args), **named)

    return call


def _seed(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.default_generator.manual_seed(seed)


def _unwrapped(value: Any) -> Any:
    return value.function if isinstance(value, Callback) else value


def hidden_tests(assignment: str, exercise: str, function: Any) -> dict[str, bool]:
    """Return which hidden tests of an exercise a function passes; print nothing."""
    # A word on stderr, and nbgrader gives the cell no points.
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        cases = _collect(assignment)[exercise]
        return run_cases(cases, function if callable(function) else None)


def score(assignment: str, exercise: str, points: float) -> float:
    """For nbgrader: print the tests that fail; return the points: the share of tests that pass."""
    passed = hidden_tests(assignment, exercise, get_ipython().user_ns.get(exercise))
    print(*(name for name, has_passed in passed.items() if not has_passed))
    return round(points * sum(passed.values()) / len(passed), 2)


_passed_by_exercise: dict[str, dict[str, bool]] = {}


def require(assignment: str, exercise: str, test: str, names: dict[str, Any]) -> None:
    """For otter-grader, whose test cases are worth points one by one: assert that a test passes."""
    if exercise not in _passed_by_exercise:
        _passed_by_exercise[exercise] = hidden_tests(assignment, exercise, names.get(exercise))
    assert _passed_by_exercise[exercise][test], test
