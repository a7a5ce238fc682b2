"""Time stock nbgrader, otter-grader, `autograder grade` and the bare floor on the same class."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click
from graders import Bench, Measured, measure
from otter_class import OTTER_PYTHON, otter_version
from ratios import ladder, phases, ratios
from running import Run, become_subreaper
from showing import CONSOLE, load_before, show

from autograder.course.files import find_course
from autograder.errors import AutograderError
from autograder.judge.assignment_side import JudgeSide

_BENCH = Path(__file__).parent
_PACKAGES = ("genai-foundations", "nbgrader", "nbclient", "ipykernel", "pytest", "numpy", "torch")


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
