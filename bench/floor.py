"""The floor: the same cells and hidden tests, run bare in one warm process.

No wall, no box, no fork, no limits, no names for misconceptions, no feedback, no gradebook: what
any grader of these notebooks has to do, and nothing else.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import queue
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import nbformat
from in_kernel import run_cases

from autograder.course.facts import read_facts, slow_imports
from autograder.course.files import Assignment, find_course
from autograder.judge.assignment_side import JudgeSide
from autograder.sandbox.inside.shell import BoxShell
from autograder.sandbox.inside.warm_up import warm_up
from autograder.submissions.reading import parse
from autograder.submissions.rebuilding import rebuild

_OUTPUT_BYTES = 1 << 20
_LOOK_EVERY_S = 5.0


@dataclass
class Floor:
    """A warm process: the shell, the hidden tests, and our notebook."""

    assignment: Assignment
    shell: BoxShell
    judge: JudgeSide
    release: Any

    @classmethod
    def warmed(cls, assignment: Assignment) -> Floor:
        """Import and touch everything once, as the engine's own processes do."""
        judge = JudgeSide(assignment).load()
        shell = warm_up(list(slow_imports(assignment)))
        return cls(assignment, shell, judge, nbformat.read(assignment.release_notebook, 4))

    def grade(self, student: str) -> dict[str, Any]:
        """Run a submission's cells in a fresh namespace, then the tests on its functions."""
        started, cpu_started = time.monotonic(), time.process_time()
        path = self.assignment.submission(student)
        cells = rebuild(parse(path.read_bytes(), path.name), self.release).cells_to_run()
        self.shell.reset(new_session=True)
        for _, source in cells:
            self.shell.run_one(source, _OUTPUT_BYTES)
        cells_seconds = time.monotonic() - started
        passed = {
            exercise.name: run_cases(
                self.judge.cases_of(exercise.name), self._function(exercise.name)
            )
            for exercise in self.judge.exercises
        }
        return {
            "student": student,
            "seconds": time.monotonic() - started,
            "cpu_seconds": time.process_time() - cpu_started,
            "cells_seconds": cells_seconds,
            "scores": {
                one.name: round(
                    one.points * sum(passed[one.name].values()) / len(passed[one.name]), 2
                )
                for one in self.judge.exercises
            },
            "failed": {
                name: [test for test, has_passed in tests.items() if not has_passed]
                for name, tests in passed.items()
            },
        }

    def _function(self, name: str) -> Any:
        function = self.shell.user_ns.get(name)
        return function if callable(function) else None


def grade_class(floor: Floor, students: list[str], processes: int) -> list[dict[str, Any]]:
    """Grade a class one after the other, or side by side in forks of this process."""
    if processes == 1:
        return [floor.grade(student) for student in students]
    # Not a pool: it pickles by name what belongs to __main__, which is the shell's by now.
    context = multiprocessing.get_context("fork")
    taken, graded = context.Value("i", 0), context.Queue()

    def work() -> None:
        while True:
            with taken.get_lock():
                number, taken.value = taken.value, taken.value + 1
            if number >= len(students):
                return
            graded.put(floor.grade(students[number]))

    workers = [context.Process(target=work, daemon=True) for _ in range(processes)]
    for worker in workers:
        worker.start()
    found = []
    while len(found) < len(students):
        try:
            found.append(graded.get(timeout=_LOOK_EVERY_S))
        except queue.Empty:
            if not any(worker.is_alive() for worker in workers) and graded.empty():
                raise click.ClickException("a process of the floor died") from None
    return found


@click.command()
@click.argument("course", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.argument("assignment")
@click.argument("out", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--processes", type=click.IntRange(min=1), default=1, show_default=True)
def main(course: Path, assignment: str, out: Path, processes: int) -> None:
    """Run the class in COURSE's submitted/ bare; write seconds and scores to OUT."""
    chosen = find_course(course).assignment(assignment)
    students = sorted(
        folder.parent.name for folder in chosen.course.submitted.glob(f"*/{assignment}")
    )
    floor = Floor.warmed(chosen)
    out = out.resolve()
    with tempfile.TemporaryDirectory(prefix="floor-") as work:
        for name in read_facts(chosen).data:
            shutil.copy(chosen.course.data / Path(name).name, work)
        os.chdir(work)
        warm = time.time()
        graded = grade_class(floor, students, processes)
        seconds = time.time() - warm
        os.chdir("/")
    report = {"warm_at": warm, "seconds": seconds, "submissions": graded}
    out.write_text(json.dumps(report))


if __name__ == "__main__":
    main()
