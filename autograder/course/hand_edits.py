"""What a build wrote, told in the notebook itself, so that no later build undoes a person's edit.

The first cell's metadata name the master and the digests of both notebooks: nbgrader's own Generate
carries them from the one to the other. A digest is of what a person writes: text and kind of cells,
points and marks. Outputs, and what Jupyter and nbgrader keep beside them, are nobody's edit.
"""

from __future__ import annotations

import json
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from autograder.course.facts import METADATA_KEY
from autograder.course.files import Assignment
from autograder.results.versions import text_hash

_MARKS = ("grade_id", "grade", "solution", "task", "locked")
_NAMES_SHOWN = 5


def record_build(assignment: Assignment, source: NotebookNode, release: NotebookNode) -> None:
    """Write into both notebooks what they are built from, and what was built."""
    told = {
        "built_from": assignment.master.relative_to(assignment.course.root).as_posix(),
        "source": _digest(source),
        "release": _digest(release),
    }
    for notebook in (source, release):
        notebook.cells[0].metadata[METADATA_KEY] = told


def hand_edit(path: Path, built: NotebookNode) -> str:
    """Say how the notebook that lies at a path was changed by hand; "" where it was not.

    What nobody can say was built counts as changed, unless it is what would be built now.
    """
    try:
        found = nbformat.read(path, as_version=4)
        digest = _digest(found)
    except FileNotFoundError:
        return ""
    except Exception:
        return "it is no notebook any more"
    if digest in (_digest(built), *_built_digests(found)):
        return ""
    return _named_cells(found, built)


def _built_digests(notebook: NotebookNode) -> list[str]:
    told = notebook.cells[0].metadata.get(METADATA_KEY, {}) if notebook.cells else {}
    return [str(told[key]) for key in ("source", "release") if key in told]


def _digest(notebook: NotebookNode) -> str:
    return text_hash(json.dumps([_written(cell) for cell in notebook.cells]).encode())


def _written(cell: NotebookNode) -> list[Any]:
    """Return what of a cell a person writes."""
    marks = cell.metadata.get("nbgrader", {})
    has_points = marks.get("grade") or marks.get("task")
    points = float(marks.get("points") or 0) if has_points else 0.0
    return [cell.cell_type, cell.source, points, *(marks.get(name) or None for name in _MARKS)]


def _named_cells(found: NotebookNode, built: NotebookNode) -> str:
    """Say which cells differ from what would be built, by their numbers and names."""
    ours, theirs = ([json.dumps(_written(cell)) for cell in one.cells] for one in (built, found))
    changed: list[str] = []
    gone = 0
    for kind, i, i_end, j, j_end in SequenceMatcher(None, ours, theirs, False).get_opcodes():
        if kind != "equal":
            changed += [_named(number, found.cells[number]) for number in range(j, j_end)]
            gone += max(0, (i_end - i) - (j_end - j))
    more = len(changed) - _NAMES_SHOWN
    names = [*changed[:_NAMES_SHOWN], *([f"{more} more"] if more > 0 else [])]
    said = [f"cells that build would not write: {', '.join(names)}"] if names else []
    return "; ".join([*said, *([f"cells that are gone: {gone}"] if gone else [])])


def _named(number: int, cell: NotebookNode) -> str:
    name = cell.metadata.get("nbgrader", {}).get("grade_id") or cell.cell_type
    return f"{number + 1} ({name})"
