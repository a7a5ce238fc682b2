"""Run an exercise's hidden tests inside a stock nbgrader kernel; a grade cell calls `score`."""

from __future__ import annotations

import contextlib
import hashlib
import io
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from IPython import get_ipython

from autograder.testing import Callback

# The engine's own choice: what makes pytest slow or confuses it in a kernel is off.
_OFF = ("cacheprovider", "unraisableexception", "threadexception", "doctest", "junitxml")
_OFF += ("faulthandler", "debugging", "logging", "capture")
_OPTIONS = ["--quiet", "--import-mode=importlib", "--override-ini=python_classes=Test_*"]
_OPTIONS += ["--override-ini=filterwarnings=default", "--tb=native", "--noconftest"]
_OPTIONS += ["-c", "/dev/null", *(word for name in _OFF for word in ("-p", f"no:{name}"))]


class _InKernel:
    """The pytest plugin: offers the student's own function as `answer`, and counts tests."""

    def __init__(self, function: Callable[..., Any] | None) -> None:
        self._function = function
        self.passed: dict[str, bool] = {}

    def pytest_configure(self, config: pytest.Config) -> None:
        config.addinivalue_line("markers", "hint(text): the next step a student reads")

    @pytest.fixture
    def answer(self, request: pytest.FixtureRequest) -> Callable[..., Any]:
        function = self._function
        assert function is not None, "the notebook defines no such function"
        seed = int.from_bytes(hashlib.sha256(request.node.name.encode()).digest()[:4], "big")
        torch.manual_seed(seed)

        def call(*args: Any, **kwargs: Any) -> Any:
            nonlocal seed
            seed += 1
            random.seed(seed)
            np.random.seed(seed % 2**32)
            torch.manual_seed(seed)
            named = {name: _local(value) for name, value in kwargs.items()}
            return function(*(_local(value) for value in args), **named)

        return call

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A test's parametrized cases count together, as in the engine."""
        name = report.nodeid.split("::")[2].partition("[")[0]
        self.passed[name] = self.passed.get(name, True) and not report.failed


def _local(value: Any) -> Any:
    return value.function if isinstance(value, Callback) else value


def score(assignment: str, exercise: str, points: float) -> float:
    """Return what the exercise's hidden tests give the student's function: passed over all."""
    runner = _InKernel(get_ipython().user_ns.get(exercise))
    tests = Path(__file__).with_name("hidden") / f"test_{assignment}.py"
    # One word on stderr, and nbgrader gives the cell no points.
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        pytest.main([*_OPTIONS, f"{tests}::Test_{exercise}"], plugins=[runner])
    print(*(name for name, passed in runner.passed.items() if not passed))
    return round(points * sum(runner.passed.values()) / len(runner.passed), 2)
