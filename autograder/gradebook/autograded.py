"""The notebooks in `autograded/`: of which files they are, and what students wrote in them."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from autograder.course.configuration import course_config
from autograder.course.files import Assignment
from autograder.course.nbgrader_release import course_directory
from autograder.submissions.derivations import derivations

GRADED = "autograder_submission"
"""The metadata of such a notebook that holds the hash of the file it was rebuilt from."""


class Autograded:
    """Reads the notebooks of a class that the gradebook shows, one at a time."""

    def __init__(self, assignment: Assignment) -> None:
        self._assignment = assignment
        self._last: tuple[str, NotebookNode | None] | None = None

    def derivations(self, student: str) -> dict[str, list[NotebookNode]] | None:
        """Return, by task, the cells a student wrote; None where no notebook was entered."""
        notebook = self._notebook(student)
        return None if notebook is None else derivations(notebook, self._ours)

    def submission(self, student: str) -> str | None:
        """Return the hash of the file that the notebook was made of, where there is a notebook."""
        notebook = self._notebook(student)
        return None if notebook is None else str(notebook.metadata.get(GRADED, ""))

    def _notebook(self, student: str) -> NotebookNode | None:
        # A page asks twice, of one student after the other.
        if self._last is None or self._last[0] != student:
            self._last = student, _read(self._path(student))
        return self._last[1]

    def _path(self, student: str) -> Path:
        directory, name = self._directory, self._assignment.name
        folder = directory.format_path(directory.autograded_directory, student, name)
        return Path(folder) / f"{name}.ipynb"

    @cached_property
    def _directory(self) -> Any:
        return course_directory(self._assignment, course_config(self._assignment.course))

    @cached_property
    def _ours(self) -> frozenset[str]:
        notebook = json.loads(self._assignment.release_notebook.read_bytes())
        return frozenset("".join(cell["source"]) for cell in notebook["cells"])


def _read(path: Path) -> NotebookNode | None:
    try:
        notebook = nbformat.from_dict(json.loads(path.read_bytes()))
    except (OSError, ValueError):
        return None
    for cell in notebook.cells:
        cell.source = "".join(cell.source)
    return notebook
