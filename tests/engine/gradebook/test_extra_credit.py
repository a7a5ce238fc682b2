"""Extra credit of an optional exercise: ours until a person changes it."""

import shutil

import pytest
from nbgrader.api import Gradebook

from autograder.course.files import find_course
from autograder.gradebook.ingest import Ingest, register
from autograder.results.document import read_result

pytestmark = [
    pytest.mark.box,
    # nbgrader's own; in a run, the writer's process ignores them.
    pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning"),
]
SAID = "Extra credit by its hidden tests: 1"


@pytest.fixture
def entered(toy_class, tmp_path):
    """Return a function that enters ada's result, and says what the gradebook has of her cube.

    Before, `by_hand` is written there as a person would.
    """
    root = tmp_path / "course"
    shutil.copytree(toy_class.course.root, root)
    assignment = find_course(root).assignment("toy")
    url = f"sqlite:///{root / 'gradebook.db'}"
    register(assignment)

    def enter(*by_hand, **changed):
        if by_hand:
            with Gradebook(url, "genai-foundations") as gradebook:
                grade = gradebook.find_grade("cube-tests", "toy", "toy", "ada")
                (grade.extra_credit,) = by_hand
                gradebook.db.commit()
        result = read_result(assignment.result("ada"))
        for exercise in result.exercises:
            if exercise.name == "cube":
                exercise.score = changed.get("score", exercise.score)
        assert Ingest(assignment).enter(result) is None
        with Gradebook(url, "genai-foundations") as gradebook:
            grade = gradebook.find_grade("cube-tests", "toy", "toy", "ada")
            comment = gradebook.find_comment("cube", "toy", "toy", "ada").comment
            return grade.extra_credit, bool(grade.needs_manual_grade), comment

    return enter


def test_it_follows_the_hidden_tests(entered):
    assert entered() == (1.0, False, SAID)
    assert entered(score=0.5) == (0.5, False, "Extra credit by its hidden tests: 0.5")
    assert entered() == (1.0, False, SAID)


def test_a_persons_number_survives_and_is_looked_at_again(entered):
    entered()
    assert entered(0.25) == (0.25, True, SAID)
    assert entered() == (0.25, True, SAID)
    assert entered(score=0.5) == (0.25, True, "Extra credit by its hidden tests: 0.5")


def test_a_number_that_is_taken_back_is_ours_again(entered):
    entered()
    entered(0.25)
    assert entered(None) == (1.0, False, SAID)
    entered(0.25)
    assert entered(1.0) == (1.0, False, SAID)
