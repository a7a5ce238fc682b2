"""A graded toy class, and a real browser on a real formgrader."""

import shutil
from functools import partial

import pytest

from autograder.course.files import find_course
from autograder.course.made_up import hand_in
from shared.commands import run_forked
from shared.formgrader import TOKEN, serving


@pytest.fixture(scope="session")
def run(run_in, classroom):
    """Run a command in the class's course folder."""
    return partial(run_in, classroom)


@pytest.fixture(scope="session")
def run_in():
    """Run a command in a course's folder, as a person would; return what became of it."""

    def run(folder, *command, check=True):
        done = run_forked(folder, *command)
        if check:
            assert done.returncode == 0, done.stdout + done.stderr
        return done

    return run


@pytest.fixture(scope="session")
def classroom(tmp_path_factory, copy_toy, submit):
    """A copy of the toy course with three submissions, nothing graded yet."""
    assignment = copy_toy(tmp_path_factory.mktemp("class") / "course")
    answers = {
        "ada": {},
        "bob": {"weighted_energy": "def weighted_energy(x, w):\n    return (w * x**2).sum(dim=1)"},
        "eve": {"square": "def square(x):\n    return 2 * x"},
    }
    for student, changed in answers.items():
        hand_in(assignment, student, submit(**changed))
    return assignment.course.root


@pytest.fixture(scope="session")
def graded_and_copied(run, classroom, tmp_path_factory):
    """The class after `autograder grade`; and a copy of it, not entered in any gradebook."""
    run("autograder", "grade", "toy")
    root = tmp_path_factory.mktemp("toy-class") / "course"
    entered = shutil.ignore_patterns("gradebook.db*", "autograded", ".entered", ".*lock")
    shutil.copytree(classroom, root, ignore=entered)
    return classroom, find_course(root).assignment("toy")


@pytest.fixture(scope="session")
def graded(graded_and_copied):
    """The class after `autograder grade`; tests grade, mark and enter in it."""
    return graded_and_copied[0]


@pytest.fixture(scope="session")
def toy_class(graded_and_copied):
    """A copy of the class with its results, not entered in any gradebook; nobody changes it."""
    return graded_and_copied[1]


@pytest.fixture(scope="session")
def formgrader(graded, serve):
    """The address of a formgrader that serves the graded class."""
    with serve(graded) as address:
        yield address


@pytest.fixture(scope="session")
def serve():
    """Return a function that serves a course's formgrader while its `with` lasts."""
    return serving


@pytest.fixture(scope="session")
def browser(chromium, formgrader):
    """A headless Chromium, logged in."""
    chromium.get(f"{formgrader}/formgrader?token={TOKEN}")
    return chromium
