"""A gradebook with hostile students, marked by hand in parts; real nbgrader, nothing graded."""

import shutil
import warnings

import pytest
from click.testing import CliRunner
from nbgrader.api import Gradebook
from sqlalchemy.exc import SAWarning

from autograder.cli import main
from autograder.course.files import Assignment, Course
from autograder.gradebook.nbgrader_commands import put_scripts_on_path

POINTS = {"square": 2, "sum_of_squares": 3, "weighted_energy": 4, "cube": 0}
HOSTILE = '=HYPERLINK("http://evil","x"),\nßü'


@pytest.fixture(scope="session")
def marked(tmp_path_factory, toy):
    """The toy course with a gradebook of four students; one of them submitted nothing."""
    root = tmp_path_factory.mktemp("marked") / "course"
    shutil.copytree(toy.course.root, root)
    put_scripts_on_path()
    with Gradebook(f"sqlite:///{root / 'gradebook.db'}", "genai-foundations") as gradebook:
        gradebook.add_assignment("toy")
        gradebook.add_notebook("toy", "toy")
        for name, points in POINTS.items():
            gradebook.add_grade_cell(
                f"{name}-tests", "toy", "toy", max_score=points, cell_type="code"
            )
        gradebook.add_task_cell("why_squares", "toy", "toy", max_score=2, cell_type="markdown")
        people = {
            "ada": {"first_name": "Ada", "last_name": "Lovelace", "email": "ada@x.org"},
            "bob": {"lms_user_id": "77", "first_name": "+Bob", "last_name": "O'Neil"},
            HOSTILE: {},
            "idle": {},
        }
        for student, fields in people.items():
            gradebook.add_student(student, **fields)
            if student != "idle":
                _grade(gradebook, student)
        _mark(gradebook)
    return Assignment(Course(root), "toy")


def _grade(gradebook, student):
    with warnings.catch_warnings():
        # nbgrader's own: its queries flush what its session does not know yet.
        warnings.simplefilter("ignore", SAWarning)
        gradebook.add_submission("toy", student)
    for name, points in POINTS.items():
        grade = gradebook.find_grade(f"{name}-tests", "toy", "toy", student)
        grade.auto_score, grade.needs_manual_grade = points, False
    gradebook.db.commit()


def _mark(gradebook):
    """Give ada a mark, extra credit and a penalty; bob a mark against the tests'."""
    gradebook.find_grade("why_squares", "toy", "toy", "ada").manual_score = 1.5
    gradebook.find_grade("why_squares", "toy", "toy", "ada").needs_manual_grade = False
    gradebook.find_grade("cube-tests", "toy", "toy", "ada").extra_credit = 1
    gradebook.find_submission_notebook("toy", "toy", "ada").late_submission_penalty = 2
    gradebook.find_grade("square-tests", "toy", "toy", "bob").manual_score = 0.5
    gradebook.db.commit()


@pytest.fixture
def export(marked):
    """Run `autograder export` in the marked course."""

    def run(*arguments, code=0):
        command = ["--course", str(marked.course.root), "export", "toy", *map(str, arguments)]
        done = CliRunner().invoke(main, command, catch_exceptions=False)
        assert done.exit_code == code, done.output
        return done

    return run
