"""Make up what a student hands in: a released notebook with answers in it; never choose them."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from autograder.course.files import Assignment


def read_release(assignment: Assignment) -> NotebookNode:
    """Return the notebook that the students of an assignment get."""
    return nbformat.read(assignment.release_notebook, as_version=4)


def grade_id(cell: NotebookNode) -> str:
    """Return the name that nbgrader knows a cell by, or nothing."""
    return str(cell.metadata.get("nbgrader", {}).get("grade_id", ""))


def made_up_notebook(release: NotebookNode, answers: Mapping[str, str | None]) -> NotebookNode:
    """Return a copy of a release with these answers in the cells of their names.

    A cell for which there is no answer, or None, stays as it was released.
    """
    notebook = copy.deepcopy(release)
    for cell in notebook.cells:
        answer = answers.get(grade_id(cell))
        if answer is not None:
            cell.source = answer
    return notebook


def notebook_bytes(notebook: NotebookNode) -> bytes:
    """Return a notebook as it lies in a file."""
    return nbformat.writes(notebook).encode()


def hand_in(assignment: Assignment, student: str, content: bytes) -> Path:
    """Put a file where nbgrader keeps a student's submission; one that says this already stays."""
    path = assignment.submission(student)
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.is_file() or path.read_bytes() != content:
        path.write_bytes(content)
    return path
