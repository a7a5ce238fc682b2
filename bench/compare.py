"""Time stock nbgrader, otter-grader, `autograder grade` and the bare floor on the same class."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

import click
from otter_class import OTTER_PYTHON, grade_with_otter, otter_version, write_otter_assignment
from ratios import FloorRun, OurRun, ladder, phases, ratios
from running import Run, become_subreaper, run
from showing import CONSOLE, load_before, show
from two_courses import (
    Scores,
    compare_scores,
    copy_course,
    gradebook_scores,
    make_stock,
    write_class,
)

from autograder.course import Assignment, Course, find_course
from autograder.errors import AutograderError
from autograder.judge.assignment_tests import JudgeSide

_BENCH = Path(__file__).parent
_PACKAGES = ("genai-foundations", "nbgrader", "nbclient", "ipykernel", "pytest", "numpy", "torch")
_LIBRARIES = "matplotlib.pyplot, nbgrader.apps, pytest, scipy.stats, torch"
_WATCH_EVERY_S = 0.25
# 1: it ran, and a submission needs a person. The report says how many.
_RAN = (0, 1)
# In the course's copy that knows no wrong answer, so that nothing is compared with any.
_NO_ANSWERS = '"""None are known here."""\n'
Result = TypeVar("Result")


@dataclass
class Bench:
    """One comparison: the courses' copies, the class, and what each grader made of it."""

    judge: JudgeSide
    count: int
    jobs: int
    folder: Path
    otter: Path | None
    load: float
    """Of the machine, before anything of this ran."""
    kinds: dict[str, str] = field(default_factory=dict)
    scores: dict[str, dict[str, Scores]] = field(default_factory=dict)
    """By grader and student."""

    @property
    def name(self) -> str:
        return self.judge.assignment.name

    def set_up(self) -> None:
        """Make the courses, the same class in each, and enter the assignment in gradebooks."""
        source = self.judge.assignment.course
        names = ("stock", "ours", "unnamed")
        self._courses = {name: copy_course(source, self.folder / name) for name in names}
        make_stock(self._assignment("stock"), self.judge.exercises)
        self._assignment("unnamed").known_answers.write_text(_NO_ANSWERS)
        self.kinds = write_class(self.judge, self.count, list(self._courses.values()))
        for name in ("stock", "ours"):
            run(self._root(name), "nbgrader", "generate_assignment", self.name, "--force")
        if self.otter is not None:
            students = list(self.kinds)
            write_otter_assignment(self._assignment("stock"), students, self.folder / "otter")
            run(self.folder, self.otter, "-c", "import otter.api")
        # No grader shall be the one that first reads the libraries from the disk.
        run(self._root("ours"), "python", "-c", f"import {_LIBRARIES}")

    def _assignment(self, course: str) -> Assignment:
        found: Course = self._courses[course]
        return found.assignment(self.name)

    def _root(self, course: str) -> Path:
        return self._assignment(course).course.root

    def run_nbgrader(self) -> Run:
        """Run `nbgrader autograde` as nbgrader ships it."""
        root = self._root("stock")
        finished = run(root, "nbgrader", "autograde", self.name, PYTHONPATH=str(root / "tests"))
        self.scores["nbgrader"] = self._gradebook("stock")
        return finished

    def _gradebook(self, course: str) -> dict[str, Scores]:
        exercises = self.judge.exercises
        assignment = self._assignment(course)
        return {one: gradebook_scores(assignment, exercises, one) for one in self.kinds}

    def run_otter(self, python: Path) -> tuple[Run, float]:
        """Run otter-grader over the class in one process; return the run and its warm mean."""
        folder, stock = self.folder / "otter", self._assignment("stock")
        finished, self.scores["otter"], warm_s = grade_with_otter(python, stock, folder)
        return finished, warm_s

    def run_floor(self, processes: int) -> FloorRun:
        """Run the class bare."""
        out = self.folder / f"floor-{processes}.json"
        script = (_BENCH / "floor.py", self._root("ours"), self.name, out)
        options = ("--processes", str(processes))
        finished = run(self.folder, "python", *script, *options)
        said = json.loads(out.read_text())
        self.scores["floor"] = {
            one["student"]: Scores(one["scores"], one["failed"]) for one in said["submissions"]
        }
        return FloorRun(finished, processes, said["warm_at"], said["seconds"], said["submissions"])

    def run_ours(self) -> OurRun:
        """Run `autograder grade`, gradebook and all."""
        finished = self._grade("ours")
        assignment = self._assignment("ours")
        files = [assignment.result(student) for student in self.kinds]
        results = [json.loads(file.read_text()) for file in files]
        self.scores["our gradebook"] = self._gradebook("ours")
        ended = [file.stat().st_mtime for file in files]
        return OurRun(finished, self.jobs, ended, [one["seconds"] for one in results], results)

    def run_ours_alone(self, course: str) -> OurRun:
        """Run `autograder grade --json`: no gradebook."""
        finished = self._grade(course, "--force", "--json")
        graded = [(at, json.loads(line)) for at, line in finished.lines if line.startswith("{")]
        ended = [at for at, line in graded if "student" in line]
        seconds = [line["seconds"] for _, line in graded if "student" in line]
        if len(ended) != self.count:
            raise click.ClickException(f"--json told of {len(ended)} of {self.count} submissions")
        return OurRun(finished, self.jobs, ended, seconds, [])

    def _grade(self, course: str, *options: str) -> Run:
        command = ("autograder", "grade", self.name, "--jobs", str(self.jobs), *options)
        return run(self._root(course), *command, allowed=_RAN, watch_every_s=_WATCH_EVERY_S)

    def differences(self, results: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return every score on which another grader differs from our results."""
        return [
            one
            for grader, scores in self.scores.items()
            for result in results
            for one in compare_scores(
                grader, scores[result["student"]], result, self.kinds[result["student"]]
            )
        ]


@dataclass(frozen=True)
class Measured:
    """Every grader's run over one class."""

    floor: FloorRun
    beside: FloorRun
    """The floor in as many processes as there are judges."""
    ours: OurRun
    alone: OurRun
    """Ours without a gradebook."""
    unnamed: OurRun
    """Ours without a gradebook, and naming no misconception."""
    otter: Run | None
    otter_submission_s: float
    stock: Run


def measure(bench: Bench) -> Measured:
    """Run every grader over one class, one after the other."""
    _stage("the class and the courses", bench.set_up)
    otter, otter_submission_s = None, 0.0
    floor = _stage("the floor, one process", lambda: bench.run_floor(1))
    beside = _stage("the floor, on every core", lambda: bench.run_floor(bench.jobs))
    ours = _stage("autograder grade", bench.run_ours)
    alone = _stage("autograder grade --json", lambda: bench.run_ours_alone("ours"))
    unnamed = _stage("the same, naming nothing", lambda: bench.run_ours_alone("unnamed"))
    if bench.otter is not None:
        python = bench.otter
        otter, otter_submission_s = _stage("otter-grader", lambda: bench.run_otter(python))
    stock = _stage("nbgrader autograde", bench.run_nbgrader)
    return Measured(floor, beside, ours, alone, unnamed, otter, otter_submission_s, stock)


def report_on(bench: Bench, found: Measured, otter: str | None) -> dict[str, Any]:
    """Return the report: ratios first, then where and when, each grader, and the scores."""
    ours, theirs = found.ours.run, {"nbgrader": found.stock, "otter": found.otter}
    to_floor = ratios(found.floor, found.ours, found.alone, found.unnamed)
    compared = {
        f"{what}_ratio_{name}": run and round(getattr(run, of) / getattr(ours, of), 2)
        for what, of in (("throughput", "seconds"), ("cpu", "cpu_seconds"))
        for name, run in theirs.items()
    }
    return {
        "throughput_ratio_nbgrader": compared.pop("throughput_ratio_nbgrader"),
        "throughput_ratio_otter": compared.pop("throughput_ratio_otter"),
        "ratio_to_floor": to_floor["ratio_to_floor"],
        **compared,
        "assignment": bench.name,
        "submissions": bench.count,
        "cores": os.cpu_count(),
        "jobs": bench.jobs,
        "load_at_start": bench.load,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {
            "python": sys.version.split()[0],
            **{package: version(package) for package in _PACKAGES},
            **({"otter-grader": otter} if otter else {}),
        },
        **_graders(bench.count, found),
        "ratios_to_floor": to_floor,
        "ladder": ladder(found.floor, found.beside, found.ours, found.alone, found.unnamed),
        **_scores(bench, found.ours.results),
    }


def _graders(count: int, found: Measured) -> dict[str, Any]:
    """Return the figures of each grader."""
    otter = found.otter and {
        **timings(found.otter, count),
        "per_submission_s": round(found.otter_submission_s, 3),
    }
    runs = {
        "autograder": found.ours,
        "autograder_without_gradebook": found.alone,
        "autograder_without_names": found.unnamed,
    }
    return {
        "nbgrader": timings(found.stock, count),
        "otter": otter,
        **{name: {**timings(one.run, count), **phases(one)} for name, one in runs.items()},
        "floor": found.floor.report(),
        "floor_side_by_side": found.beside.report(),
    }


def _scores(bench: Bench, results: list[dict[str, Any]]) -> dict[str, Any]:
    """Return how many scores were compared, and each that differs."""
    differences = bench.differences(results)
    exercises = len(bench.judge.exercises)
    return {
        "needs_person": sum(one["needs_person"] for one in results),
        "scores_compared": {
            grader: len(scores) * exercises for grader, scores in bench.scores.items()
        },
        "differences": differences,
        "differences_not_explained": sum(not one["reason"] for one in differences),
    }


def _stage(what: str, do: Callable[[], Result]) -> Result:
    with CONSOLE.status(what):
        result = do()
    CONSOLE.print(f"[dim]done: {what}[/dim]")
    return result


def timings(run: Run, count: int) -> dict[str, float]:
    """Return a run's seconds by the clock and of processors, and its throughput."""
    return {
        "seconds": round(run.seconds, 2),
        "cpu_seconds": round(run.cpu_seconds, 2),
        "submissions_per_second": round(count / run.seconds, 3),
    }


@click.command()
@click.option("--submissions", type=click.IntRange(min=1), default=40, show_default=True)
@click.option("--assignment", default="a03_vae", show_default=True)
@click.option("--jobs", type=click.IntRange(min=1), default=os.cpu_count(), show_default="cores")
@click.option("--without-otter", is_flag=True, help="Leave otter-grader out.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="The report, as JSON.")
def main(
    submissions: int, assignment: str, jobs: int, without_otter: bool, out: Path | None
) -> None:
    """Grade the same submissions with each grader; compare scores, time, and where it goes.

    Let nothing else run on the machine meanwhile.
    """
    become_subreaper()
    load = load_before()
    path = out or _BENCH / "results" / f"{assignment}-{submissions}.json"
    try:
        judge = JudgeSide(find_course(_BENCH).assignment(assignment))
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            otter = None if without_otter else OTTER_PYTHON
            otters_version = otter and otter_version(otter)
            bench = Bench(judge, submissions, jobs, Path(folder), otter, load)
            report = report_on(bench, measure(bench), otters_version)
    except AutograderError as error:
        raise click.ClickException(str(error)) from error
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report, indent=1) + "\n")
    show(report)
    from plotting import plot_comparison

    picture = path.with_suffix(".svg")
    plot_comparison(report, picture)
    CONSOLE.print(f"written: {path} and {picture.name}")


if __name__ == "__main__":
    main()
