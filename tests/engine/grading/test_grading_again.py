"""Of an earlier result, what still holds is taken over; what may have changed is graded again."""

import pytest

from autograder.grading.submission import Earlier

pytestmark = pytest.mark.box

STALE = "0" * 32


def mark(result, **scores):
    """Give exercises scores that no grading gives, to see which were taken over."""
    for exercise in result.exercises:
        exercise.score = scores.get(exercise.name, exercise.score)
    return result


def scores(result):
    return {exercise.name: exercise.score for exercise in result.exercises}


def test_only_the_exercise_whose_tests_changed_is_graded_again(grader, submit):
    content = submit()
    kept = grader.grade_bytes(content, "ada", "toy.ipynb")
    kept.key.exercises = {**kept.key.exercises, "sum_of_squares": STALE}
    mark(kept, square=0.123, sum_of_squares=0.123, weighted_energy=0.123)
    again = grader.grade_bytes(content, "ada", "toy.ipynb", Earlier(kept))
    assert scores(again)["square"] == scores(again)["weighted_energy"] == 0.123
    assert scores(again)["sum_of_squares"] == 3
    assert again.key == grader.loaded.key(content)
    assert again.outdated_by(grader.loaded.key(content)) == frozenset()


def test_a_kept_result_without_full_marks_is_replaced_by_its_reference(grader, submit):
    content = submit(square="def square(x):\n    return 2 * x")
    kept = grader.grade_bytes(content, "ada", "toy.ipynb")
    kept.key.exercises = {**kept.key.exercises, "sum_of_squares": STALE}
    again = grader.grade_bytes(
        content, "ada", "toy.ipynb", Earlier(mark(kept, sum_of_squares=0.123))
    )
    assert scores(again)["sum_of_squares"] == 3
    (exercise,) = [one for one in again.exercises if one.name == "sum_of_squares"]
    assert exercise.stand_ins == ["square"]


def test_where_an_exercise_comes_out_otherwise_the_later_ones_are_graded_again(grader, submit):
    wrong = submit(square="def square(x):\n    return 2 * x")
    kept = grader.grade_bytes(submit(), "ada", "toy.ipynb")
    kept.key = grader.loaded.key(wrong)
    kept.key.exercises = {**kept.key.exercises, "square": STALE}
    again = grader.grade_bytes(
        wrong, "ada", "toy.ipynb", Earlier(mark(kept, weighted_energy=0.123))
    )
    assert scores(again) == {
        "square": 0,
        "sum_of_squares": 3,
        "weighted_energy": 4,
        "cube": 1,
    }


def test_another_submission_takes_nothing_over(grader, submit):
    kept = mark(grader.grade_bytes(submit(), "ada", "toy.ipynb"), weighted_energy=0.123)
    changed = submit(square="def square(x):\n    return x * x")
    assert (
        scores(grader.grade_bytes(changed, "ada", "toy.ipynb", Earlier(kept)))["weighted_energy"]
        == 4
    )
