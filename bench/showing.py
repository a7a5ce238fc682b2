"""Print a comparison: the graders, where our time goes, the way up from the floor, scores."""

from __future__ import annotations

import os
from typing import Any

from rich.console import Console
from rich.table import Table

# Of a machine with nothing else to do; a run that has just ended is still in the mean of a minute.
_IDLE = 0.5
_TERMINAL = Console()
# Wide enough for tables where it is piped.
CONSOLE = _TERMINAL if _TERMINAL.is_terminal else Console(width=140)


def load_before() -> float:
    """Return the machine's load before anything is measured; say so where it is not idle."""
    load = os.getloadavg()[0]
    if load > _IDLE:
        CONSOLE.print(f"[bold]load {load:.1f}: something else runs here; do not quote this[/bold]")
    return round(load, 2)


def show(report: dict[str, Any]) -> None:
    """Print everything of a report that a person reads."""
    CONSOLE.print(_graders(report))
    CONSOLE.print(_ladder(report))
    CONSOLE.print(_time(report))
    if report["differences"]:
        CONSOLE.print(_differences(report["differences"]))
    compared = ", ".join(
        f"{count} with {name}" for name, count in report["scores_compared"].items()
    )
    CONSOLE.print(
        f"Scores compared: {compared}. {len(report['differences'])} differ, "
        f"{report['differences_not_explained']} of them not by an earlier mistake."
    )
    if report["needs_person"]:
        CONSOLE.print(
            f"[bold]{report['needs_person']} submissions need a person: look first[/bold]"
        )


def _graders(report: dict[str, Any]) -> Table:
    title = (
        f"{report['assignment']}, {report['submissions']} submissions, "
        f"{report['jobs']} judges on {report['cores']} cores"
    )
    columns = ("", "submissions/s", "seconds", "processor s", "our throughput over theirs")
    table = Table(*columns, title=title)
    for row, key in (("nbgrader autograde", "nbgrader"), ("otter-grader", "otter")):
        if report[key] is not None:
            ratio = f"{report[f'throughput_ratio_{key}']} ×"
            table.add_row(row, *_timings(report[key]), ratio)
    table.add_row("autograder grade", *_timings(report["autograder"]), "1 ×")
    floor = report["floor"]
    ratio = f"1 / {report['ratio_to_floor']} a core, warm"
    table.add_row(
        "the floor, one warm process", str(floor["submissions_per_second"]),
        str(floor["seconds"]), "", ratio,
    )  # fmt: skip
    return table


def _timings(one: dict[str, Any]) -> list[str]:
    return [str(one[key]) for key in ("submissions_per_second", "seconds", "cpu_seconds")]


def _ladder(report: dict[str, Any]) -> Table:
    columns = ("a submission costs", "s × cores", "over floor", "processor s", "over floor")
    table = Table(*columns, title="From the floor upwards; the line with the gradebook counts")
    for step in report["ladder"]:
        keys = ("core_s", "over_floor", "cpu_s", "cpu_over_floor")
        table.add_row(step["with"], *(str(step[key]) for key in keys))
    return table


def _time(report: dict[str, Any]) -> Table:
    columns = {
        "with gradebook": report["autograder"],
        "without": report["autograder_without_gradebook"],
        "and naming nothing": report["autograder_without_names"],
        "floor": report["floor"],
    }
    table = Table("autograder grade", *columns, title="Where the time goes, in seconds")
    for row in report["autograder"]:
        values = (str(one.get(row, "")) for one in columns.values())
        table.add_row(row.removesuffix("_s").replace("_", " "), *values)
    return table


def _differences(differences: list[dict[str, Any]]) -> Table:
    columns = ("grader", "student", "exercise", "points", "theirs", "ours", "reason")
    table = Table(*columns, title="scores that differ")
    for one in differences:
        table.add_row(*(str(one[column]) for column in columns))
    return table


def show_scale(report: dict[str, Any]) -> None:
    """Print what a scale run found."""
    time, unchanged = report["time"], report["unchanged"]
    title = f"{report['submissions']} submissions of {report['assignment']}"
    table = Table("", "", title=f"{title}, {report['jobs']} judges on {report['cores']} cores")
    rows = {
        "seconds from start to exit": report["seconds"],
        "submissions a second": report["submissions_per_second"],
        "a submission in its judge, first and last quarter, s": (
            f"{time['first_quarter_s']}, {time['last_quarter_s']} (× {time['last_over_first']})"
        ),
        "the run's pace, first and last quarter, s a submission": (
            f"{time['first_quarter_pace_s']}, {time['last_quarter_pace_s']}"
        ),
        "an entry in the gradebook, first and last quarter, processor s": (
            f"{report['gradebook']['first_quarter_cpu_s']}, "
            f"{report['gradebook']['last_quarter_cpu_s']}"
        ),
        "the same by the clock, s": (
            f"{report['gradebook']['first_quarter_pace_s']}, "
            f"{report['gradebook']['last_quarter_pace_s']}"
        ),
        "unchanged: skipped a second, start and exit included": unchanged["submissions_per_second"],
        "unchanged: seconds, twice": ", ".join(map(str, unchanged["seconds"])),
        "unchanged: no result written again": unchanged["no_result_was_written_again"],
    }
    for part in ("coordinator", "writer", "judges"):
        one = report[part]
        grown = f"{one['rss_mb_per_1000_submissions']:+} a 1,000 submissions"
        rows[f"{part}: MiB resident at most, and growth"] = f"{one['rss_mb_at_most']}, {grown}"
    grown = report["coordinator"]["pss_mb_per_1000_submissions"]
    rows["coordinator: growth of its own share (PSS), MiB a 1,000"] = f"{grown:+}"
    for row, value in rows.items():
        table.add_row(row, str(value))
    CONSOLE.print(table)
