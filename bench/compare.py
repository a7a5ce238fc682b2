"""Time stock `nbgrader autograde` against `autograder grade` on the same submissions."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import mean
from typing import Any

import click
import nbformat
from nbgrader.api import Gradebook
from rich.console import Console
from rich.table import Table

from autograder.chapters.functions import read_functions
from autograder.chapters.master import Exercise
from autograder.course import Assignment, Course, find_course
from autograder.judge.assignment_tests import JudgeSide

BENCH = Path(__file__).parent
SCRIPTS = Path(sys.executable).parent
PACKAGES = ("genai-foundations", "nbgrader", "nbclient", "ipykernel", "pytest", "numpy", "torch")
STOCK_CONFIG = """
c.pop("Autograde", None)  # nbgrader's default preprocessors: a kernel for each submission.
c.ExecutePreprocessor.timeout = 600
c.ExecutePreprocessor.skip_cells_with_tag = "demo"  # The engine runs no demos either.
"""
# What students hand in: its name, mistakes, share of the exercises answered, other right ways.
MIX = (
    ("reference", 0, 1.0, False),
    ("two mistakes", 2, 1.0, True),
    ("other right answers", 0, 1.0, True),
    ("first half", 0, 0.5, True),
    ("one mistake", 1, 1.0, False),
    ("many mistakes", 6, 1.0, True),
    ("other right answers", 0, 1.0, True),
    ("most, with mistakes", 3, 0.75, True),
    ("one mistake", 1, 1.0, True),
    ("blank", 0, 0.0, False),
)


@dataclass(frozen=True)
class Run:
    """One grader's run over the class, as a process of its own from a cold start."""

    started: float
    seconds: float
    cpu_seconds: float


def write_class(judge: JudgeSide, count: int, courses: list[Course]) -> dict[str, str]:
    """Write the same submissions to each course; return what each student hands in."""
    functions, names = read_functions(judge.assignment), [one.name for one in judge.exercises]
    known = {name: [a for a in judge.known_answers if a.exercise == name] for name in names}
    kinds: dict[str, str] = {}
    for number in range(count):
        kind, mistakes, share, other_ways = MIX[number % len(MIX)]
        chance = random.Random(number)
        answered = names[: round(share * len(names))]
        mistaken = chance.sample(answered, min(mistakes, len(answered)))
        notebook = nbformat.read(judge.assignment.release_notebook, as_version=4)
        for cell in notebook.cells:
            name = cell.metadata.get("nbgrader", {}).get("grade_id")
            if name in answered:
                wrong = [a.source for a in known[name] if not a.is_right]
                right = [a.source for a in known[name] if a.is_right and other_ways]
                cell.source = chance.choice(
                    wrong if name in mistaken and wrong else [functions[name], *right]
                )
        student = f"student-{number + 1:03}"
        kinds[student] = kind
        for course in courses:
            path = course.assignment(judge.assignment.name).submission(student)
            path.parent.mkdir(parents=True)
            nbformat.write(notebook, path)
    return kinds


def copy_course(course: Course, folder: Path) -> Course:
    """Copy what grading needs of a course: no results, no gradebook, no environment."""
    for name in ("source", "release", "solutions", "tests"):
        ignored = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints")
        shutil.copytree(course.root / name, folder / name, ignore=ignored)
    shutil.copy(course.config, folder)
    return Course(folder)


def make_stock(course: Course, name: str, exercises: list[Exercise]) -> None:
    """Turn a copy of the course into a stock one: hidden tests run in the notebook's kernel."""
    with course.config.open("a") as config:
        config.write(STOCK_CONFIG)
    shutil.copy(BENCH / "in_kernel.py", course.root / "tests")
    path = course.assignment(name).source_notebook
    notebook = nbformat.read(path, as_version=4)
    by_cell = {exercise.tests_cell: exercise for exercise in exercises}
    for cell in notebook.cells:
        exercise = by_cell.get(cell.metadata.get("nbgrader", {}).get("grade_id"))
        if exercise is not None:
            # Extra credit is points here, so that it can be compared too.
            cell.metadata.nbgrader.points = exercise.points
            arguments = f"{name!r}, {exercise.name!r}, {exercise.points}"
            cell.source = f"import in_kernel\n\nin_kernel.score({arguments})"
    nbformat.write(notebook, path)


def run(course: Course, *command: str, **variables: str) -> Run:
    """Run a command of this environment in a course; time it, its children included."""
    path = f"{SCRIPTS}{os.pathsep}{os.environ['PATH']}"
    log = course.root / "command.log"
    with log.open("w") as output:
        started = time.time()
        process = subprocess.Popen(
            [SCRIPTS / command[0], *command[1:]],
            cwd=course.root,
            env={**os.environ, "PATH": path, **variables},
            stdout=output,
            stderr=output,
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.time() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        tail = "\n".join(log.read_text().splitlines()[-15:])
        raise click.ClickException(f"{' '.join(command)} ended with an error:\n{tail}")
    return Run(started, seconds, usage.ru_utime + usage.ru_stime)


def scores(assignment: Assignment, student: str, exercises: list[Exercise]) -> dict[str, float]:
    """Return each exercise's score as it stands in a course's gradebook."""
    with Gradebook(f"sqlite:///{assignment.course.root / 'gradebook.db'}") as gradebook:
        notebook = gradebook.find_submission_notebook(assignment.name, assignment.name, student)
        grades = {grade.name: grade for grade in notebook.grades}
        return {
            one.name: (grades[one.tests_cell].auto_score or 0.0)
            + (grades[one.tests_cell].extra_credit or 0.0)
            for one in exercises
        }


def failed_in_stock(assignment: Assignment, student: str) -> dict[str, list[str]]:
    """Return the hidden tests that failed in a stock kernel, by grade cell."""
    folder = assignment.course.root / "autograded" / student / assignment.name
    notebook = nbformat.read(folder / f"{assignment.name}.ipynb", as_version=4)
    return {
        cell.metadata.nbgrader.grade_id: [
            word
            for output in cell.outputs
            for word in (output.get("text") or output.get("ename", "")).split()
        ]
        for cell in notebook.cells
        if cell.metadata.get("nbgrader", {}).get("grade")
    }


def compare_scores(
    ours: Assignment, stock: Assignment, results: list[dict[str, Any]], exercises: list[Exercise]
) -> list[dict[str, Any]]:
    """Return every exercise of every submission on whose score the two gradebooks differ."""
    differences = []
    for result in results:
        student, graded = result["student"], {one["name"]: one for one in result["exercises"]}
        mine, theirs = (scores(one, student, exercises) for one in (ours, stock))
        failed = failed_in_stock(stock, student)
        for exercise in exercises:
            name = exercise.name
            if abs(mine[name] - theirs[name]) < 0.005:
                continue
            tests = [t["name"] for t in graded[name]["tests"] if t["verdict"] != "PASSED"]
            forgiven = graded[name]["stand_ins"]
            differences.append(
                {
                    "student": student,
                    "exercise": name,
                    "points": exercise.points,
                    "stock": theirs[name],
                    "ours": mine[name],
                    "failed_stock": failed[exercise.tests_cell],
                    "failed_ours": tests,
                    "reason": f"not punished twice: {', '.join(forgiven)}" if forgiven else "",
                }
            )
    return differences


def breakdown(run: Run, results: list[dict[str, Any]], written: list[float]) -> dict[str, float]:
    """Return where our time goes: the run's phases add up to its seconds, the rest are means.

    A result's file is written when its grading ends, so its time less its seconds is its start.
    """
    begun = min(at - one["seconds"] for at, one in zip(written, results, strict=True))
    tests = [sum(exercise["seconds"] for exercise in one["exercises"]) for one in results]
    phases = {
        "start_up_s": begun - run.started,
        "grading_s": max(written) - begun,
        "ingest_s": run.started + run.seconds - max(written),
        "submission_s": mean(one["seconds"] for one in results),
        "submission_cells_s": mean(one["cells_seconds"] for one in results),
        "submission_calls_and_tests_s": mean(tests),
    }
    known = phases["submission_cells_s"] + phases["submission_calls_and_tests_s"]
    phases["submission_rest_s"] = phases["submission_s"] - known
    phases["ingest_per_submission_s"] = phases["ingest_s"] / len(results)
    return {name: round(seconds, 3) for name, seconds in phases.items()}


def measure(judge: JudgeSide, count: int, jobs: int) -> dict[str, Any]:
    """Grade one class with both graders; return what is to be known of it."""
    name, exercises = judge.assignment.name, judge.exercises
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        stock, ours = (
            copy_course(judge.assignment.course, Path(folder, one)) for one in ("stock", "ours")
        )
        make_stock(stock, name, exercises)
        kinds = write_class(judge, count, [stock, ours])
        for course in (stock, ours):
            run(course, "nbgrader", "generate_assignment", name, "--force")
        # Neither run shall be the one that reads the libraries from the disk.
        run(ours, "python", "-c", "import matplotlib.pyplot, nbgrader.apps, pytest, scipy, torch")
        kernel = {"PYTHONPATH": str(stock.root / "tests")}
        theirs = run(stock, "nbgrader", "autograde", name, **kernel)
        mine = run(ours, "autograder", "grade", name, "--jobs", str(jobs))
        files = [ours.assignment(name).result(student) for student in kinds]
        results = [json.loads(file.read_text()) for file in files]
        return {
            "throughput_ratio_nbgrader": round(theirs.seconds / mine.seconds, 2),
            "cpu_ratio_nbgrader": round(theirs.cpu_seconds / mine.cpu_seconds, 2),
            "assignment": name,
            "submissions": count,
            "cores": os.cpu_count(),
            "jobs": jobs,
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "versions": {
                "python": sys.version.split()[0],
                **{package: version(package) for package in PACKAGES},
            },
            "nbgrader": seconds_of(theirs, count),
            "autograder": seconds_of(mine, count),
            "autograder_breakdown": breakdown(
                mine, results, [file.stat().st_mtime for file in files]
            ),
            "scores_compared": count * len(exercises),
            "differences": compare_scores(
                ours.assignment(name), stock.assignment(name), results, exercises
            ),
            "class": {
                one["student"]: {"kind": kinds[one["student"]], "score": one["score"]}
                for one in results
            },
        }


def seconds_of(run: Run, count: int) -> dict[str, float]:
    """Return a run's seconds, in all and a submission."""
    return {
        "wall_s": round(run.seconds, 2),
        "cpu_s": round(run.cpu_seconds, 2),
        "wall_s_per_submission": round(run.seconds / count, 3),
        "cpu_s_per_submission": round(run.cpu_seconds / count, 3),
        "submissions_per_second": round(count / run.seconds, 3),
    }


def show(report: dict[str, Any]) -> None:
    """Print the comparison, where our time goes, and every difference between the scores."""
    out = Console()
    table = Table("", "nbgrader autograde", "autograder grade", title=report["assignment"])
    for row in report["nbgrader"]:
        table.add_row(row, f"{report['nbgrader'][row]:g}", f"{report['autograder'][row]:g}")
    ratios = (report["throughput_ratio_nbgrader"], report["cpu_ratio_nbgrader"])
    table.caption = f"{ratios[0]:g} times the throughput, {ratios[1]:g} times less processor time"
    phases = Table("autograder grade", "seconds")
    for name, seconds in report["autograder_breakdown"].items():
        phases.add_row(name, f"{seconds:.3f}")
    out.print(table, phases)
    columns = ("student", "exercise", "points", "stock", "ours", "reason")
    differences = Table(*columns, title="scores that differ")
    for one in report["differences"]:
        differences.add_row(*(str(one[column]) for column in columns))
    if report["differences"]:
        out.print(differences)
    out.print(f"{len(report['differences'])} of {report['scores_compared']} scores differ")


@click.command()
@click.option("--submissions", type=click.IntRange(min=1), default=20, show_default=True)
@click.option("--assignment", default="a03_vae", show_default=True)
@click.option("--jobs", type=click.IntRange(min=1), default=os.cpu_count() or 1)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False))
def main(submissions: int, assignment: str, jobs: int, out: Path | None) -> None:
    """Grade the same submissions with stock nbgrader and with the engine; compare and time."""
    judge = JudgeSide(find_course(BENCH).assignment(assignment))
    report = measure(judge, submissions, jobs)
    show(report)
    path = out or BENCH / "results" / f"{assignment}-{submissions}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
