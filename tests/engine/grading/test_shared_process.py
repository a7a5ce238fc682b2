"""One process for many exercises, where nothing can be left behind; else one for each."""

import pytest

from autograder.results.verdicts import Verdict

pytestmark = pytest.mark.box


@pytest.fixture
def forks(monkeypatch):
    """Return a list with an entry for each process that was forked for exercises."""
    from autograder.sandbox.host.session import Session

    forked = []
    fork = Session._fork

    def counted(self):
        forked.append(self)
        return fork(self)

    monkeypatch.setattr(Session, "_fork", counted)
    return forked


def verdicts(grader, submit, **cells):
    result = grader.grade_bytes(submit(**cells), "ada", "toy.ipynb")
    return {exercise.name: exercise.verdict for exercise in result.exercises}


def test_plain_functions_share_a_process(grader, submit, forks):
    found = verdicts(grader, submit)
    assert set(found.values()) == {Verdict.PASSED}
    assert len(forks) == 1


def test_a_wrong_answer_goes_on_in_the_same_process_with_its_stand_in(grader, submit, forks):
    found = verdicts(grader, submit, square="def square(x):\n    return 2 * x")
    assert found.pop("square") is Verdict.FAILED
    assert set(found.values()) == {Verdict.PASSED}
    assert len(forks) == 1


def test_an_unsolved_one_too(grader, submit, forks):
    found = verdicts(grader, submit, square="def square(x):\n    raise NotImplementedError")
    assert found.pop("square") is Verdict.MISSING
    assert set(found.values()) == {Verdict.PASSED}
    assert len(forks) == 1


def test_after_one_that_does_not_end_the_next_has_a_new_process(grader, submit, forks):
    found = verdicts(grader, submit, square="def square(x):\n    while True:\n        pass")
    assert found.pop("square") is Verdict.TIMED_OUT
    assert set(found.values()) == {Verdict.PASSED}
    assert len(forks) == 2


def test_what_one_exercise_leaves_behind_the_next_does_not_meet(grader, submit, forks):
    square = "def square(x):\n    global weighted_energy, cube\n    weighted_energy = cube = 0\n"
    found = verdicts(grader, submit, square=square + "    return x * x")
    assert set(found.values()) == {Verdict.PASSED}
    # One to be graded in, and one to show that it answers a first question as it did.
    assert len(forks) == 2 * len(found)
