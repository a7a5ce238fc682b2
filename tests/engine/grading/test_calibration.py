"""Calibration: answers of known verdict share a submission, and every problem is still found."""

import re
import shutil

import pytest
from click.testing import CliRunner

from autograder.cli import main
from autograder.course.made_up import made_up_notebook, notebook_bytes
from autograder.grading.calibration import Calibrator
from autograder.grading.calibration_cases import Case, Face, cases_of
from autograder.grading.submission import Earlier
from autograder.submissions.reading import parse
from autograder.submissions.rebuilding import rebuild

pytestmark = pytest.mark.box

SQUARE = "def square(x):\n    return x**2\n"
DOUBLES = "def square(x):\n    return 2 * x\n"


@pytest.fixture
def calibrator(grader):
    calibrator = Calibrator(grader)
    yield calibrator
    calibrator.close()


def case(face, source, name="made_up", caught_by=None):
    return Case("toy", "square", face, name, source, caught_by)


def wrong(source, name="doubles", caught_by="test_values"):
    return case(Face.WRONG, source, name, caught_by)


def test_known_answers_of_the_toy_course_are_what_they_are_known_to_be(calibrator):
    cases = cases_of(calibrator.grader.loaded.judge)
    assert {one.face for one in cases} == set(Face)
    assert [calibrator.grade(one).problems for one in cases] == [[]] * len(cases)


FOUND = {
    "a right answer called wrong": (wrong(SQUARE), "gets full marks"),
    "a wrong answer called right": (case(Face.RIGHT, DOUBLES), "square loses test_values: FAILED"),
    "caught by another test": (
        wrong(DOUBLES, caught_by="test_else"),
        "is not caught by test_else, but by test_values, test_pure",
    ),
    "named otherwise": (wrong(DOUBLES, "triples"), "is named doubles"),
    "named nothing": (wrong("def square(x):\n    return 3 * x\n", "triples"), "is named nothing"),
    "zeros that get points": (case(Face.ZEROS, SQUARE), "gets 2 points: passes test_values"),
    "a syntax error": (case(Face.RIGHT, "def square(x:\n"), "Its cell stops with SyntaxError"),
    "no such function": (case(Face.RIGHT, "def cube(x):\n    return x\n"), "MISSING"),
    "code that ends its process": (
        case(Face.RIGHT, f"{SQUARE}import os\nos._exit(0)\n"),
        "CRASHED The cell ended its process",
    ),
    "a call that ends its process": (
        case(Face.RIGHT, "import os\ndef square(x):\n    os._exit(0)\n"),
        "CRASHED A call ended its process",
    ),
    "code that loops": (
        case(Face.RIGHT, f"{SQUARE}while True:\n    pass\n"),
        "TIMED_OUT The cell took longer than 3 s",
    ),
    "a call that loops": (
        case(Face.RIGHT, "def square(x):\n    while True:\n        pass\n"),
        "TIMED_OUT A call took longer than 1.5 s",
    ),
}


@pytest.mark.parametrize("what", FOUND)
def test_a_problem_is_found_and_costs_its_own_answer_only(calibrator, what):
    tried, problem = FOUND[what]
    found = calibrator.grade(tried).problems
    assert any(problem in one for one in found), found
    assert calibrator.grade(case(Face.RIGHT, SQUARE)).problems == []


GRADED_ALIKE = [
    SQUARE,
    DOUBLES,
    f"{SQUARE}1 / 0\n",
    "def square(x:\n",
    "def square(x):\n    x *= x\n    return x\n",
    "def square(x):\n    raise ValueError('no')\n",
    "print('a' * 3000000)\nraise SystemExit(1)\n",
]


@pytest.mark.parametrize("source", GRADED_ALIKE)
def test_an_answer_is_graded_as_in_a_notebook_of_its_own(calibrator, source):
    """The verdicts, messages and names are those of a student who hands it in."""
    tried = calibrator.try_answer("square", source)
    calibrator.close()
    made = made_up_notebook(calibrator.reference.notebook, {"square": source})
    cells = parse(notebook_bytes(made), "made up")
    grader = calibrator.grader
    rebuilt = rebuild(cells, grader.loaded.release)
    whole, _ = grader.grade_rebuilt(rebuilt, "jo", grader.loaded.key(b""), Earlier())
    assert shown(tried) == shown(whole.exercises[0])


def shown(result):
    """A result without how long it took, and which cell IPython counted."""
    return re.sub(r"input-\d+", "input", result.model_dump_json(exclude={"seconds"}, indent=1))


def test_answers_share_a_submission_until_half_of_its_time_is_over(calibrator, monkeypatch):
    started = []
    start = calibrator.grader.box.start_submission
    monkeypatch.setattr(
        calibrator.grader.box,
        "start_submission",
        lambda *arguments: started.append(arguments) or start(*arguments),
    )
    for _ in range(3):
        assert calibrator.grade(case(Face.RIGHT, SQUARE)).problems == []
    assert len(started) == 1
    calibrator._submission._times.deadline -= calibrator.grader.limits.submission_wall_s / 2
    assert calibrator.grade(case(Face.RIGHT, SQUARE)).problems == []
    assert len(started) == 2


@pytest.mark.slow
def test_the_command_prints_what_is_wrong_and_exits_1(toy, tmp_path):
    root = tmp_path / "course"
    shutil.copytree(toy.course.root, root)
    with (root / "tests" / "answers" / "toy.py").open("a") as answers:
        answers.write('\n\n@right("by chance")\ndef cube__eight(x):\n    return -8.0\n')
        answers.write('\n\n@right("not at all")\ndef cube__seven(x):\n    return -7.0\n')
    words = ["--course", str(root), "calibrate", "toy", "-e", "cube", "-e", "square", "-j", "1"]
    run = CliRunner().invoke(main, words)
    assert run.exit_code == 1
    assert "toy cube right seven: cube loses test_values: FAILED" in run.output
    assert "8 answers calibrated, 1 problems" in run.output
