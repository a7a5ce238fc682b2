"""Grade a class of thousands: is memory flat, is time flat, how fast is what has not changed?"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import mean
from typing import Any

import click
import numpy as np
from running import Run, Sample, become_subreaper, run
from showing import CONSOLE, load_before, show_scale
from two_courses import copy_course, write_class

from autograder.course.files import Assignment, find_course
from autograder.course.notebooks import build
from autograder.errors import AutograderError
from autograder.judge.assignment_side import JudgeSide

_BENCH = Path(__file__).parent
_RAN = (0, 1)
_SAMPLES = 400
_LEAST_INTERVAL_S = 1.0
# What a process allocates once, in the first submissions, is no growth.
_WARM = 0.1


@dataclass(frozen=True)
class ScaleRun:
    """A run over the class: when each result and each entry in the gradebook was there."""

    run: Run
    jobs: int
    ended: list[float]
    seconds: list[float]
    entered: list[float]

    @classmethod
    def read(cls, finished: Run, jobs: int, assignment: Assignment) -> ScaleRun:
        """Read what a run left on disk, in the order in which it came."""
        graded = []
        for path in assignment.results.glob("*.json"):
            graded.append((path.stat().st_mtime, json.loads(path.read_text())["seconds"]))
        graded.sort()
        notebooks = assignment.course.root.glob(f"autograded/*/{assignment.name}/*.ipynb")
        entered = sorted(path.stat().st_mtime for path in notebooks)
        return cls(finished, jobs, [end for end, _ in graded], [s for _, s in graded], entered)

    @property
    def warm_samples(self) -> list[Sample]:
        """The samples from when everything is warm to the last result."""
        warm_at = self.ended[int(_WARM * len(self.ended))]
        return [one for one in self.run.samples if warm_at <= one.time < self.ended[-1]]

    def done(self, sample: Sample) -> int:
        """Return how many results were there when a sample was taken."""
        return bisect_right(self.ended, sample.time)


def memory_figures(scale: ScaleRun) -> dict[str, Any]:
    """Return how much memory the coordinator and the writer hold, and how fast that grows."""
    samples = scale.warm_samples
    done = [scale.done(one) / 1000 for one in samples]
    series = {
        "coordinator": {
            "rss": [one.rss_mb["coordinator"] for one in samples],
            "pss": [one.pss_mb for one in samples],
        },
        "writer": {"rss": [one.rss_mb["writer"] for one in samples]},
        "judges": {"rss": [one.rss_mb["judges"] for one in samples]},
    }
    return {
        part: {
            f"{kind}_{what}": round(value, 2) + 0.0
            for kind, values in kinds.items()
            for what, value in {
                "mb_at_first": values[0] if values else 0.0,
                "mb_at_most": max(values, default=0.0),
                "mb_per_1000_submissions": slope(done, values),
            }.items()
        }
        for part, kinds in series.items()
    }


def time_figures(scale: ScaleRun) -> dict[str, float]:
    """Return a submission's seconds in its judge, and the run's pace, by quarters of the class."""
    count = len(scale.ended)
    quarter = max(1, count // 4)
    begun = min(end - took for end, took in zip(scale.ended, scale.seconds, strict=True))
    first, last = mean(scale.seconds[:quarter]), mean(scale.seconds[-quarter:])
    before_last = scale.ended[-quarter - 1] if count > quarter else begun
    numbers = [number / 1000 for number in range(count)]
    return {
        "first_quarter_s": round(first, 4),
        "last_quarter_s": round(last, 4),
        "last_over_first": round(last / first, 3),
        "ms_per_1000_submissions": round(1000 * slope(numbers, scale.seconds), 2),
        "first_quarter_pace_s": round((scale.ended[quarter - 1] - begun) / quarter, 4),
        "last_quarter_pace_s": round((scale.ended[-1] - before_last) / quarter, 4),
        "start_up_s": round(begun - scale.run.started, 2),
        "grading_s": round(scale.ended[-1] - begun, 2),
        "after_grading_s": round(scale.run.started + scale.run.seconds - scale.ended[-1], 2),
    }


def gradebook_figures(scale: ScaleRun) -> dict[str, float]:
    """Return the writer's seconds an entry, at the beginning and at the end.

    By the clock it waits for the disk, for the processor, and in the beginning for results.
    """
    count = len(scale.entered)
    quarter = max(1, count // 4)

    def cpu_between(first: int, last: int) -> float:
        start, end = (_writer_cpu(scale.run.samples, scale.entered[n]) for n in (first, last))
        return (end - start) / max(1, last - first)

    def pace(first: int, last: int) -> float:
        return (scale.entered[last] - scale.entered[first]) / max(1, last - first)

    return {
        "entered": count,
        "first_quarter_pace_s": round(pace(0, min(quarter, count - 1)), 4),
        "last_quarter_pace_s": round(pace(max(0, count - 1 - quarter), count - 1), 4),
        "first_quarter_cpu_s": round(cpu_between(0, min(quarter, count - 1)), 4),
        "last_quarter_cpu_s": round(cpu_between(max(0, count - 1 - quarter), count - 1), 4),
    }


def _writer_cpu(samples: list[Sample], moment: float) -> float:
    times = [one.time for one in samples]
    return float(np.interp(moment, times, [one.cpu["writer"] for one in samples]))


def slope(over: list[float], values: list[float]) -> float:
    """Return the slope of the straight line that fits best; 0 where there is none to fit."""
    if len(set(over)) < 2:
        return 0.0
    # Adding nothing turns a negative zero, which would be printed, into zero.
    return round(float(np.polyfit(over, values, 1)[0]), 6) + 0.0


def measure(judge: JudgeSide, count: int, jobs: int) -> tuple[ScaleRun, dict[str, Any]]:
    """Grade a class, then the same again unchanged; return the first run, and what came of both."""
    name = judge.assignment.name
    with tempfile.TemporaryDirectory(prefix="bench-scale-") as folder:
        course = copy_course(judge.assignment.course, Path(folder, "course"))
        assignment = course.assignment(name)
        CONSOLE.print(f"writing {count} submissions of {name} to {folder}")
        write_class(judge, count, [course])
        command = ("autograder", "grade", name, "--jobs", str(jobs))
        interval_s = max(_LEAST_INTERVAL_S, count / _SAMPLES)
        graded = run(course.root, *command, allowed=_RAN, watch_every_s=interval_s, echoes=True)
        scale = ScaleRun.read(graded, jobs, assignment)
        if not (scale.ended and scale.entered):
            raise click.ClickException(f"nothing was graded: {graded.lines[-3:]}")
        if len(scale.ended) != count or len(scale.entered) != count:
            CONSOLE.print("[bold]not all were graded and entered: see the report[/bold]")
        CONSOLE.print("the same again, unchanged")
        again = [run(course.root, *command, allowed=_RAN) for _ in range(2)]
        kept = ScaleRun.read(again[-1], jobs, assignment).ended == scale.ended
        size = sum(path.stat().st_size for path in assignment.results.glob("*.json"))
    return scale, {
        "graded": len(scale.ended),
        "results_mb": round(size / 2**20, 1),
        "unchanged": {
            "seconds": [round(one.seconds, 3) for one in again],
            "submissions_per_second": round(count / again[0].seconds, 1),
            "no_result_was_written_again": kept,
        },
    }


def report_on(name: str, count: int, scale: ScaleRun, also: dict[str, Any]) -> dict[str, Any]:
    """Return the report: where and when, time, memory, the gradebook."""
    return {
        "assignment": name,
        "submissions": count,
        "cores": os.cpu_count(),
        "jobs": scale.jobs,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": sys.version.split()[0],
        "seconds": round(scale.run.seconds, 2),
        "cpu_seconds": round(scale.run.cpu_seconds, 2),
        "submissions_per_second": round(count / scale.run.seconds, 3),
        "exit_code": scale.run.exit_code,
        "time": time_figures(scale),
        **memory_figures(scale),
        "gradebook": gradebook_figures(scale),
        **also,
    }


def curves(scale: ScaleRun) -> dict[str, Any]:
    """Return what is drawn over the number of submissions done."""
    count = len(scale.ended)
    # When the last result is there, the judges go.
    samples = [one for one in scale.run.samples if 0 < scale.done(one) < count]
    return {
        "done": [scale.done(one) for one in samples],
        "coordinator_rss_mb": [round(one.rss_mb["coordinator"], 1) for one in samples],
        "coordinator_pss_mb": [round(one.pss_mb, 1) for one in samples],
        "writer_rss_mb": [round(one.rss_mb["writer"], 1) for one in samples],
        "judges_rss_mb": [round(one.rss_mb["judges"], 1) for one in samples],
        "seconds": [round(one, 3) for one in scale.seconds],
    }


def _toy(folder: Path) -> JudgeSide:
    """Return the assignment of the engine's own tests, built in a folder of its own."""
    source = _BENCH.parent / "tests" / "engine" / "toy_course"
    shutil.copytree(source, folder / "toy", ignore=shutil.ignore_patterns("__pycache__"))
    assignment = find_course(folder / "toy").assignment("toy")
    build(assignment)
    return JudgeSide(assignment)


def _real(name: str) -> JudgeSide:
    return JudgeSide(find_course(_BENCH).assignment(name))


@click.command()
@click.option("--submissions", type=click.IntRange(min=8), default=2000, show_default=True)
@click.option("--assignment", default="toy", show_default=True, help="Or one of the course.")
@click.option("--jobs", type=click.IntRange(min=1), default=os.cpu_count(), show_default="cores")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="The report, as JSON.")
def main(submissions: int, assignment: str, jobs: int, out: Path | None) -> None:
    """Grade a made-up class of thousands; sample memory and time; then grade it again unchanged.

    Submissions and results lie in a temporary folder meanwhile (TMPDIR says where). The default
    assignment is that of the engine's own tests: four exercises, graded like any other.
    """
    become_subreaper()
    load = load_before()
    path = out or _BENCH / "results" / f"scale-{submissions}.json"
    try:
        with tempfile.TemporaryDirectory(prefix="bench-toy-") as folder:
            judge = _toy(Path(folder)) if assignment == "toy" else _real(assignment)
            scale, also = measure(judge, submissions, jobs)
    except AutograderError as error:
        raise click.ClickException(str(error)) from error
    path.parent.mkdir(parents=True, exist_ok=True)
    report = {"load_at_start": load, **report_on(assignment, submissions, scale, also)}
    drawn = curves(scale)
    path.write_text(json.dumps({**report, "curves": drawn}) + "\n")
    show_scale(report)
    from plotting import plot_scale

    picture = path.with_suffix(".svg")
    plot_scale(report, drawn, picture)
    CONSOLE.print(f"written: {path} and {picture.name}")


if __name__ == "__main__":
    main()
