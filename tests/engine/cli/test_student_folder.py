"""`make lab ROLE=student` opens a folder that holds what students get, and nothing else."""

import json
import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SCRIPT = ROOT / "scripts" / "in-student-folder"


@pytest.fixture
def course(tmp_path):
    """A folder with a release, a notebook's checkpoint, and what no student may see."""
    for name in (
        "scripts/in-student-folder",
        "release/a/a.ipynb",
        "release/a/data.npz",
        "release/a/.ipynb_checkpoints/a-checkpoint.ipynb",
        "solutions/a.py",
        "tests/hidden/test_a.py",
    ):
        (tmp_path / "it's a course" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "it's a course" / name).write_text(name)
    (tmp_path / "it's a course" / "scripts" / "in-student-folder").write_bytes(SCRIPT.read_bytes())
    return tmp_path / "it's a course"


def within(course, *command, here=None):
    """Run a command in the student's folder; return what it wrote, and what was said beside it."""
    done = subprocess.run(
        ["bash", course / "scripts" / "in-student-folder", *command],
        cwd=here or course,
        env={**os.environ, "TMPDIR": str(course.parent)},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout, done.stderr


def test_it_holds_the_release_and_nothing_else(course):
    found, _ = within(course, "find", ".", "-mindepth", "1")
    assert sorted(found.split()) == ["./a", "./a/a.ipynb", "./a/data.npz"]


def test_it_is_a_copy_and_says_where(course):
    _, said = within(course, "bash", "-c", "echo solved > a/a.ipynb")
    copy = Path(said.strip().removeprefix("a student's folder, a copy of release/: "))
    assert (copy / "a" / "a.ipynb").read_text() == "solved\n"
    assert (course / "release" / "a" / "a.ipynb").read_text() == "release/a/a.ipynb"
    # A student's own account sees nothing of what others try.
    assert copy.parent.stat().st_mode & 0o077 == 0


def test_what_is_the_instructors_is_off(course):
    settings, _ = within(course, "bash", "-c", 'cat "$JUPYTER_CONFIG_PATH"/*/page_config.json')
    off = json.loads(settings)["disabledExtensions"]
    assert {"@jupyter/nbgrader:formgrader", "@jupyter/nbgrader:create-assignment"} <= off.keys()
    server, _ = within(course, "bash", "-c", 'cat "$JUPYTER_CONFIG_PATH"/*/student.json')
    off = json.loads(server)["ServerApp"]["jpserver_extensions"]
    assert off["nbgrader.server_extensions.formgrader"] is False


def test_a_command_is_found_from_where_it_was_typed(course, tmp_path):
    (tmp_path / "say").write_text('#!/bin/bash\npwd; echo "$@"\n')
    (tmp_path / "say").chmod(0o755)
    written, said = within(course, "./say", "two words", "-x", here=tmp_path)
    where, words = written.splitlines()
    assert said.strip().endswith(where)
    assert words == "two words -x"


def test_another_role_is_refused():
    asked = subprocess.run(
        ["make", "--no-print-directory", "--assume-old=.venv/.ready", "lab", "ROLE=ta"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert asked.returncode == 2
    assert "ROLE is instructor or student, not ta" in asked.stderr
