"""A hidden test that heard the same replies before is not run again; any other one is."""

import numpy as np
import pytest

from autograder.judge.assignment_side import JudgeSide
from autograder.judge.collection import collect_cases
from autograder.judge.hidden_tests import HiddenTests
from autograder.results.verdicts import Verdict

TESTS = """
import numpy as np
import pathlib
import torch
from autograder.testing import callback
LOG = pathlib.Path(r"{log}")
def run():
    LOG.write_text(LOG.read_text() + ".")
class Test_square:
    def test_values(self, answer):
        run()
        assert answer(np.ones(2)).sum() == 2
        assert answer(3.0 * np.ones(2)).sum() == 18
    def test_again(self, answer):
        run()
        first = answer(np.full(2, 2.0))
        assert answer(first).sum() == 32
    def test_gradient(self, answer):
        run()
        x = torch.ones(2, requires_grad=True)
        answer(x).sum().backward()
        assert x.grad.sum() == 4
    def test_spied(self, answer):
        run()
        seen = []
        answer(callback(lambda: seen.append(1) or 1.0))
        assert seen
"""


@pytest.fixture
def tried(toy, tmp_path, serving):
    """Return a function that grades functions, and says how many tests were run for it."""
    log, file = tmp_path / "log", tmp_path / "test_recalled.py"
    file.write_text(TESTS.format(log=log))
    judge = JudgeSide(toy)
    judge.__dict__["_cases"] = collect_cases(file, frozenset({judge.solutions.__name__}))
    tests = HiddenTests(judge)

    def run(function):
        log.write_text("")
        outcomes = tests.run("square", serving(function))
        return [one.verdict for one in outcomes], len(log.read_text())

    run.tests = tests
    run.outcomes = lambda function: tests.run("square", serving(function))
    return run


def right(x):
    return x() if callable(x) else x * x


def test_equal_replies_have_an_equal_end(tried):
    first, runs = tried(right)
    assert (first, runs) == ([Verdict.PASSED] * 4, 4)
    # Written otherwise, replying the same bytes. A spy of the test must hear its calls.
    assert tried(lambda x: x() if callable(x) else x**2) == (first, 1)


def test_one_reply_that_differs_runs_the_test(tried):
    tried(right)
    late = lambda x: x() if callable(x) else x * x + (np.max(x.tolist()) == 3)  # noqa: E731
    verdicts, runs = tried(late)
    assert verdicts == [Verdict.FAILED, Verdict.PASSED, Verdict.PASSED, Verdict.PASSED]
    assert runs == 2


def test_a_failure_is_recalled_with_its_words(tried):
    wrong = lambda x: x() if callable(x) else 2 * x  # noqa: E731
    first = tried.outcomes(wrong)
    again = tried.outcomes(wrong)
    for one, other in zip(first, again, strict=True):
        assert (one.verdict, one.message, one.detail) == (
            other.verdict,
            other.message,
            other.detail,
        )


def test_a_call_that_ends_its_process_is_never_recalled(tried):
    def stops(x):
        raise KeyboardInterrupt if callable(x) else TimeoutError

    first, _ = tried(stops)
    assert Verdict.PASSED not in first
    assert tried(right)[0] == [Verdict.PASSED] * 4


def test_what_is_remembered_is_bounded(tried):
    for number in range(60):
        tried(lambda x, n=number: x() if callable(x) else x * x + n)
    assert max(tried.tests.memo._known.values()) <= 50
    assert tried(right)[0] == [Verdict.PASSED] * 4


def test_what_is_remembered_is_bounded_in_bytes(tried, monkeypatch):
    monkeypatch.setattr("autograder.judge.memo._MAX_BYTES", 1)
    first, _ = tried(right)
    assert tried(right) == (first, 3)
    assert len(tried.tests.memo._known) == 1
