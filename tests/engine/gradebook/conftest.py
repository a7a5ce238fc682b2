"""A graded toy class, and a real browser on a real formgrader."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from functools import partial
from pathlib import Path

import pytest

from autograder.course.configuration import course_limits
from autograder.course.files import find_course
from autograder.grading.class_run import ClassGrading
from autograder.grading.run import grade_class
from autograder.grading.settings import ClassSettings
from autograder.sandbox.isolation import Isolation
from autograder.submissions.finding import find_submissions

TOKEN = "engine-tests"


@pytest.fixture(scope="session")
def run(run_in, classroom):
    """Run a command in the class's course folder."""
    return partial(run_in, classroom)


@pytest.fixture(scope="session")
def run_in():
    """Run a command in a course's folder, as a person would; return what became of it."""
    scripts = Path(sys.executable).parent

    def run(folder, *command, check=True):
        environment = {**os.environ, "PATH": f"{scripts}:{os.environ['PATH']}"}
        done = subprocess.run(
            [str(scripts / command[0]), *command[1:]],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if check:
            assert done.returncode == 0, done.stdout + done.stderr
        return done

    return run


@pytest.fixture(scope="session")
def classroom(tmp_path_factory, toy):
    """A copy of the toy course with three submissions, nothing graded yet."""
    root = tmp_path_factory.mktemp("class") / "course"
    shutil.copytree(toy.course.root, root)
    notebook = json.loads((root / "source/toy/toy.ipynb").read_text())
    answers = {
        "ada": {},
        "bob": {"weighted_energy": "def weighted_energy(x, w):\n    return (w * x**2).sum(dim=1)"},
        "eve": {"square": "def square(x):\n    return 2 * x"},
    }
    for student, changed in answers.items():
        copied = json.loads(json.dumps(notebook))
        for cell in copied["cells"]:
            name = cell["metadata"].get("nbgrader", {}).get("grade_id")
            cell["source"] = changed.get(name, cell["source"])
        path = root / "submitted" / student / "toy" / "toy.ipynb"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(copied))
    return root


@pytest.fixture(scope="session")
def graded(run, classroom):
    """The class after `autograder grade`."""
    run("autograder", "grade", "toy")
    return classroom


@pytest.fixture(scope="session")
def toy_class(classroom, tmp_path_factory):
    """A copy of the class with its results, not entered in any gradebook."""
    root = tmp_path_factory.mktemp("toy-class") / "course"
    own = shutil.ignore_patterns("gradebook.db*", "autograded", "feedback", "results")
    shutil.copytree(classroom, root, ignore=own)
    assignment = find_course(root).assignment("toy")
    settings = ClassSettings(2, Isolation.BOX, course_limits(assignment.course))
    grading = ClassGrading(assignment, settings, tmp_path_factory.mktemp("scratch"))
    found = find_submissions(assignment, ())
    assert len(list(grade_class(grading, found, enter=False))) == 3
    return assignment


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
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    scripts = Path(sys.executable).parent
    server = subprocess.Popen(
        [
            str(scripts / "jupyter"),
            "server",
            "--allow-root",
            "--no-browser",
            f"--ServerApp.port={port}",
            "--ServerApp.port_retries=0",
            f"--IdentityProvider.token={TOKEN}",
        ],
        cwd=course,
        env={**os.environ, "PATH": f"{scripts}:{os.environ['PATH']}"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_for(f"{address}/api?token={TOKEN}", server)
        yield address
    finally:
        server.terminate()
        try:
            server.wait(timeout=20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _wait_for(url, server):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert server.poll() is None, "the server stopped"
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except OSError:
            time.sleep(0.2)
    raise AssertionError("the server did not answer within 60 s")


@pytest.fixture(scope="session")
def browser(chromium, formgrader):
    """A headless Chromium, logged in."""
    chromium.get(f"{formgrader}/formgrader?token={TOKEN}")
    return chromium
