"""The wheel holds the engine alone: whoever installs it gets no hidden test and no solution."""

import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from autograder.course.facts import read_facts
from autograder.course.files import find_course

ROOT = Path(__file__).parents[2]
COURSE = find_course(ROOT)
ASSIGNMENTS = COURSE.assignments()
SECRET_FILES = [
    path for one in ASSIGNMENTS for path in (one.solutions, one.hidden_tests, one.known_answers)
]
SOLUTION = re.compile(r"### BEGIN SOLUTION\n(.*?)### END SOLUTION", re.DOTALL)
LONG_ENOUGH_TO_TELL = 30

pytestmark = pytest.mark.slow


def tracked(*folders):
    """The files that git tracks, as names below the repository."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--", *folders],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return [name for name in listed.split("\0") if name and (ROOT / name).is_file()]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """What the wheel holds, by name; built from a copy of what git tracks, without a network."""
    copy, built = tmp_path_factory.mktemp("copy"), tmp_path_factory.mktemp("built")
    for name in tracked():
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, copy / name)
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--quiet"]
    command = [sys.executable, "-m", "pip", "wheel", ".", *options, "--wheel-dir", str(built)]
    subprocess.run(command, cwd=copy, check=True)
    (path,) = built.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="module")
def engine(wheel):
    return {name: content for name, content in wheel.items() if name.startswith("autograder/")}


def test_the_wheel_holds_every_file_of_the_engine_and_no_other(engine):
    assert sorted(engine) == sorted(tracked("autograder"))


def test_beside_the_engine_there_is_its_metadata_alone(wheel, engine):
    rest = {Path(name).parts[0] for name in wheel.keys() - engine.keys()}
    assert len(rest) == 1
    assert rest.pop().endswith(".dist-info")


def test_the_wheel_names_its_licence(wheel):
    (metadata,) = (content for name, content in wheel.items() if name.endswith("/METADATA"))
    lines = metadata.decode().splitlines()
    assert "License-Expression: BSD-3-Clause" in lines
    assert "License-File: LICENSE" in lines
    licences = [Path(name).name for name in wheel if "/licenses/" in name]
    assert licences == ["LICENSE"]


def test_no_file_of_the_wheel_is_one_of_the_courses_secrets(wheel):
    secret = {path.read_bytes() for path in SECRET_FILES}
    assert secret.isdisjoint(wheel.values())


def test_no_line_of_a_hidden_test_or_a_known_answer_begins_here(engine):
    exercises = [exercise.name for one in ASSIGNMENTS for exercise in read_facts(one).exercises]
    either = "|".join(map(re.escape, exercises))
    secret = re.compile(rf"^\s*(class Test_({either})\b|def ({either})(__\w+)?\()", re.MULTILINE)
    assert secret.search("class Test_kl_standard:")
    assert secret.search("def kl_standard__no_half(mu, logvar):")
    found = {name: secret.findall(content.decode()) for name, content in engine.items()}
    assert not any(found.values()), found


def test_no_line_of_a_solution_stands_here(engine):
    bodies = "".join(
        body for one in ASSIGNMENTS for body in SOLUTION.findall(one.solutions.read_text())
    )
    lines = {line.strip() for line in bodies.splitlines()}
    telling = {line for line in lines if len(line) >= LONG_ENOUGH_TO_TELL}
    assert len(telling) > 100
    shown = {line.strip() for content in engine.values() for line in content.decode().splitlines()}
    assert not telling & shown
