"""Naming what an answer gets wrong: exactly one known wrong answer must behave as it does."""

import numpy as np
import pytest

from autograder.answers import KnownAnswer
from autograder.errors import CourseError
from autograder.judge.assignment_side import JudgeSide
from autograder.judge.behaviour import Recorded, same_behaviour
from autograder.judge.hidden_tests import HiddenTests
from autograder.judge.misconceptions import Misconceptions
from autograder.results.verdicts import Verdict


@pytest.fixture(scope="module")
def judge(toy):
    return JudgeSide(toy)


@pytest.fixture
def outcomes_of(judge, serving):
    """Return a function that runs an exercise's hidden tests on a function of ours."""

    def make(exercise, function):
        return HiddenTests(judge).run(exercise, serving(function))

    return make


NAMED = {
    "doubles": ("square", lambda x: 2.0 * x),
    "doubles, written otherwise": ("square", lambda x: x + x),
    "in_place": ("square", lambda x: x.__imul__(x)),
    "no_half": ("weighted_energy", lambda x, weights: (weights * x**2).sum(1)),
    "over_batch": ("weighted_energy", lambda x, weights: 0.5 * (weights * x * x).sum(0)),
    "detached": ("weighted_energy", lambda x, weights: 0.5 * (weights * x.detach() ** 2).sum(1)),
}


@pytest.mark.parametrize("name", NAMED)
def test_an_answer_that_behaves_like_a_known_one_is_named(judge, outcomes_of, name):
    exercise, function = NAMED[name]
    known = Misconceptions(HiddenTests(judge)).name(exercise, outcomes_of(exercise, function))
    assert known is not None
    assert known.name == name.partition(",")[0]


UNNAMED = {
    "wrong in its own way": ("square", lambda x: x + 1),
    "wrong on one call only": ("square", lambda x: 2 * x if x[0] == 1 else x * x),
    "raises": ("square", lambda x: 1 / 0),
    "no function": ("square", None),
}


@pytest.mark.parametrize("name", UNNAMED)
def test_an_answer_that_behaves_like_none_is_not_named(judge, outcomes_of, name):
    exercise, function = UNNAMED[name]
    assert (
        Misconceptions(HiddenTests(judge)).name(exercise, outcomes_of(exercise, function)) is None
    )


@pytest.mark.parametrize("step", [1, -1])
def test_a_name_does_not_depend_on_what_was_named_before(judge, outcomes_of, step):
    tests = HiddenTests(judge)
    one_judge = Misconceptions(tests)
    for exercise, function in [*NAMED.values(), *UNNAMED.values()][::step]:
        seen = outcomes_of(exercise, function)
        alone = Misconceptions(HiddenTests(judge)).name(exercise, seen)
        assert [one_judge.name(exercise, seen) for _ in range(2)] == [alone] * 2


def test_a_known_answer_is_looked_at_no_longer_than_it_behaves_alike(
    judge, outcomes_of, monkeypatch
):
    called = []

    def counting(x):
        called.append(len(x))
        return 4.0

    known = KnownAnswer("sum_of_squares", "four", "says four", "test_values", counting)
    monkeypatch.setattr(judge, "wrong_answers", lambda exercise: [known])
    misconceptions = Misconceptions(HiddenTests(judge))
    cases = len(judge.cases_of("sum_of_squares"))
    five = outcomes_of("sum_of_squares", lambda x: 5.0)
    assert misconceptions.name("sum_of_squares", five) is None
    assert misconceptions.name("sum_of_squares", five) is None
    assert len(called) == 1 < cases
    four = outcomes_of("sum_of_squares", lambda x: 4.0)
    assert misconceptions.name("sum_of_squares", four) is known
    assert misconceptions.name("sum_of_squares", five) is None
    assert len(called) == 1 + cases


def test_an_answer_that_two_known_ones_fit_is_not_named(judge, outcomes_of, monkeypatch):
    known = judge.wrong_answers("square")
    twice = [*known, known[0]]
    monkeypatch.setattr(judge, "wrong_answers", lambda exercise: twice)
    assert (
        Misconceptions(HiddenTests(judge)).name("square", outcomes_of("square", lambda x: 2 * x))
        is None
    )


def test_a_right_answer_passes_every_test(judge, outcomes_of):
    for exercise in ("square", "weighted_energy", "cube"):
        verdicts = [one.verdict for one in outcomes_of(exercise, judge.reference(exercise))]
        assert set(verdicts) == {Verdict.PASSED}


def test_cases_of_a_parametrized_test_count_together(judge, outcomes_of):
    def right_for_two(x):
        return 5.0 if len(x) == 2 else 0.0

    (outcome,) = outcomes_of("sum_of_squares", right_for_two)
    assert (outcome.name, outcome.verdict) == ("test_values", Verdict.FAILED)
    assert outcome.sentence == "The squares are added up."


def test_a_failure_tells_the_student_no_expected_value(outcomes_of):
    first = outcomes_of("square", lambda x: x + 1)[0]
    assert first.message == "The result is not what it should be."
    assert first.hint == "Multiply each entry by itself."
    assert "assert_close" in first.detail


def test_an_exercise_without_hidden_tests_cannot_be_graded(outcomes_of):
    with pytest.raises(CourseError, match=r"no hidden tests of other; add Test_other"):
        outcomes_of("other", abs)


SAME = [
    (np.ones(2), [1.0, 1.0 + 1e-6], True),
    (np.ones(2), np.ones(3), False),
    (np.array([np.nan]), np.array([np.nan]), True),
    ("text", "text", True),
    ("1", 1, False),
    (None, 0, False),
    ({"a": 1}, {"a": 1.0}, True),
    ({"a": 1}, {"b": 1}, False),
    ([1, [2]], [1, [2]], True),
    ([1, 2], [1, 2, 3], False),
]


@pytest.mark.parametrize(("one", "other", "same"), SAME)
def test_behaviours_are_compared_within_tolerance(one, other, same):
    behaviours = ([Recorded("value", content)] for content in (one, other))
    assert same_behaviour(*behaviours) is same


def test_behaviours_of_other_kinds_or_lengths_differ():
    one = [Recorded("value", 1)]
    assert not same_behaviour(one, [])
    assert not same_behaviour(one, [Recorded("gradient", 1)])
