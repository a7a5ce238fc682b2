"""One class graded in every way there is: the same bytes, but for what it took."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.box


@pytest.fixture(scope="module")
def expected(toy_class, tmp_path_factory):
    """The results of one judge."""
    root = toy_class.make(tmp_path_factory.mktemp("one") / "course", toy_class.kinds[::2])
    run(root, "autograder", "grade", "toy", "--json", "-j", "1")
    return contents(toy_class, root)


def run(root, *command):
    scripts = Path(sys.executable).parent
    environment = {**os.environ, "PATH": f"{scripts}:{os.environ['PATH']}"}
    done = subprocess.run(
        [scripts / command[0], *command[1:]],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def contents(toy_class, root):
    return {path.stem: toy_class.content(path) for path in toy_class.results(root)}


def test_four_judges_give_what_one_gives(toy_class, tmp_path, expected):
    root = toy_class.make(tmp_path / "course", toy_class.kinds[::2])
    run(root, "autograder", "grade", "toy", "--json", "-j", "4")
    assert contents(toy_class, root) == expected
    assert len(expected) == len(toy_class.kinds[::2])


def test_nbgrader_autograde_gives_what_we_give(toy_class, tmp_path, expected):
    root = toy_class.make(tmp_path / "course", toy_class.kinds[::2])
    run(root, "nbgrader", "generate_assignment", "toy", "--force")
    run(root, "nbgrader", "autograde", "toy")
    assert contents(toy_class, root) == expected
