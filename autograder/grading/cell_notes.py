"""What is said of a submission's cells: which were cut off, and why a name is not there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from autograder.sandbox.host.cell_runs import CellRun
from autograder.sandbox.host.cell_times import CutOff
from autograder.submissions.cleaning import clean_outputs
from autograder.submissions.own_code import binds, may_be_taken_apart
from autograder.submissions.rebuilding import Rebuilt

_NAME_ERROR = re.compile(r"It raised NameError: name '(\w{1,100})' is not defined")
_MAX_ERROR = 200


def cut_off_notes(runs: Mapping[int, CellRun]) -> list[str]:
    """Return a note that names the student's own cells which took too long, if there are any."""
    cut_off = [index for index, run in sorted(runs.items()) if isinstance(run.problem, CutOff)]
    if not cut_off:
        return []
    first, last = cut_off[0] + 1, cut_off[-1] + 1
    which = f"cell {first} is" if first == last else f"cells {first} to {last} are"
    several = f", {len(cut_off)} of them" if len(cut_off) < last - first + 1 else ""
    return [f"{which} the student's own and took too long{several}: cut off, to grade the answers"]


def error_of(run: CellRun) -> str | None:
    """Return the last error that a cell showed, as `Kind: message`; None where it showed none."""
    found = None
    for output in clean_outputs(run.outputs):
        if output["output_type"] == "error":
            found = f"{output['ename']}: {output['evalue'][:_MAX_ERROR]}"
    return found


def with_cause(message: str, rebuilt: Rebuilt, runs: Mapping[int, CellRun]) -> str:
    """Return a message with why the name that it misses is not there, where a cell tells why."""
    missed = _NAME_ERROR.match(message)
    cause = next(_causes(missed[1], rebuilt, runs), "") if missed else ""
    return f"{message}. {cause}" if cause else message


def _causes(name: str, rebuilt: Rebuilt, runs: Mapping[int, CellRun]) -> Iterator[str]:
    """Yield what became of each cell that binds a name, those that ran first."""
    run_here = dict(rebuilt.cells_to_run())
    if not may_be_taken_apart(run_here.values()):
        return
    for index, source in run_here.items():
        run = runs.get(index)
        if run is None or not binds(source, name):
            continue
        why = error_of(run) if run.problem is None else run.problem.message
        if why is not None:
            yield f"`{name}` comes from your cell {index + 1}, where grading met {why}"
    for index, source in rebuilt.cells_not_run():
        if binds(source, name):
            yield (
                f"`{name}` is bound in cell {index + 1} alone, and visible checks and demos do not "
                "run in grading: put it into a cell of your own"
            )
    if not any(binds(source, name) for source in run_here.values()):
        yield f"No cell binds `{name}`: restart the kernel and run all cells to see this too"
