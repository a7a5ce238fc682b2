"""Make an otter-grader assignment of one of ours, and run otter over the same submissions."""

from __future__ import annotations

import json
import subprocess
import zipfile
from pathlib import Path

import click
import nbformat
from running import Run, run
from two_courses import Scores

from autograder.course.facts import DEMO_TAG
from autograder.course.files import Assignment
from autograder.course.master import read_master
from autograder.course.parts import hidden_test_sentences

_BENCH = Path(__file__).parent
OTTER_PYTHON = _BENCH / ".venv-otter" / "bin" / "python"
# otter leaves out cells with this tag.
_IGNORE_TAG = "otter_ignore"

_HEAD = """OK_FORMAT = False

import in_kernel
from otter.test_files import test_case

name = {exercise!r}
points = {points}

"""

_CASE = """@test_case(name={test!r}, hidden=True)
def case_{number}(env):
    in_kernel.require({assignment!r}, {exercise!r}, {test!r}, env)

"""


def otter_version(python: Path) -> str:
    """Return the version of otter in its environment, or say how to make that environment."""
    if not python.is_file():
        raise click.ClickException(
            f"{python} is not there: `make bench` installs otter-grader; or leave it "
            "out with --without-otter"
        )
    code = "import otter.api, otter.version, torch; print(otter.version.__version__)"
    said = subprocess.run([python, "-c", code], capture_output=True, text=True)
    if said.returncode != 0:
        raise click.ClickException(f"otter's environment is broken: {said.stderr[-500:]}")
    return said.stdout.split()[-1]


def write_otter_assignment(stock: Assignment, students: list[str], folder: Path) -> None:
    """Write otter's zip of tests and the students' notebooks, taken from the stock course."""
    (folder / "notebooks").mkdir(parents=True)
    master = read_master(stock)
    tests = hidden_test_sentences(stock)
    with zipfile.ZipFile(folder / "autograder.zip", "w") as archive:
        archive.writestr("otter_config.json", json.dumps({"lang": "python", "pdf": False}))
        for exercise in master.exercises:
            text = _HEAD.format(exercise=exercise.name, points=exercise.points)
            for number, test in enumerate(tests[exercise.name]):
                text += _CASE.format(
                    number=number, assignment=stock.name, exercise=exercise.name, test=test
                )
            archive.writestr(f"tests/{exercise.name}.py", text)
        for name in master.data:
            archive.write(stock.course.data / Path(name).name, f"files/{Path(name).name}")
    for student in students:
        notebook = nbformat.read(stock.submission(student), as_version=4)
        for cell in notebook.cells:
            tags = cell.metadata.get("tags", [])
            if cell.metadata.get("nbgrader", {}).get("grade") or DEMO_TAG in tags:
                cell.metadata["tags"] = [*tags, _IGNORE_TAG]
        nbformat.write(notebook, folder / "notebooks" / f"{student}.ipynb")


def grade_with_otter(
    python: Path, stock: Assignment, folder: Path
) -> tuple[Run, dict[str, Scores], float]:
    """Run otter over the class; return the run, the scores, and the mean seconds a submission."""
    out = folder / "scores.json"
    paths = f"{stock.course.root / 'tests'}:{stock.course.root}"
    script, archive = _BENCH / "otter_grade.py", folder / "autograder.zip"
    command = (python, script, archive, folder / "notebooks", out)
    finished = run(folder, *command, PYTHONPATH=paths)
    said = json.loads(out.read_text())
    scores = {student: Scores(one["scores"], one["failed"]) for student, one in said.items()}
    return finished, scores, sum(one["seconds"] for one in said.values()) / len(said)
