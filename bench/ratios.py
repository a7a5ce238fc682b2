"""From a grader's run to figures: phases, parts, and how far we are above the floor."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import mean
from typing import Any

from running import Run


@dataclass(frozen=True)
class FloorRun:
    """The floor's run: when it was warm, and the seconds from there to the last submission."""

    run: Run
    processes: int
    warm_at: float
    seconds: float
    submissions: list[dict[str, Any]]

    @property
    def start_up_s(self) -> float:
        return self.warm_at - self.run.started

    @property
    def core_s(self) -> float:
        """Clock seconds a submission, times the cores it had."""
        return self.seconds * self.processes / len(self.submissions)

    @property
    def cpu_s(self) -> float:
        """Processor seconds a submission."""
        return mean(one["cpu_seconds"] for one in self.submissions)

    @property
    def cells_s(self) -> float:
        return mean(one["cells_seconds"] for one in self.submissions)

    def report(self) -> dict[str, float]:
        """Return the floor's figures."""
        figures = {
            "processes": self.processes,
            "start_up_s": self.start_up_s,
            "seconds": self.seconds,
            "submissions_per_second": len(self.submissions) / self.seconds,
            "per_submission_core_s": self.core_s,
            "per_submission_cpu_s": self.cpu_s,
            "per_submission_cells_s": self.cells_s,
            "per_submission_calls_and_tests_s": mean(
                one["seconds"] - one["cells_seconds"] for one in self.submissions
            ),
        }
        return {name: round(value, 3) for name, value in figures.items()}


@dataclass(frozen=True)
class OurRun:
    """Our run: when each submission's result was there, and the seconds each took in its judge."""

    run: Run
    jobs: int
    ended: list[float]
    seconds: list[float]
    results: list[dict[str, Any]]
    """The results themselves, where the run wrote them to the course."""

    @property
    def count(self) -> int:
        return len(self.ended)

    @property
    def begun(self) -> float:
        """When the first submission began: the end of the start-up."""
        return min(end - took for end, took in zip(self.ended, self.seconds, strict=True))

    @property
    def start_up_s(self) -> float:
        return self.begun - self.run.started

    @property
    def grading_s(self) -> float:
        return max(self.ended) - self.begun

    @property
    def after_s(self) -> float:
        """From the last result to the exit: what the gradebook still needs, and the table."""
        return self.run.started + self.run.seconds - max(self.ended)

    @property
    def core_s(self) -> float:
        """Clock seconds a submission without the start-up, times the cores it had."""
        return (self.grading_s + self.after_s) * self.jobs / self.count

    @property
    def cpu_s(self) -> float:
        """Processor seconds a submission without the start-up."""
        return (self.run.cpu_seconds - self.run.cpu_until(self.begun)) / self.count


def phases(ours: OurRun) -> dict[str, float]:
    """Return where our time goes: phases of the run, parts of the engine, means of a submission."""
    cpu = ours.run.cpu_by_part()
    figures = {
        "start_up_s": ours.start_up_s,
        "grading_s": ours.grading_s,
        "after_grading_s": ours.after_s,
        "start_up_cpu_s": ours.run.cpu_until(ours.begun),
        **{f"{part}_cpu_s": seconds for part, seconds in cpu.items()},
        "per_submission_core_s": ours.core_s,
        "per_submission_cpu_s": ours.cpu_s,
        "per_submission_in_judge_s": mean(ours.seconds),
    }
    if ours.results:
        cells = mean(one["cells_seconds"] for one in ours.results)
        tests = mean(sum(e["seconds"] for e in one["exercises"]) for one in ours.results)
        figures["per_submission_cells_s"] = cells
        figures["per_submission_calls_and_tests_s"] = tests
        figures["per_submission_rest_s"] = mean(ours.seconds) - cells - tests
        waiting = ours.grading_s * ours.jobs / ours.count - mean(ours.seconds)
        figures["per_submission_between_s"] = waiting
        figures["per_submission_after_s"] = ours.after_s * ours.jobs / ours.count
        figures["per_submission_start_up_s"] = ours.start_up_s * ours.jobs / ours.count
    return {name: round(value, 3) for name, value in figures.items()}


def ratios(floor: FloorRun, ours: OurRun, alone: OurRun, unnamed: OurRun) -> dict[str, float]:
    """Return how far above the floor we are: by the clock and cores, and by processor time."""
    count = ours.count
    floor_whole_s = floor.start_up_s + floor.seconds / ours.jobs
    found = {
        "ratio_to_floor": ours.core_s / floor.core_s,
        "without_gradebook": alone.core_s / floor.core_s,
        "without_gradebook_and_names": unnamed.core_s / floor.core_s,
        "with_start_up_on_both_sides": ours.run.seconds / floor_whole_s,
        "with_start_up_on_ours_alone": ours.run.seconds * ours.jobs / count / floor.core_s,
        "cpu": ours.cpu_s / floor.cpu_s,
        "cpu_without_gradebook": alone.cpu_s / floor.cpu_s,
        "cpu_without_gradebook_and_names": unnamed.cpu_s / floor.cpu_s,
        "cpu_with_start_up_on_ours_alone": ours.run.cpu_seconds / count / floor.cpu_s,
    }
    return {name: round(value, 2) for name, value in found.items()}


def ladder(
    floor: FloorRun, beside: FloorRun, ours: OurRun, alone: OurRun, unnamed: OurRun
) -> list[dict[str, Any]]:
    """Return, from the floor upwards, what a submission costs with each thing that we add."""
    whole_core_s = ours.run.seconds * ours.jobs / ours.count
    steps = [
        ("the floor: one process, one core", floor.core_s, floor.cpu_s),
        ("the floor on every core at once", beside.core_s, beside.cpu_s),
        ("+ box, wall, judge, feedback, nothing punished twice", unnamed.core_s, unnamed.cpu_s),
        ("+ misconceptions named", alone.core_s, alone.cpu_s),
        ("+ gradebook", ours.core_s, ours.cpu_s),
        ("+ start-up", whole_core_s, ours.run.cpu_seconds / ours.count),
    ]
    return [
        {
            "with": what,
            "core_s": round(core_s, 3),
            "cpu_s": round(cpu_s, 3),
            "over_floor": round(core_s / floor.core_s, 2),
            "cpu_over_floor": round(cpu_s / floor.cpu_s, 2),
        }
        for what, core_s, cpu_s in steps
    ]
