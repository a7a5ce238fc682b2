"""Time stock `nbgrader autograde` against `autograder grade` on the same submissions."""

from __future__ import annotations

import ctypes
import json
import os
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
from rich.console import Console
from rich.table import Table
from two_courses import compare_scores, copy_course, make_stock, write_class

from autograder.course import Course, find_course
from autograder.judge.assignment_tests import JudgeSide

_BENCH = Path(__file__).parent
_SCRIPTS = Path(sys.executable).parent
_PACKAGES = ("genai-foundations", "nbgrader", "nbclient", "ipykernel", "pytest", "numpy", "torch")
# From <linux/prctl.h>: orphans among our descendants become our children.
_PR_SET_CHILD_SUBREAPER = 36
_LIBRARIES = "matplotlib.pyplot, nbgrader.apps, pytest, scipy.stats, torch"


@dataclass(frozen=True)
class Run:
    """A grader's run over the class, as a process of its own."""

    started: float
    seconds: float
    cpu_seconds: float


def run(course: Course, *command: str, **variables: str) -> Run:
    """Run a command of this environment in a course; time it, its descendants included."""
    path = f"{_SCRIPTS}{os.pathsep}{os.environ['PATH']}"
    log = course.root / "command.log"
    with log.open("w") as output:
        started = time.time()
        process = subprocess.Popen(
            [_SCRIPTS / command[0], *command[1:]],
            cwd=course.root,
            env={**os.environ, "PATH": path, **variables},
            stdout=output,
            stderr=output,
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.time() - started
    cpu_seconds = usage.ru_utime + usage.ru_stime + _strays_cpu_seconds()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        tail = "\n".join(log.read_text().splitlines()[-15:])
        raise click.ClickException(f"{' '.join(command)} ended with an error:\n{tail}")
    return Run(started, seconds, cpu_seconds)


def _strays_cpu_seconds() -> float:
    """Wait for descendants that outlived their parents; return the processor time they took.

    bubblewrap does not wait for its sandbox: without this the boxes would count for nothing.
    """
    cpu_seconds = 0.0
    while True:
        try:
            _, _, usage = os.wait4(-1, 0)
        except ChildProcessError:
            return cpu_seconds
        cpu_seconds += usage.ru_utime + usage.ru_stime


def measure(judge: JudgeSide, count: int, jobs: int) -> dict[str, Any]:
    """Grade one class with both graders, each in a course of its own; return the report."""
    name = judge.assignment.name
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        stock, ours = (
            copy_course(judge.assignment.course, Path(folder, one)) for one in ("stock", "ours")
        )
        make_stock(stock.assignment(name), judge.exercises)
        kinds = write_class(judge, count, [stock, ours])
        for course in (stock, ours):
            run(course, "nbgrader", "generate_assignment", name, "--force")
        # Neither grader shall be the one that first reads the libraries from the disk.
        run(ours, "python", "-c", f"import {_LIBRARIES}")
        kernel_path = str(stock.root / "tests")
        theirs = run(stock, "nbgrader", "autograde", name, PYTHONPATH=kernel_path)
        mine = run(ours, "autograder", "grade", name, "--jobs", str(jobs))
        files = [ours.assignment(name).result(student) for student in kinds]
        results = [json.loads(file.read_text()) for file in files]
        written = [file.stat().st_mtime for file in files]
        differences = [
            {"kind": kinds[result["student"]], **difference}
            for result in results
            for difference in compare_scores(
                ours.assignment(name), stock.assignment(name), result, judge.exercises
            )
        ]
        return {
            "throughput_ratio_nbgrader": round(theirs.seconds / mine.seconds, 2),
            "cpu_ratio_nbgrader": round(theirs.cpu_seconds / mine.cpu_seconds, 2),
            "assignment": name,
            "submissions": count,
            "cores": os.cpu_count(),
            "jobs": jobs,
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "versions": {"python": sys.version.split()[0], **{p: version(p) for p in _PACKAGES}},
            "nbgrader": timings(theirs, count),
            "autograder": {**timings(mine, count), **breakdown(mine, results, written)},
            "scores_compared": count * len(judge.exercises),
            "differences": differences,
            "differences_not_explained": sum(not one["reason"] for one in differences),
        }


def timings(run: Run, count: int) -> dict[str, float]:
    """Return a run's seconds by the clock and of processors, and its throughput."""
    return {
        "seconds": round(run.seconds, 2),
        "cpu_seconds": round(run.cpu_seconds, 2),
        "submissions_per_second": round(count / run.seconds, 3),
    }


def breakdown(run: Run, results: list[dict[str, Any]], written: list[float]) -> dict[str, float]:
    """Return where our time goes: three phases of the run, then means of a submission.

    A result's file is written when its grading ends; less its seconds, that is when it began.
    """
    begun = min(end - one["seconds"] for end, one in zip(written, results, strict=True))
    seconds, cells = (mean(one[key] for one in results) for key in ("seconds", "cells_seconds"))
    tests = mean(sum(exercise["seconds"] for exercise in one["exercises"]) for one in results)
    ingest = run.started + run.seconds - max(written)
    phases = {
        "start_up_s": begun - run.started,
        "grading_s": max(written) - begun,
        "ingest_s": ingest,
        "per_submission_grading_s": seconds,
        "per_submission_cells_s": cells,
        "per_submission_calls_and_tests_s": tests,
        "per_submission_rest_s": seconds - cells - tests,
        "per_submission_ingest_s": ingest / len(results),
    }
    return {name: round(value, 3) for name, value in phases.items()}


def show(report: dict[str, Any]) -> None:
    """Print the comparison, where our time goes, and every score that differs."""
    out = Console()
    title = f"{report['assignment']}, {report['submissions']} submissions, {report['jobs']} jobs"
    table = Table("", "nbgrader autograde", "autograder grade", title=title)
    for row, value in report["autograder"].items():
        table.add_row(row.replace("_", " "), str(report["nbgrader"].get(row, "")), str(value))
    for ratio in ("throughput_ratio_nbgrader", "cpu_ratio_nbgrader"):
        table.add_row(ratio.removesuffix("_nbgrader").replace("_", " "), "1", str(report[ratio]))
    out.print(table)
    columns = ("student", "exercise", "points", "stock", "ours", "reason")
    differing = Table(*columns, title="scores that differ")
    for one in report["differences"]:
        differing.add_row(*(str(one[column]) for column in columns))
    out.print(differing if report["differences"] else "")
    out.print(
        f"{len(report['differences'])} of {report['scores_compared']} scores differ, "
        f"{report['differences_not_explained']} of them not by an earlier mistake"
    )


@click.command()
@click.option("--submissions", type=click.IntRange(min=1), default=20, show_default=True)
@click.option("--assignment", default="a03_vae", show_default=True)
@click.option("--jobs", type=click.IntRange(min=1), default=os.cpu_count(), show_default="cores")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="The report, as JSON.")
def main(submissions: int, assignment: str, jobs: int, out: Path | None) -> None:
    """Grade the same submissions with stock nbgrader and with the engine; compare and time."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    judge = JudgeSide(find_course(_BENCH).assignment(assignment))
    report = measure(judge, submissions, jobs)
    show(report)
    path = out or _BENCH / "results" / f"{assignment}-{submissions}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
