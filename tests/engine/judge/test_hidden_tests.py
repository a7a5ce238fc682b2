"""Hidden tests: collected by pytest, run case by case, and what becomes of each."""

import time

import numpy as np
import pytest

from autograder.errors import CourseError
from autograder.judge.assignment_side import JudgeSide
from autograder.judge.collection import collect_cases
from autograder.judge.hidden_tests import HiddenTests
from autograder.results.verdicts import Verdict


@pytest.fixture
def outcomes(toy, tmp_path, serving):
    """Return a function that runs one hidden test's body on a function of ours."""

    def run(body, function):
        tests = tmp_path / "test_made_up.py"
        tests.write_text(
            "import numpy as np, pytest, time\n"
            "from autograder.testing import assert_close, callback\n"
            "class Test_square:\n"
            f"    def test_made_up(self, answer):\n        {body}\n"
        )
        judge = JudgeSide(toy)
        secret = frozenset({judge.solutions.__name__})
        judge.__dict__["_cases"] = collect_cases(tests, secret)
        return HiddenTests(judge).run("square", serving(function))

    return run


ENDS = {
    "passes": ("assert_close(answer(np.ones(2)), np.ones(2))", Verdict.PASSED),
    "fails": ("assert_close(answer(np.ones(2)), np.zeros(2))", Verdict.FAILED),
    "fails by pytest": ("pytest.fail('no')", Verdict.FAILED),
    "is skipped": ("pytest.skip('not today')", Verdict.GRADER_ERROR),
    "is expected to fail": ("pytest.xfail('later')", Verdict.FAILED),
    "inverts what is singular": ("np.linalg.inv(answer(np.ones((2, 2))))", Verdict.FAILED),
    "has a singular bug": ("np.linalg.inv(np.ones((2, 2)))", Verdict.GRADER_ERROR),
    "has a bug": ("answer(np.ones(2)).no_such_thing", Verdict.GRADER_ERROR),
    "exits": ("raise SystemExit(0)", Verdict.GRADER_ERROR),
}


@pytest.mark.parametrize("name", ENDS)
def test_only_a_test_that_ran_to_its_end_is_passed(outcomes, name):
    body, verdict = ENDS[name]
    (outcome,) = outcomes(body, lambda x: x * x)
    assert outcome.verdict is verdict


def test_a_failure_says_the_same_in_every_run(outcomes):
    (outcome,) = outcomes("assert np.all(answer(np.ones(2)).max(axis=0) < 0)", lambda x: x * x)
    assert "<built-in method max of numpy.ndarray object>" in outcome.detail


def test_a_failure_names_the_line_of_the_test_and_no_more(outcomes):
    (outcome,) = outcomes(ENDS["fails"][0], lambda x: x * x)
    assert outcome.detail.startswith("test_made_up, line 5: assert_close(answer")
    assert len(outcome.detail.splitlines()) < 15


def test_a_result_of_another_kind_after_a_callback_is_the_answers_failure(outcomes):
    (outcome,) = outcomes("answer(callback(lambda: 1.0)) + 1", lambda spy: "text")
    assert outcome.verdict is Verdict.FAILED


def test_ours_do_not_work_longer_for_an_answer_than_a_call_may_take(outcomes):
    started = time.monotonic()
    (outcome,) = outcomes("answer(callback(lambda s: time.sleep(s)))", lambda spy: spy(30.0))
    assert outcome.verdict is Verdict.TIMED_OUT
    assert time.monotonic() - started < 10


REFUSED = {
    "def test_a(self, answer, tmp_path): pass": "may use `answer` alone",
    "@pytest.mark.skip\n    def test_a(self, answer): pass": "is marked \\['skip'\\]",
    "@pytest.mark.xfail\n    def test_a(self, answer): pass": "is marked \\['xfail'\\]",
    "def setup_method(self): pass\n    def test_a(self, answer): pass": "may use `answer` alone",
}


@pytest.mark.parametrize("body", REFUSED)
def test_what_could_decide_a_score_unseen_is_refused(tmp_path, body):
    tests = tmp_path / "test_refused.py"
    tests.write_text(f"import pytest\nclass Test_square:\n    {body}\n")
    with pytest.raises(CourseError, match=REFUSED[body]):
        collect_cases(tests, frozenset())


def test_tests_that_cannot_be_imported_are_told_with_the_error(tmp_path):
    tests = tmp_path / "test_broken.py"
    tests.write_text("import no_such_module\n")
    with pytest.raises(CourseError, match=r"test_broken\.py cannot be collected: .*no_such_module"):
        collect_cases(tests, frozenset())


def test_parametrized_cases_count_as_one_test(tmp_path, toy, serving):
    tests = tmp_path / "test_cases.py"
    tests.write_text(
        "import numpy as np, pytest\n"
        "class Test_square:\n"
        "    @pytest.mark.parametrize('n', [1, 2, 3])\n"
        "    def test_sizes(self, answer, n):\n"
        "        assert answer(np.ones(n)).sum() == n\n"
    )
    judge = JudgeSide(toy)
    judge.__dict__["_cases"] = collect_cases(tests, frozenset())
    source = serving(lambda x: np.ones(2) if len(x) == 2 else np.zeros(len(x)))
    (outcome,) = HiddenTests(judge).run("square", source)
    assert (outcome.name, outcome.verdict) == ("test_sizes", Verdict.FAILED)
