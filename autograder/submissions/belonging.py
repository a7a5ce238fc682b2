"""Whose notebook this is: another assignment's, or another edition's, is for a person to see."""

from __future__ import annotations

import json
from pathlib import Path

from nbformat import NotebookNode

from autograder.course.files import Assignment
from autograder.submissions.own_code import holds_stubs_alone
from autograder.submissions.reading import SubmittedCell, is_same_text


def other_notebook(
    cells: list[SubmittedCell], release: NotebookNode, assignment: Assignment
) -> str:
    """Say which other notebook most of a submission's named cells are of; nothing where none is."""
    names = {cell.grade_id for cell in cells if cell.grade_id is not None}
    ours = {cell.metadata.get("nbgrader", {}).get("grade_id") for cell in release.cells}
    foreign = names - ours
    if len(foreign) <= len(names & ours):
        return ""
    known = {
        path.stem: len(foreign & _names_in(path))
        for path in sorted(assignment.release_notebook.parents[1].glob("*/*.ipynb"))
    }
    likely = max(known, key=lambda name: known[name], default="")
    if known.get(likely, 0) * 2 > len(foreign):
        return f"this is the notebook of {likely}, and not of {assignment.name}"
    return (
        f"most of its named cells ({len(foreign)} of {len(names)}) are not of {assignment.name}: "
        "it is of another edition, or of another course"
    )


def _names_in(path: Path) -> set[str]:
    """Return the names of a released notebook's cells; none where it cannot be read."""
    try:
        cells = json.loads(path.read_bytes())["cells"]
        marks = [cell["metadata"].get("nbgrader", {}) for cell in cells]
    except (OSError, ValueError, KeyError, TypeError):
        return set()
    return {str(one["grade_id"]) for one in marks if "grade_id" in one}


def has_own_code(notebook: NotebookNode, release: NotebookNode) -> bool:
    """Say whether a rebuilt notebook holds code that was not released, comments left aside."""
    released = [cell.source for cell in release.cells if cell.cell_type == "code"]
    return any(
        cell.cell_type == "code"
        and any(line.strip() and not line.lstrip().startswith("#") for line in _lines(cell))
        and not any(is_same_text(cell.source, text) for text in released)
        # A stub of an earlier release, say.
        and not holds_stubs_alone(cell.source)
        for cell in notebook.cells
    )


def _lines(cell: NotebookNode) -> list[str]:
    return str(cell.source).split("\n")
