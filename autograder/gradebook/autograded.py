"""What students wrote to the questions that people mark, read from `autograded/`."""

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


class WrittenAnswers:
    """Reads the notebooks of a class that the gradebook shows, one at a time."""

    def __init__(self, assignment: Assignment) -> None:
        self._assignment = assignment

    def of(self, student: str) -> dict[str, list[NotebookNode]] | None:
        """Return, by task, the cells a student wrote; None where no notebook was entered."""
        try:
            notebook = nbformat.from_dict(json.loads(self._path(student).read_bytes()))
        except (OSError, ValueError):
            return None
        for cell in notebook.cells:
            cell.source = "".join(cell.source)
        return derivations(notebook, self._ours)

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
