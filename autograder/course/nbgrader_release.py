"""Let nbgrader itself make the student's notebook, under the course's own configuration."""

from __future__ import annotations

import logging
import shutil
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbgrader.converters import GenerateAssignment
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config

from autograder.course.configuration import course_config
from autograder.course.files import Assignment, Course
from autograder.errors import ReleaseFailed


def course_directory(assignment: Assignment, config: Config) -> Any:
    """Return nbgrader's idea of the course, set to one assignment."""
    directory = CourseDirectory(config=config)
    directory.root = str(assignment.course.root)
    directory.assignment_id = assignment.name
    return directory


def generate_release(
    assignment: Assignment, source: bytes, gradebook_url: str | None = None
) -> NotebookNode:
    """Run nbgrader's `generate_assignment` on a notebook, in a folder of its own.

    With `gradebook_url`, the assignment's cells are entered in that gradebook.
    """
    config = course_config(assignment.course)
    with tempfile.TemporaryDirectory() as folder:
        copied = Assignment(Course(Path(folder)), assignment.name)
        shutil.copy(assignment.course.config, copied.course.config)
        copied.source_notebook.parent.mkdir(parents=True)
        copied.source_notebook.write_bytes(source)
        directory = course_directory(copied, config)
        if gradebook_url is not None:
            directory.db_url = gradebook_url
        converter = GenerateAssignment(coursedir=directory, config=config)
        converter.force = True
        if gradebook_url is None:
            converter.no_database = True
            converter.preprocessors = [
                one for one in converter.preprocessors if one.__name__ != "SaveCells"
            ]
        converter.log = logging.getLogger("autograder.nbgrader.generate")
        converter.log.addHandler(logging.NullHandler())
        converter.log.propagate = False
        try:
            converter.start()
        except (NbGraderException, SystemExit) as error:
            raise ReleaseFailed(
                f"{assignment.source_notebook}: nbgrader cannot make a release of it"
            ) from error
        return nbformat.read(copied.release_notebook, as_version=4)
