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

# As in the engine: without the plugins that cost time or cannot work inside a kernel.
_OFF = "cacheprovider unraisableexception threadexception doctest junitxml faulthandler debugging"
_OPTIONS = [
    *("--quiet", "--import-mode=importlib", "--tb=native", "--noconftest", "-c", "/dev/null"),
    "--override-ini=python_classes=Test_*",
    "--override-ini=filterwarnings=default",
    *(f"-pno:{plugin}" for plugin in [*_OFF.split(), "logging", "capture"]),
]


class _InKernel:
    """The pytest plugin: offers the student's own function as `answer`, and counts tests."""

    def __init__(self, function: Callable[..., Any] | None) -> None:
        self._function = function
        self.passed: dict[str, bool] = {}

    def pytest_configure(self, config: pytest.Config) -> None:
        config.addinivalue_line("markers", "hint(text): the next step a student reads")

    @pytest.fixture
    def answer(self, request: pytest.FixtureRequest) -> Callable[..., Any]:
        """The student's function; global generators are seeded per call, as in the engine."""
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
            named = {name: _unwrapped(value) for name, value in kwargs.items()}
            return function(*(_unwrapped(value) for value in args), **named)

        return call

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count a test's parametrized cases together, as the engine does."""
        name = report.nodeid.split("::")[2].partition("[")[0]
        self.passed[name] = self.passed.get(name, True) and not report.failed


def _unwrapped(value: Any) -> Any:
    return value.function if isinstance(value, Callback) else value


def score(assignment: str, exercise: str, points: float) -> float:
    """Print the tests that fail; return the points: the share of the hidden tests that pass."""
    runner = _InKernel(get_ipython().user_ns.get(exercise))
    tests = Path(__file__).with_name("hidden") / f"test_{assignment}.py"
    # A word on stderr, and nbgrader gives the cell no points.
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        pytest.main([*_OPTIONS, f"{tests}::Test_{exercise}"], plugins=[runner])
    print(*(name for name, passed in runner.passed.items() if not passed))
    return round(points * sum(runner.passed.values()) / len(runner.passed), 2)
