"""Run nbgrader's own converters in this process, under the course's own configuration."""

from __future__ import annotations

import logging
import os
import shutil
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbgrader.converters import GenerateAssignment
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory
from sqlalchemy.exc import SAWarning
from traitlets.config import Config

from autograder.course.configuration import course_config
from autograder.course.files import Assignment, Course
from autograder.errors import AutograderError, GradebookError
from autograder.gradebook.database import database_failure, describe, shown

# nbgrader's queries flush objects that its session does not know yet; it does no harm.
warnings.filterwarnings("ignore", category=SAWarning, module="nbgrader")


def course_directory(assignment: Assignment, config: Config) -> Any:
    """Return nbgrader's idea of the course, set to one assignment."""
    directory = CourseDirectory(config=config)
    directory.root = str(assignment.course.root)
    directory.assignment_id = assignment.name
    return directory


def put_scripts_on_path() -> None:
    """nbgrader calls `alembic` by name: let it find this environment's."""
    scripts = str(Path(sys.executable).parent)
    if scripts not in os.environ.get("PATH", "").split(os.pathsep):
        os.environ["PATH"] = scripts + os.pathsep + os.environ.get("PATH", "")


def nbgrader_log(course: Course) -> logging.Logger:
    """Return a logger that writes what nbgrader says to `results/nbgrader.log`."""
    log = logging.getLogger("autograder.nbgrader")
    log.propagate = False
    log.setLevel(logging.WARNING)
    path = course.root / "results" / "nbgrader.log"
    if not any(getattr(old, "baseFilename", None) == str(path) for old in log.handlers):
        path.parent.mkdir(exist_ok=True)
        handler = logging.FileHandler(path, delay=True)
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        for old in log.handlers:
            old.close()
        log.handlers = [handler]
    return log


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
            failure = database_failure(error)
            if gradebook_url is not None and failure is not None:
                raise GradebookError(describe(gradebook_url, failure)) from error
            raise AutograderError(_why_not_registered(assignment, gradebook_url)) from error
        return nbformat.read(copied.release_notebook, as_version=4)


def _why_not_registered(assignment: Assignment, gradebook_url: str | None) -> str:
    if gradebook_url is None:
        return f"{assignment.source_notebook}: nbgrader cannot make a release of it"
    return (
        f"{assignment.name}: its cells are not those in {shown(gradebook_url)}, and nbgrader adds "
        "and removes none while submissions are there; give the changed assignment a new name, or "
        "move that gradebook away"
    )
