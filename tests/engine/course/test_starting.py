"""A course of one's own: one command, and every other one works in it."""

import os
import stat
from pathlib import Path

import pytest

from autograder.course.checking import check_course
from autograder.course.configuration import course_config
from autograder.course.files import find_course
from autograder.course.functions import read_functions
from autograder.course.made_up import hand_in, made_up_notebook, notebook_bytes, read_release
from autograder.course.notebooks import build
from autograder.course.skeletons import add_exercise
from autograder.course.starting import FIRST, start_course
from autograder.errors import CourseError
from autograder.results.document import read_result
from shared.commands import run_forked, run_fresh

ROOT = Path(__file__).parents[3]
CONFIG = "c = get_config()\nc.CourseDirectory.course_id = 'mine'\n"


def files(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def started(tmp_path_factory):
    """A course made by the command; it is built."""
    folder = tmp_path_factory.mktemp("own") / "my course"
    made = run_fresh(folder.parent, "autograder", "init", folder.name)
    assert made.returncode == 0, made.stderr
    assert f"a course with one assignment, {FIRST}: {folder}" in made.stdout
    built = run_forked(folder, "autograder", "build")
    assert built.returncode == 0, built.stderr
    assert "Traceback" not in built.stderr
    return find_course(folder)


def test_it_checks_with_nbgraders_validator(started):
    checked = run_forked(started.root, "autograder", "check")
    assert (checked.returncode, checked.stdout) == (0, "1 assignment holds together\n")


@pytest.mark.box
@pytest.mark.slow
def test_it_calibrates(started):
    done = run_forked(started.root, "autograder", "calibrate")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "9 answers calibrated, 0 problems" in done.stdout
    assert "Warning" not in done.stderr


@pytest.mark.box
@pytest.mark.slow
def test_it_grades_right_wrong_and_unsolved(started):
    assignment = started.assignment(FIRST)
    release, right = read_release(assignment), read_functions(assignment)
    wrong = {"softmax": "def softmax(z):\n    return np.exp(z)\n"}
    for student, answers in {"ada": right, "bob": wrong, "eve": {}}.items():
        hand_in(assignment, student, notebook_bytes(made_up_notebook(release, answers)))
    done = run_forked(started.root, "autograder", "grade", FIRST)
    # A person is to look at bob, who gets nothing for code of his own.
    assert done.returncode == 1, done.stderr
    scores = {name: read_result(assignment.result(name)).score for name in ("ada", "bob", "eve")}
    assert scores == {"ada": 3.0, "bob": 0.0, "eve": 0.0}
    assert (started.root / "gradebook.db").is_file()


def test_its_helpers_are_those_of_this_course(started):
    ours = (ROOT / "source" / "notebook_setup.py").read_bytes()
    where = "cp source/notebook_setup.py autograder/course/templates/notebook_setup.py.txt"
    assert started.notebook_setup.read_bytes() == ours, where


def test_its_configuration_is_that_of_this_course_but_for_its_name_and_licence(started):
    ours, theirs = course_config(find_course(ROOT)), course_config(started)
    for config in (ours, theirs):
        del config["CourseDirectory"]
        config.pop("Course", None)
    assert theirs == ours


def test_what_git_ignores_here_it_ignores_there(started):
    ours = set((ROOT / ".gitignore").read_text().splitlines())
    theirs = set((started.root / ".gitignore").read_text().splitlines())
    # The engine's own come on top.
    assert theirs <= ours
    made = ("/submitted/", "/collected/", "/autograded/", "/feedback/", "/results/", "/exports/")
    assert {*made, "/reports/", "/demo/", "gradebook.db*", ".autograder/"} <= theirs


def test_it_is_for_its_owner_alone(started):
    assert stat.S_IMODE(started.root.stat().st_mode) == 0o700


def test_it_grows_by_an_exercise_and_a_chapter(tmp_path):
    course = start_course(tmp_path / "new").course
    for assignment, exercise in ((FIRST, "log_softmax"), ("a02_next", "entropy")):
        add_exercise(course, assignment, exercise, optional=False)
        build(course.assignment(assignment))
    assert all("fill in" in problem for problem in check_course(course, course.assignments()))


@pytest.mark.parametrize(
    ("name", "course_id"),
    [
        ("generative-models_26.2", "generative-models_26.2"),
        ("my course", "my-course"),
        ('it\'s "quoted" {0} \\', "it-s-quoted-0"),
        ("two\nlines", "two-lines"),
        ("Übungen", "bungen"),
        ("日本", "course"),
        ("...", "course"),
        (os.fsdecode(b"\xff\xfe"), "course"),
    ],
)
def test_whatever_the_folder_is_called_nbgrader_gets_a_name_it_can_use(tmp_path, name, course_id):
    course = start_course(tmp_path / name).course
    assert course_config(course).CourseDirectory.course_id == course_id
    assert build(course.assignment(FIRST))


@pytest.mark.parametrize("words", [".", "below/below/new"])
def test_a_folder_that_is_empty_or_far_below_will_do(tmp_path, words):
    done = run_forked(tmp_path, "autograder", "init", words)
    assert done.returncode == 0, done.stderr
    assert find_course(tmp_path / words).assignment(FIRST).hidden_tests.is_file()


def a_file_in_it(folder):
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")


def a_hidden_one(folder):
    folder.mkdir()
    (folder / ".env").write_text("mine")


def a_course(folder):
    start_course(folder)


def a_plain_file(folder):
    folder.write_text("mine")


def a_link_to_nowhere(folder):
    folder.symlink_to(folder.parent / "nowhere")


def a_link_to_itself(folder):
    folder.symlink_to(folder)


LYING_THERE = [
    *(a_file_in_it, a_hidden_one, a_course, a_plain_file, a_link_to_nowhere, a_link_to_itself)
]


@pytest.mark.parametrize("lies", LYING_THERE)
def test_a_folder_that_is_not_empty_is_refused_on_one_line_and_left_alone(tmp_path, lies):
    lies(tmp_path / "there")
    before = files(tmp_path)
    done = run_forked(tmp_path, "autograder", "init", "there")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("autograder: ")
    assert done.stderr.count("\n") == 1
    assert files(tmp_path) == before


@pytest.mark.parametrize("name", ["file/below", "x" * 300, "/proc/new", "", "\x1b[31m" + "x" * 300])
def test_what_cannot_be_a_folder_is_one_line(tmp_path, name):
    (tmp_path / "file").write_text("")
    done = run_forked(tmp_path, "autograder", "init", name)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "\x1b" not in done.stderr


@pytest.fixture
def bare(tmp_path):
    """A folder with a configuration and nothing else."""
    (tmp_path / "nbgrader_config.py").write_text(CONFIG)
    return tmp_path


def test_the_first_exercise_of_a_bare_folder_brings_the_helpers(bare):
    made = run_forked(bare, "autograder", "new", "b01_first", "area")
    assert "wrote: source/notebook_setup.py" in made.stdout
    built = run_forked(bare, "autograder", "build")
    assert built.returncode == 0, built.stderr
    assert "wrote: release/b01_first/b01_first.ipynb" in built.stdout


def test_helpers_of_ones_own_stay(bare):
    (bare / "source").mkdir()
    (bare / "source" / "notebook_setup.py").write_text("mine = 1\n")
    made = run_forked(bare, "autograder", "new", "b01_first", "area")
    assert "notebook_setup" not in made.stdout
    assert (bare / "source" / "notebook_setup.py").read_text() == "mine = 1\n"


def remove(path):
    path.unlink()


def make_folder(path):
    path.unlink()
    path.mkdir()


def write_latin(path):
    path.write_bytes("# Für alle".encode("latin-1"))


# What each command needs to read.
NEEDED = {
    "source/notebook_setup.py": ["build"],
    f"source/{FIRST}.md": ["build", f"new {FIRST} other"],
    f"solutions/{FIRST}.py": ["build", f"new {FIRST} other"],
}


@pytest.mark.parametrize("harm", [remove, make_folder, write_latin])
@pytest.mark.parametrize("name", NEEDED)
def test_a_file_that_is_missing_or_no_text_is_one_line(tmp_path, name, harm):
    course = start_course(tmp_path / "new").course
    harm(course.root / name)
    for command in NEEDED[name]:
        if harm is remove and (command != "build" or name.endswith(".md")):
            continue  # `new` makes it; what has no master is no assignment.
        done = run_forked(course.root, "autograder", *command.split())
        assert done.returncode == 2, (command, done.stdout)
        assert name in done.stderr
        assert done.stderr.count("autograder: ") == 1
        assert "Traceback" not in done.stderr


def test_where_one_face_cannot_be_read_none_is_written(tmp_path):
    course = start_course(tmp_path / "new").course
    write_latin(course.assignment(FIRST).known_answers)
    before = files(course.root)
    with pytest.raises(CourseError, match="is not UTF-8"):
        add_exercise(course, FIRST, "other", optional=False)
    assert files(course.root) == before
