"""What is said of a submission's cells: which were cut off, and why a name is not there."""

from __future__ import annotations

from collections.abc import Mapping

from autograder.sandbox.host.cell_runs import CellRun
from autograder.sandbox.host.cell_times import CutOff


def cut_off_notes(runs: Mapping[int, CellRun]) -> list[str]:
    """Return a note that names the student's own cells which took too long, if there are any."""
    cut_off = [index for index, run in sorted(runs.items()) if isinstance(run.problem, CutOff)]
    if not cut_off:
        return []
    first, last = cut_off[0] + 1, cut_off[-1] + 1
    which = f"cell {first} is" if first == last else f"cells {first} to {last} are"
    several = f", {len(cut_off)} of them" if len(cut_off) < last - first + 1 else ""
    return [f"{which} the student's own and took too long{several}: cut off, to grade the answers"]
