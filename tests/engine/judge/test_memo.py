"""A hidden test that heard the same replies before is not run again; any other one is."""

import numpy as np
import pytest

from autograder.judge.assignment_side import JudgeSide
from autograder.judge.collection import collect_cases
from autograder.judge.hidden_tests import HiddenTests
from autograder.results.verdicts import Verdict
from autograder.sandbox.memory import MemoryRanOut

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
    assert max(room.endings for room in tried.tests.memo._known.values()) == 50
    assert tried(right)[0] == [Verdict.PASSED] * 4


def test_what_is_remembered_is_bounded_in_bytes(tried, monkeypatch):
    monkeypatch.setattr("autograder.judge.memo._MAX_BYTES", 1)
    first, _ = tried(right)
    assert tried(right) == (first, 4)
    assert tried.tests.memo._known == {}


@pytest.mark.parametrize("bound", ["_MAX_ENDING_BYTES", "_MAX_CASE_BYTES"])
def test_one_ending_and_one_case_have_their_share(tried, monkeypatch, bound):
    monkeypatch.setattr(f"autograder.judge.memo.{bound}", 8000)
    large = "x" * 3000
    long_text = lambda x: x() if callable(x) else large  # noqa: E731
    tried(long_text)
    assert tried.tests.memo._bytes < 8000
    # What is too large is not kept, and takes nothing from what is not.
    first, _ = tried(right)
    assert tried(right) == (first, 1)


def test_all_that_is_remembered_is_counted(tried):
    """Count what lies in memory: questions, and what endings record."""
    for number in range(10):
        tried(lambda x, n=number: x() if callable(x) else x * x + n)
    memo = tried.tests.memo
    questions = sum(len(text) + len(block) for text, block in memo._questions)
    assert memo._bytes == sum(room.held for room in memo._known.values())
    assert memo._bytes > questions > 1000


def test_memory_that_runs_out_is_nobodys_verdict(tried):
    def none_left(*_):
        raise MemoryError("no room")

    tried.tests.memo.__dict__["_keep"] = none_left
    with pytest.raises(MemoryRanOut):
        tried(right)


ENDS = {
    "in the test": "raise MemoryError('no room')",
    "of torch": 'raise RuntimeError("DefaultCPUAllocator: can\'t allocate memory")',
    "under another error": """
        try:
            raise MemoryError
        except MemoryError:
            raise ValueError('for another reason')""",
}


@pytest.mark.parametrize("name", ENDS)
def test_a_hidden_test_that_finds_no_memory_has_no_ending(tmp_path, toy, serving, name):
    file = tmp_path / f"test_ends_{len(name)}.py"
    file.write_text(f"class Test_square:\n    def test_ends(self, answer):\n        {ENDS[name]}\n")
    judge = JudgeSide(toy)
    judge.__dict__["_cases"] = collect_cases(file, frozenset({judge.solutions.__name__}))
    with pytest.raises(MemoryRanOut):
        HiddenTests(judge).run("square", serving(lambda x: x * x))


def test_memory_that_runs_out_in_the_students_code_is_theirs(tried):
    def asks(x):
        raise MemoryError

    assert tried(asks)[0][0] is Verdict.OUT_OF_MEMORY
