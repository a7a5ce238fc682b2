"""What a worker may not say: another student's result, other points, scores that do not add up."""

import json
import math

import pytest

from autograder.cluster.believing import Expected
from autograder.errors import AutograderError
from autograder.grading.begun import Begun

pytestmark = pytest.mark.box


@pytest.fixture(scope="module")
def graded(grader, submit):
    """A real result with full marks, one without, and one of a file that is no notebook."""
    wrong = submit(square="def square(x):\n    return 2 * x")
    return {
        "right": grader.grade_bytes(submit(), "ada", "toy.ipynb"),
        "wrong": grader.grade_bytes(wrong, "ada", "toy.ipynb"),
        "none": grader.grade_bytes(b"{}", "ada", "toy.ipynb"),
    }


@pytest.fixture
def expected(grader):
    """Return a function that makes what is known of a result."""

    def make(result, student="ada", isolation="box"):
        loaded = grader.loaded
        exercises = tuple(loaded.judge.exercises)
        return Expected(loaded.assignment.name, student, isolation, result.key, exercises)

    return make


@pytest.mark.parametrize("kind", ["right", "wrong", "none"])
def test_an_honest_result_is_believed(graded, expected, kind):
    result = graded[kind]
    assert expected(result).result(result.model_dump_json()) == result


def test_a_box_with_more_around_it_is_a_box(graded, expected):
    result = graded["right"].model_copy(update={"isolation": "box+cgroup"})
    assert expected(result).result(result.model_dump_json()) == result


def test_a_name_that_is_not_utf_8_is_the_same_on_both_sides(grader, submit, expected):
    student = b"zo\xeb".decode("utf-8", "surrogateescape")
    result = grader.grade_bytes(submit(), student, "toy.ipynb")
    assert expected(result, student).result(result.model_dump_json()) == result


def test_the_result_of_another_student_is_not_believed(graded, expected):
    with pytest.raises(AutograderError, match="'bob' has another student or assignment"):
        expected(graded["right"], "bob").result(graded["right"].model_dump_json())


def test_a_result_made_of_other_files_is_not_believed(graded, expected):
    result = graded["right"]
    other = result.key.model_copy(update={"engine": "other"})
    with pytest.raises(AutograderError, match="'ada' was made of other files or by another engine"):
        expected(result).result(result.model_copy(update={"key": other}).model_dump_json())
    with pytest.raises(AutograderError, match="is no result"):
        expected(result).result("{}")


def full_marks(document):
    for one in document["exercises"]:
        one["score"] = one["points"]
    document["score"], document["verdict"] = 9.0, "PASSED"


def other_points(document):
    document["exercises"][0]["points"] = document["exercises"][0]["score"] = 90.0
    document["max_score"] = document["score"] = 97.0


def negative(document):
    document["exercises"][0]["score"], document["score"] = -2.0, 5.0


def not_a_number(document):
    document["exercises"][0]["score"] = document["score"] = math.nan


LIES = {
    "another assignment": lambda it: it.update(assignment="other"),
    "no isolation": lambda it: it.update(isolation="none"),
    "a sum of its own": lambda it: it.update(score=9.0),
    "another maximum": lambda it: it.update(max_score=2.0),
    "extra credit of its own": lambda it: it.update(extra_credit=50.0),
    "a verdict of its own": lambda it: it.update(verdict="PASSED"),
    "endless seconds": lambda it: it.update(seconds=math.inf),
    "an exercise less": lambda it: it["exercises"].pop(),
    "one exercise twice": lambda it: it["exercises"].append(it["exercises"][-1]),
    "exercises in another order": lambda it: it["exercises"].reverse(),
    "another name": lambda it: it["exercises"][0].update(name="cube"),
    "a duty made optional": lambda it: it["exercises"][0].update(optional=True),
    "full marks for failed tests": full_marks,
    "other points": other_points,
    "a negative score": negative,
    "a score that is no number": not_a_number,
    "a verdict its tests do not have": lambda it: it["exercises"][0].update(verdict="MISSING"),
    "a fault nobody looks at": lambda it: (
        it["exercises"][0].update(verdict="GRADER_ERROR", tests=[]),
        it.update(verdict="GRADER_ERROR", needs_person=False),
    ),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_result_that_cannot_be_is_not_believed(graded, expected, lie):
    document = json.loads(graded["wrong"].model_dump_json())
    LIES[lie](document)
    with pytest.raises(AutograderError, match="what a worker sent as the result of 'ada' has"):
        expected(graded["wrong"]).result(json.dumps(document))


def test_what_stands_is_believed_where_it_is_of_these_exercises(graded, expected):
    exercises = graded["wrong"].exercises
    known = expected(graded["wrong"])
    for begun in (
        Begun(),
        Begun(cells=graded["wrong"].cells, exercises=exercises[:2]),
        Begun(exercises=exercises[:1], broken=exercises[1]),
    ):
        assert known.begun(begun.model_dump_json()) == begun


def test_what_stands_is_not_believed_where_it_cannot_be(graded, expected):
    exercises = graded["wrong"].exercises
    known = expected(graded["wrong"])
    richer = exercises[0].model_copy(update={"score": 2.0})
    for begun in (
        Begun(exercises=exercises[1:2]),
        Begun(exercises=[exercises[0], exercises[0]]),
        Begun(exercises=[richer]),
        Begun(broken=exercises[2]),
        Begun(broken=richer),
    ):
        with pytest.raises(AutograderError, match="sent as the result of 'ada' has"):
            known.begun(begun.model_dump_json())
    with pytest.raises(AutograderError, match="no reply"):
        known.begun('{"exercises": "all"}')
