"""nbgrader's feedback is our student page: `release_feedback` delivers no half of its own."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any, cast

from nbconvert.exporters import Exporter
from nbformat import NotebookNode
from traitlets import default

from autograder.course.files import find_course
from autograder.errors import AutograderError
from autograder.feedback.class_feedback import ClassFeedback
from autograder.results.document import read_result


class StudentPage(Exporter):
    """Turns a notebook in `autograded/` into its page of its student: what they wrote, no more.

    Marking schemes stand in that notebook: they stay with those who mark.
    """

    @default("file_extension")
    def _file_extension_default(self) -> str:
        return ".html"

    def from_filename(
        self, filename: str, resources: dict[str, Any] | None = None, **_: Any
    ) -> tuple[NotebookNode, dict[str, Any]]:
        """Return the page of the student that nbgrader names in its resources."""
        resources = resources or {}
        names = resources["nbgrader"]
        feedback = self._feedback(Path(filename), names["assignment"])
        result = read_result(feedback.assignment.result(names["student"]))
        if result is None or result.student != names["student"] or feedback.is_stale(result):
            raise AutograderError(
                f"{names['student']}: the result of {names['assignment']} is not that of the "
                f"notebook in {filename}: run `autograder grade {names['assignment']}` again"
            )
        # An exporter of HTML returns text, whatever the class above says.
        page = cast(NotebookNode, feedback.page(result))
        return page, {**resources, "output_extension": self.file_extension}

    @cached_property
    def _classes(self) -> dict[str, ClassFeedback]:
        return {}

    def _feedback(self, path: Path, assignment: str) -> ClassFeedback:
        """Return what makes the pages of a class; an exporter lives for one command."""
        if assignment not in self._classes:
            found = find_course(path.parent).assignment(assignment)
            self._classes[assignment] = ClassFeedback(found)
        return self._classes[assignment]
