"""A graded toy class, and a real browser on a real formgrader."""

import contextlib
import re
import shutil
import subprocess
import time
import urllib.request
from functools import partial

import pytest

from autograder.course.files import find_course
from autograder.course.made_up import hand_in
from shared.commands import SCRIPTS, environment, run_forked

TOKEN = "engine-tests"


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
    return _serve


@contextlib.contextmanager
def _serve(course):
    log = course.parent / "server.log"
    with log.open("w") as file:
        server = subprocess.Popen(
            [
                str(SCRIPTS / "jupyter"),
                "server",
                "--allow-root",
                "--no-browser",
                # Any free one: another process may take one that was free a moment ago.
                "--ServerApp.port=0",
                f"--IdentityProvider.token={TOKEN}",
            ],
            cwd=course,
            env=environment(),
            stdout=file,
            stderr=file,
        )
    try:
        yield _address_in(log, server)
    finally:
        server.terminate()
        try:
            server.wait(timeout=20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _address_in(log, server):
    """Return the address that a server writes into its log when it listens there."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert server.poll() is None, log.read_text()
        listens = re.search(r"(http://127\.0\.0\.1:[1-9]\d*)/", log.read_text())
        if listens:
            urllib.request.urlopen(f"{listens[1]}/api?token={TOKEN}", timeout=60).close()
            return listens[1]
        time.sleep(0.1)
    raise AssertionError(f"the server did not answer within 60 s: {log.read_text()}")


@pytest.fixture(scope="session")
def browser(chromium, formgrader):
    """A headless Chromium, logged in."""
    chromium.get(f"{formgrader}/formgrader?token={TOKEN}")
    return chromium
