"""Run every grader over one class, each in a course of its own; decide no figure."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import click
from otter_class import grade_with_otter, write_otter_assignment
from ratios import FloorRun, OurRun
from running import Run, run
from showing import CONSOLE
from two_courses import (
    Scores,
    compare_scores,
    copy_course,
    gradebook_scores,
    make_stock,
    write_class,
)

from autograder.course.files import Assignment, Course
from autograder.judge.assignment_side import JudgeSide

_BENCH = Path(__file__).parent
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


def _stage(what: str, do: Callable[[], Result]) -> Result:
    with CONSOLE.status(what):
        result = do()
    CONSOLE.print(f"[dim]done: {what}[/dim]")
    return result
